/*
 * The OpenSSL objects behind a client and its connections.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_CLIENT_OPENSSL_H
#define LWS_TLS_SESSIONS_TESTS_CLIENT_OPENSSL_H

#include <openssl/ssl.h>

#include "blob.h"
#include "client.h"

/* TLSv1_2_method() and the like */
#if OPENSSL_VERSION_NUMBER >= 0x40000000L
#define WITHOUT_METHODS_OF_ONE_VERSION
#endif

/* client_of_method() - as client_new(), with this method, which may fix the version */
struct client *client_of_method(const SSL_METHOD *method, const struct client_config *config);

SSL_CTX *client_ctx(struct client *client);
SSL *conn_ssl(struct conn *conn);
const struct dial *conn_dial(const struct conn *conn);

/* verify callbacks: as it verifies; it does, and no error is left; it does not */
int verify_pass(int ok, X509_STORE_CTX *ctx);
int verify_force(int ok, X509_STORE_CTX *ctx);
int verify_refuse(int ok, X509_STORE_CTX *ctx);

/* a security callback that allows all */
int security_allow(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other,
		   void *ex);

/*
 * unnamed() - a function of OpenSSL's by its name, which the program does not have then
 *
 * Where a program names a setter without a getter, the library takes it for used, and
 * offers less in the whole process. To be stored by a (void **) to a pointer to a
 * function, as POSIX has it.
 */
void *unnamed(const char *function);

/* blob_by_hand() - what an app by itself would save of a connection to a server */
struct blob blob_by_hand(struct server *server, int version);

#endif
