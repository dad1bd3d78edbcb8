/*
 * Connections that cannot take the session there is: with it they would fail
 * where without it they succeed. And what mbedTLS's tickets need.
 */

#include "client_mbedtls.h"
#include "rig.h"
#include "server_private.h"

static void check_unsuitable(struct rig *rig, void (*made)(struct conn *conn),
			     void (*tune)(struct conn *conn))
{
	struct server_seen before;

	rig->dial.tune = made;
	RIG_VISIT(rig, MISS);
	RIG_VISIT(rig, RESUMED);
	before = server_seen(rig->server);
	rig->dial.tune = tune;
	RIG_VISIT(rig, UNSUITABLE);
	CHECK_INT(server_seen(rig->server).offers, before.offers);
	CHECK_INT(stats_of(rig->vh).unsuitable, 1);
}

static void use_one_cipher(struct conn *conn)
{
	static const int ciphers[] = {
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && MBEDTLS_VERSION_NUMBER >= 0x03000000
		MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
#endif
		0,
	};

	mbedtls_ssl_conf_ciphersuites(conn_conf(conn), ciphers);
}

static void another_cipher(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		check_unsuitable(&rig, NULL, use_one_cipher);
		rig_down(&rig);
	}
}

static void no_extended_master_secret(struct conn *conn)
{
	mbedtls_ssl_conf_extended_master_secret(conn_conf(conn), MBEDTLS_SSL_EXTENDED_MS_DISABLED);
}

static void without_the_extended_master_secret(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	check_unsuitable(&rig, NULL, no_extended_master_secret);
	rig_down(&rig);
}

static void use_cbc(struct conn *conn)
{
	static const int ciphers[] = { MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, 0 };

	mbedtls_ssl_conf_ciphersuites(conn_conf(conn), ciphers);
}

static void use_cbc_mac_first(struct conn *conn)
{
	use_cbc(conn);
	mbedtls_ssl_conf_encrypt_then_mac(conn_conf(conn), MBEDTLS_SSL_ETM_DISABLED);
}

/* mbedTLS would go on encrypting first, and the server not. */
static void without_encrypt_then_mac(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	check_unsuitable(&rig, use_cbc, use_cbc_mac_first);
	/* nor is a session that was made with other ciphers */
	lws_tls_session_vhost_flush(rig.vh);
	RIG_VISIT(&rig, MISS);
	rig.dial.tune = use_cbc;
	RIG_VISIT(&rig, UNSUITABLE);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
}

static void limit_fragments(struct conn *conn)
{
	REQUIRE(!mbedtls_ssl_conf_max_frag_len(conn_conf(conn), MBEDTLS_SSL_MAX_FRAG_LEN_4096));
}

/* RFC 6066 4: servers abort where the length is another; a session does not tell its own. */
static void limited_fragments(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	check_unsuitable(&rig, NULL, limit_fragments);
	lws_tls_session_vhost_flush(rig.vh);
	RIG_VISIT(&rig, MISS);
	CHECK_HOSTS(rig.vh, "");
	rig_down(&rig);
}

static void have_a_psk(struct conn *conn)
{
	static const unsigned char psk[16] = { 1 };

	REQUIRE(!mbedtls_ssl_conf_psk(conn_conf(conn), psk, sizeof(psk),
				      (const unsigned char *)"id", 2));
}

/* Which of both a server resumed would not be known. */
static void a_pre_shared_key(void)
{
	struct conn *conn;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		rig.dial.tune = have_a_psk;
		conn = conn_new(rig.client, &rig.dial);
		CHECK(conn_handshake(conn));
		CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), UNSUITABLE);
		CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), 0);
		conn_close(conn);
		rig_down(&rig);
	}
}

static void another_version(void)
{
	struct client *clients[ARRAY_SIZE(tls_versions)];
	struct rig rig;
	int version;
	size_t n;

	RIG_UP(&rig, .server = { .version = 0 });
	for (n = 0; n < ARRAY_SIZE(tls_versions); n++)
		clients[n] = client_new(&(struct client_config){
			.vh = rig.vh, .version = tls_versions[n] });
	FOR_EACH_VERSION(version) {
		n = version == TLS1_3_VERSION;
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_VISIT(clients[n], &rig.dial, MISS);
		CHECK_VISIT(clients[n], &rig.dial, RESUMED);
		CHECK_VISIT(clients[!n], &rig.dial, UNSUITABLE);
	}
	for (n = 0; n < ARRAY_SIZE(tls_versions); n++)
		client_free(clients[n]);
	rig_down(&rig);
}

static void do_without_tickets(struct conn *conn)
{
	mbedtls_ssl_conf_session_tickets(conn_conf(conn), MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && MBEDTLS_VERSION_NUMBER >= 0x03000000
	mbedtls_ssl_conf_tls13_key_exchange_modes(conn_conf(conn),
			MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL);
#endif
}

static void tickets_that_the_app_does_without(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .resumption = TICKETS },
		       .vhost = { .options = LWS_TLS_SESSION_OPTION_ALLOW_TICKETS });
		check_unsuitable(&rig, NULL, do_without_tickets);
		rig_down(&rig);
	}
}

static void ask_for_tickets(struct conn *conn)
{
	mbedtls_ssl_conf_session_tickets(conn_conf(conn), MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
}

/*
 * A server that has both gives a ticket to who asks for one, and mbedTLS asks by
 * default. The app is told what to do about it.
 */
static void tickets_that_the_vhost_does_not_allow(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION, .resumption = IDS_AND_TICKETS });
	log_capture(LLL_INFO);
	RIG_VISIT(&rig, MISS);
	CHECK(!log_has("mbedtls_ssl_conf_session_tickets()"));
	CHECK_INT(visits(rig.client, &rig.dial, 9), 9);

	lws_tls_session_vhost_flush(rig.vh);
	rig.dial.tune = ask_for_tickets;
	CHECK_INT(visits(rig.client, &rig.dial, 3), 0);
	CHECK(log_has("mbedtls_ssl_conf_session_tickets()"));
	log_release();
	rig_down(&rig);
}

/*
 * Where a server takes no ticket and gives none, mbedTLS keeps the old one with
 * the new secret. It must not be offered: a server that knows it after all
 * would go by the old secret.
 */
static void a_ticket_that_was_declined(void)
{
	unsigned char keys[80], others[80] = { 1 };
	struct rig rig;
	SSL_CTX *ctx;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION, .resumption = IDS_AND_TICKETS },
	       .vhost = { .options = LWS_TLS_SESSION_OPTION_ALLOW_TICKETS });
	ctx = rig.server->ctx;
	RIG_VISIT(&rig, MISS);
	REQUIRE(SSL_CTX_get_tlsext_ticket_keys(ctx, keys, sizeof(keys)) == 1);
	REQUIRE(SSL_CTX_set_tlsext_ticket_keys(ctx, others, sizeof(others)) == 1);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	RIG_VISIT(&rig, DECLINED);

	/* it knows that ticket again, and the session by its ID */
	REQUIRE(SSL_CTX_set_tlsext_ticket_keys(ctx, keys, sizeof(keys)) == 1);
	SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
}

TEST_PROGRAM(
	CASE(another_cipher),
	CASE(without_the_extended_master_secret),
	CASE(without_encrypt_then_mac),
	CASE(limited_fragments),
	CASE(a_pre_shared_key),
	CASE_IF(client_speaks_tls13, another_version),
	CASE(tickets_that_the_app_does_without),
	CASE(tickets_that_the_vhost_does_not_allow),
	CASE(a_ticket_that_was_declined))
