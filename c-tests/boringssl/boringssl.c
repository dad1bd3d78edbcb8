/*
 * What only BoringSSL does: its early data starts by itself, its verification
 * can be replaced unseen, and it ends a process that sets a session late.
 */

#include "client_openssl.h"
#include "rig.h"

static void take_early_data(SSL_CTX *ctx)
{
	SSL_CTX_set_early_data_enabled(ctx, 1);
}

/*
 * A session of the app's would now send data before the handshake is over,
 * which can be replayed. One of the library's never does.
 */
static void early_data_is_not_offered(void)
{
	struct conn *conn;
	struct rig rig;
	char line[64];
	int n;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .tune = take_early_data });
	take_early_data(client_ctx(rig.client));
	RIG_VISIT(&rig, MISS);
	for (n = 0; n < 3; n++) {
		conn = conn_new(rig.client, &rig.dial);
		CHECK(conn_handshake(conn));
		CHECK(!SSL_in_early_data(conn_ssl(conn)));
		CHECK(conn_read_line(conn, line, sizeof(line)));
		CHECK(conn_resumed(conn));
		CHECK(!SSL_early_data_accepted(conn_ssl(conn)));
		CHECK_INT(SSL_get_early_data_reason(conn_ssl(conn)),
			  ssl_early_data_unsupported_for_session);
		conn_close(conn);
	}
	rig_down(&rig);
}

static enum ssl_verify_result_t accept_all(SSL *ssl, uint8_t *alert)
{
	(void)ssl;
	(void)alert;

	return ssl_verify_ok;
}

/*
 * Nobody can see that an app verifies itself. What it accepts is offered again
 * only where the trust store says the same.
 */
static void custom_verification(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		SSL_CTX_set_custom_verify(client_ctx(rig.client), SSL_VERIFY_PEER, accept_all);
		RIG_VISIT(&rig, MISS);
		CHECK_INT(visits(rig.client, &rig.dial, 3), 3);
		rig_down(&rig);

		RIG_UP(&rig, .server = { .version = version },
		       .client = { .trust = pki()->stranger });
		SSL_CTX_set_custom_verify(client_ctx(rig.client), SSL_VERIFY_PEER, accept_all);
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, UNVERIFIED);
		RIG_VISIT(&rig, UNVERIFIED);
		rig_down(&rig);
	}
}

static void ignore(const SSL *ssl, int where, int ret)
{
	(void)ssl;
	(void)where;
	(void)ret;
}

/* SSL_set_session() would abort() here. */
static void reuse_session_when_it_is_too_late(void)
{
	struct conn *conn;
	struct rig rig;
	char line[64];
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		rig.dial.vh = rig.vh;

		/* the library does not see the handshake begin */
		conn = conn_new(rig.client, &rig.dial);
		SSL_set_info_callback(conn_ssl(conn), ignore);
		CHECK(conn_handshake(conn));
		lws_tls_reuse_session(conn_wsi(conn));
		CHECK(conn_read_line(conn, line, sizeof(line)));
		CHECK(!conn_resumed(conn));
		conn_close(conn);

		rig.dial.nonblocking = true;
		server_hold(rig.server, true);
		conn = conn_new(rig.client, &rig.dial);
		SSL_set_info_callback(conn_ssl(conn), ignore);
		conn_start(conn);
		CHECK_INT(lws_tls_reuse_session(conn_wsi(conn)), 0);
		server_hold(rig.server, false);
		CHECK(conn_handshake(conn));
		CHECK(!conn_resumed(conn));
		conn_close(conn);
		rig_down(&rig);
	}
}

static void shed_config(struct conn *conn)
{
	SSL_set_shed_handshake_config(conn_ssl(conn), 1);
}

/* What it was configured with is gone when the tickets of TLS 1.3 come. */
static void a_connection_that_sheds_its_configuration(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		rig.dial.tune = shed_config;
		RIG_VISIT(&rig, MISS);
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	CASE(early_data_is_not_offered),
	CASE(custom_verification),
	CASE(reuse_session_when_it_is_too_late),
	CASE(a_connection_that_sheds_its_configuration))
