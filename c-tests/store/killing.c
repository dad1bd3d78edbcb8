/*
 * Eight processes share a store for tickets that may be used once, and are killed
 * at random: no ticket is offered twice, no connection fails, nothing stays.
 *
 * LWS_TLS_SESSIONS_KILL_SECONDS: how long; ten without it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"
#include "tempdir.h"
#include "worker.h"

#define PROCESSES	8
#define RECONNECTS	1000

struct process {
	pid_t		pid;	/* 0: it has done all */
	int		out;
	unsigned int	done;
	unsigned int	killed;
};

static struct process processes[PROCESSES];

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);

	return now.tv_sec;
}

static void begin(struct process *process, uint16_t port, const char *url, unsigned int visits)
{
	process->pid = worker_start(&(struct job){
		.store = url, .port = port, .visits = visits, .quiet = true,
		.options = LWS_TLS_SESSION_OPTION_SINGLE_USE }, &process->out);
	REQUIRE(!fcntl(process->out, F_SETFL, O_NONBLOCK));
}

/* Counts its visits. Whether it still runs. */
static bool listen_to(struct process *process)
{
	char dots[256];
	ssize_t len;

	while ((len = read(process->out, dots, sizeof(dots))) > 0)
		process->done += (unsigned int)len;

	return len < 0 && errno == EAGAIN;
}

static void end(struct process *process, bool is_killed)
{
	int status;

	REQUIRE(waitpid(process->pid, &status, 0) == process->pid);
	while (listen_to(process))
		;
	close(process->out);
	process->pid = 0;
	/* who fails to connect says so by its status */
	if (!is_killed || WIFEXITED(status)) {
		CHECK(WIFEXITED(status));
		CHECK_INT(WEXITSTATUS(status), 0);
	}
}

static unsigned int connections_of_all(void)
{
	unsigned int n, done = 0;

	for (n = 0; n < PROCESSES; n++)
		done += processes[n].done;

	return done;
}

/* As if their processes had been dead for long. */
static void age(const char *path)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };

	times[1].tv_sec = time(NULL) - 1000;
	REQUIRE(!utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
}

static unsigned int leftovers;

static void count_leftover(const char *path)
{
	leftovers += strrchr(path, '/')[1] == 't';
}

static void no_ticket_is_offered_twice(void)
{
	const char *told = getenv("LWS_TLS_SESSIONS_KILL_SECONDS"), *url = store_url("killed", "");
	time_t until = seconds() + (told ? atoi(told) : 10);
	unsigned int n, kills = 0;
	struct server_seen seen;
	struct server *server;
	bool is_over = false;
	uint16_t port;

	server = server_start(&(struct server_config){ .version = TLS1_3_VERSION,
						       .resumption = TICKETS,
						       .remembers = true });
	port = server_port(server);
	srand(1);
	while (!is_over) {
		/* on a slow machine, until enough has happened */
		is_over = seconds() >= until && kills >= 20 && connections_of_all() >= 200;
		poll(NULL, 0, rand() % 20);
		for (n = 0; n < PROCESSES; n++) {
			struct process *process = &processes[n];

			if (process->pid && !listen_to(process))
				end(process, false);
			/* for as long as it takes, all over again */
			if (!process->pid && !is_over)
				begin(process, port, url, RECONNECTS);
		}
		n = (unsigned int)rand() % PROCESSES;
		if (processes[n].pid && rand() % 8 == 0) {
			kill(processes[n].pid, SIGKILL);
			end(&processes[n], true);
			kills++;
		}
	}
	for (n = 0; n < PROCESSES; n++) {
		if (processes[n].pid) {
			kill(processes[n].pid, SIGKILL);
			end(&processes[n], true);
			kills++;
		}
	}
	server_await_idle(server);
	seen = server_seen(server);
	printf("%u kills, %u connections, %u resumed\n", kills, seen.handshakes, seen.resumed);
	CHECK_INT(seen.repeated, 0);
	CHECK(seen.resumed > 0);

	store_files("killed", age);
	/* the killed may have taken the last ticket with them */
	(void)worker_run(&(struct job){ .store = url, .port = port,
					.options = LWS_TLS_SESSION_OPTION_SINGLE_USE });
	CHECK_JOB("RESUMED", .store = url, .port = port,
		  .options = LWS_TLS_SESSION_OPTION_SINGLE_USE);
	CHECK_RANGE(store_files("killed", count_leftover), 1, 4);
	CHECK_INT(leftovers, 0);
	server_stop(server);
}

STORE_TEST_PROGRAM(NULL,
	CASE_IF(client_speaks_tls13, no_ticket_is_offered_twice))
