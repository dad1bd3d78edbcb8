#include <stdio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <lws-tls-sessions.h>

int main(int argc, char **argv) /* store host port [ca-file] */
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	BIO *bio = BIO_new_ssl_connect(ctx);
	char byte;
	SSL *ssl;

	if (argc < 4 || lws_tls_session_vhost_attach(vh, ctx))
		return 1;
	lws_tls_session_vhost_store(vh, argv[1]); /* one call more; the log says why if it fails */
	if (!SSL_CTX_load_verify_locations(ctx, argc > 4 ? argv[4] : NULL, "/etc/ssl/certs"))
		return 1;
	BIO_get_ssl(bio, &ssl);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), argv[2], 0);
	SSL_set_tlsext_host_name(ssl, argv[2]);
	BIO_set_conn_hostname(bio, argv[2]);
	BIO_set_conn_port(bio, argv[3]);
	if (BIO_do_handshake(bio) != 1)
		return ERR_print_errors_fp(stderr), 1;
	puts(SSL_session_reused(ssl) ? "resumed" : "full handshake");
	return BIO_puts(bio, "GET / HTTP/1.0\r\n\r\n") <= 0 || BIO_read(bio, &byte, 1) <= 0;
}
