/*
 * lws-tls-sessions demo: a TLS server thread, and its certificate
 *
 * SPDX-License-Identifier: MIT
 */

#include "demo.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct demo_server {
	SSL_CTX		*ctx;
	X509		*ca;
	pthread_t	thread;
	int		listener;
};

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX v3;
	int ok;

	X509V3_set_ctx(&v3, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_nconf_nid(NULL, &v3, nid, value);
	ok = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return ok;
}

/* A certificate that is valid for a day; a NULL issuer: it signs itself, as a CA */
static X509 *make_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_NAME_new();

	if (!cert || !subject || !X509_set_version(cert, X509_VERSION_3) ||
	    !ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer ? 2 : 1) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -60) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 60 * 60) ||
	    !X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
					(const unsigned char *)name, -1, -1, 0) ||
	    !X509_set_subject_name(cert, subject) ||
	    !X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject) ||
	    !X509_set_pubkey(cert, key) ||
	    !(issuer ? add_extension(cert, issuer, NID_subject_alt_name, "DNS:localhost") :
		       add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE")) ||
	    !X509_sign(cert, issuer_key, EVP_sha256())) {
		X509_free(cert);
		cert = NULL;
	}
	X509_NAME_free(subject);
	return cert;
}

static EVP_PKEY *make_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) != 1 ||
	    EVP_PKEY_keygen(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Gives the SSL_CTX a new certificate, and returns that of the CA that issued it */
static X509 *use_new_certificate(SSL_CTX *ctx)
{
	EVP_PKEY *ca_key = make_key(), *key = make_key();
	X509 *ca = NULL, *cert = NULL;

	if (ca_key && key)
		ca = make_certificate("demo CA", ca_key, NULL, ca_key);
	if (ca)
		cert = make_certificate("localhost", key, ca, ca_key);
	if (!cert || SSL_CTX_use_certificate(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1) {
		X509_free(ca);
		ca = NULL;
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return ca;
}

static int listen_on_loopback(uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&address, &len)) {
		close(fd);
		return -1;
	}
	*port = ntohs(address.sin_port);
	return fd;
}

static void serve_connection(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);
	int on = 1;
	char byte;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (ssl && SSL_set_fd(ssl, fd) && SSL_accept(ssl) == 1) {
		SSL_write(ssl, "!", 1);
		while (SSL_read(ssl, &byte, 1) > 0)
			;
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	ERR_clear_error();
	close(fd);
}

static void *serve(void *arg)
{
	struct demo_server *server = arg;
	int fd;

	/* until demo_server_stop() shuts the listener down */
	while ((fd = accept(server->listener, NULL, NULL)) >= 0)
		serve_connection(server->ctx, fd);
	return NULL;
}

static void server_free(struct demo_server *server)
{
	if (server->listener >= 0)
		close(server->listener);
	SSL_CTX_free(server->ctx);
	X509_free(server->ca);
	free(server);
}

struct demo_server *demo_server_start(struct demo_target *target)
{
	static const unsigned char id_context[] = "demo";
	struct demo_server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->listener = -1;
	server->ctx = SSL_CTX_new(TLS_server_method());
	if (server->ctx) {
		SSL_CTX_set_session_id_context(server->ctx, id_context, sizeof(id_context) - 1);
		server->ca = use_new_certificate(server->ctx);
	}
	if (!server->ca) {
		fputs("demo: the server's certificate could not be made\n", stderr);
		ERR_print_errors_fp(stderr);
		server_free(server);
		return NULL;
	}

	server->listener = listen_on_loopback(&target->port);
	if (server->listener < 0 || pthread_create(&server->thread, NULL, serve, server)) {
		perror("demo: the server could not be started on 127.0.0.1");
		server_free(server);
		return NULL;
	}

	strcpy(target->host, "localhost");
	target->ca = server->ca;
	target->speaks_first = 1;
	return server;
}

void demo_server_stop(struct demo_server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	server_free(server);
}
