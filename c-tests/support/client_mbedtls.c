#include "client_mbedtls.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/version.h>
#include <openssl/crypto.h>

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

/* A full handshake brings certificates of more than this, a resumed one is much shorter. */
#define BYTES_OF_A_RESUMPTION	500

struct client {
	struct client_config		config;
	mbedtls_entropy_context		entropy;
	mbedtls_ctr_drbg_context	random;
};

struct conn {
	struct dial		dial;
	mbedtls_ssl_config	conf;
	mbedtls_ssl_context	ssl;
	mbedtls_x509_crt	trust;
	mbedtls_x509_crt	own;
	mbedtls_pk_context	key;
	mbedtls_net_context	net;
	size_t			received;	/* bytes, by the end of the handshake */
	bool			is_established;
	bool			is_silent;
	bool			ignores_tickets;
	struct lws		*wsi;
	int			error;
};

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
static void init_psa(void)
{
	REQUIRE(psa_crypto_init() == PSA_SUCCESS);
	atexit(mbedtls_psa_crypto_free);
}
#endif

bool client_speaks(int version)
{
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && MBEDTLS_VERSION_NUMBER >= 0x03000000
	return version == TLS1_2_VERSION || version == TLS1_3_VERSION;
#else
	return version == TLS1_2_VERSION;
#endif
}

bool client_attaches(void)
{
	return false;
}

void start_psa(void)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_psa);
#endif
}

struct client *client_new(const struct client_config *config)
{
	struct client *client = calloc(1, sizeof(*client));

	REQUIRE(client);
	client->config = *config;
	mbedtls_entropy_init(&client->entropy);
	mbedtls_ctr_drbg_init(&client->random);
	REQUIRE(!mbedtls_ctr_drbg_seed(&client->random, mbedtls_entropy_func,
				       &client->entropy, NULL, 0));
	start_psa();

	return client;
}

void client_free(struct client *client)
{
	mbedtls_ctr_drbg_free(&client->random);
	mbedtls_entropy_free(&client->entropy);
	free(client);
}

void client_attach(struct client *client, struct lws_vhost *vh)
{
	client->config.vh = vh;
}

long client_default_lifetime(int version)
{
	/* it has none; the server's is a week */
	return version == TLS1_2_VERSION ? 86400 : 7 * 86400;
}

bool client_saves_peer(int version)
{
	return version == TLS1_2_VERSION;
}

void mbedtls_cert(mbedtls_x509_crt *chain, const struct cert *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert->x509, &der);

	REQUIRE(len > 0);
	REQUIRE(!mbedtls_x509_crt_parse_der(chain, der, (size_t)len));
	OPENSSL_free(der);
}

static void use_identity(struct conn *conn, const struct cert *cert, struct client *client)
{
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(cert->key, &der);

	REQUIRE(len > 0);
	mbedtls_cert(&conn->own, cert);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	REQUIRE(!mbedtls_pk_parse_key(&conn->key, der, (size_t)len, NULL, 0,
				      mbedtls_ctr_drbg_random, &client->random));
#else
	(void)client;
	REQUIRE(!mbedtls_pk_parse_key(&conn->key, der, (size_t)len, NULL, 0));
#endif
	OPENSSL_free(der);
	REQUIRE(!mbedtls_ssl_conf_own_cert(&conn->conf, &conn->own, &conn->key));
}

static void use_version(mbedtls_ssl_config *conf, int version)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	if (version) {
		mbedtls_ssl_conf_min_tls_version(conf, (mbedtls_ssl_protocol_version)version);
		mbedtls_ssl_conf_max_tls_version(conf, (mbedtls_ssl_protocol_version)version);
	}
#else
	REQUIRE(!version || version == TLS1_2_VERSION);
	mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3,
				     MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

