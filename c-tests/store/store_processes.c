/*
 * The main job: processes one after the other, one connection each. The first
 * makes a full handshake, all others resume. Against nginx, and servers of ours.
 */

#include <string.h>

#include "nginx.h"
#include "rig.h"
#include "worker.h"

#define PROCESSES	20

/* How many of so many processes resumed. */
static unsigned int resumed_of(const struct job *job)
{
	unsigned int n, resumed = 0;

	for (n = 0; n < PROCESSES; n++)
		resumed += !strcmp(worker_run(job), "RESUMED");

	return resumed;
}

static void nineteen_of_nginx(enum nginx_mode mode, uint64_t options)
{
	unsigned int way;
	char name[32];

	nginx_start();
	for (way = 0; way < 4; way++) {
		check_context("%s%s%s", nginx_mode_name(mode), way & 1 ? ", _exit()" : "",
			      way & 2 ? ", single use" : "");
		snprintf(name, sizeof(name), "nginx-%d-%u", mode, way);
		CHECK_INT(resumed_of(&(struct job){
			.store = store_url(name, ""), .port = nginx_port(mode), .http = true,
			.version = nginx_tls_version(mode), .exits = way & 1,
			.options = options |
				   (way & 2 ? LWS_TLS_SESSION_OPTION_SINGLE_USE : 0) }),
			PROCESSES - 1);
	}
	nginx_stop();
}

static void tls12_session_ids(void)
{
	nineteen_of_nginx(NGINX_TLS12_SESSION_IDS, 0);
}

static void tls12_tickets(void)
{
	nineteen_of_nginx(NGINX_TLS12_TICKETS_NO_IDS, LWS_TLS_SESSION_OPTION_ALLOW_TICKETS);
}

static void tls13_stateless_tickets(void)
{
	nineteen_of_nginx(NGINX_TLS13_STATELESS, 0);
}

static void tls13_stateful_tickets(void)
{
	nineteen_of_nginx(NGINX_TLS13_STATEFUL, 0);
}

static void servers_of_ours(void)
{
	const struct way *way;
	struct server *server;
	char name[32];

	FOR_EACH_WAY(way) {
		server = server_start(&(struct server_config){
			.version = way->version, .resumption = way->resumption });
		snprintf(name, sizeof(name), "ours-%d", (int)(way - ways));
		CHECK_INT(resumed_of(&(struct job){
			.store = store_url(name, ""), .port = server_port(server),
			.version = way->version, .options = way->options, .exits = true }),
			PROCESSES - 1);
		CHECK_INT(server_seen(server).resumed, PROCESSES - 1);
		server_stop(server);
	}
}

static void without_a_store_none(void)
{
	struct server *server = server_start(&(struct server_config){ .resumption = SESSION_IDS });

	CHECK_INT(resumed_of(&(struct job){ .port = server_port(server) }), 0);
	server_stop(server);
}

static bool has_nginx(void)
{
	return nginx_is_installed();
}

static bool has_nginx_and_tls13(void)
{
	return nginx_is_installed() && client_speaks_tls13();
}

STORE_TEST_PROGRAM(NULL,
	CASE(servers_of_ours),
	CASE(without_a_store_none),
	CASE_IF(has_nginx, tls12_session_ids),
	CASE_IF(has_nginx, tls12_tickets),
	CASE_IF(has_nginx_and_tls13, tls13_stateless_tickets),
	CASE_IF(has_nginx_and_tls13, tls13_stateful_tickets))
