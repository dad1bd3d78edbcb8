/*
 * What no getter tells, where the program names the function that sets it:
 * nothing is offered that it might forbid.
 */

#include <openssl/err.h>

#include "certs.h"
#include "observe.h"
#include "pair.h"
#include "rig.h"
#include "stage.h"
#include "world.h"

static int find_psk(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **session)
{
	(void)len;
	*session = psk_session(ssl, (const char *)identity);

	return 1;
}

static int use_psk(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len,
		   SSL_SESSION **session)
{
	(void)md;
	*session = psk_session(ssl, "alice");
	*id = (const unsigned char *)"alice";
	*len = 5;

	return 1;
}

/* The library's ticket would go first, and a session of TLS 1.2 would keep the key from being sent. */
static void an_external_psk_on_a_later_connection(void)
{
	struct stage stage;
	struct pair pair;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		SSL_CTX_set_min_proto_version(stage.server, 0);
		SSL_CTX_set_max_proto_version(stage.server, 0);
		SSL_CTX_set_max_proto_version(stage.ctx, 0);
		SSL_CTX_set_psk_find_session_callback(stage.server, find_psk);
		pair = pair_new(stage.ctx, stage.server, stage.vh);
		SSL_set_psk_use_session_callback(pair.client, use_psk);
		/* the cipher that the key is for */
		REQUIRE(SSL_set_ciphersuites(pair.client, "TLS_AES_128_GCM_SHA256"));
		CHECK(pair_talk(&pair));
		CHECK_INT(SSL_version(pair.client), TLS1_3_VERSION);
		CHECK_INT(pair_outcome(&pair), LWS_TLS_SESSION_OUTCOME_UNSUITABLE);
		CHECK(SSL_session_reused(pair.client));
		CHECK(!SSL_get0_peer_certificate(pair.client));
		pair_close(&pair);
		stage_down(&stage);
	}
}

static int refuse_all(X509_STORE_CTX *ctx, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);

	return 0;
}

static int accept_all(X509_STORE_CTX *ctx, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);

	return 1;
}

/* What another SSL_CTX has verified in its own way is not this one's to take. */
static void a_callback_that_verifies_in_openssls_place(void)
{
	SSL_CTX *strict;
	struct stage stage;
	struct pair pair;

	stage_up(&stage, TLS1_2_VERSION, 0);
	strict = trusting_ctx(TLS_client_method(), TLS1_2_VERSION);
	SSL_CTX_set_cert_verify_callback(strict, refuse_all, NULL);
	pair = pair_new(strict, stage.server, stage.vh);
	CHECK(!pair_talk(&pair));
	pair_drop(&pair);
	/* its own, it is */
	SSL_CTX_set_cert_verify_callback(strict, accept_all, NULL);
	pair = pair_new(strict, stage.server, stage.vh);
	REQUIRE(pair_talk(&pair));
	CHECK(!SSL_session_reused(pair.client));
	pair_close(&pair);
	pair = pair_new(strict, stage.server, stage.vh);
	REQUIRE(pair_talk(&pair));
	CHECK(SSL_session_reused(pair.client));
	pair_close(&pair);
	SSL_CTX_free(strict);
	stage_down(&stage);
}

TEST_PROGRAM(
	CASE(an_external_psk_on_a_later_connection),
	CASE(a_callback_that_verifies_in_openssls_place))
