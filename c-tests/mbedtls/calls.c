/*
 * What an app on mbedTLS calls, in the right order and in others.
 */

#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <string.h>

#include "client_mbedtls.h"
#include "rig.h"
#include "server_private.h"

static void bad_arguments(void)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	struct client *client = client_new(&(struct client_config){ 0 });
	struct server *server = server_start(&(struct server_config){
		.version = TLS1_2_VERSION });
	struct conn *conn = conn_new(client, &(struct dial){ .server = server });
	mbedtls_ssl_context *ssl = conn_ssl(conn);
	struct lws *wsi;

	log_capture(LLL_WARN);
	CHECK(!lws_tls_session_wsi_create_mbedtls(NULL, ssl, HOST, 443));
	CHECK(!lws_tls_session_wsi_create_mbedtls(vh, NULL, HOST, 443));
	CHECK(!lws_tls_session_wsi_create_mbedtls(vh, ssl, NULL, 443));
	CHECK(!lws_tls_session_wsi_create_mbedtls(vh, ssl, "", 443));
	CHECK_INT(log_lines(), 4);

	wsi = lws_tls_session_wsi_create_mbedtls(vh, ssl, HOST, 443);
	CHECK(wsi);
	log_clear();
	CHECK_INT(lws_tls_session_wsi_established(wsi), -1);
	CHECK(log_has("has not ended"));
	CHECK_INT(lws_tls_session_wsi_new_session(wsi), 1);
	lws_tls_session_wsi_destroy(wsi);

	log_clear();
	CHECK_INT(lws_tls_session_wsi_established(wsi), -1);
	CHECK_INT(lws_tls_session_wsi_new_session(wsi), -1);
	CHECK_INT(lws_tls_reuse_session(wsi), 0);
	lws_tls_session_wsi_failed(wsi, MBEDTLS_ERR_SSL_BAD_INPUT_DATA);
	lws_tls_session_wsi_destroy(wsi);
	CHECK_INT(log_lines(), 5);
	log_release();

	conn_drop(conn);
	server_stop(server);
	client_free(client);
	lws_tls_session_vh_destroy(vh);
}

static int no_random(void *arg, unsigned char *buf, size_t len)
{
	(void)arg;
	memset(buf, 0, len);

	return 0;
}

static void only_tls_clients(void)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	static const struct {
		int	endpoint;
		int	transport;
	} others[] = {
		{ MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM },
		{ MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_DATAGRAM },
	};
	mbedtls_ssl_config conf;
	mbedtls_ssl_context ssl;
	size_t n;

	log_capture(LLL_WARN);
	mbedtls_ssl_init(&ssl);
	CHECK(!lws_tls_session_wsi_create_mbedtls(vh, &ssl, HOST, 443)); /* not set up */
	for (n = 0; n < ARRAY_SIZE(others); n++) {
		mbedtls_ssl_config_init(&conf);
		REQUIRE(!mbedtls_ssl_config_defaults(&conf, others[n].endpoint,
				others[n].transport, MBEDTLS_SSL_PRESET_DEFAULT));
		mbedtls_ssl_conf_rng(&conf, no_random, NULL);
		REQUIRE(!mbedtls_ssl_setup(&ssl, &conf));
		CHECK(!lws_tls_session_wsi_create_mbedtls(vh, &ssl, HOST, 443));
		mbedtls_ssl_free(&ssl);
		mbedtls_ssl_init(&ssl);
		mbedtls_ssl_config_free(&conf);
	}
	CHECK_INT(log_lines(), 3);
	log_release();
	lws_tls_session_vh_destroy(vh);
}

/* An app that does not ask gets nothing and leaves nothing. */
static void without_reuse_session(void)
{
	struct conn *conn;
	struct rig rig;
	int version, ret;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		conn = conn_new(rig.client, &rig.dial);
		do
			ret = mbedtls_ssl_handshake(conn_ssl(conn));
		while (ret == MBEDTLS_ERR_SSL_WANT_READ);
		CHECK_INT(ret, 0);
		CHECK_INT(lws_tls_session_wsi_established(conn_wsi(conn)), 0);
		CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), 0);
		CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), NONE);
		conn_close(conn);
		CHECK_INT(stats_of(rig.vh).stored, 0);
		rig_down(&rig);
	}
}

