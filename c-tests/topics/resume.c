/*
 * Reconnects resume: all nine of nine, whoever hangs up, and however the
 * library learns which endpoint a connection goes to.
 */

#include "rig.h"

/*
 * One full handshake, nine resumed. In TLS 1.3 the server gives two tickets,
 * then some with each resumption, and four are kept.
 */
static void check_ten(struct rig *rig, bool tls13)
{
	const unsigned int stored = 2 + 9 * TICKETS_OF_RESUMPTION;
	struct server_seen seen;

	RIG_VISIT(rig, MISS);
	CHECK_INT(visits(rig->client, &rig->dial, 9), 9);

	seen = server_seen(rig->server);
	CHECK_INT(seen.handshakes, 10);
	CHECK_INT(seen.resumed, 9);
	CHECK_STATS(rig->vh, .entries = 1, .sessions = tls13 ? 4 : 1, .handshakes = 10,
		    .offered = 9, .resumed = 9, .missed = 1,
		    .stored = tls13 ? stored : 1, .replaced = tls13 ? stored - 4 : 0);
}

static void nine_of_nine_whoever_hangs_up_and_however(void)
{
	const struct way *way;
	struct rig rig;
	int ending;

	FOR_EACH_WAY(way)
		for (ending = 0; ending < 8; ending++) {
			bool server_first = ending & 4, server_silent = ending & 2,
			     client_silent = ending & 1;

			check_context("%s, %s hangs up first, server%s, client%s",
				      way->name, server_first ? "server" : "client",
				      server_silent ? " silent" : "",
				      client_silent ? " silent" : "");
			RIG_UP(&rig,
			       .server = { .version = way->version,
					   .resumption = way->resumption,
					   .hangs_up_first = server_first,
					   .silent = server_silent },
			       .vhost = { .options = way->options });
			rig.dial.waits = server_first;
			rig.dial.silent = client_silent;
			check_ten(&rig, way->version == TLS1_3_VERSION);
			rig_down(&rig);
		}
}

static void non_blocking_sockets(void)
{
	const struct way *way;
	struct rig rig;

	FOR_EACH_WAY(way) {
		rig_up_way(&rig, way);
		rig.dial.nonblocking = true;
		check_ten(&rig, way->version == TLS1_3_VERSION);
		rig_down(&rig);
	}
}

static void a_server_called_by_its_address(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		rig.dial.ip = "127.0.0.1";
		RIG_VISIT(&rig, MISS);
		CHECK_INT(visits(rig.client, &rig.dial, 4), 4);
		CHECK_HOSTS(rig.vh, "127.0.0.1");

		/* who tells the address means the same server */
		rig.dial.vh = rig.vh;
		CHECK_INT(visits(rig.client, &rig.dial, 5), 5);
		CHECK_HOSTS(rig.vh, "127.0.0.1");
		rig_down(&rig);
	}
}

static void wsi_create_attaches_the_client(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		struct client *client = client_new(&(struct client_config){ 0 });

		RIG_UP(&rig, .server = { .version = version });
		CHECK_VISIT(client, &rig.dial, NONE);

		rig.dial.vh = rig.vh;
		CHECK_VISIT(client, &rig.dial, MISS);
		CHECK_INT(visits(client, &rig.dial, 9), 9);

		/* and from now on it needs no call */
		rig.dial.vh = NULL;
		CHECK_VISIT(client, &rig.dial, RESUMED);
		client_free(client);
		rig_down(&rig);
	}
}

/* The endpoint of wsi_create() counts, not what the connection looks like. */
static void wsi_create_says_better(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		rig.dial.vh = rig.vh;
		rig.dial.endpoint_host = HOST_A;
		rig.dial.endpoint_port = 443;
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		CHECK_HOSTS(rig.vh, HOST_A);
		CHECK_INT(first_entry_of(rig.vh).port, 443);

		rig.dial.vh = NULL;
		RIG_VISIT(&rig, MISS);
		CHECK_HOSTS(rig.vh, HOST " " HOST_A);
		rig_down(&rig);
	}
}

