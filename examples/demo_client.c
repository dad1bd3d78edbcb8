/*
 * lws-tls-sessions demo: the client
 *
 * SPDX-License-Identifier: MIT
 *
 * The two calls to the library that matter are in client_init().
 */

#include "demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <lws-tls-sessions.h>

struct client {
	const struct demo_target	*target;
	enum demo_protocol		protocol;
	SSL_CTX				*ctx;
	struct lws_vhost		*vh;		/* NULL: without the cache */
	int				host_is_ip;
};

static const char *openssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "no reason given";
}

/* What is wrong with the server's certificate. BoringSSL has a result before there is one */
static long certificate_error(SSL *ssl)
{
	long result = SSL_get_verify_result(ssl);

	return result == X509_V_ERR_INVALID_CALL ? X509_V_OK : result;
}

static void explain_handshake(SSL *ssl, int result, int errno_then, char *error, size_t error_len)
{
	long verified = certificate_error(ssl);

	if (verified != X509_V_OK)
		snprintf(error, error_len, "the server's certificate is not trusted: %s",
			 X509_verify_cert_error_string(verified));
	else if (SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ)
		snprintf(error, error_len, "no answer within %d s", DEMO_PATIENCE_S);
	else if (ERR_peek_last_error())
		snprintf(error, error_len, "%s", openssl_reason());
	else
		snprintf(error, error_len, "the server hung up: %s",
			 errno_then ? strerror(errno_then) : "end of file");
}

/*
 * With TLS 1.3 the sessions come after the handshake, along with the first data: so there
 * has to be some. A server that waits for its client is asked as a web server would be.
 */
static void await_session(const struct client *client, SSL *ssl)
{
	char byte;

	if (!client->target->speaks_first) {
		if (client->protocol == DEMO_TLS_1_2)
			return;
		SSL_write(ssl, DEMO_REQUEST, strlen(DEMO_REQUEST));
		demo_set_timeout(SSL_get_fd(ssl), SO_RCVTIMEO, DEMO_REPLY_WAIT_S);
	}
	SSL_read(ssl, &byte, 1);
}

static SSL *new_connection(const struct client *client, int fd)
{
	const struct demo_target *target = client->target;
	SSL *ssl = SSL_new(client->ctx);

	if (!ssl)
		return NULL;
	if (SSL_set_fd(ssl, fd) != 1 ||
	    (client->host_is_ip ?
		!X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), target->host) :
		!X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), target->host,
					      strlen(target->host)) ||
		!SSL_set_tlsext_host_name(ssl, target->host)) ||
	    /* there is no SNI with an address, so the endpoint has to be told */
	    (client->vh && client->host_is_ip &&
		!lws_tls_session_wsi_create(client->vh, ssl, target->host, target->port))) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

/* One connection. Returns 0, or -1 with run->error set */
static int connect_once(const struct client *client, struct demo_run *run)
{
	double start, time;
	int fd, result;
	SSL *ssl;

	fd = demo_connect(client->target, run->error, sizeof(run->error));
	if (fd < 0)
		return -1;
	ssl = new_connection(client, fd);
	if (!ssl) {
		snprintf(run->error, sizeof(run->error), "%s", openssl_reason());
		close(fd);
		return -1;
	}

	ERR_clear_error();
	errno = 0;
	start = demo_now_us();
	result = SSL_connect(ssl);
	time = demo_now_us() - start;

	if (result != 1) {
		explain_handshake(ssl, result, errno, run->error, sizeof(run->error));
		/* a certificate that is not trusted is so with any protocol */
		run->refused = !run->full && certificate_error(ssl) == X509_V_OK;
	} else {
		if (SSL_session_reused(ssl))
			run->resumed_us[run->resumed++] = time;
		else
			run->full_us[run->full++] = time;
		await_session(client, ssl);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	ERR_clear_error();
	close(fd);
	return result == 1 ? 0 : -1;
}

static int trust(SSL_CTX *ctx, const struct demo_target *target)
{
	if (target->ca)
		return X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), target->ca);
	if (target->ca_file)
		return SSL_CTX_load_verify_locations(ctx, target->ca_file, NULL);
	return SSL_CTX_set_default_verify_paths(ctx);
}

static int client_init(struct client *client, int cached, struct demo_run *run)
{
	int version = client->protocol == DEMO_TLS_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
	const struct demo_target *target = client->target;
	unsigned char address[sizeof(struct in6_addr)];

	client->host_is_ip = inet_pton(AF_INET, target->host, address) == 1 ||
			     inet_pton(AF_INET6, target->host, address) == 1;
	client->ctx = SSL_CTX_new(TLS_client_method());
	if (!client->ctx || !SSL_CTX_set_min_proto_version(client->ctx, version) ||
	    !SSL_CTX_set_max_proto_version(client->ctx, version)) {
		snprintf(run->error, sizeof(run->error), "%s", openssl_reason());
		return -1;
	}
	SSL_CTX_set_verify(client->ctx, SSL_VERIFY_PEER, NULL);
	if (trust(client->ctx, target) != 1) {
		snprintf(run->error, sizeof(run->error), "%s: %s",
			 target->ca_file ? target->ca_file : "the trusted certificates",
			 openssl_reason());
		return -1;
	}

	if (cached) {
		struct lws_tls_session_vhost_info info = {
			.vhost_name = "demo",
			.options = target->allow_tickets ? LWS_TLS_SESSION_OPTION_ALLOW_TICKETS : 0,
		};

		client->vh = lws_tls_session_vhost_create(&info);
		if (lws_tls_session_vhost_attach(client->vh, client->ctx)) {
			snprintf(run->error, sizeof(run->error), "the cache could not be attached");
			return -1;
		}
		if (target->store && lws_tls_session_vhost_store(client->vh, target->store)) {
			snprintf(run->error, sizeof(run->error), "the store was refused");
			return -1;
		}
	}
	return 0;
}

int demo_client_run(const struct demo_target *target, enum demo_protocol protocol, int cached,
		    struct demo_run *run)
{
	struct client client = { .target = target, .protocol = protocol };
	int result = client_init(&client, cached, run);
	unsigned int i;

	for (i = 0; i < run->connections && !result; i++) {
		result = connect_once(&client, run);
		if (!result)
			demo_report_progress(protocol, cached ? "cache on:" : "cache off:", run);
	}

	SSL_CTX_free(client.ctx);
	if (client.vh)
		lws_tls_session_vh_destroy(client.vh);
	return result;
}