/* One that only says when it is over loses nothing but the knowledge meanwhile. */
static void without_established(void)
{
	struct conn *conn;
	struct rig rig;
	char line[64];
	int n, ret;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	for (n = 0; n < 2; n++) {
		conn = conn_new(rig.client, &rig.dial);
		CHECK_INT(lws_tls_reuse_session(conn_wsi(conn)), n);
		do
			ret = mbedtls_ssl_handshake(conn_ssl(conn));
		while (ret == MBEDTLS_ERR_SSL_WANT_READ);
		CHECK_INT(ret, 0);
		CHECK(conn_read_line(conn, line, sizeof(line)));
		CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), 0);
		conn_close(conn);
	}
	CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 2, .offered = 1,
		    .resumed = 1, .missed = 1, .stored = 1);
	rig_down(&rig);
}

/* Too late to offer one, and no harm done. */
static void reuse_session_after_the_handshake(void)
{
	struct conn *conn;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	RIG_VISIT(&rig, MISS);
	conn = conn_open(rig.client, &rig.dial);
	CHECK_INT(lws_tls_reuse_session(conn_wsi(conn)), 1);
	CHECK_INT(stats_of(rig.vh).offered, 1);
	CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), RESUMED);
	conn_close(conn);
	rig_down(&rig);
}

static mbedtls_ssl_session own;

static void set_own(struct conn *conn)
{
	REQUIRE(!mbedtls_ssl_set_session(conn_ssl(conn), &own));
}

/* The library stands aside, and tells what happened all the same. */
static void a_session_of_the_apps(void)
{
	struct conn *conn;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		mbedtls_ssl_session_init(&own);
		conn = conn_open(rig.client, &rig.dial);
		/* what the library takes, the app can take too */
		CHECK_INT(mbedtls_ssl_get_session(conn_ssl(conn), &own), 0);
		conn_close(conn);

		rig.dial.tune = set_own;
		conn = conn_open(rig.client, &rig.dial);
		CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), UNSUITABLE);
		CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), 1);
		CHECK_INT(conn_resumed(conn), 1);
		conn_close(conn);
		CHECK_INT(stats_of(rig.vh).offered, 0);

		/* nor is it told so where the server declines */
		server_forget(rig.server);
		conn = conn_open(rig.client, &rig.dial);
		CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), 0);
		CHECK_INT(conn_resumed(conn), 0);
		conn_close(conn);
		mbedtls_ssl_session_free(&own);
		rig_down(&rig);
	}
}

static unsigned int certificates_shown(struct conn *conn)
{
	const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(conn_ssl(conn));
	unsigned int count = 0;

	for (; crt; crt = crt->next)
		count++;

	return count;
}

/* A resumed connection shows what the full handshake showed. */
static void the_peer_of_a_resumed_connection(void)
{
	struct conn *conn;
	unsigned int certificates;
	uint32_t result;
	struct rig rig;
	int version, n;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		conn = conn_open(rig.client, &rig.dial);
		certificates = certificates_shown(conn);
		result = mbedtls_ssl_get_verify_result(conn_ssl(conn));
		CHECK_INT(certificates, 2);
		CHECK_INT(result, 0);
		conn_close(conn);
		for (n = 0; n < 3; n++) {
			conn = conn_open(rig.client, &rig.dial);
			CHECK(conn_resumed(conn));
			CHECK_INT(certificates_shown(conn), certificates);
			CHECK_INT(mbedtls_ssl_get_verify_result(conn_ssl(conn)), result);
			conn_close(conn);
		}
		rig_down(&rig);
	}
}

