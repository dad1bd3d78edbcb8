/*
 * What the app sets after the ClientHello, at a step of the handshake or between
 * two calls: it counts as in a full handshake, which is made beside it without
 * the library.
 */

#include <openssl/ct.h>
#include <openssl/err.h>

#include "certs.h"
#include "client_openssl.h"
#include "observe.h"
#include "pair.h"
#include "rig.h"
#include "stage.h"

static void another_host_that_nobody_insists_on(SSL *ssl)
{
	expect_another_host(ssl);
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
}

static void the_same_host(SSL *ssl)
{
	REQUIRE(SSL_set1_host(ssl, HOST));
}

static void a_callback_that_refuses(SSL *ssl)
{
	SSL_set_verify(ssl, SSL_VERIFY_PEER, verify_refuse);
}

static void a_callback_that_accepts(SSL *ssl)
{
	expect_another_host(ssl);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, verify_force);
}

static void a_store_of_its_own(SSL *ssl)
{
	REQUIRE(SSL_set0_verify_cert_store(ssl, X509_STORE_new()));
}

static void another_ctx(SSL *ssl)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	REQUIRE(ctx && SSL_set_SSL_CTX(ssl, ctx) == ctx);
	SSL_CTX_free(ctx);
}

static void another_store_of_the_ctx(SSL *ssl)
{
	SSL_CTX_set_cert_store(SSL_get_SSL_CTX(ssl), X509_STORE_new());
}

static void flags_of_the_store(SSL *ssl)
{
	X509_STORE_set_flags(SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)), X509_V_FLAG_CRL_CHECK);
}

static int refuse_signatures(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid,
			     void *other, void *ex)
{
	(void)ssl;
	(void)ctx;
	(void)bits;
	(void)nid;
	(void)other;
	(void)ex;

	return op != SSL_SECOP_SIGALG_CHECK && op != SSL_SECOP_CURVE_CHECK;
}

static void a_security_callback(SSL *ssl)
{
	SSL_set_security_callback(ssl, refuse_signatures);
}

static void certificate_transparency(SSL *ssl)
{
	REQUIRE(SSL_enable_ct(ssl, SSL_CT_VALIDATION_STRICT));
}

static void dane(SSL *ssl)
{
	static const unsigned char digest[32] = { 1 };

	REQUIRE(SSL_CTX_dane_enable(SSL_get_SSL_CTX(ssl)) > 0);
	REQUIRE(SSL_dane_enable(ssl, HOST) > 0);
	REQUIRE(SSL_dane_tlsa_add(ssl, 3, 1, 1, digest, sizeof(digest)) > 0);
}

/* What it was offered is what the server answers to. */
static void a_session_of_another_peer(SSL *ssl)
{
	int version = (int)SSL_get_max_proto_version(ssl);
	SSL_CTX *ctx = trusting_ctx(TLS_client_method(), version);
	SSL_CTX *server = stage_server(version, certs()->stranger);
	struct pair pair = pair_new(ctx, server, NULL);

	SSL_set_verify(pair.client, SSL_VERIFY_NONE, NULL);
	REQUIRE(pair_talk(&pair));
	REQUIRE(SSL_set_session(ssl, SSL_get_session(pair.client)));
	pair_close(&pair);
	SSL_CTX_free(ctx);
	SSL_CTX_free(server);
}

static void a_client_certificate(SSL *ssl)
{
	REQUIRE(SSL_use_certificate(ssl, pki()->alice->x509));
	REQUIRE(SSL_use_PrivateKey(ssl, pki()->alice->key));
}

static const struct change {
	const char	*name;
	void		(*make)(SSL *ssl);
	enum {
		AS_WITHOUT,
		REFUSED,	/* though a full handshake may succeed: it cannot be told */
		BETWEEN_CALLS,	/* at a step, OpenSSL itself does not bear it */
	} kind;
} changes[] = {
	{ "another host", expect_another_host, AS_WITHOUT },
	{ "another host that nobody insists on", another_host_that_nobody_insists_on, AS_WITHOUT },
	{ "the same host", the_same_host, AS_WITHOUT },
	{ "a callback that refuses", a_callback_that_refuses, AS_WITHOUT },
	{ "a callback that accepts", a_callback_that_accepts, AS_WITHOUT },
	{ "a store of its own", a_store_of_its_own, AS_WITHOUT },
	{ "another SSL_CTX", another_ctx, AS_WITHOUT },
	{ "another store of the SSL_CTX", another_store_of_the_ctx, AS_WITHOUT },
	{ "flags of the store", flags_of_the_store, AS_WITHOUT },
	{ "a security callback", a_security_callback, AS_WITHOUT },
	{ "certificate transparency", certificate_transparency, AS_WITHOUT },
	{ "DANE", dane, AS_WITHOUT },
	{ "a session of another peer", a_session_of_another_peer, BETWEEN_CALLS },
	{ "a client certificate", a_client_certificate, REFUSED },
};

struct report {
	bool		connected;
	long		result;
	bool		right_peer;
};

