/*
 * A scenario, made with the library or without it: all is the same but that. Both
 * ends of each connection are in this thread, over TCP on 127.0.0.1, and all
 * servers are at one port.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_WORLD_H
#define LWS_TLS_SESSIONS_TESTS_WORLD_H

#include <openssl/ssl.h>

#ifdef OPENSSL_IS_BORINGSSL
#include "boringssl_lacks.h"
#endif

#include "blob.h"
#include "report.h"
#include "scenario.h"

#define MAX_KEPT	16
#define MAX_SAVED	8

/* what the app has saved of an endpoint */
struct saved {
	char		host[64];
	uint16_t	port;
	struct blob	blob;
};

/* one connection, while it is made */
struct link {
	struct world		*world;
	const struct scenario	*scenario;
	enum section		section;
	SSL_CTX			*ctx;
	SSL			*client, *server;
	int			fds[2];
	bool			is_late_done;
	SSL_SESSION		*own;		/* that the app has set */
	SSL_CTX			*other_ctx;	/* that it has gone over to */
	/* what happened */
	unsigned int		new_sessions;	/* the app's callback was called */
	unsigned int		handshake_starts;
	bool			sent_early, received_early, is_early_over;
	char			psk_identity[32];
	int			handshake[2];	/* 1: done, else what SSL_get_error() says */
	unsigned long		error[2];
	bool			greeted;
	unsigned long		greeting_error;
};

struct world {
	const struct scenario	*scenario;
	struct lws_vhost	*vh;		/* NULL: a world without the library */
	struct saved		saved[MAX_SAVED];
	unsigned int		saved_count;
	bool			is_loaded;	/* what vh has, it has from there */
	SSL_CTX			*ctxs[LATER + 1];
	SSL_SESSION		*kept[MAX_KEPT];	/* by the app */
	unsigned int		kept_count;
	struct report		reports[LATER + 1];
};

/* world_run() - makes the connections, and reports of each */
void world_run(struct world *world, const struct scenario *scenario, bool with_library);

/* scenario_compare() - NULL where both worlds agree, else what does not; valid until the next call */
const char *scenario_compare(const struct scenario *scenario);

/* the latest comparison's: the last connection resumed a session of the library's */
bool scenario_resumed(void);

/* link_is() - the value of one of its terms */
bool link_is(const struct link *link, int term, const char *value);

/* apply.c: sets the connection's terms */
SSL_CTX *apply_new_ctx(struct link *link);
void apply_to_ctx(struct link *link);
void apply_to_ssl(struct link *link);
void apply_change(struct link *link);
void apply_late(struct link *link);

/* who.c: client certificates, PSK and SRP */
void apply_who_to_ctx(struct link *link);
void apply_who_to_ssl(struct link *link);
const char *psk_key(const char *identity);	/* NULL: nobody's */
SSL_SESSION *psk_session(SSL *ssl, const char *identity);

struct link *link_of(const SSL *ssl);
void world_keep(struct world *world, SSL_SESSION *session);	/* takes the reference */

/* world.c */
void make_connection(struct world *world, enum section section);

/* storage.c */
struct lws_vhost *world_vhost(const struct world *world);
void world_save(struct world *world);	/* all that the vhost has, and it gets another one */
void world_load(struct world *world);

/* servers.c: of the same terms it is the same, which knows the sessions that it gave out */
SSL_CTX *rule_server(const struct scenario *scenario, enum section server);

#endif
