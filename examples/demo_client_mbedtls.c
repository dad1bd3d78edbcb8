/*
 * lws-tls-sessions demo: the client, on mbedTLS
 *
 * SPDX-License-Identifier: MIT
 *
 * The calls to the library that matter are in connect_once() and await_session().
 */

#include "demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

#include <lws-tls-sessions.h>

#define SYSTEM_CA_FILE	"/etc/ssl/certs/ca-certificates.crt"

struct client {
	const struct demo_target	*target;
	enum demo_protocol		protocol;
	mbedtls_entropy_context		entropy;
	mbedtls_ctr_drbg_context	random;
	mbedtls_x509_crt		trusted;
	mbedtls_ssl_config		conf;
	struct lws_vhost		*vh;		/* NULL: without the cache */
};

static int speaks(enum demo_protocol protocol)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && defined(MBEDTLS_SSL_PROTO_TLS1_3)
	(void)protocol;
	return 1;
#else
	return protocol == DEMO_TLS_1_2;
#endif
}

static int verifies_addresses(void)
{
	return MBEDTLS_VERSION_NUMBER >= 0x03050000;
}

static void set_protocol(mbedtls_ssl_config *conf, enum demo_protocol protocol)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	mbedtls_ssl_protocol_version version = protocol == DEMO_TLS_1_2 ?
		MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3;

	mbedtls_ssl_conf_min_tls_version(conf, version);
	mbedtls_ssl_conf_max_tls_version(conf, version);
#else
	(void)protocol;
	mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3,
				     MBEDTLS_SSL_MINOR_VERSION_3);
#endif
#if defined(MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED)
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(conf,
			MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
}

static void explain(const char *what, int ret, char *error, size_t error_len)
{
	char reason[160];

	mbedtls_strerror(ret, reason, sizeof(reason));
	snprintf(error, error_len, "%s%s (-0x%04x)", what, reason, (unsigned int)-ret);
}

static void explain_handshake(const mbedtls_ssl_context *ssl, int ret, char *error, size_t error_len)
{
	uint32_t result = mbedtls_ssl_get_verify_result(ssl);
	char reason[256];

	if (ret == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
		mbedtls_x509_crt_verify_info(reason, sizeof(reason), "", result);
		reason[strcspn(reason, "\n")] = '\0';
		snprintf(error, error_len, "the server's certificate is not trusted: %s", reason);
	} else if (ret == MBEDTLS_ERR_SSL_WANT_READ) {
		snprintf(error, error_len, "no answer within %d s", DEMO_PATIENCE_S);
	} else {
		explain("", ret, error, error_len);
	}
}

/*
 * With TLS 1.3 the sessions come after the handshake, along with the first data: so there
 * has to be some. mbedTLS says of each that it has come, and so the library is told.
 */
static void await_session(const struct client *client, mbedtls_ssl_context *ssl, int fd,
			  struct lws *wsi)
{
	unsigned char byte;
	int ret;

	if (!client->target->speaks_first) {
		if (client->protocol == DEMO_TLS_1_2)
			return;
		mbedtls_ssl_write(ssl, (const unsigned char *)DEMO_REQUEST, strlen(DEMO_REQUEST));
		demo_set_timeout(fd, SO_RCVTIMEO, DEMO_REPLY_WAIT_S);
	}
	do {
		errno = 0;
		ret = mbedtls_ssl_read(ssl, &byte, 1);
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		if (ret == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
			if (wsi)
				lws_tls_session_wsi_new_session(wsi);
			ret = MBEDTLS_ERR_SSL_WANT_READ;
		}
#else
		(void)wsi;
#endif
	} while (ret == MBEDTLS_ERR_SSL_WANT_READ && errno != EAGAIN);
}

/* The handshake; 0, or why not. A socket that was told to wait no longer gives EAGAIN. */
static int handshake(mbedtls_ssl_context *ssl)
{
	int ret;

	do {
		errno = 0;
		ret = mbedtls_ssl_handshake(ssl);
	} while ((ret == MBEDTLS_ERR_SSL_WANT_READ || ret == MBEDTLS_ERR_SSL_WANT_WRITE) &&
		 errno != EAGAIN);
	return ret;
}

/*
 * Whether a handshake resumed is for the library to say; without it none does, since no
 * session is ever set.
 */
