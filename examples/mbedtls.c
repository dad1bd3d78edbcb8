/*
 * Reconnects to a TLS server three times, on mbedTLS, and says what each handshake was.
 *
 * SPDX-License-Identifier: MIT
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif
#include <lws-tls-sessions.h>

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context rng;
static mbedtls_x509_crt trusted;
static mbedtls_ssl_config conf;

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
static const uint16_t signature_algorithms[] = {
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
	MBEDTLS_TLS1_3_SIG_NONE,
};
#endif

static int fetch(struct lws *wsi, mbedtls_ssl_context *ssl, const char *host)
{
	char buf[4096];
	int ret;

	lws_tls_reuse_session(wsi); /* last before the handshake */
	while ((ret = mbedtls_ssl_handshake(ssl)))
		if (ret != MBEDTLS_ERR_SSL_WANT_READ && ret != MBEDTLS_ERR_SSL_WANT_WRITE) {
			lws_tls_session_wsi_failed(wsi, ret);
			return ret;
		}
	lws_tls_session_wsi_established(wsi); /* first after it */
	puts(lws_tls_session_is_reused(wsi) ? "resumed" : "full handshake");

	snprintf(buf, sizeof(buf), "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", host);
	mbedtls_ssl_write(ssl, (unsigned char *)buf, strlen(buf));
	for (;;) {
		ret = mbedtls_ssl_read(ssl, (unsigned char *)buf, sizeof(buf));
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		if (ret == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
			lws_tls_session_wsi_new_session(wsi); /* each one, at once */
		else
#endif
		if (ret <= 0 && ret != MBEDTLS_ERR_SSL_WANT_READ)
			break;
	}
	lws_tls_session_wsi_failed(wsi, ret); /* it knows what is an error, and whose */
	return 0;
}

static int connect_to(struct lws_vhost *vh, const char *host, const char *port)
{
	mbedtls_net_context net;
	mbedtls_ssl_context ssl;
	struct lws *wsi;
	int ret;

	mbedtls_net_init(&net);
	mbedtls_ssl_init(&ssl);
	if ((ret = mbedtls_net_connect(&net, host, port, MBEDTLS_NET_PROTO_TCP)) ||
	    (ret = mbedtls_ssl_setup(&ssl, &conf)) ||
	    (ret = mbedtls_ssl_set_hostname(&ssl, host)))
		goto done;
	mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);

	wsi = lws_tls_session_wsi_create_mbedtls(vh, &ssl, host, (uint16_t)atoi(port));
	ret = fetch(wsi, &ssl, host);
	mbedtls_ssl_close_notify(&ssl);
	lws_tls_session_wsi_destroy(wsi); /* before the context goes */
done:
	mbedtls_ssl_free(&ssl);
	mbedtls_net_free(&net);
	return ret;
}

static int set_up(const char *ca_file)
{
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&rng);
	mbedtls_x509_crt_init(&trusted);
	mbedtls_ssl_config_init(&conf);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	if (psa_crypto_init() != PSA_SUCCESS)
		return -1;
#endif
	if (mbedtls_ctr_drbg_seed(&rng, mbedtls_entropy_func, &entropy, NULL, 0) ||
	    mbedtls_x509_crt_parse_file(&trusted, ca_file) ||
	    mbedtls_ssl_config_defaults(&conf, MBEDTLS_SSL_IS_CLIENT,
			MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT))
		return -1;
	mbedtls_ssl_conf_rng(&conf, mbedtls_ctr_drbg_random, &rng);
	mbedtls_ssl_conf_ca_chain(&conf, &trusted, NULL);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	/* see docs/mbedtls.md: its own list fails with servers of TLS 1.2 that have an RSA key */
	mbedtls_ssl_conf_sig_algs(&conf, signature_algorithms);
#endif
	/* TLS 1.2 by session ID, unless the vhost has ALLOW_TICKETS */
	mbedtls_ssl_conf_session_tickets(&conf, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#if defined(MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED)
	/* TLS 1.3 has only tickets, and without this mbedTLS drops them */
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(&conf,
			MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
	return 0;
}

int main(int argc, char **argv) /* host port ca-file */
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	int ret = -1, i;

	if (argc < 4 || set_up(argv[3]))
		return 1;
	for (i = 0; i < 3; i++) {
		ret = connect_to(vh, argv[1], argv[2]);
		if (ret) {
			fprintf(stderr, "%s: -0x%04x\n", argv[1], (unsigned int)-ret);
			break;
		}
	}
	mbedtls_ssl_config_free(&conf);
	mbedtls_x509_crt_free(&trusted);
	mbedtls_ctr_drbg_free(&rng);
	mbedtls_entropy_free(&entropy);
	lws_tls_session_vh_destroy(vh);
	return ret ? 1 : 0;
}
