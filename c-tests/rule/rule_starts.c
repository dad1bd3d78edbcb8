/*
 * Handshakes whose start the library does not see, or sees elsewhere than it
 * was told of: what is offered and kept is for the handshake that is made.
 */

#include "certs.h"
#include "observe.h"
#include "pair.h"
#include "rig.h"

static SSL_CTX *make_server(int version, const struct cert *cert)
{
	return pair_server_ctx(&(struct server_config){
		.version = version, .resumption = IDS_AND_TICKETS, .cert = cert });
}

struct stage {
	SSL_CTX			*server;
	SSL_CTX			*ctx;
	struct lws_vhost	*vh;
};

/* with a session in the vhost */
static void stage_up(struct stage *stage, int version, uint64_t options)
{
	struct pair pair;

	stage->server = make_server(version, certs()->ecdsa);
	stage->ctx = trusting_ctx(TLS_client_method(), version);
	stage->vh = lws_tls_session_vhost_create(
		&(struct lws_tls_session_vhost_info){ .options = options });
	REQUIRE(stage->vh && !lws_tls_session_vhost_attach(stage->vh, stage->ctx));
	pair = pair_new(stage->ctx, stage->server, stage->vh);
	REQUIRE(pair_talk(&pair));
	pair_close(&pair);
	CHECK(stats_of(stage->vh).sessions > 0);
}

static void stage_down(struct stage *stage)
{
	SSL_CTX_free(stage->ctx);
	SSL_CTX_free(stage->server);
	lws_tls_session_vh_destroy(stage->vh);
}

/* no peer has that name */
static void expect_another_host(SSL *ssl)
{
	REQUIRE(SSL_set1_host(ssl, "another.example"));
}

static void look_away(const SSL *ssl, int where, int ret)
{
	(void)ssl;
	(void)where;
	(void)ret;
}

/* An app's own info callback hides a handshake with another peer; its tickets come when it is off. */
static void tickets_of_a_handshake_that_was_hidden(void)
{
	SSL_CTX *stranger = make_server(TLS1_3_VERSION, pki()->stranger);
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

/* SSL_dup() copies it, and the duplicate is not served as the first is. */
static void an_early_offer_on_an_ssl_that_is_duplicated(void)
{
	struct stage stage;
	struct pair pair;
	int version;
	SSL *dup;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, LWS_TLS_SESSION_OPTION_SINGLE_USE);
		pair = pair_new(stage.ctx, stage.server, stage.vh);
		CHECK_INT(lws_tls_reuse_session(lws_tls_session_wsi(pair.client)), 1);
		dup = SSL_dup(pair.client);
		REQUIRE(dup);
		SSL_free(pair.client);
		pair.client = dup;
		SSL_set_connect_state(dup);
		expect_another_host(dup);
		CHECK(!pair_talk(&pair));
		CHECK(!SSL_session_reused(dup));
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

TEST_PROGRAM(
	CASE(tickets_of_a_handshake_that_was_hidden),
	CASE(an_early_offer_on_an_ssl_that_is_let_go_of),
	CASE(an_early_offer_on_an_ssl_that_is_duplicated),
	CASE(an_id_context_that_is_set_after_an_early_offer),
	CASE(a_session_of_another_level))
