/*
 * What the library tells about itself: outcomes, counters, the log.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "blob.h"
#include "clock.h"
#include "rig.h"

#define ALL_LEVELS	0xff

static void names(void)
{
	static const char *const names[] = {
		"NONE", "RESUMED", "DECLINED", "MISS", "EXPIRED", "UNVERIFIED",
		"UNSUITABLE", "SPENT", "DISABLED", "NO_ENDPOINT", "NO_VHOST",
	};
	int n;

	for (n = 0; n < (int)ARRAY_SIZE(names); n++)
		CHECK_STR(lws_tls_session_outcome_name(n), names[n]);
	CHECK_STR(lws_tls_session_outcome_name(n), "?");
	CHECK_STR(lws_tls_session_outcome_name(-1), "?");
	CHECK_STR(lws_tls_session_outcome_name(1 << 30), "?");
}

static void version(void)
{
	unsigned int major, minor, patch;
	char rest;

	CHECK_INT(sscanf(lws_tls_session_version(), "%u.%u.%u%c", &major, &minor, &patch,
			 &rest), 3);
}

/* From before the handshake until after it. */
static void the_course_of_a_connection(void)
{
	struct conn *conn;
	struct rig rig;
	char line[64];
	int tls_version, n;

	FOR_EACH_VERSION(tls_version) {
		RIG_UP(&rig, .server = { .version = tls_version });
		rig.dial.vh = rig.vh;
		rig.dial.nonblocking = true;
		for (n = 0; n < 2; n++) {
			server_hold(rig.server, true);
			conn = conn_new(rig.client, &rig.dial);
			CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), NONE);
			conn_start(conn);
			CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), 0);
			CHECK_INT(stats_of(rig.vh).offered, n);
			CHECK_INT(stats_of(rig.vh).handshakes, n);
			if (n)
				CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), NONE);
			server_hold(rig.server, false);
			CHECK(conn_handshake(conn));
			CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), n);
			CHECK_INT(stats_of(rig.vh).handshakes, n + 1);
			CHECK_INT(stats_of(rig.vh).resumed, n);
			/* with it the tickets */
			CHECK(conn_read_line(conn, line, sizeof(line)));
			conn_close(conn);
		}
		rig_down(&rig);
	}
}

/* Every way that ends without a resumption, and the counter it goes to. */
static void the_counters_of_each_outcome(void)
{
	struct client *stranger;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION },
	       .vhost = { .tls_session_timeout = 1000 });
	stranger = client_new(&(struct client_config){ .vh = rig.vh, .lax = true,
						       .trust = pki()->stranger });

	RIG_VISIT(&rig, MISS);
	CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 1, .missed = 1,
		    .stored = 1);
	RIG_VISIT(&rig, RESUMED);
	CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 2, .missed = 1,
		    .stored = 1, .offered = 1, .resumed = 1);
	server_forget(rig.server);
	RIG_VISIT(&rig, DECLINED);
	CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 3, .missed = 1,
		    .stored = 2, .offered = 2, .resumed = 1, .declined = 1, .replaced = 1);
	clock_pass(1001);
	RIG_VISIT(&rig, EXPIRED);
	CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 4, .missed = 2,
		    .stored = 3, .offered = 2, .resumed = 1, .declined = 1, .replaced = 1,
		    .expired = 1);
	CHECK_VISIT(stranger, &rig.dial, UNVERIFIED);
	CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 5, .missed = 2,
		    .stored = 4, .offered = 2, .resumed = 1, .declined = 1, .replaced = 2,
		    .expired = 1, .unverified = 1);
	client_free(stranger);
	rig_down(&rig);
	clock_reset();
}

static void stats_of_another_size(void)
{
	struct {
		struct lws_tls_session_stats	known;
		uint64_t			added_later[2];
	} larger = { .added_later = { 42, 42 } };
	uint64_t few[4] = { 0, 0, 0, 42 };
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	RIG_VISIT(&rig, MISS);
	RIG_VISIT(&rig, RESUMED);

	CHECK_INT(lws_tls_session_get_stats(rig.vh, &larger.known, sizeof(larger)), 0);
	CHECK_INT(larger.known.handshakes, 2);
	CHECK_INT(larger.added_later[0], 0);
	CHECK_INT(larger.added_later[1], 0);

	/* a program that was compiled when there were three */
	CHECK_INT(lws_tls_session_get_stats(rig.vh, (struct lws_tls_session_stats *)few,
					    3 * sizeof(few[0])), 0);
	CHECK_INT(few[0], 1);
	CHECK_INT(few[1], 1);
	CHECK_INT(few[2], 2);
	CHECK_INT(few[3], 42);
	rig_down(&rig);
}

