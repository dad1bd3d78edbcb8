/*
 * What the test apps for vhosts share: a context with a WebSocket server vhost in it, and client
 * connections to that, one at a time. Only <libwebsockets.h> is needed; where the app is
 * relinked, the session API that an older libwebsockets has not is there as well.
 */

#ifndef APP_H
#define APP_H

#include <libwebsockets.h>
#include <stdint.h>
#include <string.h>

#if defined(RELINKED)
#include <lws-tls-sessions.h>
#endif

#if defined(LWS_WITH_TLS_SESSIONS) || defined(RELINKED)
#define HAVE_SESSION_API 1
#endif
#if !defined(LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE)
#define LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE (1ll << 39)
#endif

enum connected { FAILED = -1, FULL, RESUMED };

/* Ends the program, and says where, if it does not hold */
#define CHECK(_that) \
	do { \
		if (!(_that)) \
			app_failed(__FILE__, __LINE__, #_that); \
	} while (0)

/* What the program was started with */
extern struct app {
	const char *cert, *key, *ca;	/* the server's, and what clients trust */
	const char *tls;		/* "1.2" or "1.3", all that the server speaks */
	int resumes;			/* 0: stock, where nothing is expected to */
	int ssl_info;			/* LWS_CALLBACK_SSL_INFO, so far */
	/* set on the client SSL_CTXs that are made from then on, as a user of OpenSSL would */
	int (*new_session)(SSL *ssl, SSL_SESSION *session);
	struct lws_context *context;	/* the one that the calls below are about */
	int port;			/* its server's */
} app;

void
app_failed(const char *file, int line, const char *that);

/* Reads the arguments: --cert, --key, --ca, --tls, --stock */
void
app_init(int argc, const char **argv);

/* Makes app.context, with a server vhost */
void
app_context(void);

/* The same, with a default vhost, to which app_connect() goes with NULL as vhost */
void
app_context_with_default(const struct lws_context_creation_info *info);

void
app_context_destroy(void);

/* What to make a client vhost with; change it, then call app_vhost() */
struct lws_context_creation_info
app_vhost_info(const char *name);

struct lws_vhost *
app_vhost(const struct lws_context_creation_info *info);

/* Connects once, and waits until that is closed. The server says what it was. */
enum connected
app_connect(struct lws_vhost *vh, const char *host, int flags);

/* What a connection is that can resume: RESUMED, or FULL with stock */
enum connected
app_again(void);

#endif
