/*
 * Saving and loading sessions.
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blob.h"
#include "clock.h"
#include "rig.h"
#include "tempdir.h"

/*
 * In a process that knows nothing but what its arguments say: the first
 * connection resumes.
 */
static int resume_in_a_new_process(char **argv)
{
	struct cert *root = cert_read(argv[3]);
	struct blob blob = blob_read(argv[4]);
	struct dial dial = { .port = (uint16_t)atoi(argv[2]) };
	struct lws_vhost *vh = lws_tls_session_vhost_create(
		&(struct lws_tls_session_vhost_info){
			.vhost_name = "new process",
			.options = LWS_TLS_SESSION_OPTION_ALLOW_TICKETS });
	struct client *client = client_new(&(struct client_config){ .vh = vh, .trust = root });

	CHECK_INT(blob_load(vh, HOST, dial.port, &blob), 0);
	CHECK_STATS(vh, .entries = 1, .sessions = 1, .loaded = 1);
	CHECK_VISIT(client, &dial, RESUMED);
	CHECK_INT(visits(client, &dial, 3), 3);

	client_free(client);
	lws_tls_session_vh_destroy(vh);
	blob_free(&blob);
	cert_free(root);

	return EXIT_SUCCESS;
}

/* Runs this program anew. */
static void run_new_process(const char *port)
{
	char self[PATH_MAX] = "";
	int status = 0;
	pid_t child;

	/* the link itself would be valgrind, under valgrind */
	REQUIRE(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	child = fork();
	REQUIRE(child >= 0);
	if (!child) {
		execl(self, "test-dump", "--resume", port,
		      temp_path("root.pem"), temp_path("blob"), (char *)NULL);
		_exit(127);
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), EXIT_SUCCESS);
}

static void a_new_process_resumes_at_once(void)
{
	static const struct {
		const char		*name;
		int			version;
		enum resumption		resumption;
		uint64_t		options;
	} ways[] = {
		{ "TLS 1.2, session IDs", TLS1_2_VERSION, SESSION_IDS, 0 },
		{ "TLS 1.2, tickets", TLS1_2_VERSION, TICKETS,
		  LWS_TLS_SESSION_OPTION_ALLOW_TICKETS },
		{ "TLS 1.3, stateful tickets", TLS1_3_VERSION, SESSION_IDS, 0 },
		{ "TLS 1.3, stateless tickets", TLS1_3_VERSION, TICKETS, 0 },
	};
	struct blob blob;
	struct rig rig;
	char port[16];
	size_t n;

	cert_write(pki()->root, temp_path("root.pem"), NULL);
	for (n = 0; n < ARRAY_SIZE(ways); n++) {
		check_context("%s", ways[n].name);
		RIG_UP(&rig, .server = { .version = ways[n].version,
					 .resumption = ways[n].resumption },
		       .vhost = { .options = ways[n].options });
		RIG_VISIT(&rig, MISS);
		blob = blob_save(rig.vh, HOST, server_port(rig.server));
		CHECK_INT(stats_of(rig.vh).saved, 1);
		blob_write(&blob, temp_path("blob"));
		snprintf(port, sizeof(port), "%u", server_port(rig.server));
		run_new_process(port);
		CHECK_INT(server_seen(rig.server).handshakes, 5);
		CHECK_INT(server_seen(rig.server).resumed, 4);
		blob_free(&blob);
		rig_down(&rig);
	}
}

/* What the callbacks are given, and what their return values do. */
struct expected {
	struct lws_context	*cx;
	char			tag[LWS_SESSION_TAG_LEN];
	unsigned int		calls;
	int			result;
};

static int check_save(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct expected *expected = info->opaque;

	CHECK(cx == expected->cx);
	CHECK_STR(info->tag, expected->tag);
	CHECK(info->blob);
	CHECK(info->blob_len > 0 && info->blob_len <= 65536);
	expected->calls++;

	return expected->result;
}

static int check_load(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct expected *expected = info->opaque;

	CHECK(cx == expected->cx);
	CHECK_STR(info->tag, expected->tag);
	CHECK(!info->blob);
	CHECK_INT(info->blob_len, 0);
	expected->calls++;

	return expected->result;
}

