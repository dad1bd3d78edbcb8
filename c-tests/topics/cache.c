/*
 * What a vhost keeps: how many endpoints, which go first, and what makes two
 * names one endpoint.
 */

#include <stdio.h>
#include <string.h>

#include "rig.h"

static void ten_endpoints_by_default(void)
{
	char host[32];
	struct rig rig;
	int n;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	for (n = 0; n < 11; n++) {
		snprintf(host, sizeof(host), "h%d" DOMAIN, n);
		CHECK_OUTCOME(rig_visit_host(&rig, host), MISS);
	}
	CHECK_STATS(rig.vh, .entries = 10, .sessions = 10, .handshakes = 11, .missed = 11,
		    .stored = 11, .evicted = 1);

	for (n = 10; n > 0; n--) {
		snprintf(host, sizeof(host), "h%d" DOMAIN, n);
		CHECK_OUTCOME(rig_visit_host(&rig, host), RESUMED);
	}
	CHECK_OUTCOME(rig_visit_host(&rig, "h0" DOMAIN), MISS);
	rig_down(&rig);
}

static void the_least_recently_used_goes(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .vhost = { .tls_session_cache_max = 3 });
		rig_visit_host(&rig, "a" DOMAIN);
		rig_visit_host(&rig, "b" DOMAIN);
		rig_visit_host(&rig, "c" DOMAIN);
		CHECK_HOSTS(rig.vh, "c" DOMAIN " b" DOMAIN " a" DOMAIN);

		/* reuse makes it the most recently used */
		CHECK_OUTCOME(rig_visit_host(&rig, "a" DOMAIN), RESUMED);
		CHECK_HOSTS(rig.vh, "a" DOMAIN " c" DOMAIN " b" DOMAIN);

		CHECK_OUTCOME(rig_visit_host(&rig, "d" DOMAIN), MISS);
		CHECK_HOSTS(rig.vh, "d" DOMAIN " a" DOMAIN " c" DOMAIN);
		CHECK_OUTCOME(rig_visit_host(&rig, "b" DOMAIN), MISS);
		CHECK_HOSTS(rig.vh, "b" DOMAIN " d" DOMAIN " a" DOMAIN);
		/* TLS 1.3: with both of its tickets */
		CHECK_INT(stats_of(rig.vh).evicted, version == TLS1_2_VERSION ? 2 : 4);
		rig_down(&rig);
	}
}

/* Reuse counts when it happens, also where no new session comes of it. */
static void reuse_alone_makes_it_recent(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION },
	       .vhost = { .tls_session_cache_max = 2 });
	rig_visit_host(&rig, HOST_A);
	rig_visit_host(&rig, HOST_B);
	CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), RESUMED);
	CHECK_INT(stats_of(rig.vh).stored, 2);
	CHECK_HOSTS(rig.vh, HOST_A " " HOST_B);
	rig_down(&rig);
}

#ifndef OPENSSL_IS_BORINGSSL /* its server sends no ticket later */
/* And so does a new session, whenever it comes. */
static void a_late_ticket_makes_it_recent(void)
{
	struct conn *conn;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .resumption = TICKETS });
	rig.dial.host = HOST_A;
	conn = conn_open(rig.client, &rig.dial);
	CHECK_OUTCOME(rig_visit_host(&rig, HOST_B), MISS);
	CHECK_HOSTS(rig.vh, HOST_B " " HOST_A);
	CHECK(conn_order(conn, "ticket"));
	CHECK_HOSTS(rig.vh, HOST_A " " HOST_B);
	conn_close(conn);
	rig_down(&rig);
}
#endif

static void one_endpoint_if_the_app_says_so(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION },
	       .vhost = { .tls_session_cache_max = 1 });
	CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), MISS);
	CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), RESUMED);
	CHECK_OUTCOME(rig_visit_host(&rig, HOST_B), MISS);
	CHECK_HOSTS(rig.vh, HOST_B);
	CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), MISS);
	rig_down(&rig);
}

static void a_newer_session_replaces(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	RIG_VISIT(&rig, MISS);
	server_forget(rig.server);
	RIG_VISIT(&rig, DECLINED);
	CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 2, .offered = 1,
		    .declined = 1, .missed = 1, .stored = 2, .replaced = 1);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
}

