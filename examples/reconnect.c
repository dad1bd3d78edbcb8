#include <stdio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <lws-tls-sessions.h>

int main(int argc, char **argv) /* host port [ca-file] */
{
	struct lws_tls_session_vhost_info info = { .tls_session_cache_max = 100 };
	struct lws_vhost *vh = lws_tls_session_vhost_create(&info);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (argc < 3 || lws_tls_session_vhost_attach(vh, ctx)) /* the one call */
		return 1;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_verify_paths(ctx);
	if (argc > 3 && !SSL_CTX_load_verify_file(ctx, argv[3]))
		return 1;

	for (int i = 0; i < 3; i++) { /* from here on it is OpenSSL as ever */
		BIO *bio = BIO_new_ssl_connect(ctx);
		char buf[4096];
		SSL *ssl;

		BIO_get_ssl(bio, &ssl);
		SSL_set_tlsext_host_name(ssl, argv[1]);
		X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), argv[1], 0);
		BIO_set_conn_hostname(bio, argv[1]);
		BIO_set_conn_port(bio, argv[2]);
		if (BIO_do_handshake(bio) != 1)
			return ERR_print_errors_fp(stderr), 1;
		puts(SSL_session_reused(ssl) ? "resumed" : "full handshake");
		BIO_printf(bio, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", argv[1]);
		while (BIO_read(bio, buf, sizeof(buf)) > 0)
			; /* with TLS 1.3 the session arrives along with the reply */
		BIO_free_all(bio);
	}
	SSL_CTX_free(ctx);
	lws_tls_session_vh_destroy(vh);
}
