/*
 * Relays TCP connections on localhost, from each port PORT + 1000 to PORT, and holds the first
 * that the server has to say back for a moment.
 *
 * lws 4.1.6 sends its HTTP/2 preface twice where SSL_connect() succeeds at its first call, which
 * takes a server that answers before that returns. Servers on the same machine do, now and then.
 *
 *   slow-relay PORT...   runs until it is killed
 */

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOMENT_US 20000
#define MAX_PORTS 8

static struct sockaddr_in
local(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return address;
}

/* Moves what there is to read; 0 once there is no more */
static int
move(int from, int to)
{
	char buf[16384];
	ssize_t got = read(from, buf, sizeof(buf)), put = 0, n;

	while (put < got) {
		n = write(to, buf + put, (size_t)(got - put));
		if (n <= 0)
			return 0;
		put += n;
	}
	if (got <= 0)
		shutdown(to, SHUT_WR);

	return got > 0;
}

static void
relay(int client, int server)
{
	struct pollfd fds[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
	int silent = 1;

	while ((fds[0].fd >= 0 || fds[1].fd >= 0) && poll(fds, 2, -1) > 0) {
		if (fds[0].revents && !move(client, server))
			fds[0].fd = -1;
		if (!fds[1].revents)
			continue;
		if (silent)
			usleep(MOMENT_US);
		silent = 0;
		if (!move(server, client))
			fds[1].fd = -1;
	}
}

static void
serve(int listener, int port)
{
	struct sockaddr_in to = local(port);
	int client = accept(listener, NULL, NULL), server;

	if (client >= 0 && !fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		server = socket(AF_INET, SOCK_STREAM, 0);
		if (!connect(server, (struct sockaddr *)&to, sizeof(to)))
			relay(client, server);
		_exit(0);
	}
	close(client);
}

int
main(int argc, char **argv)
{
	struct pollfd listeners[MAX_PORTS];
	int n, ports = argc - 1, one = 1;
	struct sockaddr_in at;

	if (ports < 1 || ports > MAX_PORTS)
		return 2;
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (n = 0; n < ports; n++) {
		at = local(atoi(argv[n + 1]) + 1000);
		listeners[n].fd = socket(AF_INET, SOCK_STREAM, 0);
		listeners[n].events = POLLIN;
		setsockopt(listeners[n].fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(listeners[n].fd, (struct sockaddr *)&at, sizeof(at)) ||
		    listen(listeners[n].fd, 16)) {
			perror("slow-relay");
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	while (poll(listeners, (nfds_t)ports, -1) > 0)
		for (n = 0; n < ports; n++)
			if (listeners[n].revents)
				serve(listeners[n].fd, atoi(argv[n + 1]));

	return 0;
}