/* The server would resume either port's sessions at the other. */
static void two_ports_of_one_host(void)
{
	struct dial other_dial;
	struct server *other;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		other = server_start(&(struct server_config){ .twin = rig.server });
		other_dial = (struct dial){ .server = other };

		RIG_VISIT(&rig, MISS);
		CHECK_VISIT(rig.client, &other_dial, MISS);
		CHECK_HOSTS(rig.vh, HOST " " HOST);
		CHECK_INT(first_entry_of(rig.vh).port, server_port(other));
		RIG_VISIT(&rig, RESUMED);
		CHECK_VISIT(rig.client, &other_dial, RESUMED);
		CHECK_INT(first_entry_of(rig.vh).port, server_port(other));
		server_stop(other);
		rig_down(&rig);
	}
}

static void two_hosts_of_one_address(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), MISS);
		CHECK_OUTCOME(rig_visit_host(&rig, HOST_B), MISS);
		CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), RESUMED);
		CHECK_OUTCOME(rig_visit_host(&rig, HOST_B), RESUMED);
		rig_down(&rig);
	}
}

/* RFC 4343, and what apps write into the host. */
static void one_host_however_it_is_written(void)
{
	static const char *const hosts[] = {
		"a.sessions.test", "A.Sessions.TEST", "a.sessions.test.",
		"a.sessions.test:443", "A.SESSIONS.TEST.:8443",
	};
	struct dial dial;
	struct rig rig;
	size_t n;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	CHECK_OUTCOME(rig_visit_host(&rig, "A.Sessions.Test"), MISS);
	CHECK_OUTCOME(rig_visit_host(&rig, "a.sessions.test"), RESUMED);
	CHECK_OUTCOME(rig_visit_host(&rig, "A.SESSIONS.TEST"), RESUMED);

	dial = rig.dial;
	dial.vh = rig.vh;
	dial.host = "a.sessions.test";
	for (n = 0; n < ARRAY_SIZE(hosts); n++) {
		dial.endpoint_host = hosts[n];
		CHECK_VISIT(rig.client, &dial, RESUMED);
	}
	CHECK_HOSTS(rig.vh, "a.sessions.test");

	for (n = 0; n < ARRAY_SIZE(hosts); n++) {
		CHECK_INT(lws_tls_session_forget(rig.vh, hosts[n],
						 server_port(rig.server)), 0);
		CHECK_OUTCOME(rig_visit_host(&rig, hosts[0]), MISS);
	}
	rig_down(&rig);
}

/* Where a tag has no room for them, both name and port still tell them apart. */
static void names_over_95_characters(void)
{
	char tag_a[LWS_SESSION_TAG_LEN], tag_b[LWS_SESSION_TAG_LEN];
	uint16_t port;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		CHECK_OUTCOME(rig_visit_host(&rig, LONG_HOST_A), MISS);
		CHECK_OUTCOME(rig_visit_host(&rig, LONG_HOST_B), MISS);
		CHECK_OUTCOME(rig_visit_host(&rig, LONG_HOST_A), RESUMED);
		CHECK_OUTCOME(rig_visit_host(&rig, LONG_HOST_B), RESUMED);
		CHECK_HOSTS(rig.vh, LONG_HOST_B " " LONG_HOST_A);

		port = server_port(rig.server);
		lws_tls_session_tag_discrete(NULL, LONG_HOST_A, port, tag_a, sizeof(tag_a));
		lws_tls_session_tag_discrete(NULL, LONG_HOST_B, port, tag_b, sizeof(tag_b));
		CHECK_INT(strlen(tag_a), LWS_SESSION_TAG_LEN - 1);
		CHECK(strcmp(tag_a, tag_b));
		lws_tls_session_tag_discrete(NULL, LONG_HOST_A, port ^ 1, tag_b, sizeof(tag_b));
		CHECK(strcmp(tag_a, tag_b));
		rig_down(&rig);
	}
}

static void forget_drops_one_endpoint(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		rig_visit_host(&rig, HOST_A);
		rig_visit_host(&rig, HOST_B);
		CHECK_INT(lws_tls_session_forget(rig.vh, HOST_A, server_port(rig.server)), 0);
		CHECK_INT(lws_tls_session_forget(rig.vh, HOST_A, server_port(rig.server)), 1);
		CHECK_HOSTS(rig.vh, HOST_B);
		CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), MISS);
		CHECK_OUTCOME(rig_visit_host(&rig, HOST_B), RESUMED);
		rig_down(&rig);
	}
}

