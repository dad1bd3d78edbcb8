/*
 * The same against a server of the real world: nginx, in each of the ways that
 * it can be set up to resume.
 */

#include <string.h>

#include "nginx.h"
#include "rig.h"

/*
 * One request. HTTP/1.0: nginx hangs up after its answer; 1.1: it waits for us
 * to. The answer says what nginx thinks: whether the session was reused.
 */
static int fetch(struct client *client, struct dial *dial, bool server_hangs_up)
{
	struct conn *conn = conn_new(client, dial);
	char line[128] = "";
	int outcome;

	CHECK(conn_handshake(conn));
	CHECK(conn_send(conn, server_hangs_up ? "GET / HTTP/1.0\r\n\r\n" :
					       "GET / HTTP/1.1\r\nHost: " HOST "\r\n\r\n"));
	while (strncmp(line, "reused: ", 8))
		CHECK(conn_read_line(conn, line, sizeof(line)));

	outcome = lws_tls_session_outcome(conn_wsi(conn));
	CHECK_STR(line + 8, outcome == LWS_TLS_SESSION_OUTCOME_RESUMED ? "r" : ".");
	CHECK_INT(conn_resumed(conn), outcome == LWS_TLS_SESSION_OUTCOME_RESUMED);
	dial->waits = server_hangs_up;
	conn_close(conn);

	return outcome;
}

/* How many of nine reconnects resumed. */
static unsigned int fetch_ten(enum nginx_mode mode, uint64_t options, bool server_first,
			      bool silent)
{
	struct dial dial = { .port = nginx_port(mode), .silent = silent };
	struct lws_vhost *vh = lws_tls_session_vhost_create(
		&(struct lws_tls_session_vhost_info){ .options = options });
	struct client *client = client_new(&(struct client_config){
		.vh = vh, .tickets = options & LWS_TLS_SESSION_OPTION_ALLOW_TICKETS });
	unsigned int n, resumed = 0;

	check_context("%s, %s hangs up first, client%s", nginx_mode_name(mode),
		      server_first ? "nginx" : "client", silent ? " silent" : "");
	CHECK_OUTCOME(fetch(client, &dial, server_first), MISS);
	for (n = 0; n < 9; n++)
		resumed += fetch(client, &dial, server_first) ==
			   LWS_TLS_SESSION_OUTCOME_RESUMED;

	CHECK_INT(stats_of(vh).handshakes, 10);
	CHECK_INT(stats_of(vh).resumed, resumed);
	client_free(client);
	lws_tls_session_vh_destroy(vh);

	return resumed;
}

static void nine_of_nine(enum nginx_mode mode, uint64_t options, unsigned int expected)
{
	int ending;

	nginx_start();
	for (ending = 0; ending < 4; ending++)
		CHECK_INT(fetch_ten(mode, options, ending & 2, ending & 1), expected);
	nginx_stop();
}

static void tls12_session_ids(void)
{
	nine_of_nine(NGINX_TLS12_SESSION_IDS, 0, 9);
}

static void tls12_tickets_where_they_are_allowed(void)
{
	nine_of_nine(NGINX_TLS12_TICKETS, LWS_TLS_SESSION_OPTION_ALLOW_TICKETS, 9);
	nine_of_nine(NGINX_TLS12_TICKETS_NO_IDS, LWS_TLS_SESSION_OPTION_ALLOW_TICKETS, 9);
}

static void tls12_tickets_are_not_used_by_default(void)
{
	nine_of_nine(NGINX_TLS12_TICKETS, 0, 0);
	nine_of_nine(NGINX_TLS12_TICKETS_NO_IDS, 0, 0);
}

static void tls13_stateless_tickets(void)
{
	nine_of_nine(NGINX_TLS13_STATELESS, 0, 9);
}

static void tls13_stateful_tickets(void)
{
	nine_of_nine(NGINX_TLS13_STATEFUL, 0, 9);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(tls12_session_ids),
		CASE(tls12_tickets_where_they_are_allowed),
		CASE(tls12_tickets_are_not_used_by_default),
		CASE_IF(client_speaks_tls13, tls13_stateless_tickets),
		CASE_IF(client_speaks_tls13, tls13_stateful_tickets),
	};

	if (!nginx_is_installed())
		return test_skip("nginx is not installed");

	return test_main(argc, argv, cases, ARRAY_SIZE(cases));
}