static int connect_once(struct client *client, struct demo_run *run)
{
	const struct demo_target *target = client->target;
	mbedtls_net_context net = { .fd = demo_connect(target, run->error, sizeof(run->error)) };
	mbedtls_ssl_context ssl;
	struct lws *wsi = NULL;
	double start, time;
	int ret;

	if (net.fd < 0)
		return -1;
	mbedtls_ssl_init(&ssl);
	ret = mbedtls_ssl_setup(&ssl, &client->conf);
	if (!ret)
		ret = mbedtls_ssl_set_hostname(&ssl, target->host);
	if (ret) {
		explain("", ret, run->error, sizeof(run->error));
		goto done;
	}
	mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
	if (client->vh)
		wsi = lws_tls_session_wsi_create_mbedtls(client->vh, &ssl, target->host,
							 target->port);

	start = demo_now_us();
	if (wsi)
		lws_tls_reuse_session(wsi);
	ret = handshake(&ssl);
	time = demo_now_us() - start;
	if (ret) {
		if (wsi)
			lws_tls_session_wsi_failed(wsi, ret);
		explain_handshake(&ssl, ret, run->error, sizeof(run->error));
		/* a certificate that is not trusted is so with any protocol */
		run->refused = !run->full && ret != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
		goto done;
	}
	if (wsi)
		lws_tls_session_wsi_established(wsi);
	if (wsi && lws_tls_session_is_reused(wsi))
		run->resumed_us[run->resumed++] = time;
	else
		run->full_us[run->full++] = time;
	await_session(client, &ssl, net.fd, wsi);
	mbedtls_ssl_close_notify(&ssl);
done:
	if (wsi)
		lws_tls_session_wsi_destroy(wsi);
	mbedtls_ssl_free(&ssl);
	close(net.fd);
	return ret ? -1 : 0;
}

static int trust(mbedtls_x509_crt *trusted, const struct demo_target *target)
{
	unsigned char *der = NULL;
	int len, ret;

	if (!target->ca) {
		/* more than 0: some of the system's are of kinds it does not know */
		ret = mbedtls_x509_crt_parse_file(trusted,
				target->ca_file ? target->ca_file : SYSTEM_CA_FILE);
		return ret > 0 && target->ca_file ? MBEDTLS_ERR_X509_INVALID_FORMAT :
		       ret > 0 ? 0 : ret;
	}
	len = i2d_X509(target->ca, &der);
	if (len < 0)
		return MBEDTLS_ERR_X509_INVALID_FORMAT;
	ret = mbedtls_x509_crt_parse_der(trusted, der, (size_t)len);
	OPENSSL_free(der);
	return ret;
}

static int client_init(struct client *client, int cached, struct demo_run *run)
{
	const struct demo_target *target = client->target;
	unsigned char address[sizeof(struct in6_addr)];
	int ret;

	if (!speaks(client->protocol)) {
		snprintf(run->error, sizeof(run->error), "mbedTLS %s does not speak it",
			 MBEDTLS_VERSION_STRING);
		run->refused = 1;
		return -1;
	}
	if (!verifies_addresses() && (inet_pton(AF_INET, target->host, address) == 1 ||
				      inet_pton(AF_INET6, target->host, address) == 1)) {
		snprintf(run->error, sizeof(run->error),
			 "mbedTLS %s can verify names only, no addresses", MBEDTLS_VERSION_STRING);
		return -1;
	}
	ret = mbedtls_ctr_drbg_seed(&client->random, mbedtls_entropy_func, &client->entropy,
				    NULL, 0);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	if (!ret && psa_crypto_init() != PSA_SUCCESS)
		ret = MBEDTLS_ERR_ERROR_GENERIC_ERROR;
#endif
	if (!ret)
		ret = mbedtls_ssl_config_defaults(&client->conf, MBEDTLS_SSL_IS_CLIENT,
				MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	if (ret) {
		explain("", ret, run->error, sizeof(run->error));
		return -1;
	}
	ret = trust(&client->trusted, target);
	if (ret) {
		explain(target->ca_file ? "--ca: " : "the trusted certificates: ", ret,
			run->error, sizeof(run->error));
		return -1;
	}
	mbedtls_ssl_conf_ca_chain(&client->conf, &client->trusted, NULL);
	mbedtls_ssl_conf_rng(&client->conf, mbedtls_ctr_drbg_random, &client->random);
	/* without them TLS 1.2 resumes by session ID */
	mbedtls_ssl_conf_session_tickets(&client->conf, target->allow_tickets);
	set_protocol(&client->conf, client->protocol);
	if (cached) {
		struct lws_tls_session_vhost_info info = {
			.vhost_name = "demo",
			.options = target->allow_tickets ? LWS_TLS_SESSION_OPTION_ALLOW_TICKETS : 0,
		};

		client->vh = lws_tls_session_vhost_create(&info);
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
	unsigned int i;
	int result;

	mbedtls_entropy_init(&client.entropy);
	mbedtls_ctr_drbg_init(&client.random);
	mbedtls_x509_crt_init(&client.trusted);
	mbedtls_ssl_config_init(&client.conf);
	result = client_init(&client, cached, run);

	for (i = 0; i < run->connections && !result; i++) {
		result = connect_once(&client, run);
		if (!result)
			demo_report_progress(protocol, cached ? "cache on:" : "cache off:", run);
	}

	mbedtls_ssl_config_free(&client.conf);
	mbedtls_x509_crt_free(&client.trusted);
	mbedtls_ctr_drbg_free(&client.random);
	mbedtls_entropy_free(&client.entropy);
	if (client.vh)
		lws_tls_session_vh_destroy(client.vh);
	return result;
}
