/*
 * lws-tls-sessions demo: sockets and time
 *
 * SPDX-License-Identifier: MIT
 */

#include "demo.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

double demo_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

void demo_set_timeout(int fd, int option, int seconds)
{
	const struct timeval timeout = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, option, &timeout, sizeof(timeout));
}

int demo_connect(const struct demo_target *target, char *error, size_t error_len)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *addresses, *address;
	int fd = -1, on = 1, result;
	char port[8];

	snprintf(port, sizeof(port), "%u", target->port);
	result = getaddrinfo(target->host, port, &hints, &addresses);
	if (result) {
		snprintf(error, error_len, "%s: %s", target->host, gai_strerror(result));
		return -1;
	}
	for (address = addresses; address && fd < 0; address = address->ai_next) {
		fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		demo_set_timeout(fd, SO_SNDTIMEO, DEMO_PATIENCE_S); /* counts for connect() too */
		if (connect(fd, address->ai_addr, address->ai_addrlen)) {
			result = errno;
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(addresses);
	if (fd < 0) {
		snprintf(error, error_len, "%s port %u: %s", target->host, target->port,
			 result == EINPROGRESS ? "no answer" : strerror(result));
		return -1;
	}
	demo_set_timeout(fd, SO_RCVTIMEO, DEMO_PATIENCE_S);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}