static void what_callbacks_are_given(void)
{
	int some_context;
	struct expected expected = { .cx = (struct lws_context *)&some_context };
	uint16_t port;
	struct rig rig;

	log_capture(LLL_ERR | LLL_WARN);
	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION },
	       .vhost = { .context = expected.cx, .vhost_name = "saved" });
	port = server_port(rig.server);
	snprintf(expected.tag, sizeof(expected.tag), "saved_" HOST "_%u", port);

	/* nothing to save yet */
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, check_save, &expected), 1);
	CHECK_INT(expected.calls, 0);
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, check_load, &expected), 1);
	CHECK_INT(expected.calls, 1);
	CHECK_INT(stats_of(rig.vh).load_refused, 1);

	RIG_VISIT(&rig, MISS);
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, check_save, &expected), 0);
	CHECK_INT(expected.calls, 2);
	/* however the host is written */
	CHECK_INT(lws_tls_session_dump_save(rig.vh, "LOCALHOST.", port, check_save,
					    &expected), 0);
	CHECK_INT(expected.calls, 3);
	/* another port is another endpoint */
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port ^ 1, check_save,
					    &expected), 1);
	CHECK_INT(expected.calls, 3);
	CHECK_INT(stats_of(rig.vh).saved, 2);
	rig_down(&rig);
	log_release();
}

static void callbacks_that_fail(void)
{
	struct expected expected = { .result = 1 };
	uint16_t port;
	struct rig rig;

	log_capture(LLL_ERR | LLL_WARN);
	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
	port = server_port(rig.server);
	snprintf(expected.tag, sizeof(expected.tag), "default_" HOST "_%u", port);

	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, check_load, &expected), 1);
	RIG_VISIT(&rig, MISS);
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, check_save, &expected), 1);
	CHECK_INT(expected.calls, 2);
	CHECK_INT(stats_of(rig.vh).saved, 0);
	CHECK_INT(stats_of(rig.vh).loaded, 0);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
	log_release();
}

/* A failing callback's blob is freed too: leak checkers look at this one. */
static int fail_with_a_blob(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;
	info->blob_len = 1000;
	info->blob = calloc(1, info->blob_len);

	return -1;
}

static int say_yes_without_a_blob(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;
	info->blob_len = info->opaque ? 1000 : 0;

	return 0;
}

static void loads_without_a_session(void)
{
	uint16_t port;
	struct rig rig;

	log_capture(LLL_WARN);
	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
	port = server_port(rig.server);
	/* what the callback refuses the library does not */
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, fail_with_a_blob, NULL), 1);
	CHECK_STATS(rig.vh, .load_refused = 0);
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, say_yes_without_a_blob,
					    NULL), 1);
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, say_yes_without_a_blob,
					    &rig), 1);
	CHECK_STATS(rig.vh, .load_refused = 2);
	CHECK_INT(log_lines(), 3);
	RIG_VISIT(&rig, MISS);
	rig_down(&rig);
	log_release();
}

struct call_back {
	struct rig	*rig;
	struct blob	blob;
	unsigned int	calls;
};

/* Does with the vhost all that one can, from inside a callback. */
static void use_library(struct call_back *call_back)
{
	struct rig *rig = call_back->rig;
	uint16_t port = server_port(rig->server);

	CHECK_OUTCOME(rig_visit_host(rig, HOST_B), MISS);
	CHECK_OUTCOME(rig_visit_host(rig, HOST_B), RESUMED);
	CHECK_INT(lws_tls_session_forget(rig->vh, HOST_B, port), 0);
	lws_tls_session_cache(rig->vh, 3000);
	lws_tls_session_service(NULL);
	CHECK_INT(stats_of(rig->vh).entries, 1 - call_back->calls);
	lws_tls_session_vhost_flush(rig->vh);
	call_back->calls++;
}

static int save_and_call_back(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct call_back *call_back = info->opaque;
	struct blob given = { info->blob, info->blob_len };

	(void)cx;
	use_library(call_back);
	/* still valid, though the session is gone */
	call_back->blob = blob_copy(&given, given.len);

	return 0;
}

static int load_and_call_back(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct call_back *call_back = info->opaque;

	(void)cx;
	use_library(call_back);
	info->blob = call_back->blob.data;
	info->blob_len = call_back->blob.len;

	return 0;
}

static void callbacks_may_call_the_library(void)
{
	struct call_back call_back = { 0 };
	uint16_t port;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		port = server_port(rig.server);
		call_back = (struct call_back){ .rig = &rig };
		RIG_VISIT(&rig, MISS);
		CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, save_and_call_back,
						    &call_back), 0);
		RIG_VISIT(&rig, MISS);
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, load_and_call_back,
						    &call_back), 0);
		CHECK_INT(call_back.calls, 2);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

/* Even so much. */
static int destroy_vhost(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct call_back *call_back = info->opaque;

	(void)cx;
	lws_tls_session_vh_destroy(call_back->rig->vh);
	if (!info->blob) {
		info->blob = call_back->blob.data;
		info->blob_len = call_back->blob.len;
	}
	call_back->calls++;

	return 0;
}

