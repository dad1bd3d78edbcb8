/*
 * A TLS server on threads of this process, over real sockets.
 *
 * It greets every client with one line, so that a client that has read it also
 * has the TLS 1.3 tickets, then does what the client says, a word a line,
 * until the client hangs up or has told it to:
 *
 *   ticket	sends another ticket (TLS 1.3)
 *   garbage	sends a record that does not decrypt: the client sends a fatal alert
 *   reset	resets the TCP connection
 *   bye	hangs up as configured
 *
 * and answers "ok" to everything that leaves the connection usable.
 *
 * All servers encrypt tickets with the same key under the same session id
 * context: one offered at the wrong server resumes, and is seen.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_SERVER_H
#define LWS_TLS_SESSIONS_TESTS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "pki.h"

enum resumption {
	SESSION_IDS,	/* the server keeps the sessions; TLS 1.3: stateful tickets */
	TICKETS,	/* the server keeps nothing */
	IDS_AND_TICKETS,/* as most servers have it: tickets where the client takes them */
	NO_RESUMPTION,
};

/* how many tickets of TLS 1.3 a resumption brings; a full handshake brings two */
#ifdef OPENSSL_IS_BORINGSSL
#define TICKETS_OF_RESUMPTION	2
#else
#define TICKETS_OF_RESUMPTION	1
#endif

struct server_config {
	int			version;	/* TLS1_2_VERSION or TLS1_3_VERSION; 0: both */
	enum resumption		resumption;
	unsigned int		tickets;	/* TLS 1.3, a full handshake; 0: OpenSSL's 2 */
	long			lifetime;	/* s, of sessions and as hint; 0: a week */
	bool			hangs_up_first;
	bool			silent;		/* hangs up without close_notify */
	bool			local;		/* on a unix socket */
	bool			remembers;	/* counts TLS 1.3 tickets that come twice */
	int			listener;	/* a socket to take over, which listens; 0: its own */
	const struct cert	*cert;		/* NULL: pki()->server */
	const struct cert	*client_ca;	/* asks clients for certificates of this CA */
	const struct server	*twin;		/* another port of that server: one SSL_CTX */
	SSL_CTX			*ctx;		/* the one to set up; NULL: of its own */
	void			(*tune)(SSL_CTX *ctx);	/* whatever else a topic needs */
};

/* what the server saw; when a client has the greeting its handshake is in it */
struct server_seen {
	unsigned int	hellos;		/* ClientHello messages */
	unsigned int	offers;		/* those that offered a session */
	unsigned int	handshakes;	/* completed */
	unsigned int	resumed;	/* those that resumed a session */
	unsigned int	repeated;	/* TLS 1.3 tickets offered a second time, if it remembers */
	uint64_t	ticket;		/* tells the last offered TLS 1.3 ticket from others */
	char		client[32];	/* whose certificate the last one had, or "" */
};

struct server *server_start(const struct server_config *config);
void server_stop(struct server *server);

uint16_t server_port(const struct server *server);	/* 0: a unix socket */

/* server_connect() - a new socket, connected to the server */
int server_connect(const struct server *server);

/* tcp_connect() - the same for any port on 127.0.0.1; -1 if refused */
int tcp_connect(uint16_t port);

struct server_seen server_seen(struct server *server);

/* server_forget() - as after a restart: no session or ticket so far is good any more */
void server_forget(struct server *server);

/* server_set_tickets() - how many TLS 1.3 tickets connections from now on get */
void server_set_tickets(struct server *server, unsigned int tickets);

/*
 * server_hold() - leaves new connections waiting, until it is called with false:
 * handshakes have begun, and not ended
 */
void server_hold(struct server *server, bool hold);

/* server_await_hellos() - waits until it has seen so many */
void server_await_hellos(struct server *server, unsigned int hellos);

/*
 * server_await_idle() - waits until all connections so far are over, and no thread
 * of the server's uses OpenSSL: a child of fork() can count on OpenSSL only then
 */
void server_await_idle(struct server *server);

/* server_refuse() - answers the next ClientHello with this alert, or otherwise */
void server_refuse(struct server *server, int alert);
#define REFUSE_RESET	-1
#define REFUSE_NO_TLS	-2	/* something that is not TLS */

/* For server_config.tune: tickets with a lifetime hint of 0, or so many bytes larger */
void server_gives_no_lifetime(SSL_CTX *ctx);
#ifndef OPENSSL_IS_BORINGSSL
extern size_t server_ticket_padding;
void server_pads_tickets(SSL_CTX *ctx);
#endif

#endif
