/*
 * How connections end, and what that does to the sessions.
 *
 * RFC 5246 7.2.2: after a fatal alert both sides forget the session. But what
 * is no fault of the session, a reset or a timeout, costs nothing.
 */

#include "blob.h"
#include "rig.h"

/* for each way, a rig that has resumed once */
#define FOR_EACH_RIG(rig)						\
	for (const struct way *way = ways;				\
	     way->name && client_speaks(way->version) &&			\
	     (rig_up_resumed(&rig, way), true);			\
	     rig_down(&rig), way++)

static void rig_up_resumed(struct rig *rig, const struct way *way)
{
	check_context("%s", way->name);
	rig_up_way(rig, way);
	RIG_VISIT(rig, MISS);
	RIG_VISIT(rig, RESUMED);
}

static struct conn *open_conn(struct rig *rig, bool resumed)
{
	struct conn *conn = conn_new(rig->client, &rig->dial);

	CHECK(conn_greet(conn));
	CHECK_INT(conn_resumed(conn), resumed);

	return conn;
}

/* The next one handshakes in full, and all is well again after it. */
static void check_dropped(struct rig *rig)
{
	RIG_VISIT(rig, MISS);
	RIG_VISIT(rig, RESUMED);
}

static void an_alert_in_answer_to_the_offer(void)
{
	struct server_seen seen;
	struct rig rig;

	FOR_EACH_RIG(rig) {
		server_refuse(rig.server, SSL_AD_HANDSHAKE_FAILURE);
		CHECK_FAILS(rig.client, &rig.dial);
		seen = server_seen(rig.server);
		CHECK_INT(seen.offers, 2);
		check_dropped(&rig);
	}
}

/* It says nothing about sessions where none was offered. */
static void an_alert_without_an_offer(void)
{
	struct rig rig;

	FOR_EACH_RIG(rig) {
		server_refuse(rig.server, SSL_AD_HANDSHAKE_FAILURE);
		CHECK_INT(rig_visit_host(&rig, HOST_A), -1);
		RIG_VISIT(&rig, RESUMED);
	}
}

static void an_alert_received_after_resumption(void)
{
	struct conn *conn;
	struct rig rig;
	char line[64];

	FOR_EACH_RIG(rig) {
		conn = open_conn(&rig, true);
		conn_spoil(conn);
		CHECK(!conn_read_line(conn, line, sizeof(line)));
		conn_drop(conn);
		check_dropped(&rig);
	}
}

static void an_alert_sent_after_resumption(void)
{
	struct conn *conn;
	struct rig rig;

	FOR_EACH_RIG(rig) {
		conn = open_conn(&rig, true);
		CHECK(!conn_order(conn, "garbage"));
		conn_drop(conn);
		check_dropped(&rig);
	}
}

/* What came from the very connection that ends so goes too. */
static void an_alert_after_a_full_handshake(void)
{
	struct conn *conn;
	struct rig rig;

	FOR_EACH_RIG(rig) {
		lws_tls_session_vhost_flush(rig.vh);
		conn = open_conn(&rig, false);
		CHECK_HOSTS(rig.vh, HOST);
		CHECK(!conn_order(conn, "garbage"));
		CHECK_HOSTS(rig.vh, "");
		conn_drop(conn);
		check_dropped(&rig);
	}
}

/* Also where another session had been offered. */
static void an_alert_after_a_declined_offer(void)
{
	struct conn *conn;
	struct rig rig;

	FOR_EACH_RIG(rig) {
		server_forget(rig.server);
		conn = open_conn(&rig, false);
		CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), DECLINED);
		CHECK(!conn_order(conn, "garbage"));
		conn_drop(conn);
		check_dropped(&rig);
	}
}

/* Nor does what was loaded stay, and what came of it since. */
static void an_alert_after_a_session_that_was_loaded(void)
{
	struct conn *conn;
	struct blob blob;
	struct rig rig;

	FOR_EACH_RIG(rig) {
		blob = blob_save(rig.vh, HOST, server_port(rig.server));
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_INT(blob_load(rig.vh, HOST, server_port(rig.server), &blob), 0);
		blob_free(&blob);
		conn = open_conn(&rig, true);
		CHECK(!conn_order(conn, "garbage"));
		conn_drop(conn);
		check_dropped(&rig);
	}
}

