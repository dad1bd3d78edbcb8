/* Prints the version of the library, after it has done something with it */

#include <stdio.h>

#include <openssl/ssl.h>

#include <lws-tls-sessions.h>

int main(void)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int result = lws_tls_session_vhost_attach(vh, ctx);

	SSL_CTX_free(ctx);
	lws_tls_session_vh_destroy(vh);
	puts(lws_tls_session_version());
	return result ? 1 : 0;
}
