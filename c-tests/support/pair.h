/*
 * A client and a server of this thread, with memory in between: for what needs
 * a hand on both ends at once.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_PAIR_H
#define LWS_TLS_SESSIONS_TESTS_PAIR_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "client.h"

struct pair {
	SSL	*client, *server;
};

#define PAIR_PORT	443

/* pair_server_ctx() - a server's SSL_CTX, see server.h; the caller's to free */
SSL_CTX *pair_server_ctx(const struct server_config *config);

/*
 * pair_new() - both ends, before their handshake
 *
 * The client expects HOST; where vh is not NULL it is told to the library, as
 * HOST and PAIR_PORT.
 */
struct pair pair_new(SSL_CTX *client, SSL_CTX *server, struct lws_vhost *vh);

/* pair_server() - another server for the same client, which SSL_clear() has made new */
void pair_server(struct pair *pair, SSL_CTX *server);

/* pair_run() - lets both do what they can: false where the client's handshake does not end */
bool pair_run(struct pair *pair);

/* pair_greet() - the server sends a byte, and with it all tickets that it has to send */
bool pair_greet(struct pair *pair);

/* pair_talk() - both of these, and the error queue is empty */
bool pair_talk(struct pair *pair);

int pair_outcome(const struct pair *pair);

void pair_close(struct pair *pair);		/* with close_notify from both */
void pair_drop(struct pair *pair);		/* without */

#endif
