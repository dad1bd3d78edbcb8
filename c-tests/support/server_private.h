/*
 * What server.c, the sockets and threads, and server_tls.c share.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_SERVER_PRIVATE_H
#define LWS_TLS_SESSIONS_TESTS_SERVER_PRIVATE_H

#include "server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

struct server {
	struct server_config	config;
	SSL_CTX			*ctx;
	struct sockaddr_storage	address;
	socklen_t		address_len;
	int			listener;
	pthread_t		acceptor;
	atomic_int		refuse;

	pthread_mutex_t		lock;		/* of what follows */
	pthread_cond_t		changed;
	bool			held;
	struct server_seen	seen;
	struct peer		*peers;
	uint64_t		*tickets;	/* those that were offered, if it remembers */
	size_t			ticket_count;
	atomic_uint		busy;		/* connections that are not over */
};

/* one connection, with a thread of its own */
struct peer {
	struct server	*server;
	struct peer	*next;
	pthread_t	thread;
	int		fd;			/* -1: closed; under the server's lock */
	atomic_bool	done;
};

/* server_make_ctx() - the SSL_CTX that the config asks for */
SSL_CTX *server_make_ctx(const struct server_config *config);

/* server_serve() - one connection, from its handshake until it is over */
void server_serve(struct peer *peer, SSL *ssl);

#endif
