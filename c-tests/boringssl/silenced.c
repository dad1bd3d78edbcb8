/*
 * Sessions of which no callback tells, since the app has taken it away: those of
 * TLS 1.2 are there when the handshake ends. In TLS 1.3 there is nothing to find:
 * a ticket is only to be had from the callback.
 */

#include <string.h>

#include <openssl/hmac.h>

#include "client_openssl.h"
#include "rig.h"

/* the ways an app can keep the library from being called */
static void replace_callback(struct rig *rig)
{
	SSL_CTX_sess_set_new_cb(client_ctx(rig->client), NULL);
}

static void turn_cache_off(struct rig *rig)
{
	SSL_CTX_set_session_cache_mode(client_ctx(rig->client), SSL_SESS_CACHE_OFF);
}

static void (*const silences[])(struct rig *) = { replace_callback, turn_cache_off };

static struct conn *open_conn(struct rig *rig)
{
	struct conn *conn = conn_new(rig->client, &rig->dial);
	char line[64];

	CHECK(conn_handshake(conn));
	CHECK(conn_read_line(conn, line, sizeof(line)));

	return conn;
}

static void found_when_the_handshake_ends(void)
{
	struct conn *conn;
	struct rig rig;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(silences); n++) {
		RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
		silences[n](&rig);
		conn = open_conn(&rig);
		CHECK_INT(stats_of(rig.vh).stored, 1);
		conn_close(conn);
		CHECK_INT(stats_of(rig.vh).stored, 1);
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		/* the session that was offered is not another one */
		CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 10,
			    .offered = 9, .resumed = 9, .missed = 1, .stored = 1);
		rig_down(&rig);
	}
}

static void start_false(struct conn *conn)
{
	SSL_set_mode(conn_ssl(conn), SSL_MODE_ENABLE_FALSE_START);
}

/* The app goes on before the server's Finished, and a session before it is no good. */
static void found_after_a_false_start(void)
{
	struct conn *conn;
	struct rig rig;
	char line[64];
	int silent;

	for (silent = 0; silent < 2; silent++) {
		check_context(silent ? "without callback" : "with callback");
		RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
		rig.dial.tune = start_false;
		SSL_CTX_set_false_start_allowed_without_alpn(client_ctx(rig.client), 1);
		if (silent)
			replace_callback(&rig);
		conn = conn_new(rig.client, &rig.dial);
		CHECK(conn_handshake(conn));
		CHECK(SSL_in_false_start(conn_ssl(conn)));
		CHECK_INT(stats_of(rig.vh).stored, 0);
		CHECK(conn_read_line(conn, line, sizeof(line)));
		CHECK_INT(stats_of(rig.vh).stored, 1);
		conn_close(conn);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

static void nothing_to_be_found_in_tls13(void)
{
	struct conn *conn;
	struct rig rig;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(silences); n++) {
		RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
		silences[n](&rig);
		conn = open_conn(&rig);
		CHECK_INT(lws_tls_session_service(rig.vh), -1);
		conn_close(conn);
		CHECK_INT(visits(rig.client, &rig.dial, 3), 0);
		CHECK_STATS(rig.vh, .handshakes = 4, .missed = 4);
		rig_down(&rig);
	}
}

static void nothing_is_kept_twice(void)
{
	struct conn *conn;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		conn = open_conn(&rig);
		conn_close(conn);
		CHECK_INT(stats_of(rig.vh).stored, version == TLS1_2_VERSION ? 1 : 2);
		rig_down(&rig);
	}
}

static void nothing_is_kept_of_a_bad_ending(void)
{
	struct conn *conn;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	replace_callback(&rig);
	conn = open_conn(&rig);
	CHECK(!conn_order(conn, "garbage"));
	conn_close(conn);
	CHECK_INT(stats_of(rig.vh).sessions, 0);
	RIG_VISIT(&rig, MISS);
	rig_down(&rig);
}

/* A ticket key that asks for each ticket to be renewed. */
static int renewing_key(SSL *ssl, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher,
			HMAC_CTX *hmac, int encrypt)
{
	static const uint8_t key[16] = { 'k', 'e', 'y' };

	(void)ssl;
	if (encrypt) {
		memset(name, 'n', 16);
		memset(iv, 'i', 16);
	}
	REQUIRE(HMAC_Init_ex(hmac, key, sizeof(key), EVP_sha256(), NULL));
	REQUIRE(EVP_CipherInit_ex(cipher, EVP_aes_128_cbc(), NULL, key, iv, encrypt));

	return encrypt ? 1 : 2;
}

static void renew_tickets(SSL_CTX *ctx)
{
	SSL_CTX_set_tlsext_ticket_key_cb(ctx, renewing_key);
}

/* Of TLS 1.2, with and without the callback: each resumption brings another. */
static void renewed_tickets_are_kept(void)
{
	struct rig rig;
	int silent;

	for (silent = 0; silent < 2; silent++) {
		check_context(silent ? "without callback" : "with callback");
		RIG_UP(&rig, .server = { .version = TLS1_2_VERSION, .resumption = TICKETS,
					 .tune = renew_tickets },
		       .vhost = { .options = LWS_TLS_SESSION_OPTION_ALLOW_TICKETS });
		if (silent)
			replace_callback(&rig);
		RIG_VISIT(&rig, MISS);
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 10,
			    .offered = 9, .resumed = 9, .missed = 1,
			    .stored = 10, .replaced = 9);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	CASE(found_when_the_handshake_ends),
	CASE(found_after_a_false_start),
	CASE(nothing_to_be_found_in_tls13),
	CASE(nothing_is_kept_twice),
	CASE(nothing_is_kept_of_a_bad_ending),
	CASE(renewed_tickets_are_kept))