static void flush_drops_all(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		rig_visit_host(&rig, HOST_A);
		rig_visit_host(&rig, HOST_B);
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_HOSTS(rig.vh, "");
		CHECK_INT(stats_of(rig.vh).entries, 0);
		CHECK_INT(stats_of(rig.vh).sessions, 0);
		CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), MISS);
		CHECK_OUTCOME(rig_visit_host(&rig, HOST_A), RESUMED);
		rig_down(&rig);
	}
}

#ifndef OPENSSL_IS_BORINGSSL /* its server sends no ticket later */
/* What arrives on a connection from before is not kept. */
static void forget_and_flush_count_for_open_connections(void)
{
	struct conn *conn;
	struct rig rig;
	int flush;

	for (flush = 0; flush < 2; flush++) {
		check_context(flush ? "flush" : "forget");
		RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .resumption = TICKETS });
		conn = conn_open(rig.client, &rig.dial);
		CHECK_INT(stats_of(rig.vh).sessions, 2);

		if (flush)
			lws_tls_session_vhost_flush(rig.vh);
		else
			CHECK_INT(lws_tls_session_forget(rig.vh, HOST,
							 server_port(rig.server)), 0);
		CHECK(conn_order(conn, "ticket"));
		CHECK_INT(stats_of(rig.vh).sessions, 0);
		CHECK_INT(stats_of(rig.vh).stored, 2);
		conn_close(conn);

		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}
#endif

struct look {
	struct rig	*rig;
	unsigned int	calls;
	int		stop_with;
};

static int check_entry(struct lws_vhost *vh, const struct lws_tls_session_entry *entry,
		       void *opq)
{
	struct look *look = opq;
	uint16_t port = server_port(look->rig->server);
	char tag[LWS_SESSION_TAG_LEN];

	CHECK(vh == look->rig->vh);
	CHECK_STR(entry->host, look->calls ? HOST_A : HOST_B);
	CHECK_INT(entry->port, port);
	lws_tls_session_tag_discrete("looked-at", entry->host, port, tag, sizeof(tag));
	CHECK_STR(entry->tag, tag);
	CHECK_INT(entry->tls_version, TLS1_3_VERSION);
	CHECK_INT(entry->sessions, 2);
	CHECK_RANGE(entry->seconds_left, 500 - 60, 500);

	/* the callback may call the library, also for what it is just looking at */
	CHECK_INT(lws_tls_session_forget(vh, entry->host, port), 0);
	look->calls++;

	return look->stop_with;
}

static void foreach_tells_what_there_is(void)
{
	struct look look = { 0 };
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION },
	       .vhost = { .vhost_name = "looked-at", .tls_session_timeout = 500 });
	look.rig = &rig;
	rig_visit_host(&rig, HOST_A);
	rig_visit_host(&rig, HOST_B);
	CHECK_INT(lws_tls_session_foreach(rig.vh, check_entry, &look), 0);
	CHECK_INT(look.calls, 2);
	CHECK_INT(stats_of(rig.vh).entries, 0);

	rig_visit_host(&rig, HOST_A);
	rig_visit_host(&rig, HOST_B);
	look = (struct look){ .rig = &rig, .stop_with = 42 };
	CHECK_INT(lws_tls_session_foreach(rig.vh, check_entry, &look), 42);
	CHECK_INT(look.calls, 1);
	CHECK_HOSTS(rig.vh, HOST_A);
	rig_down(&rig);
}

TEST_PROGRAM(
	CASE(ten_endpoints_by_default),
	CASE(the_least_recently_used_goes),
	CASE(reuse_alone_makes_it_recent),
	OPENSSL_CASE_IF(client_speaks_tls13, a_late_ticket_makes_it_recent),
	CASE(one_endpoint_if_the_app_says_so),
	CASE(a_newer_session_replaces),
	CASE(two_ports_of_one_host),
	CASE(two_hosts_of_one_address),
	CASE(one_host_however_it_is_written),
	CASE(names_over_95_characters),
	CASE(forget_drops_one_endpoint),
	CASE(flush_drops_all),
	OPENSSL_CASE_IF(client_speaks_tls13, forget_and_flush_count_for_open_connections),
	CASE_IF(client_speaks_tls13, foreach_tells_what_there_is))
