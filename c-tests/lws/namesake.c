/*
 * A library that is not libwebsockets, but has functions by the names of its own. With
 * BoringSSL, it is on that.
 */

struct lws_context;

#if defined(WITH_BORINGSSL)
#include <openssl/ssl.h>
#endif

struct lws_context *
lws_create_context(const void *info);

int
lws_tls_session_is_reused(void *wsi);

struct lws_context *
lws_create_context(const void *info)
{
#if defined(WITH_BORINGSSL)
	SSL_CTX_free(SSL_CTX_new(TLS_client_method()));
#endif

	return (struct lws_context *)info;
}

int
lws_tls_session_is_reused(void *wsi)
{
	return *(int *)wsi;
}
