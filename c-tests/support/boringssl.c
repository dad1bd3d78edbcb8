#include "boringssl.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define MAX_NOTED	1024

#ifndef OPENSSL_IS_AWSLC
X509 *SSL_get0_peer_certificate(const SSL *ssl)
{
	X509 *x509 = SSL_get_peer_certificate(ssl);

	X509_free(x509);

	return x509;
}
#endif

void SSL_CTX_set_session_ticket_cb(SSL_CTX *ctx, int (*on_new)(SSL *ssl, void *arg),
				   void *on_decrypted, void *arg)
{
	(void)on_new;
	(void)on_decrypted;
	(void)arg;

	SSL_CTX_set_session_psk_dhe_timeout(ctx, 0);
}

int SSL_new_session_ticket(SSL *ssl)
{
	(void)ssl;

	return 0;
}

static int (*client_hello_cb)(SSL *ssl, int *alert, void *arg);
static _Thread_local const SSL_CLIENT_HELLO *client_hello;

static enum ssl_select_cert_result_t on_select_certificate(const SSL_CLIENT_HELLO *hello)
{
	int alert, result;

	client_hello = hello;
	result = client_hello_cb(hello->ssl, &alert, NULL);

	return result == SSL_CLIENT_HELLO_SUCCESS ? ssl_select_cert_success :
	       result == SSL_CLIENT_HELLO_RETRY ? ssl_select_cert_retry :
						  ssl_select_cert_error;
}

void SSL_CTX_set_client_hello_cb(SSL_CTX *ctx, int (*cb)(SSL *ssl, int *alert, void *arg),
				 void *arg)
{
	(void)arg;

	if (cb)
		client_hello_cb = cb;
	SSL_CTX_set_select_certificate_cb(ctx, cb ? on_select_certificate : NULL);
}

int SSL_client_hello_get0_ext(SSL *ssl, unsigned int type, const unsigned char **data,
			      size_t *len)
{
	(void)ssl;

	return SSL_early_callback_ctx_extension_get(client_hello, (uint16_t)type, data, len);
}

/* the last ids, of all servers */
static struct id {
	uint8_t		bytes[SSL_MAX_SSL_SESSION_ID_LENGTH];
	size_t		len;
} noted[MAX_NOTED];
static unsigned int notes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void boringssl_note_session(SSL *ssl)
{
	unsigned int len;
	const uint8_t *bytes = SSL_SESSION_get_id(SSL_get_session(ssl), &len);
	struct id *id;

	pthread_mutex_lock(&lock);
	id = &noted[notes++ % MAX_NOTED];
	memcpy(id->bytes, bytes, len);
	id->len = len;
	pthread_mutex_unlock(&lock);
}

static bool is_noted(const uint8_t *bytes, size_t len)
{
	bool found = false;
	int n;

	pthread_mutex_lock(&lock);
	for (n = 0; n < MAX_NOTED && !found; n++)
		found = len && noted[n].len == len && !memcmp(noted[n].bytes, bytes, len);
	pthread_mutex_unlock(&lock);

	return found;
}

size_t SSL_client_hello_get0_session_id(SSL *ssl, const unsigned char **id)
{
	(void)ssl;

	*id = client_hello->session_id;

	return is_noted(*id, client_hello->session_id_len) ? client_hello->session_id_len : 0;
}
