/*
 * Sessions of which no callback tells: the library looks for them half a second
 * after the handshake, and when the connection closes. In TLS 1.3 there is
 * nothing to find: a ticket is only to be had from the callback.
 */

#include <pthread.h>
#include <string.h>

#include <openssl/hmac.h>


#include "client_openssl.h"
#include "clock.h"
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

static void found_at_the_close(void)
{
	struct rig rig;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(silences); n++) {
		RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
		silences[n](&rig);
		RIG_VISIT(&rig, MISS);
		CHECK_INT(stats_of(rig.vh).stored, 1);
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		/* the session that was offered is not another one */
		CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 10,
			    .offered = 9, .resumed = 9, .missed = 1, .stored = 1);
		rig_down(&rig);
	}
}

static void found_half_a_second_after_the_handshake(void)
{
	struct conn *conn;
	struct rig rig;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(silences); n++) {
		RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
		silences[n](&rig);
		conn = open_conn(&rig);
		CHECK_INT(stats_of(rig.vh).stored, 0);
		CHECK_RANGE(lws_tls_session_service(rig.vh), 1, 500);
		CHECK_INT(stats_of(rig.vh).stored, 0);

		clock_pass(1);
		CHECK(lws_tls_session_service(NULL) > 500);
		CHECK_INT(stats_of(rig.vh).stored, 1);
		RIG_VISIT(&rig, RESUMED);

		/* once is enough */
		conn_close(conn);
		CHECK_INT(stats_of(rig.vh).stored, 1);
		rig_down(&rig);
		clock_reset();
	}
}

static void found_when_the_connection_is_let_go(void)
{
	struct conn *conn;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	replace_callback(&rig);
	conn = open_conn(&rig);
	lws_tls_session_wsi_destroy(conn_wsi(conn));
	CHECK_INT(stats_of(rig.vh).stored, 1);
	conn_close(conn);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
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
		clock_pass(1);
		lws_tls_session_service(rig.vh);
		conn_close(conn);
		CHECK_INT(stats_of(rig.vh).stored, version == TLS1_2_VERSION ? 1 : 2);
		rig_down(&rig);
		clock_reset();
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
	CHECK_INT(stats_of(rig.vh).stored, 0);
	RIG_VISIT(&rig, MISS);
	rig_down(&rig);
}

static void *run_service(void *arg)
{
	lws_tls_session_service(arg);

	return NULL;
}

static void other_threads_do_not_look(void)
{
	pthread_t thread;
	struct conn *conn;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	replace_callback(&rig);
	conn = open_conn(&rig);
	clock_pass(1);
	REQUIRE(!pthread_create(&thread, NULL, run_service, rig.vh));
	pthread_join(thread, NULL);
	CHECK_INT(stats_of(rig.vh).stored, 0);
	lws_tls_session_service(rig.vh);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	conn_close(conn);
	rig_down(&rig);
	clock_reset();
}

static void *use_connection(void *conn)
{
	CHECK(conn_wsi(conn));

	return NULL;
}

/* Nor does the first one when it has given the connection away. */
static void a_connection_given_to_another_thread(void)
{
	pthread_t thread;
	struct conn *conn;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	replace_callback(&rig);
	conn = open_conn(&rig);
	REQUIRE(!pthread_create(&thread, NULL, use_connection, conn));
	pthread_join(thread, NULL);
	clock_pass(1);
	CHECK_INT(lws_tls_session_service(rig.vh), -1);
	CHECK_INT(stats_of(rig.vh).stored, 0);
	conn_close(conn);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	rig_down(&rig);
	clock_reset();
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
	CASE(found_at_the_close),
	CASE(found_half_a_second_after_the_handshake),
	CASE(found_when_the_connection_is_let_go),
	CASE(nothing_to_be_found_in_tls13),
	CASE(nothing_is_kept_twice),
	CASE(nothing_is_kept_of_a_bad_ending),
	CASE(other_threads_do_not_look),
	CASE(a_connection_given_to_another_thread),
	CASE(renewed_tickets_are_kept))