static void callbacks_may_destroy_the_vhost(void)
{
	struct call_back call_back = { 0 };
	uint16_t port;
	struct rig rig;

	log_capture(LLL_ERR | LLL_WARN);
	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
	port = server_port(rig.server);
	call_back.rig = &rig;
	RIG_VISIT(&rig, MISS);
	call_back.blob = blob_save(rig.vh, HOST, port);
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, destroy_vhost, &call_back), 0);

	rig.vh = lws_tls_session_vhost_create(NULL);
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, destroy_vhost, &call_back), 1);
	CHECK_INT(call_back.calls, 2);
	rig.vh = lws_tls_session_vhost_create(NULL);
	CHECK_HOSTS(rig.vh, "");
	rig_down(&rig);
	log_release();
}

/* Time in a file counts, and so does what the vhost says. */
static void lifetimes_survive(void)
{
	struct blob blob;
	uint16_t port;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .vhost = { .tls_session_timeout = 1000 });
		port = server_port(rig.server);
		RIG_VISIT(&rig, MISS);
		blob = blob_save(rig.vh, HOST, port);
		lws_tls_session_vhost_flush(rig.vh);
		clock_pass(600);
		CHECK_INT(blob_load(rig.vh, HOST, port, &blob), 0);
		CHECK_RANGE(first_entry_of(rig.vh).seconds_left, 300, 400);
		clock_pass(401);
		RIG_VISIT(&rig, EXPIRED);
		blob_free(&blob);
		rig_down(&rig);
		clock_reset();
	}
}

/* SINGLE_USE: a ticket that is saved is somebody else's now. */
static void single_use_tickets_are_moved(void)
{
	struct blob blob;
	uint16_t port;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .resumption = TICKETS,
				 .tickets = 1 },
	       .vhost = { .options = LWS_TLS_SESSION_OPTION_SINGLE_USE });
	port = server_port(rig.server);
	RIG_VISIT(&rig, MISS);
	server_set_tickets(rig.server, 0);
	blob = blob_save(rig.vh, HOST, port);
	RIG_VISIT(&rig, SPENT);

	lws_tls_session_vhost_flush(rig.vh);
	CHECK_INT(blob_load(rig.vh, HOST, port, &blob), 0);
	RIG_VISIT(&rig, RESUMED);
	RIG_VISIT(&rig, SPENT);
	blob_free(&blob);
	rig_down(&rig);
}

/* The session that a connection would be offered next: an unused ticket. */
static void the_session_that_is_saved(void)
{
	struct server_seen first;
	struct blob blob;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .resumption = TICKETS });
	RIG_VISIT(&rig, MISS);
	server_set_tickets(rig.server, 0);
	RIG_VISIT(&rig, RESUMED);
	first = server_seen(rig.server);
	blob = blob_save(rig.vh, HOST, server_port(rig.server));
	lws_tls_session_vhost_flush(rig.vh);
	CHECK_INT(blob_load(rig.vh, HOST, server_port(rig.server), &blob), 0);
	RIG_VISIT(&rig, RESUMED);
	CHECK(server_seen(rig.server).ticket != first.ticket);
	blob_free(&blob);
	rig_down(&rig);
}

/* Under another client certificate it is not offered. */
static void identities_survive(void)
{
	struct blob blob;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .client_ca = pki()->root });
		rig.dial.identity = pki()->alice;
		RIG_VISIT(&rig, MISS);
		blob = blob_save(rig.vh, HOST, server_port(rig.server));
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_INT(blob_load(rig.vh, HOST, server_port(rig.server), &blob), 0);

		rig.dial.identity = pki()->bob;
		RIG_VISIT(&rig, MISS);
		CHECK_STR(server_seen(rig.server).client, "bob");
		rig.dial.identity = pki()->alice;
		RIG_VISIT(&rig, RESUMED);
		CHECK_STR(server_seen(rig.server).client, "alice");
		blob_free(&blob);
		rig_down(&rig);
	}
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(a_new_process_resumes_at_once),
		CASE(what_callbacks_are_given),
		CASE(callbacks_that_fail),
		CASE(loads_without_a_session),
		CASE(callbacks_may_call_the_library),
		CASE(callbacks_may_destroy_the_vhost),
		CASE(lifetimes_survive),
		CASE(single_use_tickets_are_moved),
		CASE(the_session_that_is_saved),
		CASE(identities_survive),
	};

	if (argc > 1 && !strcmp(argv[1], "--resume"))
		return resume_in_a_new_process(argv);

	return test_main(argc, argv, cases, ARRAY_SIZE(cases));
}