static void configure(struct conn *conn, struct client *client)
{
	const struct client_config *config = &client->config;
	const struct cert *identity =
		conn->dial.identity ? conn->dial.identity : config->identity;

	REQUIRE(!mbedtls_ssl_config_defaults(&conn->conf, MBEDTLS_SSL_IS_CLIENT,
					     MBEDTLS_SSL_TRANSPORT_STREAM,
					     MBEDTLS_SSL_PRESET_DEFAULT));
	mbedtls_ssl_conf_rng(&conn->conf, mbedtls_ctr_drbg_random, &client->random);
	mbedtls_ssl_conf_authmode(&conn->conf, config->lax ? MBEDTLS_SSL_VERIFY_OPTIONAL :
							     MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_cert(&conn->trust, config->trust ? config->trust : pki()->root);
	mbedtls_ssl_conf_ca_chain(&conn->conf, &conn->trust, NULL);
	use_version(&conn->conf, config->version);
	mbedtls_ssl_conf_session_tickets(&conn->conf, config->tickets);
#if defined(MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED)
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(&conn->conf,
			MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
	if (identity)
		use_identity(conn, identity, client);
}

static void create_wsi(struct conn *conn, struct lws_vhost *vh)
{
	const struct dial *dial = &conn->dial;
	const char *host = dial->endpoint_host;
	uint16_t port = dial->endpoint_port;

	if (!host)
		host = dial->ip ? dial->ip : dial->host ? dial->host : HOST;
	if (!port)
		port = dial->server ? server_port(dial->server) : dial->port;

	conn->wsi = lws_tls_session_wsi_create_mbedtls(vh, &conn->ssl, host, port);
	/* the client's may have been destroyed */
	REQUIRE(conn->wsi || !dial->vh);
}

static int receive(void *arg, unsigned char *buf, size_t len)
{
	struct conn *conn = arg;
	int ret = mbedtls_net_recv(&conn->net, buf, len);

	if (ret > 0 && !conn->is_established)
		conn->received += (size_t)ret;

	return ret;
}

static int transmit(void *arg, const unsigned char *buf, size_t len)
{
	struct conn *conn = arg;

	if (conn->is_silent)
		return MBEDTLS_ERR_NET_SEND_FAILED;

	return mbedtls_net_send(&conn->net, buf, len);
}

struct conn *conn_new(struct client *client, const struct dial *dial)
{
	struct lws_vhost *vh = dial->vh ? dial->vh : client->config.vh;
	struct conn *conn = calloc(1, sizeof(*conn));

	REQUIRE(conn);
	conn->dial = *dial;
	conn->net.fd = dial->server ? server_connect(dial->server) : tcp_connect(dial->port);
	REQUIRE(conn->net.fd >= 0);

	mbedtls_ssl_init(&conn->ssl);
	mbedtls_ssl_config_init(&conn->conf);
	mbedtls_x509_crt_init(&conn->trust);
	mbedtls_x509_crt_init(&conn->own);
	mbedtls_pk_init(&conn->key);
	configure(conn, client);
	REQUIRE(!mbedtls_ssl_setup(&conn->ssl, &conn->conf));
	REQUIRE(!mbedtls_ssl_set_hostname(&conn->ssl,
			dial->ip ? NULL : dial->host ? dial->host : HOST));
	mbedtls_ssl_set_bio(&conn->ssl, conn, transmit, receive, NULL);
	if (dial->nonblocking)
		REQUIRE(!fcntl(conn->net.fd, F_SETFL, O_NONBLOCK));
	if (vh)
		create_wsi(conn, vh);
	if (dial->tune)
		dial->tune(conn);

	return conn;
}

/*
 * Called with what a function of mbedTLS returned: does what it waits for, and says
 * whether it is worth calling again.
 */
static bool again(struct conn *conn, int ret)
{
	struct pollfd wait = { .fd = conn->net.fd };

#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
	if (ret == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
		if (conn->wsi && !conn->ignores_tickets)
			CHECK(lws_tls_session_wsi_new_session(conn->wsi) >= 0);
		return true;
	}
#endif
	if (ret == MBEDTLS_ERR_SSL_WANT_READ)
		wait.events = POLLIN;
	else if (ret == MBEDTLS_ERR_SSL_WANT_WRITE)
		wait.events = POLLOUT;
	if (wait.events)
		return !conn->dial.nonblocking || poll(&wait, 1, 30000) == 1;

	if (ret < 0) {
		conn->error = ret;
		if (conn->wsi)
			lws_tls_session_wsi_failed(conn->wsi, ret);
	}

	return false;
}

void conn_start(struct conn *conn)
{
	if (conn->wsi)
		lws_tls_reuse_session(conn->wsi);
	REQUIRE(mbedtls_ssl_handshake(&conn->ssl) == MBEDTLS_ERR_SSL_WANT_READ);
}

bool conn_handshake(struct conn *conn)
{
	int ret;

	if (conn->wsi)
		lws_tls_reuse_session(conn->wsi);
	do
		ret = mbedtls_ssl_handshake(&conn->ssl);
	while (again(conn, ret));

	conn->is_established = !ret;
	if (!ret && conn->wsi)
		CHECK_INT(lws_tls_session_wsi_established(conn->wsi), 0);

	return !ret;
}

bool conn_read_byte(struct conn *conn, char *byte)
{
	int ret;

	do
		ret = mbedtls_ssl_read(&conn->ssl, (unsigned char *)byte, 1);
	while (again(conn, ret));

	return ret > 0;
}

bool conn_send(struct conn *conn, const char *text)
{
	size_t len = strlen(text);
	int ret;

	do
		ret = mbedtls_ssl_write(&conn->ssl, (const unsigned char *)text, len);
	while (again(conn, ret));

	return ret == (int)len;
}

void conn_spoil(struct conn *conn)
{
	static const unsigned char record[5 + 64] = { 0x17, 0x03, 0x03, 0x00, 64 };

	REQUIRE(send(conn->net.fd, record, sizeof(record), MSG_NOSIGNAL) == sizeof(record));
}

void conn_fall_silent(struct conn *conn)
{
	conn->is_silent = true;
}

bool conn_resumed(struct conn *conn)
{
	return conn->received < BYTES_OF_A_RESUMPTION;
}

struct lws *conn_wsi(struct conn *conn)
{
	return conn->wsi;
}

void conn_close(struct conn *conn)
{
	unsigned char byte;
	int ret;

	if (conn->dial.waits) {
		do
			ret = mbedtls_ssl_read(&conn->ssl, &byte, 1);
		while (ret > 0 || again(conn, ret));
	}

	if (!conn->dial.silent)
		mbedtls_ssl_close_notify(&conn->ssl);

	conn_drop(conn);
}

void conn_drop(struct conn *conn)
{
	if (conn->wsi)
		lws_tls_session_wsi_destroy(conn->wsi);
	mbedtls_ssl_free(&conn->ssl);
	mbedtls_ssl_config_free(&conn->conf);
	mbedtls_x509_crt_free(&conn->trust);
	mbedtls_x509_crt_free(&conn->own);
	mbedtls_pk_free(&conn->key);
	close(conn->net.fd);
	free(conn);
}

mbedtls_ssl_context *conn_ssl(struct conn *conn)
{
	return &conn->ssl;
}

mbedtls_ssl_config *conn_conf(struct conn *conn)
{
	return &conn->conf;
}

int conn_error(const struct conn *conn)
{
	return conn->error;
}

void conn_ignore_tickets(struct conn *conn)
{
	conn->ignores_tickets = true;
}
