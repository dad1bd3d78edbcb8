/*
 * A server in this process whose SSL_CTX is attached as well, and whose SNI
 * callback hands its connections to another SSL_CTX: OpenSSL stores and tells
 * of their sessions where they began, and so does the library.
 */

#include "client_openssl.h"
#include "pair.h"
#include "rig.h"

static SSL_CTX *second;
static int told;

static int switch_context(SSL *ssl, int *alert, void *arg)
{
	(void)alert;
	(void)arg;
	REQUIRE(SSL_set_SSL_CTX(ssl, second) == second);

	return SSL_TLSEXT_ERR_OK;
}

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	(void)session;
	told += SSL_is_server(ssl);

	return 0;
}

/* How many of nine resume by hand, and what the app was told of. */
static int resumed_by_hand(SSL_CTX *ctx, int version)
{
	struct client *client = client_new(&(struct client_config){ .version = version });
	SSL_SESSION *session = NULL;
	struct pair pair;
	int n, resumed = 0;

	told = 0;
	for (n = 0; n < 10; n++) {
		pair = pair_new(client_ctx(client), ctx, NULL);
		if (session)
			REQUIRE(SSL_set_session(pair.client, session) == 1);
		CHECK(pair_run(&pair));
		CHECK(pair_greet(&pair));
		resumed += SSL_session_reused(pair.client);
		SSL_SESSION_free(session);
		session = SSL_get1_session(pair.client);
		pair_close(&pair);
	}
	SSL_SESSION_free(session);
	client_free(client);

	return resumed;
}

static SSL_CTX *server_ctx(int version, bool attached)
{
	struct server_config config = { .version = version, .resumption = SESSION_IDS };
	struct lws_vhost *vh;
	SSL_CTX *ctx;

	config.ctx = SSL_CTX_new(TLS_method());
	ctx = pair_server_ctx(&config);
	SSL_CTX_free(config.ctx);
	SSL_CTX_set_tlsext_servername_callback(ctx, switch_context);
	SSL_CTX_sess_set_new_cb(ctx, on_new_session);
	if (attached) {
		vh = lws_tls_session_vhost_create(NULL);
		CHECK_INT(lws_tls_session_vhost_attach(vh, ctx), 0);
		lws_tls_session_vh_destroy(vh);
	}

	return ctx;
}

static void a_server_that_switches_contexts(void)
{
	int version, resumed[2], expected[2];
	SSL_CTX *ctx;
	int attached;

	FOR_EACH_VERSION(version) {
		second = pair_server_ctx(&(struct server_config){ .version = version,
								  .resumption = SESSION_IDS });
		for (attached = 0; attached < 2; attached++) {
			ctx = server_ctx(version, attached);
			resumed[attached] = resumed_by_hand(ctx, version);
			expected[attached] = told;
			SSL_CTX_free(ctx);
		}
		CHECK_INT(resumed[0], 9);
		CHECK_INT(resumed[1], resumed[0]);
		CHECK(expected[0] > 0);
		CHECK_INT(expected[1], expected[0]);
		SSL_CTX_free(second);
	}
}

TEST_PROGRAM(
	CASE(a_server_that_switches_contexts))
