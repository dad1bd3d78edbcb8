/*
 * A TLS_method() context may be client and server at once: the server's own
 * resumption is not the library's business, and stays what it was.
 */

#include "client_openssl.h"
#include "rig.h"

#ifdef OPENSSL_IS_BORINGSSL /* in TLS 1.3 only its callback gives sessions that resume */
#undef FOR_EACH_VERSION
#define FOR_EACH_VERSION(version) for (version = TLS1_2_VERSION; version; version = 0)
#endif

/* Clients that the library knows nothing of, resuming by hand: how many of nine. */
static unsigned int resumed_by_hand(struct server *server, int version)
{
	struct client *client = client_new(&(struct client_config){ .version = version });
	struct dial dial = { .server = server };
	SSL_SESSION *session = NULL;
	unsigned int n, resumed = 0;
	struct conn *conn;

	for (n = 0; n < 10; n++) {
		conn = conn_new(client, &dial);
		if (session)
			REQUIRE(SSL_set_session(conn_ssl(conn), session) == 1);
		CHECK(conn_greet(conn));
		resumed += conn_resumed(conn);
		SSL_SESSION_free(session);
		session = SSL_get1_session(conn_ssl(conn));
		conn_close(conn);
	}
	SSL_SESSION_free(session);
	client_free(client);

	return resumed;
}

static void a_server_on_an_attached_context(void)
{
	const struct way *way;
	struct lws_vhost *vh;
	struct server *server;
	SSL_CTX *ctx;

	FOR_EACH_WAY(way) {
#ifdef OPENSSL_IS_BORINGSSL
		if (way->version == TLS1_3_VERSION)
			continue;
#endif
		vh = lws_tls_session_vhost_create(NULL);
		ctx = SSL_CTX_new(TLS_method());
		REQUIRE(ctx);
		CHECK_INT(lws_tls_session_vhost_attach(vh, ctx), 0);
		server = server_start(&(struct server_config){
			.ctx = ctx, .version = way->version,
			.resumption = way->resumption });

		CHECK_INT(resumed_by_hand(server, way->version), 9);
		CHECK_INT(server_seen(server).resumed, 9);
		/* its sessions are none of a client's */
		CHECK_STATS(vh, .entries = 0);

		server_stop(server);
		SSL_CTX_free(ctx);
		lws_tls_session_vh_destroy(vh);
	}
}

/* Both directions on one SSL_CTX, in turn: it connects to a server that it is itself. */
static void client_and_server_on_one_context(void)
{
	struct rig rig;
	int version, n;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .client = { .any_role = true },
		       .server = { .version = version });
		server_stop(rig.server);
		rig.server = server_start(&(struct server_config){
			.ctx = client_ctx(rig.client), .version = version });
		rig.dial.server = rig.server;

		RIG_VISIT(&rig, MISS);
		for (n = 0; n < 9; n++)
			RIG_VISIT(&rig, RESUMED);
		CHECK_INT(resumed_by_hand(rig.server, version), 9);
		CHECK_INT(server_seen(rig.server).resumed, 18);
		CHECK_INT(stats_of(rig.vh).handshakes, 10);
		rig_down(&rig);
	}
}

/*
 * Sessions that clients of such a context get are not left in its store: they
 * would push out the server's.
 */
static void the_store_is_left_to_the_server(void)
{
	struct server *elsewhere;
	struct dial dial;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .client = { .any_role = true }, .server = { .version = version });
		SSL_CTX_sess_set_cache_size(client_ctx(rig.client), 4);
		elsewhere = rig.server;
		rig.server = server_start(&(struct server_config){
			.ctx = client_ctx(rig.client), .version = version });

		dial = (struct dial){ .server = elsewhere };
		CHECK_VISIT(rig.client, &dial, MISS);
		CHECK_INT(visits(rig.client, &dial, 9), 9);
		CHECK_INT(SSL_CTX_sess_number(client_ctx(rig.client)), 0);
		CHECK_INT(resumed_by_hand(rig.server, version), 9);
		server_stop(elsewhere);
		rig_down(&rig);
	}
}

/* What can be no TLS client is refused. */
static void contexts_that_are_refused(void)
{
#ifdef OPENSSL_IS_BORINGSSL /* methods do not tell servers from clients */
	const SSL_METHOD *refused[] = { DTLS_method(), DTLS_client_method(),
					TLS_with_buffers_method() };
#else
	const SSL_METHOD *refused[] = { TLS_server_method(),
#ifndef WITHOUT_METHODS_OF_ONE_VERSION
					TLSv1_2_server_method(),
#endif
					DTLS_method(), DTLS_client_method() };
#endif
	const SSL_METHOD *taken[] = {
		TLS_method(), TLS_client_method(),
#ifndef WITHOUT_METHODS_OF_ONE_VERSION
		TLSv1_2_method(), TLSv1_2_client_method(),
#endif
	};
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	SSL_CTX *ctx;
	SSL *ssl;
	size_t n;

	log_capture(LLL_ERR | LLL_WARN);
	for (n = 0; n < ARRAY_SIZE(refused); n++) {
		check_context("refused %zu", n);
		ctx = SSL_CTX_new(refused[n]);
		REQUIRE(ctx);
		log_clear();
		CHECK_INT(lws_tls_session_vhost_attach(vh, ctx), -1);
		CHECK_INT(log_lines(), 1);
		ssl = SSL_new(ctx);
		CHECK(!lws_tls_session_wsi_create(vh, ssl, HOST, 443));
		CHECK(!lws_tls_session_wsi(ssl));
		SSL_free(ssl);
		SSL_CTX_free(ctx);
	}

	log_clear();
	for (n = 0; n < ARRAY_SIZE(taken); n++) {
		check_context("taken %zu", n);
		ctx = SSL_CTX_new(taken[n]);
		REQUIRE(ctx);
		CHECK_INT(lws_tls_session_vhost_attach(vh, ctx), 0);
		CHECK_INT(lws_tls_session_vhost_attach(vh, ctx), 0);
		SSL_CTX_free(ctx);
	}
	CHECK_INT(log_lines(), 0);
	log_release();
	lws_tls_session_vh_destroy(vh);
}

TEST_PROGRAM(
	CASE(a_server_on_an_attached_context),
	CASE(client_and_server_on_one_context),
	CASE(the_store_is_left_to_the_server),
	CASE(contexts_that_are_refused))