/* But what another full handshake has left for the same endpoint stays. */
static void an_alert_after_another_full_handshake(void)
{
	struct conn *conn;
	struct rig rig;

	FOR_EACH_RIG(rig) {
		lws_tls_session_vhost_flush(rig.vh);
		conn = open_conn(&rig, false);
		server_forget(rig.server);
		RIG_VISIT(&rig, DECLINED);
		CHECK(!conn_order(conn, "garbage"));
		conn_drop(conn);
		RIG_VISIT(&rig, RESUMED);
	}
}

/* And nothing of other endpoints. */
static void an_alert_elsewhere(void)
{
	struct conn *conn;
	struct rig rig;

	FOR_EACH_RIG(rig) {
		CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), MISS);
		conn = open_conn(&rig, true);
		CHECK(!conn_order(conn, "garbage"));
		conn_drop(conn);
		CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), RESUMED);
		check_dropped(&rig);
	}
}

static void a_reset_in_answer_to_the_offer(void)
{
	struct rig rig;

	FOR_EACH_RIG(rig) {
		server_refuse(rig.server, REFUSE_RESET);
		CHECK_FAILS(rig.client, &rig.dial);
		CHECK_INT(server_seen(rig.server).offers, 2);
		RIG_VISIT(&rig, RESUMED);
	}
}

/* No TLS at all, and no alert that could be sent: the error is all that tells of it. */
static void an_error_in_answer_to_the_offer(void)
{
	struct conn *conn;
	struct rig rig;
	int can_send;

	for (can_send = 0; can_send < 2; can_send++)
		FOR_EACH_RIG(rig) {
			rig.dial.nonblocking = true;
			server_hold(rig.server, true);
			conn = conn_new(rig.client, &rig.dial);
			conn_start(conn);
			if (!can_send)
				conn_fall_silent(conn);
			server_refuse(rig.server, REFUSE_NO_TLS);
			server_hold(rig.server, false);
			CHECK(!conn_handshake(conn));
			conn_drop(conn);
			CHECK_INT(server_seen(rig.server).offers, 2);
			check_dropped(&rig);
		}
}

/* A server that never answers is given up on after five tries: it may be the offer. */
static void an_offer_that_is_never_answered(void)
{
	struct rig rig;
	int n;

	FOR_EACH_RIG(rig) {
		for (n = 0; n < 100; n++) {
			server_refuse(rig.server, REFUSE_RESET);
			CHECK_FAILS(rig.client, &rig.dial);
			if (server_seen(rig.server).offers < (unsigned int)n + 2)
				break;
		}
		/* four tickets are five tries each */
		CHECK_RANGE(n, 5, 20);
		check_dropped(&rig);
	}
}

static void a_reset_after_resumption(void)
{
	struct conn *conn;
	struct rig rig;

	FOR_EACH_RIG(rig) {
		conn = open_conn(&rig, true);
		CHECK(!conn_order(conn, "reset"));
		conn_drop(conn);
		RIG_VISIT(&rig, RESUMED);
	}
}

/* The app loses patience. */
static void a_handshake_that_is_given_up(void)
{
	struct conn *conn;
	struct rig rig;

	FOR_EACH_RIG(rig) {
		rig.dial.nonblocking = true;
		server_hold(rig.server, true);
		conn = conn_new(rig.client, &rig.dial);
		conn_start(conn);
		CHECK_INT(lws_tls_session_outcome(conn_wsi(conn)),
			  LWS_TLS_SESSION_OUTCOME_NONE);
		conn_drop(conn);
		server_hold(rig.server, false);
		server_await_hellos(rig.server, 3);
		RIG_VISIT(&rig, RESUMED);
	}
}

/* A server that is not who it should be leaves nothing. */
static void a_peer_that_does_not_verify(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .client = { .trust = pki()->stranger });
		CHECK_FAILS(rig.client, &rig.dial);
		CHECK_HOSTS(rig.vh, "");
		CHECK_FAILS(rig.client, &rig.dial);
		CHECK_STATS(rig.vh, .missed = 2);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	CASE(an_alert_in_answer_to_the_offer),
	CASE(an_alert_without_an_offer),
	CASE(an_alert_received_after_resumption),
	CASE(an_alert_sent_after_resumption),
	CASE(an_alert_after_a_full_handshake),
	CASE(an_alert_after_a_declined_offer),
	CASE(an_alert_after_a_session_that_was_loaded),
	CASE(an_alert_after_another_full_handshake),
	CASE(an_alert_elsewhere),
	CASE(a_reset_in_answer_to_the_offer),
	CASE(an_error_in_answer_to_the_offer),
	CASE(an_offer_that_is_never_answered),
	CASE(a_reset_after_resumption),
	CASE(a_handshake_that_is_given_up),
	CASE(a_peer_that_does_not_verify))
