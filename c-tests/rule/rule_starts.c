/*
 * Handshakes whose start the library does not see, or sees elsewhere than it
 * was told of: what is offered and kept is for the handshake that is made.
 */

#include <openssl/err.h>

#include "certs.h"
#include "client_openssl.h"
#include "observe.h"
#include "pair.h"
#include "rig.h"
#include "stage.h"

static void look_away(const SSL *ssl, int where, int ret)
{
	(void)ssl;
	(void)where;
	(void)ret;
}

/* An app's own info callback hides a handshake with another peer; its tickets come when it is off. */
static void tickets_of_a_handshake_that_was_hidden(void)
{
	SSL_CTX *stranger = stage_server(TLS1_3_VERSION, pki()->stranger);
	void (*before)(const SSL *ssl, int where, int ret);
	struct stage stage;
	struct pair pair;
	uint64_t stored;

	stage_up(&stage, TLS1_3_VERSION, 0);
	pair = pair_new(stage.ctx, stage.server, stage.vh);
	REQUIRE(pair_talk(&pair));
	SSL_shutdown(pair.client);
	SSL_free(pair.server);
	REQUIRE(SSL_clear(pair.client));
	REQUIRE(SSL_set_session(pair.client, NULL));
	pair_server(&pair, stranger);
	SSL_set_verify(pair.client, SSL_VERIFY_NONE, NULL);
	before = SSL_get_info_callback(pair.client);
	SSL_set_info_callback(pair.client, look_away);
	REQUIRE(pair_run(&pair));
	SSL_set_info_callback(pair.client, before);
	stored = stats_of(stage.vh).stored;
	CHECK(pair_greet(&pair));
	CHECK_INT(stats_of(stage.vh).stored, stored);
	pair_close(&pair);
	stage_down(&stage);
	SSL_CTX_free(stranger);
}

/* What was offered early goes where the library is let go of. */
static void an_early_offer_on_an_ssl_that_is_let_go_of(void)
{
	struct stage stage;
	struct pair pair;
	struct lws *wsi;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		pair = pair_new(stage.ctx, stage.server, stage.vh);
		wsi = lws_tls_session_wsi(pair.client);
		CHECK_INT(lws_tls_reuse_session(wsi), 1);
		lws_tls_session_wsi_destroy(wsi);
		expect_another_host(pair.client);
		CHECK(!pair_talk(&pair));
		pair_drop(&pair);
		stage_down(&stage);
	}
}

/* puts what SSL_dup() makes of a client in its place, with its BIO */
static void pair_duplicate(struct pair *pair)
{
	SSL *dup = SSL_dup(pair->client);
	BIO *bio = SSL_get_rbio(pair->client);

	REQUIRE(dup && BIO_up_ref(bio));
	SSL_set_bio(dup, bio, bio);
	SSL_free(pair->client);
	pair->client = dup;
	SSL_set_connect_state(dup);
}

/* SSL_dup() copies it, and the duplicate is not served as the first is. */
static void an_early_offer_on_an_ssl_that_is_duplicated(void)
{
	struct stage stage;
	struct pair pair;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, LWS_TLS_SESSION_OPTION_SINGLE_USE);
		pair = pair_new(stage.ctx, stage.server, stage.vh);
		CHECK_INT(lws_tls_reuse_session(lws_tls_session_wsi(pair.client)), 1);
		pair_duplicate(&pair);
		expect_another_host(pair.client);
		CHECK(!pair_talk(&pair));
		CHECK(!SSL_session_reused(pair.client));
		CHECK_INT(SSL_get_verify_result(pair.client), X509_V_ERR_HOSTNAME_MISMATCH);
		pair_drop(&pair);
		stage_down(&stage);
	}
}

/* An ID context that is set after the offer is the one that counts. */
static void an_id_context_that_is_set_after_an_early_offer(void)
{
	struct stage stage;
	struct pair pair;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		pair = pair_new(stage.ctx, stage.server, stage.vh);
		CHECK_INT(lws_tls_reuse_session(lws_tls_session_wsi(pair.client)), 1);
		REQUIRE(SSL_set_session_id_context(pair.client, (const unsigned char *)"later", 5));
		CHECK(pair_talk(&pair));
		CHECK(SSL_session_reused(pair.client));
		pair_close(&pair);
		stage_down(&stage);
	}
}

