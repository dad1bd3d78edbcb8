/*
 * What has to stay as it was for an app of libwebsockets: whom it accepts, what it is told of
 * its handshakes, an SSL_CTX that it made itself, many contexts, each served by its thread.
 */

#include "app.h"

#include <dlfcn.h>

#define HOST "localhost"
#define STRANGER "stranger.example" /* not in the server's certificate */

/* A session that was made without a look at the name is nothing for who looks at it */
static void
the_name_is_checked_each_time(void)
{
	struct lws_context_creation_info info = app_vhost_info("names");
	struct lws_vhost *vh;

	app_context();
	vh = app_vhost(&info);
	CHECK(app_connect(vh, STRANGER, 0) == FAILED);
	CHECK(app_connect(vh, STRANGER, LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK) == FULL);
	CHECK(app_connect(vh, STRANGER, LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK) == app_again());
	CHECK(app_connect(vh, STRANGER, 0) == FAILED);
	/* where the name verifies, it is something */
	CHECK(app_connect(vh, HOST, LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK) == FULL);
	CHECK(app_connect(vh, HOST, 0) == app_again());
	app_context_destroy();
}

/* lws's verify callback accepts it. That is trusted only where the user says so. */
static void
an_untrusted_server_is_accepted_each_time(int trust_verify_callback)
{
	const int lax = LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_INSECURE;
	struct lws_context_creation_info info = app_vhost_info("untrusted");
	struct lws_vhost *vh;

	app_context();
	info.client_ssl_ca_filepath = NULL;
	vh = app_vhost(&info);
	CHECK(app_connect(vh, HOST, 0) == FAILED);
	CHECK(app_connect(vh, HOST, lax) == FULL);
	CHECK(app_connect(vh, HOST, lax) == (trust_verify_callback ? app_again() : FULL));
	/* without the option, what a lax connection left is nothing for a strict one */
	if (!trust_verify_callback)
		CHECK(app_connect(vh, HOST, 0) == FAILED);
	app_context_destroy();
}

#if LWS_LIBRARY_VERSION_NUMBER >= 4003000 /* 4.1.6 crashes, for want of its context */
/* lws's info callback is on the SSL, where it would take the place of the SSL_CTX's */
static void
ssl_info_events_come(void)
{
	struct lws_context_creation_info info = app_vhost_info("info");
	struct lws_vhost *vh;

	app_context();
	info.ssl_info_event_mask = SSL_CB_HANDSHAKE_START | SSL_CB_HANDSHAKE_DONE;
	vh = app_vhost(&info);
	app.ssl_info = 0;
	CHECK(app_connect(vh, HOST, 0) == FULL);
	CHECK(app.ssl_info >= 2);
	CHECK(app_connect(vh, HOST, 0) == app_again());
	CHECK(app.ssl_info >= 4);
	CHECK(app_connect(vh, STRANGER, 0) == FAILED);
	CHECK(app.ssl_info >= 5);
	app_context_destroy();
}
#endif

static int own_lines;

static void
count_own_line(int level, const char *line)
{
	if (level == LLL_INFO && strstr(line, "lws-tls-sessions: "))
		own_lines++;
}

/* The library's lines are in lws's log, in the levels that it has */
static void
log_lines_go_to_lws(void)
{
	struct lws_context_creation_info info = app_vhost_info("log");
	struct lws_vhost *vh;

	app_context();
	vh = app_vhost(&info);
	lws_set_log_level(LLL_ERR, count_own_line);
	CHECK(app_connect(vh, HOST, 0) == FULL);
	CHECK(!own_lines);
	lws_set_log_level(LLL_ERR | LLL_INFO, count_own_line);
	CHECK(app_connect(vh, HOST, 0) == app_again());
	CHECK(!own_lines == !app.resumes);
	lws_set_log_level(LLL_USER | LLL_ERR, lwsl_emit_stderr);
	app_context_destroy();
}

static void
a_provided_ssl_ctx_is_the_apps(void)
{
	struct lws_context_creation_info info = app_vhost_info("provided");
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct lws_vhost *vh;

	CHECK(ctx && SSL_CTX_load_verify_locations(ctx, app.ca, NULL) == 1);
	app_context();
	info.provided_client_ssl_ctx = ctx;
	vh = app_vhost(&info);
	CHECK(app_connect(vh, HOST, 0) == FULL);
	CHECK(app_connect(vh, HOST, 0) == FULL);
#if defined(RELINKED)
	CHECK(!lws_tls_session_vhost_attach(vh, ctx));
	CHECK(app_connect(vh, HOST, 0) == FULL);
	CHECK(app_connect(vh, HOST, 0) == RESUMED);
#endif
	app_context_destroy();
	SSL_CTX_free(ctx);
}

static int new_sessions;

static int
count_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	(void)session;
	new_sessions++;

	return 0;
}

static void
a_new_session_callback_is_called(void)
{
	struct lws_context_creation_info info = app_vhost_info("callback");
	struct lws_vhost *vh;

	app_context();
	app.new_session = count_session;
	vh = app_vhost(&info);
	app.new_session = NULL;
	new_sessions = 0;
	CHECK(app_connect(vh, HOST, 0) == FULL);
	CHECK(new_sessions >= 1);
	CHECK(app_connect(vh, HOST, 0) == app_again());
	app_context_destroy();
}

#if defined(LWS_WITH_TLS_SESSIONS)
static int
no_session(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;
	(void)info;
	CHECK(!"lws has kept a session too");

	return 1;
}

/* Not the function by that name that the program gets, but that of lws itself */
static void
lws_itself_keeps_nothing(void)
{
	struct lws_context_creation_info info = app_vhost_info("kept");
	__typeof__(&lws_tls_session_dump_save) save;
	struct lws_vhost *vh;
	Dl_info lws;
	void *object;

	if (!app.resumes || !dladdr((void *)(uintptr_t)lws_get_vhost_name, &lws))
		return;
	app_context();
	vh = app_vhost(&info);
	CHECK(app_connect(vh, HOST, 0) == FULL);
	object = dlopen(lws.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	save = object ? (__typeof__(save))(uintptr_t)dlsym(object, "lws_tls_session_dump_save") : NULL;
	/* with a static lws, there is none of its own */
	if (save && save != lws_tls_session_dump_save)
		CHECK(save(vh, HOST, (uint16_t)app.port, no_session, NULL));
	app_context_destroy();
}
#endif

/* One after the other: what lws registers with OpenSSL for each context piles up */
static void
contexts_come_and_go(void)
{
	struct lws_context_creation_info info = app_vhost_info("again");
	struct lws_vhost *vh;
	int n;

	for (n = 0; n < 5; n++) {
		app_context();
		vh = app_vhost(&info);
		CHECK(app_connect(vh, HOST, 0) == FULL);
		CHECK(app_connect(vh, HOST, 0) == app_again());
		app_context_destroy();
	}
}

int
main(int argc, const char **argv)
{
	app_init(argc, argv);
	if (lws_cmdline_option(argc, argv, "--trust-verify-callback")) {
		an_untrusted_server_is_accepted_each_time(1);
		return 0;
	}
	the_name_is_checked_each_time();
	an_untrusted_server_is_accepted_each_time(0);
#if LWS_LIBRARY_VERSION_NUMBER >= 4003000
	ssl_info_events_come();
#endif
	log_lines_go_to_lws();
	a_provided_ssl_ctx_is_the_apps();
	a_new_session_callback_is_called();
#if defined(LWS_WITH_TLS_SESSIONS)
	lws_itself_keeps_nothing();
#endif
	contexts_come_and_go();

	return 0;
}
