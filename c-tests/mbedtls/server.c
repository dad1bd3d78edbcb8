/*
 * The same against a server that is mbedTLS too, in each of the ways that it
 * resumes.
 */

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl_cache.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <sys/socket.h>

#include "client_mbedtls.h"
#include "observe.h"

#define VISITS	10

struct mbedtls_server {
	mbedtls_entropy_context		entropy;
	mbedtls_ctr_drbg_context	random;
	mbedtls_x509_crt		chain;
	mbedtls_pk_context		key;
	mbedtls_ssl_config		conf;
	mbedtls_ssl_cache_context	cache;
	mbedtls_ssl_ticket_context	tickets;
	pthread_t			thread;
	int				listener;
	uint16_t			port;
};

static void serve(struct mbedtls_server *server, int fd)
{
	static const unsigned char greeting[] = "hello\n";
	mbedtls_net_context net = { .fd = fd };
	mbedtls_ssl_context ssl;
	unsigned char byte;
	int ret;

	mbedtls_ssl_init(&ssl);
	REQUIRE(!mbedtls_ssl_setup(&ssl, &server->conf));
	mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
	do
		ret = mbedtls_ssl_handshake(&ssl);
	while (ret == MBEDTLS_ERR_SSL_WANT_READ || ret == MBEDTLS_ERR_SSL_WANT_WRITE);
	if (!ret) {
		REQUIRE(mbedtls_ssl_write(&ssl, greeting, sizeof(greeting) - 1) > 0);
		while (mbedtls_ssl_read(&ssl, &byte, 1) > 0)
			;
		mbedtls_ssl_close_notify(&ssl);
	}
	mbedtls_ssl_free(&ssl);
	close(fd);
}

static void *run(void *arg)
{
	struct mbedtls_server *server = arg;
	int n, fd;

	for (n = 0; n < VISITS; n++) {
		fd = accept(server->listener, NULL, NULL);
		REQUIRE(fd >= 0);
		serve(server, fd);
	}

	return NULL;
}

static void listen_somewhere(struct mbedtls_server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(server->listener >= 0);
	REQUIRE(!bind(server->listener, (struct sockaddr *)&address, sizeof(address)));
	REQUIRE(!listen(server->listener, VISITS));
	REQUIRE(!getsockname(server->listener, (struct sockaddr *)&address, &len));
	server->port = ntohs(address.sin_port);
}

static void use_key(struct mbedtls_server *server, const struct cert *cert)
{
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(cert->key, &der);

	REQUIRE(len > 0);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	REQUIRE(!mbedtls_pk_parse_key(&server->key, der, (size_t)len, NULL, 0,
				      mbedtls_ctr_drbg_random, &server->random));
#else
	REQUIRE(!mbedtls_pk_parse_key(&server->key, der, (size_t)len, NULL, 0));
#endif
	OPENSSL_free(der);
}

static void server_up(struct mbedtls_server *server, bool tickets)
{
	memset(server, 0, sizeof(*server));
	mbedtls_entropy_init(&server->entropy);
	mbedtls_ctr_drbg_init(&server->random);
	mbedtls_x509_crt_init(&server->chain);
	mbedtls_pk_init(&server->key);
	mbedtls_ssl_config_init(&server->conf);
	mbedtls_ssl_cache_init(&server->cache);
	mbedtls_ssl_ticket_init(&server->tickets);
	start_psa();
	REQUIRE(!mbedtls_ctr_drbg_seed(&server->random, mbedtls_entropy_func,
				       &server->entropy, NULL, 0));
	mbedtls_cert(&server->chain, pki()->server);
	mbedtls_cert(&server->chain, pki()->intermediate);
	use_key(server, pki()->server);
	REQUIRE(!mbedtls_ssl_config_defaults(&server->conf, MBEDTLS_SSL_IS_SERVER,
			MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT));
	mbedtls_ssl_conf_rng(&server->conf, mbedtls_ctr_drbg_random, &server->random);
	REQUIRE(!mbedtls_ssl_conf_own_cert(&server->conf, &server->chain, &server->key));
	if (tickets) {
		REQUIRE(!mbedtls_ssl_ticket_setup(&server->tickets, mbedtls_ctr_drbg_random,
				&server->random, MBEDTLS_CIPHER_AES_256_GCM, 86400));
		mbedtls_ssl_conf_session_tickets_cb(&server->conf, mbedtls_ssl_ticket_write,
				mbedtls_ssl_ticket_parse, &server->tickets);
	} else {
		mbedtls_ssl_conf_session_cache(&server->conf, &server->cache,
				mbedtls_ssl_cache_get, mbedtls_ssl_cache_set);
	}
	listen_somewhere(server);
	REQUIRE(!pthread_create(&server->thread, NULL, run, server));
}

static void server_down(struct mbedtls_server *server)
{
	REQUIRE(!pthread_join(server->thread, NULL));
	close(server->listener);
	mbedtls_ssl_ticket_free(&server->tickets);
	mbedtls_ssl_cache_free(&server->cache);
	mbedtls_ssl_config_free(&server->conf);
	mbedtls_pk_free(&server->key);
	mbedtls_x509_crt_free(&server->chain);
	mbedtls_ctr_drbg_free(&server->random);
	mbedtls_entropy_free(&server->entropy);
}

static void nine_of_nine(int version, bool tickets)
{
	uint64_t options = tickets ? LWS_TLS_SESSION_OPTION_ALLOW_TICKETS : 0;
	struct mbedtls_server server;
	struct lws_vhost *vh = lws_tls_session_vhost_create(
		&(struct lws_tls_session_vhost_info){ .options = options });
	struct client *client = client_new(&(struct client_config){
		.vh = vh, .version = version, .tickets = tickets });

	server_up(&server, tickets);
	CHECK_INT(visits(client, &(struct dial){ .port = server.port }, VISITS), VISITS - 1);
	CHECK_INT(stats_of(vh).resumed, VISITS - 1);
	server_down(&server);
	client_free(client);
	lws_tls_session_vh_destroy(vh);
}

static void tls12_session_ids(void)
{
	nine_of_nine(TLS1_2_VERSION, false);
}

static void tls12_tickets(void)
{
	nine_of_nine(TLS1_2_VERSION, true);
}

static void tls13_tickets(void)
{
	nine_of_nine(TLS1_3_VERSION, true);
}

TEST_PROGRAM(
	CASE(tls12_session_ids),
	CASE(tls12_tickets),
	CASE_IF(client_speaks_tls13, tls13_tickets))
