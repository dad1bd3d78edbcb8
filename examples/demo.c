/*
 * lws-tls-sessions demo: what resuming TLS sessions gains, measured
 *
 * SPDX-License-Identifier: MIT
 *
 * Reconnects to a TLS server again and again, without the library and with it. The
 * server is one that this program starts itself, or one that the user names.
 */

#include "demo.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lws-tls-sessions.h>

#define CONNECTIONS_OWN_SERVER		200
#define CONNECTIONS_NAMED_SERVER	20
#define PROCESSES			20

static const char usage[] =
	"usage: demo [options] [HOST[:PORT]]\n"
	"\n"
	"Reconnects to a TLS server without the session cache and with it, and shows what\n"
	"that gains. HOST is a name, an IPv4 address, or an IPv6 address, in brackets if a\n"
	"port follows; PORT is 443 if not given. Without HOST, the demo starts a server of\n"
	"its own on 127.0.0.1.\n"
	"\n"
	"  --ca FILE          trust the certificates in FILE (PEM), not the system's\n"
	"  --connections N    make N connections in each mode (200; 20 with HOST)\n"
	"  --allow-tickets    resume TLS 1.2 by session tickets too, not only by session ID\n"
	"  --help             show this\n";

static int bad_usage(const char *what, const char *arg)
{
	fprintf(stderr, "demo: %s: %s\n\n%s", what, arg, usage);
	return 2;
}

static int parse_number(const char *text, long least, long most, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, 10);
	return errno || end == text || *end || *number < least || *number > most ? -1 : 0;
}

/* HOST, HOST:PORT, [IPv6], [IPv6]:PORT, or a bare IPv6 address */
static int parse_target(const char *arg, struct demo_target *target)
{
	const char *host = arg, *host_end, *port = NULL;
	long number = 443;
	size_t len;

	if (*arg == '[') {
		host = arg + 1;
		host_end = strchr(host, ']');
		if (!host_end)
			return -1;
		if (host_end[1] == ':')
			port = host_end + 2;
		else if (host_end[1])
			return -1;
	} else {
		host_end = strchr(arg, ':');
		if (host_end && !strchr(host_end + 1, ':'))
			port = host_end + 1;
		else
			host_end = arg + strlen(arg);
	}

	len = (size_t)(host_end - host);
	if (!len || len >= sizeof(target->host))
		return -1;
	memcpy(target->host, host, len);
	target->host[len] = '\0';

	if (port && parse_number(port, 1, 65535, &number))
		return -1;
	target->port = (uint16_t)number;
	return 0;
}

/* Returns 0 to go on; otherwise the program ends with *status */
static int parse_args(int argc, char **argv, struct demo_target *target, unsigned int *connections,
		      int *status)
{
	static const struct option options[] = {
		{ "ca",			required_argument,	NULL, 'c' },
		{ "connections",	required_argument,	NULL, 'n' },
		{ "allow-tickets",	no_argument,		NULL, 't' },
		{ "help",		no_argument,		NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	long number = 0;
	int opt;

	*status = 2;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			if (access(optarg, R_OK)) {
				fprintf(stderr, "demo: --ca %s: %s\n", optarg, strerror(errno));
				return -1;
			}
			target->ca_file = optarg;
			break;
		case 'n':
			if (parse_number(optarg, 2, 1000000, &number)) {
				bad_usage("--connections takes a number from 2 to 1000000", optarg);
				return -1;
			}
			break;
		case 't':
			target->allow_tickets = 1;
			break;
		case 'h':
			fputs(usage, stdout);
			*status = 0;
			return -1;
		case ':':
			bad_usage("this option needs a value", argv[optind - 1]);
			return -1;
		default:
			bad_usage("unknown option", argv[optind - 1]);
			return -1;
		}
	}

	if (argc - optind > 1) {
		bad_usage("only one HOST can be given", argv[optind + 1]);
		return -1;
	}
	if (optind < argc && parse_target(argv[optind], target)) {
		bad_usage("not HOST, HOST:PORT or [IPv6]:PORT", argv[optind]);
		return -1;
	}
	if (optind == argc && target->ca_file) {
		bad_usage("this needs a HOST", "--ca");
		return -1;
	}
	if (!number)
		number = optind < argc ? CONNECTIONS_NAMED_SERVER : CONNECTIONS_OWN_SERVER;
	*connections = (unsigned int)number;
	return 0;
}

static int run_init(struct demo_run *run, unsigned int connections)
{
	run->connections = connections;
	run->full_us = calloc(connections, sizeof(double));
	run->resumed_us = calloc(connections, sizeof(double));
	return run->full_us && run->resumed_us ? 0 : -1;
}

static void run_free(struct demo_run *run)
{
	free(run->full_us);
	free(run->resumed_us);
}

