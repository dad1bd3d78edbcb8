/*
 * What a TLS client app does, in the few words that every backend can speak.
 *
 * client_openssl.c is the one for OpenSSL; topics that need SSL and SSL_CTX
 * themselves include client_openssl.h. client_mbedtls.c and .h are the same for
 * mbedTLS.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_CLIENT_H
#define LWS_TLS_SESSIONS_TESTS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <lws-tls-sessions.h>

#include "check.h"
#include "server.h"

/* whether the TLS library has this version; TLS 1.3; the newest that the tests know */
bool client_speaks(int version);
bool client_speaks_tls13(void);
int client_newest(void);

/*
 * client_attaches() - whether clients are attached to vhosts
 *
 * mbedTLS has nothing that could be, and tells nobody whom its connections go to: there,
 * each of them is told to the library, by its client.
 */
bool client_attaches(void);

/* what an app sets up once: OpenSSL's SSL_CTX */
struct client_config {
	int			version;	/* TLS1_2_VERSION or TLS1_3_VERSION; 0: both */
	const struct cert	*trust;		/* NULL: pki()->root */
	bool			lax;		/* does not verify the server */
	bool			tickets;	/* TLS 1.2's, where it is the app that asks for them */
	const struct cert	*identity;	/* client certificate */
	bool			any_role;	/* what could be a server as well: TLS_method() */
	struct lws_vhost	*vh;		/* attached to it; NULL: to none */
	long			lifetime;	/* s, by the TLS library; 0: its default */
};

struct client *client_new(const struct client_config *config);
void client_free(struct client *client);

/* client_attach() - to one more vhost */
void client_attach(struct client *client, struct lws_vhost *vh);

/* client_default_lifetime() - seconds that the TLS library lets a session live by itself */
long client_default_lifetime(int version);

/* client_saves_peer() - whether sessions as the TLS library saves them have the certificate */
bool client_saves_peer(int version);

struct conn;

/* who the client connects to, and how */
struct dial {
	struct server		*server;
	uint16_t		port;		/* where server is NULL */
	const char		*host;		/* SNI, and what is verified; NULL: HOST */
	const char		*ip;		/* instead: no SNI, the address is verified */
	struct lws_vhost	*vh;		/* lws_tls_session_wsi_create() with the endpoint */
	const char		*endpoint_host;	/* ... if it is another than host or ip */
	uint16_t		endpoint_port;	/* ... and port */
	bool			nonblocking;
	bool			memory;		/* through memory BIOs, the library sees no socket */
	const struct cert	*identity;	/* client certificate of this connection alone */
	void			(*tune)(struct conn *conn);	/* last, before the handshake */
	bool			silent;		/* the client closes without close_notify */
	bool			waits;		/* ... after the server has hung up */
};

/* conn_new() - connects, and makes the TLS object; the handshake has not begun */
struct conn *conn_new(struct client *client, const struct dial *dial);

/* conn_start() - begins the handshake and sends the ClientHello, without waiting (nonblocking) */
void conn_start(struct conn *conn);

/* conn_handshake() - false: it failed */
bool conn_handshake(struct conn *conn);

/* conn_read_byte(), conn_read_line() - false: the connection ended or broke instead */
bool conn_read_byte(struct conn *conn, char *byte);
bool conn_read_line(struct conn *conn, char *line, size_t size);

/* conn_greet() - both: with the greeting the TLS 1.3 tickets have come */
bool conn_greet(struct conn *conn);

/* conn_open() - a new connection, and that; it must succeed */
struct conn *conn_open(struct client *client, const struct dial *dial);

bool conn_send(struct conn *conn, const char *text);

/* conn_order() - tells the server to do something, waits for its "ok" */
bool conn_order(struct conn *conn, const char *order);

/* conn_spoil() - sends a record that does not decrypt: the server sends a fatal alert */
void conn_spoil(struct conn *conn);

/* conn_fall_silent() - nothing more can be sent */
void conn_fall_silent(struct conn *conn);

bool conn_resumed(struct conn *conn);		/* as the TLS library sees it */
struct lws *conn_wsi(struct conn *conn);

/* conn_close() - in the manner of the dial, and frees it */
void conn_close(struct conn *conn);

/* conn_drop() - closes the socket and frees the TLS object, no more */
void conn_drop(struct conn *conn);

/*
 * visit() - one connection from begin to end: connect, handshake, read the
 * greeting, close; returns the outcome, or -1 where the connection failed.
 * NONE: the library does not serve the connection.
 *
 * On the way it checks that all agree on what happened: the TLS library,
 * lws_tls_session_is_reused(), the outcome, and a server that is alone with us.
 */
int visit(struct client *client, const struct dial *dial);

/* visits() - how many of so many resumed; each must succeed */
unsigned int visits(struct client *client, const struct dial *dial, unsigned int count);

/* CHECK_VISIT() - a visit of that outcome, by its name: CHECK_VISIT(client, &dial, RESUMED) */
#define CHECK_VISIT(client, dial, expected)				\
	CHECK_OUTCOME(visit(client, dial), expected)
#define CHECK_OUTCOME(outcome, expected)				\
	CHECK_STR(outcome_or_failure(outcome),				\
		  outcome_or_failure(LWS_TLS_SESSION_OUTCOME_##expected))
#define CHECK_FAILS(client, dial)					\
	CHECK_STR(outcome_or_failure(visit(client, dial)), outcome_or_failure(-1))

const char *outcome_or_failure(int outcome);

#endif
