/*
 * What lives how long: vhosts, connections and the objects of OpenSSL go in any
 * order.
 */

#include "client_openssl.h"
#include "rig.h"

#define PORT	443

/* What is not asked for is not needed: the library goes, the connection stays. */
static void a_vhost_destroyed_while_connections_are_open(void)
{
	struct conn *before, *during, *after;
	struct rig rig;
	int version;

	log_capture(LLL_ERR | LLL_WARN);
	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		rig.dial.vh = rig.vh;
		RIG_VISIT(&rig, MISS);
		before = conn_new(rig.client, &rig.dial);
		rig.dial.nonblocking = true;
		server_hold(rig.server, true);
		during = conn_new(rig.client, &rig.dial);
		conn_start(during);
		server_hold(rig.server, false);
		after = conn_open(rig.client, &rig.dial);
		CHECK(conn_resumed(after));

		lws_tls_session_vh_destroy(rig.vh);

		CHECK(conn_greet(before));
		CHECK(!conn_resumed(before));
		CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(before)), NO_VHOST);
		CHECK(conn_greet(during));
		CHECK(conn_resumed(during));
#ifndef OPENSSL_IS_BORINGSSL /* its server sends no ticket later */
		if (version == TLS1_3_VERSION)
			CHECK(conn_order(after, "ticket"));
#endif
		CHECK(conn_order(after, "nothing"));
		conn_close(before);
		conn_close(during);
		conn_close(after);

		rig.vh = lws_tls_session_vhost_create(NULL);
		rig_down(&rig);
	}
	log_release();
}

static void a_connection_let_go_while_it_is_open(void)
{
	struct conn *conn;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .resumption = TICKETS });
	conn = conn_open(rig.client, &rig.dial);
	CHECK_INT(stats_of(rig.vh).stored, 2);
	lws_tls_session_wsi_destroy(conn_wsi(conn));
	CHECK(!conn_wsi(conn));

	/* it is no longer the library's */
#ifndef OPENSSL_IS_BORINGSSL
	CHECK(conn_order(conn, "ticket"));
#endif
	CHECK_INT(stats_of(rig.vh).stored, 2);
	conn_close(conn);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
}

/* Nothing of the old one is known where OpenSSL makes another at its address. */
static void objects_at_the_same_address(void)
{
	struct rig rig;
	struct conn *conn;
	uintptr_t wsi = 0;
	int n;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
	RIG_VISIT(&rig, MISS);
	for (n = 0; n < 20; n++) {
		client_free(rig.client);
		rig.client = client_new(&(struct client_config){ 0 });
		RIG_VISIT(&rig, NONE);
	}
	CHECK_INT(stats_of(rig.vh).handshakes, 1);

	client_attach(rig.client, rig.vh);
	rig.dial.vh = rig.vh;
	for (n = 0; n < 20; n++) {
		conn = conn_new(rig.client, &rig.dial);
		CHECK((uintptr_t)conn_wsi(conn) & 1);
		CHECK((uintptr_t)conn_wsi(conn) != wsi);
		wsi = (uintptr_t)conn_wsi(conn);
		CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), NONE);
		conn_drop(conn);
	}
	rig_down(&rig);
}

static void handles_never_repeat(void)
{
	uintptr_t last = 0, next;
	int n;

	for (n = 0; n < 1000; n++) {
		struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);

		next = (uintptr_t)vh;
		CHECK((next & 1) && next > last);
		last = next;
		lws_tls_session_vh_destroy(vh);
	}
}

/* The latest word on an SSL is what counts, and its handle stays the same. */
static void wsi_create_twice(void)
{
	struct conn *conn;
	struct lws *wsi;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
	rig.dial.vh = rig.vh;
	conn = conn_new(rig.client, &rig.dial);
	wsi = conn_wsi(conn);
	CHECK(lws_tls_session_wsi_create(rig.vh, conn_ssl(conn), HOST_B, PORT) == wsi);
	CHECK(conn_greet(conn));
	CHECK_HOSTS(rig.vh, HOST_B);
	CHECK_INT(first_entry_of(rig.vh).port, PORT);
	conn_close(conn);
	rig_down(&rig);
}

/* It stays let go of, though SNI and the port would tell whom it is for. */
static void a_connection_let_go_before_its_handshake(void)
{
	struct conn *conn;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
	RIG_VISIT(&rig, MISS);
	rig.dial.vh = rig.vh;
	conn = conn_new(rig.client, &rig.dial);
	lws_tls_session_wsi_destroy(conn_wsi(conn));
	CHECK(conn_greet(conn));
	CHECK(!conn_wsi(conn));
	CHECK(!SSL_session_reused(conn_ssl(conn)));
	CHECK_INT(stats_of(rig.vh).stored, 2);
	CHECK_INT(stats_of(rig.vh).handshakes, 1);
	conn_close(conn);

	/* until it is told again */
	conn = conn_new(rig.client, &rig.dial);
	lws_tls_session_wsi_destroy(conn_wsi(conn));
	CHECK(lws_tls_session_wsi_create(rig.vh, conn_ssl(conn), HOST, server_port(rig.server)));
	CHECK(conn_greet(conn));
	CHECK(SSL_session_reused(conn_ssl(conn)));
	conn_close(conn);
	rig_down(&rig);
}

TEST_PROGRAM(
	CASE(a_vhost_destroyed_while_connections_are_open),
	CASE(a_connection_let_go_while_it_is_open),
	CASE(a_connection_let_go_before_its_handshake),
	CASE(objects_at_the_same_address),
	CASE(handles_never_repeat),
	CASE(wsi_create_twice))