/* Returns 0 if the protocol was measured, or if the server does not speak it */
static int measure(const struct demo_target *target, enum demo_protocol protocol,
		   struct demo_result *result)
{
	if (demo_client_run(target, protocol, 0, &result->off)) {
		if (result->off.refused)
			return 0;
		fprintf(stderr, "demo: %s\n", result->off.error);
		return -1;
	}
	if (demo_client_run(target, protocol, 1, &result->on)) {
		fprintf(stderr, "demo: %s\n", result->on.error);
		return -1;
	}
	return 0;
}

static void clean_up(const char *dir)
{
	char command[64];

	/* the store has a directory in a directory */
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command))
		fprintf(stderr, "demo: %s stays\n", dir);
}

/* One protocol, the newest that was measured, with a process for each connection */
static int measure_processes(const struct demo_target *target, const struct demo_result *results,
			     unsigned int connections, struct demo_result *processes)
{
	char dir[] = "/tmp/lws-tls-sessions-demo-XXXXXX", store[64], ca_file[64];
	int protocol = DEMO_PROTOCOLS - 1, bad;

	while (protocol >= 0 && results[protocol].off.refused)
		protocol--;
	if (protocol < 0)
		return 0;
	if (connections > PROCESSES)
		connections = PROCESSES;
	if (run_init(&processes->off, connections) || run_init(&processes->on, connections) ||
	    !mkdtemp(dir)) {
		fputs("demo: no directory for a store\n", stderr);
		return 1;
	}
	snprintf(store, sizeof(store), "file:%s/store", dir);
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", dir);
	bad = target->ca && demo_write_ca(target, ca_file);
	if (bad)
		fprintf(stderr, "demo: %s cannot be written\n", ca_file);
	else if (demo_process_run(target, protocol, NULL, target->ca ? ca_file : target->ca_file,
				  &processes->off) ||
		 demo_process_run(target, protocol, store, target->ca ? ca_file : target->ca_file,
				  &processes->on)) {
		bad = 1;
		fprintf(stderr, "demo: %s\n", processes->off.error[0] ? processes->off.error :
								      processes->on.error);
	}
	clean_up(dir);
	return bad;
}

/* What the program's exit status says of the figures */
static int judge(const struct demo_result *results, const struct demo_target *target, int own_server)
{
	unsigned int measured = 0;
	int status = 0;
	int i;

	for (i = 0; i < DEMO_PROTOCOLS; i++) {
		const struct demo_run *on = &results[i].on;

		if (results[i].off.refused) {
			printf("No %s with this server: %s\n", demo_protocol_name(i),
			       results[i].off.error);
			continue;
		}
		measured++;
		if (own_server && on->resumed != on->connections - 1) {
			fprintf(stderr, "demo: %s: %u of %u reconnects resumed, not all\n",
				demo_protocol_name(i), on->resumed, on->connections - 1);
			status = 1;
		} else if (!on->resumed) {
			printf("The server resumed no %s connection.\n", demo_protocol_name(i));
			if (i == DEMO_TLS_1_2 && !target->allow_tickets)
				puts("It may know session tickets only: try --allow-tickets.");
		}
	}
	return measured ? status : 1;
}

int main(int argc, char **argv)
{
	struct demo_result results[DEMO_PROTOCOLS] = { 0 }, processes = { 0 };
	struct demo_target target = { .port = 0 };
	struct demo_server *server = NULL;
	unsigned int connections;
	int status, i;

	status = demo_process_main(argc, argv);
	if (status >= 0)
		return status;
	if (parse_args(argc, argv, &target, &connections, &status))
		return status;
	signal(SIGPIPE, SIG_IGN);

	if (!target.port) {
		server = demo_server_start(&target);
		if (!server)
			return 1;
	}
	printf("lws-tls-sessions %s, %s port %u%s\n\n", lws_tls_session_version(), target.host,
	       target.port, server ? " (a server of this program's own)" : "");

	status = 0;
	for (i = 0; i < DEMO_PROTOCOLS && !status; i++) {
		if (run_init(&results[i].off, connections) || run_init(&results[i].on, connections)) {
			fputs("demo: out of memory\n", stderr);
			status = 1;
		} else if (measure(&target, i, &results[i])) {
			status = 1;
		}
	}
	if (!status)
		status = measure_processes(&target, results, connections, &processes);
	if (!status) {
		demo_report(results, &processes);
		status = judge(results, &target, !!server);
		if (server && processes.on.resumed != processes.on.connections - 1)
			status = 1;
	}
	run_free(&processes.off);
	run_free(&processes.on);

	for (i = 0; i < DEMO_PROTOCOLS; i++) {
		run_free(&results[i].off);
		run_free(&results[i].on);
	}
	if (server)
		demo_server_stop(server);
	return status;
}
