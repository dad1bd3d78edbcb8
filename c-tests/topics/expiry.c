/*
 * How long sessions live, by clocks that the tests set.
 *
 * Lives are given in hundreds of seconds or more, so that a slow machine makes
 * no difference.
 */

#include <limits.h>

#include "blob.h"
#include "clock.h"
#include "rig.h"

#define DAY	86400L

/* Time of the test is over with its rig. */
static void rig_down_in_time(struct rig *rig)
{
	rig_down(rig);
	clock_reset();
}

/* A session is there until its life is over, and then the next handshake makes another. */
static void check_life(const struct rig_config *config, long life)
{
	struct rig rig;

	rig_up(&rig, config);
	RIG_VISIT(&rig, MISS);
	CHECK_RANGE(first_entry_of(rig.vh).seconds_left, life - 100, life);
	clock_pass(life - 100);
	CHECK_INT(stats_of(rig.vh).entries, 1);
	clock_pass(101);
	RIG_VISIT(&rig, EXPIRED);
	CHECK_INT(stats_of(rig.vh).missed, 2);
	CHECK_INT(stats_of(rig.vh).expired,
		  config->server.version == TLS1_2_VERSION ? 1 : 2);
	rig_down_in_time(&rig);
}

#define CHECK_LIFE(life, ...)	check_life(&(struct rig_config){ __VA_ARGS__ }, life)

static void the_timeout_of_the_vhost(void)
{
	int version;

	FOR_EACH_VERSION(version)
		CHECK_LIFE(1000, .server = { .version = version },
			   .vhost = { .tls_session_timeout = 1000 });
}

static void reuse_never_extends_it(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION },
	       .vhost = { .tls_session_timeout = 1000 });
	RIG_VISIT(&rig, MISS);
	clock_pass(400);
	RIG_VISIT(&rig, RESUMED);
	clock_pass(400);
	RIG_VISIT(&rig, RESUMED);
	clock_pass(201);
	RIG_VISIT(&rig, EXPIRED);
	rig_down_in_time(&rig);
}

/* A ticket that came with a resumption lives from then on. */
static void a_new_ticket_has_a_life_of_its_own(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION },
	       .vhost = { .tls_session_timeout = 1000 });
	RIG_VISIT(&rig, MISS);
	clock_pass(900);
	RIG_VISIT(&rig, RESUMED);
	clock_pass(900);
	RIG_VISIT(&rig, RESUMED);
	CHECK_INT(stats_of(rig.vh).expired, 2);
	rig_down_in_time(&rig);
}

static void the_hint_of_the_server(void)
{
	int version;

	FOR_EACH_VERSION(version)
		CHECK_LIFE(500, .server = { .version = version, .resumption = TICKETS,
					    .lifetime = 500 },
			   .vhost = { .tls_session_timeout = 1000,
				      .options = LWS_TLS_SESSION_OPTION_ALLOW_TICKETS });
}

static void the_lifetime_of_the_tls_library_by_default(void)
{
	int version;

	FOR_EACH_VERSION(version)
		CHECK_LIFE(client_default_lifetime(version), .server = { .version = version });
}

/* RFC 5246 F.1.4: an upper limit of 24 hours is suggested. */
static void a_day_in_tls12(void)
{
	CHECK_LIFE(DAY, .server = { .version = TLS1_2_VERSION },
		   .vhost = { .tls_session_timeout = 30 * DAY });
}

/* RFC 8446 4.6.1: clients MUST NOT cache tickets for longer than 7 days. */
static void a_week_in_tls13(void)
{
	CHECK_LIFE(7 * DAY, .server = { .version = TLS1_3_VERSION, .lifetime = 30 * DAY },
		   .client = { .lifetime = 30 * DAY },
		   .vhost = { .tls_session_timeout = 30 * DAY });
}

/* However often tickets are renewed. */
static void a_week_since_the_full_handshake(void)
{
	struct rig rig;
	int day;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION },
	       .client = { .lifetime = 30 * DAY },
	       .vhost = { .tls_session_timeout = 30 * DAY });
	RIG_VISIT(&rig, MISS);
	for (day = 2; day <= 6; day += 2) {
		clock_pass(2 * DAY);
		RIG_VISIT(&rig, RESUMED);
	}
	CHECK_RANGE(first_entry_of(rig.vh).seconds_left, DAY - 100, DAY);
	clock_pass(DAY + 1);
	RIG_VISIT(&rig, EXPIRED);
	RIG_VISIT(&rig, RESUMED);
	rig_down_in_time(&rig);
}

/* RFC 8446 4.6.1: zero indicates that the ticket should be discarded immediately. */
static void a_hint_of_zero(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .tune = server_gives_no_lifetime });
	RIG_VISIT(&rig, MISS);
	RIG_VISIT(&rig, MISS);
	CHECK_STATS(rig.vh, .handshakes = 2, .missed = 2);
	rig_down(&rig);
}

