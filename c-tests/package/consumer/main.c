/* Prints the version of the library, after it has done something with it */

#include <stdio.h>

#include <lws-tls-sessions.h>

#if defined(LWS_TLS_SESSIONS_MBEDTLS)
#include <mbedtls/ssl.h>

static int use(struct lws_vhost *vh)
{
	mbedtls_ssl_context ssl;
	struct lws *wsi;

	/* one that is not set up is refused */
	mbedtls_ssl_init(&ssl);
	lws_tls_session_set_log_level(0, NULL);
	wsi = lws_tls_session_wsi_create_mbedtls(vh, &ssl, "localhost", 443);
	mbedtls_ssl_free(&ssl);
	return wsi ? -1 : 0;
}
#else
#include <openssl/ssl.h>

static int use(struct lws_vhost *vh)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int result = lws_tls_session_vhost_attach(vh, ctx);

	SSL_CTX_free(ctx);
	return result;
}
#endif

int main(void)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	int result = use(vh);

	lws_tls_session_vh_destroy(vh);
	puts(lws_tls_session_version());
	return result ? 1 : 0;
}
