#include "server_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "check.h"

#define SOCKET_TIMEOUT_SECS	30	/* a test that hangs fails by itself */

static void *run_peer(void *arg)
{
	struct peer *peer = arg;
	struct server *server = peer->server;
	SSL *ssl = SSL_new(server->ctx);

	REQUIRE(ssl);
	pthread_mutex_lock(&server->lock);
	while (server->held)
		pthread_cond_wait(&server->changed, &server->lock);
	pthread_mutex_unlock(&server->lock);

	SSL_set_app_data(ssl, peer);
	REQUIRE(SSL_set_fd(ssl, peer->fd));
	server_serve(peer, ssl);
	SSL_free(ssl);
	ERR_clear_error();
#ifndef OPENSSL_IS_BORINGSSL
	OPENSSL_thread_stop(); /* now, and not when the thread ends: see server_await_idle() */
#endif

	pthread_mutex_lock(&server->lock);
	close(peer->fd);
	peer->fd = -1;
	pthread_mutex_unlock(&server->lock);
	atomic_fetch_sub(&server->busy, 1);
	atomic_store(&peer->done, true);

	return NULL;
}

/* Joins the threads of connections that are over, or of all. */
static void reap(struct server *server, bool all)
{
	struct peer **link = &server->peers, *peer;

	while ((peer = *link)) {
		if (!all && !atomic_load(&peer->done)) {
			link = &peer->next;
			continue;
		}
		pthread_join(peer->thread, NULL);
		*link = peer->next;
		free(peer);
	}
}

static void set_up_socket(int fd)
{
	struct timeval limit = { .tv_sec = SOCKET_TIMEOUT_SECS };
	int on = 1;

	/* not for unix sockets, where it fails and is not needed */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static void *run_acceptor(void *arg)
{
	struct server *server = arg;
	struct peer *peer;
	int fd;

	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		set_up_socket(fd);
		reap(server, false);

		peer = calloc(1, sizeof(*peer));
		REQUIRE(peer);
		peer->server = server;
		peer->fd = fd;
		peer->next = server->peers;
		server->peers = peer;
		atomic_fetch_add(&server->busy, 1);
		REQUIRE(!pthread_create(&peer->thread, NULL, run_peer, peer));
	}

	return NULL;
}

void server_await_idle(struct server *server)
{
	while (atomic_load(&server->busy))
		usleep(1000);
}

static void listen_somewhere(struct server *server)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&server->address;
	bool local = server->config.local;

	/* a unix socket bound to no name at all is given an abstract one */
	server->address.ss_family = local ? AF_UNIX : AF_INET;
	server->address_len = local ? sizeof(sa_family_t) : sizeof(*in);
	if (!local)
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);

	server->listener = socket(server->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(server->listener >= 0);
	REQUIRE(!bind(server->listener, (struct sockaddr *)&server->address,
		      server->address_len));
	REQUIRE(!listen(server->listener, 128));
}

struct server *server_start(const struct server_config *config)
{
	struct server *server = calloc(1, sizeof(*server));

	REQUIRE(server);
	server->config = *config;
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, NULL);
	server->ctx = server_make_ctx(config);

	server->listener = config->listener;
	if (!server->listener)
		listen_somewhere(server);
	server->address_len = sizeof(server->address);
	REQUIRE(!getsockname(server->listener, (struct sockaddr *)&server->address,
			     &server->address_len));
	REQUIRE(!pthread_create(&server->acceptor, NULL, run_acceptor, server));

	return server;
}

void server_stop(struct server *server)
{
	struct peer *peer;

	server_hold(server, false);
	/* wakes the thread in accept(), then those that read */
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->acceptor, NULL);
	pthread_mutex_lock(&server->lock);
	for (peer = server->peers; peer; peer = peer->next)
		if (peer->fd >= 0)
			shutdown(peer->fd, SHUT_RDWR);
	pthread_mutex_unlock(&server->lock);
	reap(server, true);

	close(server->listener);
	SSL_CTX_free(server->ctx);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->lock);
	free(server->tickets);
	free(server);
}

void server_hold(struct server *server, bool hold)
{
	pthread_mutex_lock(&server->lock);
	server->held = hold;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
}

uint16_t server_port(const struct server *server)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&server->address;

	return server->config.local ? 0 : ntohs(in->sin_port);
}

static int connect_to(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	REQUIRE(fd >= 0);
	set_up_socket(fd);
	if (!connect(fd, address, len))
		return fd;
	close(fd);

	return -1;
}

int server_connect(const struct server *server)
{
	int fd = connect_to((const struct sockaddr *)&server->address,
			    server->address_len);

	REQUIRE(fd >= 0);

	return fd;
}

int tcp_connect(uint16_t port)
{
	struct sockaddr_in in = {
		.sin_family	= AF_INET,
		.sin_port	= htons(port),
		.sin_addr	= { htonl(INADDR_LOOPBACK) },
	};

	return connect_to((const struct sockaddr *)&in, sizeof(in));
}