/* Without lws_tls_session_wsi_failed() the library finds out itself, as far as it can. */
static void failures_that_nobody_told(void)
{
	struct conn *conn;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		server_refuse(rig.server, SSL_AD_HANDSHAKE_FAILURE);
		conn = conn_new(rig.client, &rig.dial);
		CHECK_INT(lws_tls_reuse_session(conn_wsi(conn)), 1);
		CHECK_INT(mbedtls_ssl_handshake(conn_ssl(conn)),
			  MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
		conn_drop(conn);
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

/* Errors of the network are not the session's, whatever an app passes on. */
static void failures_of_the_network(void)
{
	static const int none[] = {
		0, 17, MBEDTLS_ERR_SSL_WANT_READ, MBEDTLS_ERR_SSL_CONN_EOF,
		MBEDTLS_ERR_SSL_TIMEOUT, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY,
	};
	struct conn *conn;
	struct rig rig;
	size_t n;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	RIG_VISIT(&rig, MISS);
	conn = conn_open(rig.client, &rig.dial);
	for (n = 0; n < ARRAY_SIZE(none); n++)
		lws_tls_session_wsi_failed(conn_wsi(conn), none[n]);
	CHECK_HOSTS(rig.vh, HOST);
	lws_tls_session_wsi_failed(conn_wsi(conn), MBEDTLS_ERR_SSL_INVALID_MAC);
	CHECK_HOSTS(rig.vh, "");
	conn_close(conn);
	rig_down(&rig);
}

/*
 * mbedTLS speaks no other version than that of the session it was given. A server
 * that has changed its own costs one connection.
 */
static void a_server_of_another_version_by_now(void)
{
	struct rig rig;
	int version, other;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = 0 });
		other = version == TLS1_2_VERSION ? TLS1_3_VERSION : TLS1_2_VERSION;
		REQUIRE(SSL_CTX_set_min_proto_version(rig.server->ctx, version));
		REQUIRE(SSL_CTX_set_max_proto_version(rig.server->ctx, version));
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		REQUIRE(SSL_CTX_set_max_proto_version(rig.server->ctx, other));
		REQUIRE(SSL_CTX_set_min_proto_version(rig.server->ctx, other));
		CHECK_FAILS(rig.client, &rig.dial);
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

static const mbedtls_ssl_config *shared;

static void as_by_default(struct conn *conn)
{
	mbedtls_ssl_conf_session_tickets(conn_conf(conn), MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#if defined(MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED)
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(conn_conf(conn),
			MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_DISABLED);
#endif
}

static void as_the_first(struct conn *conn)
{
	conn_ssl(conn)->conf = shared;
}

/* Where mbedTLS's defaults leave nothing to resume, the log says so, once. */
static void defaults_that_leave_nothing(void)
{
	struct conn *first, *other;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .resumption = TICKETS });
		log_capture(LLL_WARN);
		rig.dial.tune = as_by_default;
		first = conn_open(rig.client, &rig.dial);
		shared = conn_conf(first);
		CHECK_INT(log_lines(), 1);
		CHECK(log_has(version == TLS1_2_VERSION ?
				"mbedtls_ssl_conf_session_tickets()" :
				"mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets()"));

		/* not again for the same configuration, but for another */
		rig.dial.tune = as_the_first;
		RIG_VISIT(&rig, MISS);
		CHECK_INT(log_lines(), 1);
		rig.dial.tune = as_by_default;
		other = conn_open(rig.client, &rig.dial);
		CHECK_INT(log_lines(), 2);
		conn_close(other);
		conn_close(first);
		CHECK_INT(stats_of(rig.vh).stored, 0);
		log_release();
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	CASE(defaults_that_leave_nothing),
	CASE(bad_arguments),
	CASE(only_tls_clients),
	CASE(without_reuse_session),
	CASE(without_established),
	CASE(reuse_session_after_the_handshake),
	CASE(a_session_of_the_apps),
	CASE(the_peer_of_a_resumed_connection),
	CASE(failures_that_nobody_told),
	CASE(failures_of_the_network),
	CASE_IF(client_speaks_tls13, a_server_of_another_version_by_now))