/* Which signature algorithms are told goes with the level, be it a lower one. */
static void a_session_of_another_level(void)
{
	struct stage stage;
	struct pair pair;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		pair = pair_new(stage.ctx, stage.server, stage.vh);
		SSL_set_security_level(pair.client, 0);
		CHECK(pair_talk(&pair));
		CHECK(!SSL_session_reused(pair.client));
		pair_close(&pair);
		stage_down(&stage);
	}
}

/* Without its key a certificate is not shown, and with it, it is. */
static void a_client_certificate_without_its_key(void)
{
	const struct cert *own = pki()->alice;
	struct stage stage;
	struct pair pair;
	int version, with_key;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		SSL_CTX_set_verify(stage.server, SSL_VERIFY_PEER, verify_force);
		SSL_CTX_set_session_id_context(stage.server, (const unsigned char *)"s", 1);
		for (with_key = 0; with_key < 2; with_key++) {
			pair = pair_new(stage.ctx, stage.server, stage.vh);
			REQUIRE(SSL_use_certificate(pair.client, own->x509));
			if (with_key)
				REQUIRE(SSL_use_PrivateKey(pair.client, own->key));
			CHECK(pair_talk(&pair));
			CHECK(!SSL_session_reused(pair.client));
			CHECK_INT(!!SSL_get0_peer_certificate(pair.server), with_key);
			pair_close(&pair);
		}
		stage_down(&stage);
	}
}

static int events_seen;

static void count_events(const SSL *ssl, int where, int ret)
{
	(void)ssl;
	(void)where;
	(void)ret;
	events_seen++;
}

/* SSL_dup() copies the app's info callback, too, though the library's stands before it. */
static void an_info_callback_on_an_ssl_that_is_duplicated(void)
{
	struct stage stage;
	struct pair pair;

	stage_up(&stage, TLS1_3_VERSION, 0);
	pair = pair_new(stage.ctx, stage.server, NULL);
	SSL_set_info_callback(pair.client, count_events);
	REQUIRE(lws_tls_session_wsi_create(stage.vh, pair.client, HOST, PAIR_PORT));
	pair_duplicate(&pair);
	CHECK(!lws_tls_session_wsi(pair.client));
	CHECK_INT(events_seen, 0);
	CHECK(pair_talk(&pair));
	CHECK(events_seen > 0);
	pair_close(&pair);
	stage_down(&stage);
}

/* The ticket that was resumed is no session of the app's: none has come yet. */
static void a_ticket_that_was_resumed_on_an_ssl_that_is_cleared(void)
{
	struct stage stage;
	struct pair pair;

	stage_up(&stage, TLS1_3_VERSION, LWS_TLS_SESSION_OPTION_SINGLE_USE);
	pair = pair_new(stage.ctx, stage.server, stage.vh);
	/* nothing is read: no ticket */
	REQUIRE(pair_run(&pair));
	CHECK(SSL_session_reused(pair.client));
	SSL_shutdown(pair.client);
	SSL_free(pair.server);
	REQUIRE(SSL_clear(pair.client));
	pair_server(&pair, stage.server);
	expect_another_host(pair.client);
	CHECK(!pair_talk(&pair));
	CHECK_INT(SSL_get_verify_result(pair.client), X509_V_ERR_HOSTNAME_MISMATCH);
	pair_drop(&pair);
	stage_down(&stage);
}

/* SSL_dup() copies what the library has set for a handshake, too. */
static void an_option_on_an_ssl_that_is_duplicated(void)
{
	struct stage stage;
	struct pair pair;

	stage_up(&stage, TLS1_2_VERSION, 0);
	pair = pair_new(stage.ctx, stage.server, stage.vh);
	CHECK_INT(lws_tls_reuse_session(lws_tls_session_wsi(pair.client)), 1);
	pair_duplicate(&pair);
	CHECK(pair_talk(&pair));
	CHECK(!(SSL_get_options(pair.client) & SSL_OP_NO_TICKET));
	pair_close(&pair);
	stage_down(&stage);
}

/* how many of twenty connections fail; the server hangs up where one offers a session */
static int failures_of(struct stage *stage, bool hangs_up)
{
	struct pair pair;
	uint64_t offered;
	int n, failed;

	for (n = failed = 0; n < 20; n++) {
		offered = stats_of(stage->vh).offered;
		pair = pair_new(stage->ctx, stage->server, stage->vh);
		CHECK(SSL_do_handshake(pair.client) < 0);
		if (hangs_up && stats_of(stage->vh).offered > offered)
			BIO_shutdown_wr(SSL_get_wbio(pair.server));
		failed += !pair_talk(&pair);
		pair_drop(&pair);
	}

	return failed;
}

