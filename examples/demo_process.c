/*
 * lws-tls-sessions demo: a process for each connection
 *
 * SPDX-License-Identifier: MIT
 *
 * Each is this program anew, told by its arguments what to do. With a store, what one
 * leaves the next one finds.
 */

#include "demo.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>

/* its arguments, in this order */
enum { ONE = 1, PROTOCOL, STORE, CA_FILE, HOST, PORT, FLAGS, ARGUMENTS };

#define ONE_NAME	"--one-connection"

int demo_process_main(int argc, char **argv)
{
	struct demo_target target = { .port = 0 };
	double full_us[1] = { 0 }, resumed_us[1] = { 0 };
	struct demo_run run = { .connections = 1, .full_us = full_us, .resumed_us = resumed_us,
				.quiet = 1 };

	if (argc != ARGUMENTS || strcmp(argv[ONE], ONE_NAME))
		return -1;
	snprintf(target.host, sizeof(target.host), "%s", argv[HOST]);
	target.port = (uint16_t)atoi(argv[PORT]);
	target.ca_file = argv[CA_FILE][0] ? argv[CA_FILE] : NULL;
	target.store = argv[STORE][0] ? argv[STORE] : NULL;
	target.speaks_first = !!strchr(argv[FLAGS], 's');
	target.allow_tickets = !!strchr(argv[FLAGS], 't');
	if (demo_client_run(&target, atoi(argv[PROTOCOL]), 1, &run))
		printf("failed %s\n", run.error);
	else if (run.resumed)
		printf("resumed %f\n", resumed_us[0]);
	else
		printf("full %f\n", full_us[0]);
	return 0;
}

/* Runs one, and reads what it says. Returns 0, or -1 */
static int run_one(char *const *arguments, char *said, size_t len)
{
	size_t at = 0;
	ssize_t count = 0;
	int ends[2], status;
	pid_t child;

	if (pipe(ends))
		return -1;
	child = fork();
	if (!child) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execv("/proc/self/exe", arguments);
		_exit(127);
	}
	close(ends[1]);
	while (child > 0 && at < len - 1 &&
	       ((count = read(ends[0], said + at, len - 1 - at)) > 0 || (count < 0 && errno == EINTR)))
		at += count > 0 ? (size_t)count : 0;
	said[at] = '\0';
	close(ends[0]);
	return child > 0 && waitpid(child, &status, 0) == child && !status ? 0 : -1;
}

int demo_process_run(const struct demo_target *target, enum demo_protocol protocol, const char *store,
		     const char *ca_file, struct demo_run *run)
{
	char number[8], port[8], flags[4] = "", said[600];
	char *arguments[ARGUMENTS + 1] = { NULL };
	double time;

	snprintf(number, sizeof(number), "%d", protocol);
	snprintf(port, sizeof(port), "%u", target->port);
	snprintf(flags, sizeof(flags), "%s%s", target->speaks_first ? "s" : "",
		 target->allow_tickets ? "t" : "");
	arguments[0] = (char *)(uintptr_t)"demo";
	arguments[ONE] = (char *)(uintptr_t)ONE_NAME;
	arguments[PROTOCOL] = number;
	arguments[STORE] = (char *)(uintptr_t)(store ? store : "");
	arguments[CA_FILE] = (char *)(uintptr_t)(ca_file ? ca_file : "");
	arguments[HOST] = (char *)(uintptr_t)target->host;
	arguments[PORT] = port;
	arguments[FLAGS] = flags;

	while (run->full + run->resumed < run->connections) {
		if (run_one(arguments, said, sizeof(said))) {
			snprintf(run->error, sizeof(run->error), "a process could not be run");
			return -1;
		}
		if (sscanf(said, "resumed %lf", &time) == 1) {
			run->resumed_us[run->resumed++] = time;
		} else if (sscanf(said, "full %lf", &time) == 1) {
			run->full_us[run->full++] = time;
		} else {
			said[strcspn(said, "\n")] = '\0';
			snprintf(run->error, sizeof(run->error), "%.500s",
				 !strncmp(said, "failed ", 7) ? said + 7 : "a process failed");
			return -1;
		}
		demo_report_progress(protocol, store ? "store:" : "proc.:", run);
	}
	return 0;
}

int demo_write_ca(const struct demo_target *target, const char *path)
{
	FILE *file = fopen(path, "w");
	int ok = file && PEM_write_X509(file, target->ca) == 1;

	return (file && fclose(file)) || !ok ? -1 : 0;
}