static const struct change *to_make;

/* the state is that of the last step: a certificate would come next */
static void change_at_a_step(const SSL *ssl, int where, int ret)
{
	OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);

	(void)ret;
	if (to_make && where == SSL_CB_CONNECT_LOOP &&
	    (SSL_version(ssl) == TLS1_3_VERSION ? state == TLS_ST_CR_ENCRYPTED_EXTENSIONS :
						  state == TLS_ST_CR_SRVR_HELLO)) {
		to_make->make((SSL *)(uintptr_t)ssl);
		to_make = NULL;
	}
}

static struct report connect_with(struct stage *stage, const struct change *change, bool at_step,
				  struct lws_vhost *vh)
{
	struct report report = { 0 };
	struct pair pair;

	pair = pair_new(stage->ctx, stage->server, NULL);
	SSL_set_info_callback(pair.client, change_at_a_step);
	if (vh)
		REQUIRE(lws_tls_session_wsi_create(vh, pair.client, HOST, PAIR_PORT));
	to_make = at_step ? change : NULL;
	CHECK(SSL_do_handshake(pair.client) < 0);
	CHECK_INT(stats_of(stage->vh).offered, vh ? 1 : 0);
	if (!at_step)
		change->make(pair.client);
	report.connected = pair_talk(&pair);
	report.result = SSL_get_verify_result(pair.client);
	report.right_peer = report.connected &&
			    !X509_cmp(SSL_get0_peer_certificate(pair.client), certs()->ecdsa->x509);
	pair_drop(&pair);

	return report;
}

static void check_change(const struct change *change, int version, bool at_step)
{
	struct report without, with;
	struct stage stage;

	/* each has its own: some changes are made to the SSL_CTX */
	stage_up(&stage, version, 0);
	without = connect_with(&stage, change, at_step, NULL);
	stage_down(&stage);
	stage_up(&stage, version, 0);
	with = connect_with(&stage, change, at_step, stage.vh);
	stage_down(&stage);

	if (change->kind == REFUSED) {
		CHECK(!with.connected);
		return;
	}
	CHECK_INT(with.connected, without.connected);
	CHECK_INT(with.right_peer, without.right_peer);
	/* what looks at certificates cannot be asked, and others have no result */
	if (with.connected || with.result)
		CHECK_INT(with.result, without.result);
}

static void check_all(bool at_step)
{
	int version;
	size_t n;

	log_capture(0);
	FOR_EACH_VERSION(version)
		for (n = 0; n < ARRAY_SIZE(changes); n++) {
			if (at_step && changes[n].kind == BETWEEN_CALLS)
				continue;
			check_context("%s, %s", version_name(version), changes[n].name);
			check_change(&changes[n], version, at_step);
		}
	log_release();
}

static void between_two_calls(void)
{
	check_all(false);
}

static void at_a_step(void)
{
	check_all(true);
}

/* A full handshake has looked at the certificate by then. */
static void expect_at_the_end(const SSL *ssl, int where, int ret)
{
	(void)ret;
	if (where == SSL_CB_CONNECT_LOOP && SSL_get_state(ssl) == TLS_ST_CW_FINISHED)
		expect_another_host((SSL *)(uintptr_t)ssl);
}

static void what_is_set_for_later(void)
{
	struct stage stage;
	struct pair pair;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		pair = pair_new(stage.ctx, stage.server, NULL);
		SSL_set_info_callback(pair.client, expect_at_the_end);
		REQUIRE(lws_tls_session_wsi_create(stage.vh, pair.client, HOST, PAIR_PORT));
		CHECK(pair_talk(&pair));
		CHECK(SSL_session_reused(pair.client));
		CHECK_INT(SSL_get_verify_result(pair.client), X509_V_OK);
		pair_close(&pair);
		stage_down(&stage);
	}
}

/* The app's data waits for the handshake, and does not go where that fails. */
static void data_that_is_written_before_the_end(void)
{
	struct stage stage;
	struct pair pair;
	int version;
	char byte;

	log_capture(0);
	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		pair = pair_new(stage.ctx, stage.server, stage.vh);
		CHECK(SSL_write(pair.client, "x", 1) < 0);
		expect_another_host(pair.client);
		SSL_do_handshake(pair.server);
		CHECK(SSL_write(pair.client, "x", 1) < 0);
		CHECK_INT(ERR_GET_REASON(ERR_peek_error()), SSL_R_CERTIFICATE_VERIFY_FAILED);
		CHECK_INT(pair_outcome(&pair), LWS_TLS_SESSION_OUTCOME_UNVERIFIED);
		CHECK_INT(stats_of(stage.vh).resumed, 0);
		CHECK(SSL_read(pair.server, &byte, 1) <= 0);
		ERR_clear_error();
		pair_drop(&pair);
		stage_down(&stage);
	}
	log_release();
}

TEST_PROGRAM(
	CASE(between_two_calls),
	CASE(at_a_step),
	CASE(what_is_set_for_later),
	CASE(data_that_is_written_before_the_end))