/*
 * A server that asks for client certificates and has no session ID context gives out tickets,
 * and fails each handshake that offers one.
 */
static void a_server_that_fails_each_offer(void)
{
	struct stage stage;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, LWS_TLS_SESSION_OPTION_ALLOW_TICKETS);
		SSL_CTX_set_verify(stage.server, SSL_VERIFY_PEER, verify_force);
		REQUIRE(SSL_CTX_set_session_id_context(stage.server, NULL, 0));
		CHECK_RANGE(failures_of(&stage, false), 1, 2);
		stage_down(&stage);
	}
}

/* One that hangs up on each offer, or what stands before it. */
static void a_server_that_hangs_up_on_each_offer(void)
{
	struct stage stage;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		CHECK_RANGE(failures_of(&stage, true), 1, 6);
		stage_down(&stage);
	}
}

/* OpenSSL puts a duplicate in the session's place where TLS 1.3 takes another group. */
static void a_resumption_with_another_group(void)
{
	struct stage stage;
	struct pair pair;
	int n;

	stage_up(&stage, TLS1_3_VERSION, 0);
	for (n = 0; n < 3; n++) {
		pair = pair_new(stage.ctx, stage.server, stage.vh);
		REQUIRE(SSL_set1_groups_list(pair.client, n % 2 ? "X25519" : "P-256"));
		CHECK(pair_talk(&pair));
		CHECK(SSL_session_reused(pair.client));
		CHECK_INT(pair_outcome(&pair), LWS_TLS_SESSION_OUTCOME_RESUMED);
		pair_close(&pair);
	}
	CHECK_INT(stats_of(stage.vh).resumed, 3);
	CHECK_INT(stats_of(stage.vh).stored, 2 + 3);
	stage_down(&stage);
}

/* With early data, OpenSSL says once more that a handshake starts, in the midst of it. */
static void a_flush_after_early_data(void)
{
	struct stage stage;
	struct pair pair;
	size_t written;
	uint64_t offered;

	stage_up(&stage, TLS1_3_VERSION, 0);
	lws_tls_session_vhost_flush(stage.vh);
	REQUIRE(SSL_CTX_set_max_early_data(stage.server, 16384));
	pair = pair_new(stage.ctx, stage.server, stage.vh);
	REQUIRE(pair_talk(&pair));
	pair_close(&pair);
	offered = stats_of(stage.vh).offered;
	pair = pair_new(stage.ctx, stage.server, stage.vh);
	CHECK_INT(lws_tls_reuse_session(lws_tls_session_wsi(pair.client)), 1);
	REQUIRE(SSL_write_early_data(pair.client, "x", 1, &written));
	lws_tls_session_vhost_flush(stage.vh);
	CHECK(pair_talk(&pair));
	CHECK(SSL_session_reused(pair.client));
	CHECK_INT(stats_of(stage.vh).offered, offered + 1);
	pair_close(&pair);
	stage_down(&stage);
}

static void forget_session(SSL_CTX *ctx, SSL_SESSION *session)
{
	(void)ctx;
	(void)session;
}

/* It would be told of copies that the app has never seen. */
static void an_app_that_is_told_of_removed_sessions(void)
{
	struct stage stage;
	struct pair pair;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		SSL_CTX_sess_set_remove_cb(stage.ctx, forget_session);
		pair = pair_new(stage.ctx, stage.server, stage.vh);
		CHECK(pair_talk(&pair));
		CHECK_INT(pair_outcome(&pair), LWS_TLS_SESSION_OUTCOME_UNSUITABLE);
		pair_close(&pair);
		stage_down(&stage);
	}
}

TEST_PROGRAM(
	CASE(a_flush_after_early_data),
	CASE(an_app_that_is_told_of_removed_sessions),
	CASE(a_resumption_with_another_group),
	CASE(a_ticket_that_was_resumed_on_an_ssl_that_is_cleared),
	CASE(an_option_on_an_ssl_that_is_duplicated),
	CASE(a_server_that_fails_each_offer),
	CASE(a_server_that_hangs_up_on_each_offer),
	CASE(an_info_callback_on_an_ssl_that_is_duplicated),
	CASE(a_client_certificate_without_its_key),
	CASE(tickets_of_a_handshake_that_was_hidden),
	CASE(an_early_offer_on_an_ssl_that_is_let_go_of),
	CASE(an_early_offer_on_an_ssl_that_is_duplicated),
	CASE(an_id_context_that_is_set_after_an_early_offer),
	CASE(a_session_of_another_level))