static void the_timeout_can_be_changed(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .vhost = { .tls_session_timeout = 1000 });
		RIG_VISIT(&rig, MISS);
		/* it counts for what is there already, and from when that was issued */
		lws_tls_session_cache(rig.vh, 5000);
		clock_pass(2000);
		CHECK_RANGE(first_entry_of(rig.vh).seconds_left, 2900, 3000);
		lws_tls_session_cache(rig.vh, 100);
		CHECK_INT(stats_of(rig.vh).sessions, 0);
		CHECK(stats_of(rig.vh).expired > 0);
		RIG_VISIT(&rig, MISS);

		lws_tls_session_cache(rig.vh, 0);
		CHECK_RANGE(first_entry_of(rig.vh).seconds_left,
			    client_default_lifetime(version) - 100, client_default_lifetime(version));
		RIG_VISIT(&rig, RESUMED);
		rig_down_in_time(&rig);
	}
}

/* Whichever clock says so. */
static void the_wall_clock_set_forward(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .vhost = { .tls_session_timeout = 1000 });
		RIG_VISIT(&rig, MISS);
		clock_set_wall(1001);
		RIG_VISIT(&rig, EXPIRED);
		rig_down_in_time(&rig);
	}
}

static void the_wall_clock_set_back(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION },
	       .vhost = { .tls_session_timeout = 1000 });
	RIG_VISIT(&rig, MISS);
	clock_set_wall(-600);
	clock_pass(900);
	RIG_VISIT(&rig, RESUMED);
	clock_pass(101);
	RIG_VISIT(&rig, EXPIRED);
	rig_down_in_time(&rig);
}

static void service_drops_what_is_over(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .vhost = { .tls_session_timeout = 1000 });
		CHECK_INT(lws_tls_session_service(rig.vh), -1);
		rig_visit_host(&rig, HOST_A);
		clock_pass(500);
		rig_visit_host(&rig, HOST_B);
		CHECK_RANGE(lws_tls_session_service(rig.vh), 400000, 500000);
		CHECK_RANGE(lws_tls_session_service(NULL), 400000, 500000);

		clock_pass(501);
		CHECK_RANGE(lws_tls_session_service(rig.vh), 400000, 500000);
		CHECK_HOSTS(rig.vh, HOST_B);
		clock_pass(501);
		CHECK_INT(lws_tls_session_service(NULL), -1);
		CHECK_HOSTS(rig.vh, "");
		CHECK_INT(stats_of(rig.vh).sessions, 0);
		CHECK_INT(stats_of(rig.vh).expired, version == TLS1_2_VERSION ? 2 : 4);
		rig_down_in_time(&rig);
	}
}

/* Nothing outlives the first of its peer's certificates. */
static void the_certificate_of_the_peer(void)
{
	struct cert *cert = cert_make(&(struct cert_request){
		.name = "short-lived", .alt_names = "DNS:" HOST,
		.issuer = pki()->root, .not_after = 500 });
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .cert = cert },
		       .client = { .lax = true });
		RIG_VISIT(&rig, MISS);
		CHECK_RANGE(first_entry_of(rig.vh).seconds_left, 400, 500);
		RIG_VISIT(&rig, RESUMED);
		clock_pass(501);
		RIG_VISIT(&rig, EXPIRED);
		rig_down_in_time(&rig);
	}
	cert_free(cert);
}

/*
 * What was loaded knows of the peer's own certificate only: that others have
 * ended is found out when the chain is verified again.
 */
static void the_certificate_of_the_root(void)
{
	struct cert *root = cert_make(&(struct cert_request){
		.name = "short-lived root", .ca = true, .not_after = 500 });
	struct cert *cert = cert_make(&(struct cert_request){
		.name = "long-lived", .alt_names = "DNS:" HOST, .issuer = root });
	struct blob blob;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .cert = cert },
		       .client = { .trust = root, .lax = true });
		RIG_VISIT(&rig, MISS);
		blob = blob_save(rig.vh, HOST, server_port(rig.server));
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_INT(blob_load(rig.vh, HOST, server_port(rig.server), &blob), 0);
		blob_free(&blob);
		CHECK_RANGE(first_entry_of(rig.vh).seconds_left, 501, INT_MAX);
		RIG_VISIT(&rig, RESUMED);
		RIG_VISIT(&rig, RESUMED);
		clock_pass(501);
		RIG_VISIT(&rig, UNVERIFIED);
		rig_down_in_time(&rig);
	}
	cert_free(cert);
	cert_free(root);
}

TEST_PROGRAM(
	CASE(the_timeout_of_the_vhost),
	CASE(reuse_never_extends_it),
	CASE_IF(client_speaks_tls13, a_new_ticket_has_a_life_of_its_own),
	CASE(the_hint_of_the_server),
	CASE(the_lifetime_of_the_tls_library_by_default),
	CASE(a_day_in_tls12),
	CASE_IF(client_speaks_tls13, a_week_in_tls13),
	CASE_IF(client_speaks_tls13, a_week_since_the_full_handshake),
	CASE_IF(client_speaks_tls13, a_hint_of_zero),
	CASE(the_timeout_can_be_changed),
	CASE(the_wall_clock_set_forward),
	CASE(the_wall_clock_set_back),
	CASE(service_drops_what_is_over),
	CASE(the_certificate_of_the_peer),
	CASE(the_certificate_of_the_root))