static void reuse_session_before_the_handshake(void)
{
	struct server_seen seen;
	struct conn *conn;
	struct rig rig;
	int version, n;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		rig.dial.vh = rig.vh;

		for (n = 0; n < 3; n++) {
			conn = conn_new(rig.client, &rig.dial);
			CHECK_INT(lws_tls_reuse_session(conn_wsi(conn)), n > 0);
			/* it has been asked, and stays with what it said */
			CHECK_INT(lws_tls_reuse_session(conn_wsi(conn)), n > 0);
			CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), 0);
			CHECK(conn_greet(conn));
			CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), n > 0);
			CHECK_INT(conn_resumed(conn), n > 0);
			conn_close(conn);
		}

		seen = server_seen(rig.server);
		CHECK_INT(seen.offers, 2);
		CHECK_INT(seen.resumed, 2);
		rig_down(&rig);
	}
}

static void tls12_tickets_only_where_they_are_allowed(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION, .resumption = TICKETS });
	log_capture(LLL_NOTICE);
	CHECK_INT(visits(rig.client, &rig.dial, 10), 0);
	/* once, and by the name that it has in the header; mbedTLS has no such session to show */
	CHECK_INT(log_lines(), client_attaches());
	CHECK_INT(log_has("LWS_TLS_SESSION_OPTION_ALLOW_TICKETS"), client_attaches());
	log_release();
	CHECK_INT(server_seen(rig.server).offers, 0);
	CHECK_STATS(rig.vh, .handshakes = 10, .missed = 10);
	rig_down(&rig);
}

/* A client that speaks both resumes with servers that speak one. */
static void a_client_of_any_version(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		struct client *client;

		RIG_UP(&rig, .server = { .version = version });
		client = client_new(&(struct client_config){ .vh = rig.vh, .version = version });
		CHECK_VISIT(client, &rig.dial, MISS);
		RIG_VISIT(&rig, RESUMED);
		CHECK_VISIT(client, &rig.dial, RESUMED);
		client_free(client);
		rig_down(&rig);
	}
}

static void a_restarted_server_declines_once(void)
{
	const struct way *way;
	struct rig rig;

	FOR_EACH_WAY(way) {
		rig_up_way(&rig, way);
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		server_forget(rig.server);
		RIG_VISIT(&rig, DECLINED);
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		CHECK_INT(stats_of(rig.vh).declined, 1);
		rig_down(&rig);
	}
}

static void a_server_that_does_not_resume(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .resumption = NO_RESUMPTION });
		CHECK_INT(visits(rig.client, &rig.dial, 5), 0);
		CHECK_STATS(rig.vh, .handshakes = 5, .missed = 5);
		rig_down(&rig);
	}
}

#ifndef OPENSSL_IS_BORINGSSL /* its server sends none later */
/* A ticket that comes late in a long connection is as good as any. */
static void a_late_ticket_is_kept(void)
{
	struct conn *conn;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .resumption = TICKETS });
	server_set_tickets(rig.server, 0);
	conn = conn_open(rig.client, &rig.dial);
	CHECK_INT(stats_of(rig.vh).stored, 0);
	CHECK(conn_order(conn, "ticket"));
	CHECK_INT(stats_of(rig.vh).stored, 1);
	RIG_VISIT(&rig, RESUMED);
	conn_close(conn);
	rig_down(&rig);
}
#endif

TEST_PROGRAM(
	CASE(nine_of_nine_whoever_hangs_up_and_however),
	CASE(non_blocking_sockets),
	CASE_IF(client_attaches, a_server_called_by_its_address),
	CASE_IF(client_attaches, wsi_create_attaches_the_client),
	CASE_IF(client_attaches, wsi_create_says_better),
	CASE(reuse_session_before_the_handshake),
	CASE(tls12_tickets_only_where_they_are_allowed),
	CASE(a_client_of_any_version),
	CASE(a_restarted_server_declines_once),
	CASE(a_server_that_does_not_resume),
	OPENSSL_CASE_IF(client_speaks_tls13, a_late_ticket_is_kept))
