/*
 * After fork() both processes have the cache. That is good for sessions that
 * may be shared, but a ticket for single use must not be used by both.
 */

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

/* Runs it in a child, which ends there: leak checkers have nothing to say on that. */
static void run_in_child(void (*run)(struct rig *rig), struct rig *rig)
{
	int done[2];
	char byte;
	pid_t child;

	REQUIRE(!pipe(done));
	server_await_idle(rig->server);
	child = fork();
	REQUIRE(child >= 0);
	if (!child) {
		run(rig);
		REQUIRE(write(done[1], "", 1) == 1);
		raise(SIGKILL);
	}
	close(done[1]);
	CHECK_INT(read(done[0], &byte, 1), 1);
	close(done[0]);
	REQUIRE(waitpid(child, NULL, 0) == child);
}

/* the server's threads are the parent's alone: to the child it is only a port */
static struct dial dial_from_child(struct rig *rig)
{
	return (struct dial){ .port = server_port(rig->server) };
}

static void resume_nine_times(struct rig *rig)
{
	struct dial dial = dial_from_child(rig);

	CHECK_INT(visits(rig->client, &dial, 9), 9);
}

static void a_child_resumes(void)
{
	const struct way *way;
	struct rig rig;

	FOR_EACH_WAY(way) {
		rig_up_way(&rig, way);
		RIG_VISIT(&rig, MISS);
		run_in_child(resume_nine_times, &rig);
		CHECK_INT(server_seen(rig.server).resumed, 9);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

static void begin_anew(struct rig *rig)
{
	struct dial dial = dial_from_child(rig);

	CHECK_INT(stats_of(rig->vh).sessions, 0);
	CHECK_VISIT(rig->client, &dial, MISS);
	CHECK_VISIT(rig->client, &dial, RESUMED);
}

static void a_child_has_no_tickets_for_single_use(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .resumption = TICKETS },
	       .vhost = { .options = LWS_TLS_SESSION_OPTION_SINGLE_USE });
	RIG_VISIT(&rig, MISS);
	CHECK_INT(stats_of(rig.vh).sessions, 2);
	run_in_child(begin_anew, &rig);

	/* they are the parent's */
	CHECK_INT(stats_of(rig.vh).sessions, 2);
	RIG_VISIT(&rig, RESUMED);
	CHECK_INT(server_seen(rig.server).offers, 2);
	rig_down(&rig);
}

/* TLS 1.2 sessions are shared by nature. */
static void but_sessions_of_tls12(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION },
	       .vhost = { .options = LWS_TLS_SESSION_OPTION_SINGLE_USE });
	RIG_VISIT(&rig, MISS);
	run_in_child(resume_nine_times, &rig);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
}

TEST_PROGRAM(
	CASE(a_child_resumes),
	CASE_IF(client_speaks_tls13, a_child_has_no_tickets_for_single_use),
	CASE(but_sessions_of_tls12))
