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
	struct client *client = client_new(&(struct client_config){
		.vh = vh, .trust = root, .tickets = true });

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
	const struct way *way;
	struct blob blob;
	struct rig rig;
	char port[16];

	cert_write(pki()->root, temp_path("root.pem"), NULL);
	FOR_EACH_WAY(way) {
		rig_up_way(&rig, way);
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
		CASE(lifetimes_survive),
		CASE_IF(client_speaks_tls13, single_use_tickets_are_moved),
		CASE_IF(client_speaks_tls13, the_session_that_is_saved),
		CASE(identities_survive),
	};

	if (argc > 1 && !strcmp(argv[1], "--resume"))
		return resume_in_a_new_process(argv);

	return test_main(argc, argv, cases, ARRAY_SIZE(cases));
}