static void the_tag_of_a_connection(void)
{
	char tag[LWS_SESSION_TAG_LEN], expected[LWS_SESSION_TAG_LEN], tiny[4] = "abc";
	struct conn *conn;
	struct rig rig;

	log_capture(LLL_WARN);
	RIG_UP(&rig, .server = { .version = client_newest() },
	       .vhost = { .vhost_name = "tagged" });
	rig.dial.vh = rig.vh;
	conn = conn_new(rig.client, &rig.dial);
	CHECK_INT(lws_tls_session_tag_from_wsi(conn_wsi(conn), tag, sizeof(tag)), 0);
	snprintf(expected, sizeof(expected), "tagged_" HOST "_%u", server_port(rig.server));
	CHECK_STR(tag, expected);

	CHECK_INT(lws_tls_session_tag_from_wsi(conn_wsi(conn), tiny, sizeof(tiny)), 1);
	CHECK_INT(tiny[3], 0);
	CHECK_INT(lws_tls_session_tag_from_wsi(conn_wsi(conn), tag, strlen(expected)), 1);
	CHECK_INT(lws_tls_session_tag_from_wsi(conn_wsi(conn), tag, strlen(expected) + 1), 0);
	CHECK_STR(tag, expected);
	conn_drop(conn);

	if (!client_attaches()) {
		rig_down(&rig);
		return;
	}

	/* no endpoint, no tag */
	rig.dial = (struct dial){ .server = rig.server, .memory = true };
	conn = conn_new(rig.client, &rig.dial);
	CHECK(conn_handshake(conn));
	CHECK_INT(lws_tls_session_tag_from_wsi(conn_wsi(conn), tag, sizeof(tag)), 1);
	conn_drop(conn);
	CHECK_INT(log_lines(), 2);
	rig_down(&rig);
	log_release();
}

static void tags(void)
{
	char tag[LWS_SESSION_TAG_LEN], other[LWS_SESSION_TAG_LEN];

	lws_tls_session_tag_discrete("vh", "Example.COM.", 443, tag, sizeof(tag));
	CHECK_STR(tag, "vh_example.com_443");
	lws_tls_session_tag_discrete(NULL, "example.com", 8443, tag, sizeof(tag));
	CHECK_STR(tag, "default_example.com_8443");

	/* what does not belong in a file name */
	lws_tls_session_tag_discrete("../../etc", "example.com", 1, tag, sizeof(tag));
	CHECK(!strchr(tag, '/'));
	lws_tls_session_tag_discrete(".._.._etc", "example.com", 1, other, sizeof(other));
	CHECK(strcmp(tag, other));
}

