/*
 * A server, a client's SSL_CTX and a vhost that has a session of theirs.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_STAGE_H
#define LWS_TLS_SESSIONS_TESTS_STAGE_H

#include <stdint.h>

#include <openssl/ssl.h>

#include <lws-tls-sessions.h>

#include "certs.h"

struct stage {
	SSL_CTX			*server;
	SSL_CTX			*ctx;
	struct lws_vhost	*vh;
};

/* stage_server() - a server of one version; the caller's to free */
SSL_CTX *stage_server(int version, const struct cert *cert);

/* stage_up() - options are the vhost's */
void stage_up(struct stage *stage, int version, uint64_t options);
void stage_down(struct stage *stage);

/* expect_another_host() - a name that no peer has */
void expect_another_host(SSL *ssl);

#endif
