/*
 * The endpoint is settled when the handshake starts: by the app, else by SNI
 * and the peer's port. Whatever comes later is for that one.
 */

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_openssl.h"
#include "rig.h"

#ifndef OPENSSL_IS_BORINGSSL
/*
 * The app has other names and sockets on the SSL by the time a ticket comes.
 */
static void a_late_ticket_goes_where_the_handshake_began(void)
{
	struct server *twin;
	struct conn *conn;
	struct rig rig;
	char line[64];
	int n;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
	twin = server_start(&(struct server_config){ .twin = rig.server });
	server_set_tickets(rig.server, 0);
	conn = conn_new(rig.client, &rig.dial);
	CHECK(conn_handshake(conn));
	CHECK(conn_read_line(conn, line, sizeof(line)));
	CHECK_HOSTS(rig.vh, "");

	REQUIRE(SSL_set_tlsext_host_name(conn_ssl(conn), HOST_A));
	REQUIRE(SSL_set1_host(conn_ssl(conn), HOST_A));
	CHECK(conn_order(conn, "ticket"));
	CHECK_HOSTS(rig.vh, HOST);
	/* the app says something else, too late */
	REQUIRE(lws_tls_session_wsi_create(rig.vh, conn_ssl(conn), HOST_B,
					   server_port(twin)));
	CHECK(conn_order(conn, "ticket"));
	CHECK_HOSTS(rig.vh, HOST);
	CHECK_INT(first_entry_of(rig.vh).port, server_port(rig.server));
	CHECK_INT(first_entry_of(rig.vh).sessions, 2);
	conn_close(conn);

	/* all of them encrypt tickets with one key: they would resume */
	for (n = 0; n < 2; n++) {
		rig.dial.server = n ? twin : rig.server;
		CHECK_INT(rig_visit_host(&rig, HOST_A), LWS_TLS_SESSION_OUTCOME_MISS);
		CHECK_INT(rig_visit_host(&rig, HOST_B), LWS_TLS_SESSION_OUTCOME_MISS);
	}
	RIG_VISIT(&rig, MISS);
	rig.dial.server = rig.server;
	RIG_VISIT(&rig, RESUMED);
	server_stop(twin);
	rig_down(&rig);
}
#endif

/* A proxy for CONNECT (RFC 9110 9.3.6), a connection at a time. */
struct proxy {
	int		listener;
	uint16_t	port;
	pthread_t	thread;
};

/* Copies what one side has sent; false: it has hung up. */
static bool copy(int from, int to)
{
	char buf[4096];
	ssize_t len = read(from, buf, sizeof(buf));

	return len > 0 && write(to, buf, (size_t)len) == len;
}

static void tunnel(int client)
{
	struct pollfd ends[2] = { { .fd = client, .events = POLLIN } };
	char request[256] = "";
	unsigned int port;
	size_t len = 0;

	while (len < sizeof(request) - 1 && !strstr(request, "\r\n\r\n")) {
		REQUIRE(read(client, request + len, 1) == 1);
		request[++len] = '\0';
	}
	REQUIRE(sscanf(request, "CONNECT %*[^:]:%u HTTP/1.1\r\n", &port) == 1);
	ends[1] = (struct pollfd){ .fd = tcp_connect((uint16_t)port), .events = POLLIN };
	REQUIRE(ends[1].fd >= 0);
	REQUIRE(write(client, "HTTP/1.1 200 OK\r\n\r\n", 19) == 19);

	while (poll(ends, 2, -1) > 0)
		if ((ends[0].revents && !copy(ends[0].fd, ends[1].fd)) ||
		    (ends[1].revents && !copy(ends[1].fd, ends[0].fd)))
			break;
	close(ends[1].fd);
}

static void *run_proxy(void *arg)
{
	struct proxy *proxy = arg;
	int client;

	while ((client = accept(proxy->listener, NULL, NULL)) >= 0) {
		tunnel(client);
		close(client);
	}

	return NULL;
}

static void proxy_start(struct proxy *proxy)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(in);

	proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(proxy->listener >= 0);
	REQUIRE(!bind(proxy->listener, (struct sockaddr *)&in, len));
	REQUIRE(!listen(proxy->listener, 16));
	REQUIRE(!getsockname(proxy->listener, (struct sockaddr *)&in, &len));
	proxy->port = ntohs(in.sin_port);
	REQUIRE(!pthread_create(&proxy->thread, NULL, run_proxy, proxy));
}

static void proxy_stop(struct proxy *proxy)
{
	shutdown(proxy->listener, SHUT_RDWR);
	pthread_join(proxy->thread, NULL);
	close(proxy->listener);
}

static uint16_t target;

static void ask_proxy(struct conn *conn)
{
	int fd = SSL_get_fd(conn_ssl(conn));
	char text[64];

	snprintf(text, sizeof(text), "CONNECT " HOST ":%u HTTP/1.1\r\n\r\n", target);
	REQUIRE(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	REQUIRE(read(fd, text, 19) == 19);
}

/* Two servers of one name behind it, on two ports: each has its own. */
static void through_a_proxy(void)
{
	struct server *servers[2];
	struct proxy proxy;
	struct rig rig;
	int version, round, n;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .resumption = TICKETS },
		       .vhost = { .options = LWS_TLS_SESSION_OPTION_ALLOW_TICKETS });
		servers[0] = rig.server;
		servers[1] = server_start(&(struct server_config){ .twin = rig.server });
		proxy_start(&proxy);
		rig.dial = (struct dial){ .port = proxy.port, .vh = rig.vh, .tune = ask_proxy };

		for (round = 0; round < 3; round++)
			for (n = 0; n < 2; n++) {
				target = server_port(servers[n]);
				rig.dial.endpoint_port = target;
				if (round)
					RIG_VISIT(&rig, RESUMED);
				else
					RIG_VISIT(&rig, MISS);
				CHECK_INT(first_entry_of(rig.vh).port, target);
				CHECK_INT(server_seen(servers[n]).resumed, round);
			}
		CHECK_INT(stats_of(rig.vh).entries, 2);
		proxy_stop(&proxy);
		server_stop(servers[1]);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	OPENSSL_CASE(a_late_ticket_goes_where_the_handshake_began),
	CASE(through_a_proxy))