/* One line with the outcome's name for each connection. */
#define CHECK_LOGGED(client, dial, expected)				\
	do {								\
		log_clear();						\
		CHECK_VISIT(client, dial, expected);			\
		CHECK(log_has(#expected));				\
	} while (0)

static void the_log_says_why(void)
{
	struct lws_vhost *disabled = lws_tls_session_vhost_create(
		&(struct lws_tls_session_vhost_info){
			.options = LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE });
	struct client *tls12, *tls13, *stranger;
	struct dial dial;
	struct rig rig;
	char port[16];

	log_capture(ALL_LEVELS);
	RIG_UP(&rig, .server = { .version = 0 },
	       .vhost = { .tls_session_timeout = 1000,
			  .options = LWS_TLS_SESSION_OPTION_SINGLE_USE });
	tls12 = client_new(&(struct client_config){ .vh = rig.vh, .version = TLS1_2_VERSION });
	tls13 = client_new(&(struct client_config){ .vh = rig.vh, .version = TLS1_3_VERSION });
	stranger = client_new(&(struct client_config){ .vh = rig.vh, .lax = true,
						       .trust = pki()->stranger });
	server_set_tickets(rig.server, 1);
	snprintf(port, sizeof(port), "%u", server_port(rig.server));

	CHECK_LOGGED(tls12, &rig.dial, MISS);
	CHECK(log_has(HOST));
	CHECK(log_has(port));
	CHECK_LOGGED(tls12, &rig.dial, RESUMED);
	CHECK(!log_has("MISS"));
	server_forget(rig.server);
	CHECK_LOGGED(tls12, &rig.dial, DECLINED);
	CHECK(!log_has("RESUMED"));
	clock_pass(1001);
	CHECK_LOGGED(tls12, &rig.dial, EXPIRED);
	CHECK_LOGGED(stranger, &rig.dial, UNVERIFIED);
	CHECK_LOGGED(tls12, &rig.dial, UNSUITABLE);
	CHECK_LOGGED(tls13, &rig.dial, UNSUITABLE);
	server_set_tickets(rig.server, 0);
	CHECK_LOGGED(tls13, &rig.dial, RESUMED);
	CHECK_LOGGED(tls13, &rig.dial, SPENT);

	dial = rig.dial;
	dial.memory = true;
	CHECK_LOGGED(tls12, &dial, NO_ENDPOINT);
	dial.vh = disabled;
	CHECK_LOGGED(tls12, &dial, DISABLED);
	lws_tls_session_vh_destroy(rig.vh);
	rig.vh = lws_tls_session_vhost_create(NULL);
	CHECK_LOGGED(tls12, &rig.dial, NO_VHOST);

	client_free(tls12);
	client_free(tls13);
	client_free(stranger);
	rig_down(&rig);
	lws_tls_session_vh_destroy(disabled);
	log_release();
	clock_reset();
}

static void the_log_keeps_to_its_level(void)
{
	struct rig rig;

	log_capture(LLL_ERR | LLL_WARN);
	RIG_UP(&rig, .server = { .version = client_newest() });
	RIG_VISIT(&rig, MISS);
	RIG_VISIT(&rig, RESUMED);
	CHECK_INT(log_lines(), 0);
	CHECK_INT(lws_tls_session_forget(NULL, HOST, 1), -1);
	CHECK_INT(log_lines(), 1);
	log_capture(0);
	CHECK_INT(lws_tls_session_forget(NULL, HOST, 1), -1);
	CHECK_INT(log_lines(), 0);
	rig_down(&rig);
	log_release();
}

/* The log's hexadecimal digits alone, in lower case, however they were grouped. */
static const char *digits_of_log(void)
{
	static char digits[16384];
	const char *from = log_all();
	size_t len = 0;

	for (; *from && len < sizeof(digits) - 1; from++)
		if (isxdigit((unsigned char)*from))
			digits[len++] = (char)tolower((unsigned char)*from);
	digits[len] = '\0';

	return digits;
}

/* Whether eight bytes of a session are in the log, as they are or in hexadecimal. */
static bool log_shows(const char *digits, const unsigned char *bytes)
{
	bool is_text = true;
	char hex[17];
	size_t n;

	for (n = 0; n < 8; n++) {
		snprintf(hex + 2 * n, 3, "%02x", bytes[n]);
		is_text = is_text && isprint(bytes[n]);
	}

	/* the names of hosts are in both */
	return strstr(digits, hex) ||
	       (!is_text && memmem(log_all(), strlen(log_all()), bytes, 8));
}

static void the_log_never_shows_a_session(void)
{
	struct blob blob, broken;
	const char *digits;
	struct rig rig;
	int tls_version;
	size_t n;

	FOR_EACH_VERSION(tls_version) {
		log_capture(ALL_LEVELS);
		RIG_UP(&rig, .server = { .version = tls_version });
		RIG_VISIT(&rig, MISS);
		blob = blob_save(rig.vh, HOST, server_port(rig.server));
		RIG_VISIT(&rig, RESUMED);
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_INT(blob_load(rig.vh, HOST_A, server_port(rig.server), &blob), 1);
		broken = blob_copy(&blob, blob.len / 2);
		CHECK_INT(blob_load(rig.vh, HOST, server_port(rig.server), &broken), 1);
		CHECK_INT(blob_load(rig.vh, HOST, server_port(rig.server), &blob), 0);
		RIG_VISIT(&rig, RESUMED);
		CHECK(log_lines() > 4);

		digits = digits_of_log();
		for (n = 0; n + 8 <= blob.len; n++)
			if (log_shows(digits, blob.data + n))
				check_fail(__FILE__, __LINE__, "byte %zu is in the log:\n%s",
					   n, log_all());
		blob_free(&broken);
		blob_free(&blob);
		rig_down(&rig);
	}
	log_release();
}

TEST_PROGRAM(
	CASE(names),
	CASE(version),
	CASE(the_course_of_a_connection),
	CASE(the_counters_of_each_outcome),
	CASE(stats_of_another_size),
	CASE(the_tag_of_a_connection),
	CASE(tags),
	CASE_IF(client_attaches, the_log_says_why),
	CASE(the_log_keeps_to_its_level),
	CASE(the_log_never_shows_a_session))
