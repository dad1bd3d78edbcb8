/*
 * What the tests use of OpenSSL's API and BoringSSL has in another way.
 * Included before everything else where that is the backend.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_BORINGSSL_H
#define LWS_TLS_SESSIONS_TESTS_BORINGSSL_H

#include <string.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

/* BoringSSL's stores have lost their functions, but for the verify callback, and its getter */
#if defined(OPENSSL_IS_AWSLC)
#define OPENSSL_IS_BORINGSSL		/* with its API */
#define WITHOUT_STORE_FUNCTIONS
#elif BORINGSSL_API_VERSION > 19
#define WITHOUT_STORE_FUNCTIONS
#define WITHOUT_STORE_CALLBACK_GETTER
#endif

#define SSL_OP_ENABLE_MIDDLEBOX_COMPAT	0
#ifndef SSL_OP_IGNORE_UNEXPECTED_EOF
#define SSL_OP_IGNORE_UNEXPECTED_EOF	0
#endif

#define TLSEXT_TYPE_psk			TLSEXT_TYPE_pre_shared_key

#define SSL_CTX_set1_groups_list	SSL_CTX_set1_curves_list
#define SSL_CTX_load_verify_dir(ctx, dir) SSL_CTX_load_verify_locations(ctx, NULL, dir)
#define SSL_add1_host(ssl, host) \
	X509_VERIFY_PARAM_add1_host(SSL_get0_param(ssl), host, strlen(host))
#define ERR_raise_data(lib, reason, ...) ERR_put_error(lib, 0, reason, __FILE__, __LINE__)

/* TLS 1.3 has a timeout of its own */
#define SSL_CTX_set_timeout(ctx, seconds)						\
	(SSL_CTX_set_session_psk_dhe_timeout(ctx, (uint32_t)(seconds)),			\
	 (SSL_CTX_set_timeout)(ctx, (uint32_t)(seconds)))

#ifndef OPENSSL_IS_AWSLC
X509 *SSL_get0_peer_certificate(const SSL *ssl);
#endif

/* not for each ticket: the server gives all of them a lifetime of zero */
void SSL_CTX_set_session_ticket_cb(SSL_CTX *ctx, int (*on_new)(SSL *ssl, void *arg),
				   void *on_decrypted, void *arg);

/* a server sends its tickets right after the handshake, or never: 0 */
int SSL_new_session_ticket(SSL *ssl);

/* one callback for all, and on an error the alert is always handshake_failure */
#define SSL_CLIENT_HELLO_SUCCESS	1
#define SSL_CLIENT_HELLO_ERROR		0
#define SSL_CLIENT_HELLO_RETRY		(-1)
void SSL_CTX_set_client_hello_cb(SSL_CTX *ctx, int (*cb)(SSL *ssl, int *alert, void *arg),
				 void *arg);

/* only to be called from that callback */
int SSL_client_hello_get0_ext(SSL *ssl, unsigned int type, const unsigned char **data,
			      size_t *len);

/*
 * Only ids of sessions that a server has noted: clients that can speak TLS 1.3
 * send a random one where they offer nothing.
 */
size_t SSL_client_hello_get0_session_id(SSL *ssl, const unsigned char **id);
void boringssl_note_session(SSL *ssl);

#endif
