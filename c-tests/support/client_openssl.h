/*
 * The OpenSSL objects behind a client and its connections.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_CLIENT_OPENSSL_H
#define LWS_TLS_SESSIONS_TESTS_CLIENT_OPENSSL_H

#include <openssl/ssl.h>

#include "client.h"

SSL_CTX *client_ctx(struct client *client);
SSL *conn_ssl(struct conn *conn);
const struct dial *conn_dial(const struct conn *conn);

#endif
