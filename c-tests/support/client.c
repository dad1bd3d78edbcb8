#include "client.h"

#include <stdio.h>
#include <string.h>

const char *outcome_or_failure(int outcome)
{
	return outcome < 0 ? "failed connection" : lws_tls_session_outcome_name(outcome);
}

bool conn_read_line(struct conn *conn, char *line, size_t size)
{
	size_t len = 0;

	while (len < size - 1) {
		if (!conn_read_byte(conn, line + len))
			return false;
		if (line[len] == '\n')
			break;
		len++;
	}
	line[len] = '\0';

	return true;
}

bool conn_greet(struct conn *conn)
{
	char line[64];

	return conn_handshake(conn) && conn_read_line(conn, line, sizeof(line));
}

struct conn *conn_open(struct client *client, const struct dial *dial)
{
	struct conn *conn = conn_new(client, dial);

	CHECK(conn_greet(conn));

	return conn;
}

bool client_speaks_tls13(void)
{
	return client_speaks(TLS1_3_VERSION);
}

int client_newest(void)
{
	return client_speaks_tls13() ? TLS1_3_VERSION : TLS1_2_VERSION;
}

/*
 * A connection that the library serves has an outcome; the truth about it is
 * what the server saw, and the TLS library on our side.
 */
static int agreed_outcome(struct conn *conn, struct server *server,
			  const struct server_seen *before)
{
	struct lws *wsi = conn_wsi(conn);
	int outcome = wsi ? lws_tls_session_outcome(wsi) : LWS_TLS_SESSION_OUTCOME_NONE;
	bool resumed = outcome == LWS_TLS_SESSION_OUTCOME_RESUMED,
	     offered = resumed || outcome == LWS_TLS_SESSION_OUTCOME_DECLINED;
	struct server_seen seen;

	CHECK_INT(conn_resumed(conn), resumed);
	if (wsi)
		CHECK_INT(lws_tls_session_is_reused(wsi), resumed);

	if (server) {
		seen = server_seen(server);
		CHECK_INT(seen.handshakes - before->handshakes, 1);
		CHECK_INT(seen.resumed - before->resumed, resumed);
		CHECK_INT(seen.offers - before->offers, offered);
	}

	return outcome;
}

int visit(struct client *client, const struct dial *dial)
{
	struct server_seen before = { 0 };
	struct conn *conn;
	int outcome;

	if (dial->server)
		before = server_seen(dial->server);

	conn = conn_new(client, dial);
	if (!conn_greet(conn)) {
		conn_drop(conn);
		return -1;
	}

	outcome = agreed_outcome(conn, dial->server, &before);
	conn_close(conn);

	return outcome;
}

unsigned int visits(struct client *client, const struct dial *dial, unsigned int count)
{
	unsigned int resumed = 0;
	int outcome;

	while (count--) {
		outcome = visit(client, dial);
		CHECK(outcome >= 0);
		resumed += outcome == LWS_TLS_SESSION_OUTCOME_RESUMED;
	}

	return resumed;
}

bool conn_order(struct conn *conn, const char *order)
{
	char line[64];

	snprintf(line, sizeof(line), "%s\n", order);

	return conn_send(conn, line) && conn_read_line(conn, line, sizeof(line)) &&
	       !strcmp(line, "ok");
}
