/*
 * Handshakes that take another course, and SSLs that have more than one: what
 * was offered in one, or comes of it, never turns up in another.
 */

#include "client_openssl.h"
#include "observe.h"
#include "pair.h"

struct duo {
	SSL_CTX			*server;
	struct client		*client;
	SSL_CTX			*ctx;		/* the client's */
	struct lws_vhost	*vh;
};

#define DUO_UP(duo, opts, ...)						\
	duo_up(duo, opts, &(struct server_config){ __VA_ARGS__ })

static void duo_up(struct duo *duo, uint64_t options, const struct server_config *config)
{
	duo->server = pair_server_ctx(config);
	duo->vh = lws_tls_session_vhost_create(
			&(struct lws_tls_session_vhost_info){ .options = options });
	duo->client = client_new(&(struct client_config){ .vh = duo->vh });
	duo->ctx = client_ctx(duo->client);
}

static void duo_down(struct duo *duo)
{
	client_free(duo->client);
	lws_tls_session_vh_destroy(duo->vh);
	SSL_CTX_free(duo->server);
}

static int duo_visit(struct duo *duo, void (*tune)(SSL *ssl))
{
	struct pair pair = pair_new(duo->ctx, duo->server, duo->vh);
	int outcome;

	if (tune)
		tune(pair.client);
	if (!pair_run(&pair) || !pair_greet(&pair)) {
		pair_drop(&pair);
		return -1;
	}
	outcome = pair_outcome(&pair);
	CHECK_INT(outcome == LWS_TLS_SESSION_OUTCOME_RESUMED,
		  SSL_session_reused(pair.client));
	pair_close(&pair);

	return outcome;
}

#define DUO_VISIT(duo, tune, expected)	CHECK_OUTCOME(duo_visit(duo, tune), expected)

/* RFC 8446 4.1.4: the client says the same again, with another key share. */
static void a_hello_retry_request(void)
{
	struct duo duo;

	DUO_UP(&duo, 0, .version = TLS1_3_VERSION);
	REQUIRE(SSL_CTX_set1_groups_list(duo.server, "P-384"));
	REQUIRE(SSL_CTX_set1_groups_list(duo.ctx, "X25519:P-384"));
	DUO_VISIT(&duo, NULL, MISS);
	DUO_VISIT(&duo, NULL, RESUMED);
	DUO_VISIT(&duo, NULL, RESUMED);
	CHECK_INT(stats_of(duo.vh).handshakes, 3);
	duo_down(&duo);
}

#ifndef OPENSSL_IS_BORINGSSL /* it has no such authentication, and its servers do not renegotiate */
/*
 * RFC 8446 6.2: with TLS 1.3 the level of an alert says nothing. OpenSSL's servers send no
 * error as a warning: so the library is told of them as OpenSSL tells it.
 */
static void an_alert_that_says_it_is_a_warning(void)
{
	static const struct {
		int version, description;
		bool is_error;
	} alerts[] = {
		{ TLS1_3_VERSION, SSL_AD_CLOSE_NOTIFY, false },
		{ TLS1_3_VERSION, SSL_AD_USER_CANCELLED, false },
		{ TLS1_3_VERSION, SSL_AD_HANDSHAKE_FAILURE, true },
		{ TLS1_2_VERSION, SSL_AD_CLOSE_NOTIFY, false },
		{ TLS1_2_VERSION, SSL_AD_NO_RENEGOTIATION, false },
	};
	const int warning = SSL3_AL_WARNING << 8;
	struct pair pair;
	struct duo duo;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(alerts); n++) {
		check_context("%x, %d", (unsigned int)alerts[n].version, alerts[n].description);
		DUO_UP(&duo, 0, .version = alerts[n].version);
		pair = pair_new(duo.ctx, duo.server, duo.vh);
		CHECK(pair_run(&pair) && pair_greet(&pair));
		CHECK_HOSTS(duo.vh, HOST);
		SSL_get_info_callback(pair.client)(pair.client, SSL_CB_READ_ALERT,
						   warning | alerts[n].description);
		CHECK_HOSTS(duo.vh, alerts[n].is_error ? "" : HOST);
		pair_close(&pair);
		duo_down(&duo);
	}
}

static void allow_post_handshake(SSL *ssl)
{
	SSL_set_post_handshake_auth(ssl, 1);
}

static void allow_post_handshake_as_alice(SSL *ssl)
{
	allow_post_handshake(ssl);
	REQUIRE(SSL_use_certificate(ssl, pki()->alice->x509) == 1);
	REQUIRE(SSL_use_PrivateKey(ssl, pki()->alice->key) == 1);
}

/*
 * RFC 8446 4.6.2: the server asks who the client is when all is done. A full
 * handshake would have it ask again, so what it sends then is not kept.
 */
static void authentication_after_the_handshake(void)
{
	struct pair pair;
	struct duo duo;
	char byte;

	DUO_UP(&duo, 0, .version = TLS1_3_VERSION);
	REQUIRE(X509_STORE_add_cert(SSL_CTX_get_cert_store(duo.server), pki()->root->x509));
	pair = pair_new(duo.ctx, duo.server, duo.vh);
	allow_post_handshake_as_alice(pair.client);
	CHECK(pair_run(&pair));
	CHECK(pair_greet(&pair));
	CHECK_INT(stats_of(duo.vh).stored, 2);
	SSL_set_verify(pair.server, SSL_VERIFY_PEER, NULL);
	REQUIRE(SSL_verify_client_post_handshake(pair.server) == 1);
	REQUIRE(SSL_do_handshake(pair.server) == 1);
	CHECK(pair_greet(&pair));
	CHECK_INT(SSL_read(pair.server, &byte, 1), -1);
	CHECK(SSL_get0_peer_certificate(pair.server));
	CHECK(pair_greet(&pair));
	CHECK_INT(stats_of(duo.vh).stored, 2);
	CHECK_INT(stats_of(duo.vh).handshakes, 1);
	pair_close(&pair);

	DUO_VISIT(&duo, allow_post_handshake, MISS);
	DUO_VISIT(&duo, allow_post_handshake_as_alice, RESUMED);
	duo_down(&duo);
}

/* Shows another certificate in a renegotiation, which a lax client takes. */
static void a_renegotiation_with_another_certificate(void)
{
	struct cert *stranger = cert_make(&(struct cert_request){
		.name = HOST, .alt_names = "DNS:" HOST, .issuer = pki()->stranger });
	struct pair pair;
	struct duo duo;
	char byte;
	int n;

	DUO_UP(&duo, 0, .version = TLS1_2_VERSION);
	pair = pair_new(duo.ctx, duo.server, duo.vh);
	SSL_set_verify(pair.client, SSL_VERIFY_NONE, NULL);
	CHECK(pair_run(&pair));
	CHECK(pair_greet(&pair));
	CHECK_INT(stats_of(duo.vh).stored, 1);

	REQUIRE(SSL_use_certificate(pair.server, stranger->x509) == 1);
	REQUIRE(SSL_use_PrivateKey(pair.server, stranger->key) == 1);
	SSL_set_options(pair.server, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
	REQUIRE(SSL_renegotiate(pair.server));
	REQUIRE(SSL_do_handshake(pair.server) == 1);
	for (n = 0; n < 4; n++) {
		CHECK_INT(SSL_read(pair.client, &byte, 1), -1);
		CHECK_INT(SSL_read(pair.server, &byte, 1), -1);
	}
	CHECK(pair_greet(&pair));
	CHECK(SSL_get_verify_result(pair.client) != X509_V_OK);
	CHECK_INT(stats_of(duo.vh).stored, 1);
	pair_close(&pair);

	/* the stranger's key never vouches for a strict connection */
	pair = pair_new(duo.ctx, duo.server, duo.vh);
	CHECK(pair_run(&pair));
	CHECK_INT(SSL_get_verify_result(pair.client), X509_V_OK);
	CHECK(!X509_cmp(SSL_get0_peer_certificate(pair.client), pki()->server->x509));
	pair_close(&pair);
	duo_down(&duo);
	cert_free(stranger);
}

#endif

static int fail(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)arg;
	*alert = SSL_AD_HANDSHAKE_FAILURE;

	return SSL_CLIENT_HELLO_ERROR;
}

/*
 * SSL_clear() leaves on the SSL the session of a handshake that never ended.
 * It was for that host, and is not for the next one.
 */
static void an_ssl_that_is_cleared_after_a_failure(void)
{
	static const char *const ways[] = { "refused", "given up" };
	struct pair pair;
	struct duo duo;
	int version, way;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
		for (way = 0; way < 2; way++) {
			check_context("%x, %s", version, ways[way]);
			DUO_UP(&duo, 0, .version = version);
			DUO_VISIT(&duo, NULL, MISS);

			pair = pair_new(duo.ctx, duo.server, duo.vh);
			if (way == 0)
				SSL_CTX_set_client_hello_cb(duo.server, fail, NULL);
			if (way == 0)
				CHECK(!pair_run(&pair));
			else
				CHECK(SSL_do_handshake(pair.client) != 1);
			SSL_CTX_set_client_hello_cb(duo.server, NULL, NULL);
			SSL_free(pair.server);
			CHECK(SSL_clear(pair.client));

			/* both servers would take it: they share the ticket key */
			REQUIRE(SSL_set_tlsext_host_name(pair.client, HOST_A));
			REQUIRE(SSL_set1_host(pair.client, HOST_A));
			REQUIRE(lws_tls_session_wsi_create(duo.vh, pair.client, HOST_A,
							   PAIR_PORT));
			pair_server(&pair, duo.server);
			CHECK(pair_run(&pair));
			CHECK(!SSL_session_reused(pair.client));
			CHECK_OUTCOME(pair_outcome(&pair), MISS);
			CHECK(pair_greet(&pair));
			pair_close(&pair);
			duo_down(&duo);
		}
}

/* After one that ended well OpenSSL keeps the session, with and without the library. */
/* Five offers that were never answered are enough, on one SSL as on five. */
static void an_ssl_that_is_cleared_again_and_again(void)
{
	struct pair pair;
	struct duo duo;
	int n;

	DUO_UP(&duo, 0, .version = TLS1_2_VERSION);
	DUO_VISIT(&duo, NULL, MISS);
	pair = pair_new(duo.ctx, duo.server, duo.vh);
	for (n = 0; n < 5; n++) {
		CHECK_INT(stats_of(duo.vh).sessions, 1);
		CHECK(SSL_do_handshake(pair.client) != 1);
		SSL_free(pair.server);
		CHECK(SSL_clear(pair.client));
		pair_server(&pair, duo.server);
	}
	CHECK(pair_run(&pair));
	CHECK_OUTCOME(pair_outcome(&pair), MISS);
	CHECK_INT(stats_of(duo.vh).offered, 5);
	pair_close(&pair);
	duo_down(&duo);
}

static void an_ssl_that_is_cleared_after_success(void)
{
	struct pair pair;
	struct duo duo;
	int version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		check_context("%x", version);
		DUO_UP(&duo, 0, .version = version);
		DUO_VISIT(&duo, NULL, MISS);
		pair = pair_new(duo.ctx, duo.server, duo.vh);
		CHECK(pair_run(&pair));
		CHECK(pair_greet(&pair));
		CHECK_OUTCOME(pair_outcome(&pair), RESUMED);
		SSL_shutdown(pair.client);
		SSL_free(pair.server);
		CHECK(SSL_clear(pair.client));

		pair_server(&pair, duo.server);
		CHECK(pair_run(&pair));
		CHECK(pair_greet(&pair));
		CHECK_OUTCOME(pair_outcome(&pair), UNSUITABLE);
		CHECK_INT(stats_of(duo.vh).handshakes, 3);
		pair_close(&pair);
		DUO_VISIT(&duo, NULL, RESUMED);
		duo_down(&duo);
	}
}

#ifndef OPENSSL_IS_BORINGSSL /* which has none */
/* SSL_dup() makes a connection of its own, even of one that has been offered a session. */
static void an_ssl_that_is_duplicated(void)
{
	struct pair pair, other;
	struct duo duo;
	int version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		check_context("%x", version);
		DUO_UP(&duo, 0, .version = version);
		DUO_VISIT(&duo, NULL, MISS);

		pair = pair_new(duo.ctx, duo.server, duo.vh);
		other.client = SSL_dup(pair.client);
		REQUIRE(other.client);
		pair_server(&other, duo.server);
		CHECK(lws_tls_session_wsi(other.client) == NULL);
		CHECK(pair_run(&other));
		CHECK(!SSL_session_reused(other.client));
		pair_close(&other);
		CHECK(pair_run(&pair));
		CHECK_OUTCOME(pair_outcome(&pair), RESUMED);
		pair_close(&pair);
		duo_down(&duo);
	}
}

#endif

static void expect_another_host(SSL *ssl)
{
	REQUIRE(SSL_set1_host(ssl, "another.example"));
}

static void reuse_early(SSL *ssl)
{
	CHECK_INT(lws_tls_reuse_session(lws_tls_session_wsi(ssl)), 1);
}

static void reuse_early_then_expect_another_host(SSL *ssl)
{
	reuse_early(ssl);
	expect_another_host(ssl);
}

static void reuse_early_then_ask_for_a_staple(SSL *ssl)
{
	reuse_early(ssl);
	REQUIRE(SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp));
}

static void reuse_early_then_be_alice(SSL *ssl)
{
	reuse_early(ssl);
	REQUIRE(SSL_use_certificate(ssl, pki()->alice->x509) == 1);
	REQUIRE(SSL_use_PrivateKey(ssl, pki()->alice->key) == 1);
}

static struct lws_vhost *current;

static void reuse_early_then_flush(SSL *ssl)
{
	reuse_early(ssl);
	lws_tls_session_vhost_flush(current);
}

static void reuse_early_then_forget(SSL *ssl)
{
	reuse_early(ssl);
	CHECK_INT(lws_tls_session_forget(current, HOST, PAIR_PORT),
		  !stats_of(current).sessions);
}

/* What lws_tls_reuse_session() set counts only if all is still so at the handshake. */
static void terms_that_change_after_an_early_offer(void)
{
	static const uint64_t options[] = { 0, LWS_TLS_SESSION_OPTION_SINGLE_USE };
	uint64_t offered;
	struct duo duo;
	int version;
	size_t n;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
		for (n = 0; n < ARRAY_SIZE(options); n++) {
			check_context("%x, options %zu", version, n);
			DUO_UP(&duo, options[n], .version = version, .tickets = 1);
			DUO_VISIT(&duo, NULL, MISS);
			current = duo.vh;
			/* each takes the only ticket, and brings another */
			DUO_VISIT(&duo, reuse_early, RESUMED);
			DUO_VISIT(&duo, reuse_early, RESUMED);
			CHECK_INT(stats_of(duo.vh).offered, 2);
			CHECK_INT(stats_of(duo.vh).resumed, 2);
			CHECK_INT(stats_of(duo.vh).missed, 1);

			CHECK_INT(duo_visit(&duo, reuse_early_then_expect_another_host), -1);
			lws_tls_session_vhost_flush(duo.vh);
			DUO_VISIT(&duo, NULL, MISS);
			/* what is taken back was not offered */
			offered = stats_of(duo.vh).offered;
			CHECK_INT(duo_visit(&duo, reuse_early_then_ask_for_a_staple),
				  n == 1 && version == TLS1_3_VERSION ?
					LWS_TLS_SESSION_OUTCOME_SPENT :
					LWS_TLS_SESSION_OUTCOME_UNSUITABLE);
			CHECK_INT(stats_of(duo.vh).offered, offered);
			DUO_VISIT(&duo, reuse_early_then_be_alice, MISS);
			lws_tls_session_vhost_flush(duo.vh);
			DUO_VISIT(&duo, NULL, MISS);
			DUO_VISIT(&duo, reuse_early_then_flush, MISS);
			lws_tls_session_vhost_flush(duo.vh);
			DUO_VISIT(&duo, NULL, MISS);
			DUO_VISIT(&duo, reuse_early_then_forget, MISS);
			duo_down(&duo);
		}
}

static void any_flag(SSL *ssl)
{
	SSL_set_verify(ssl, SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	expect_another_host(ssl);
}

static void lax_about_another_host(SSL *ssl)
{
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	expect_another_host(ssl);
}

/* SSL_set_verify(3): "historically" any flag makes OpenSSL verify. */
static void any_verify_flag_is_strict(void)
{
	struct duo duo;
	int version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		check_context("%x", version);
		DUO_UP(&duo, 0, .version = version);
		DUO_VISIT(&duo, lax_about_another_host, MISS);
		DUO_VISIT(&duo, lax_about_another_host, RESUMED);
		CHECK_INT(duo_visit(&duo, any_flag), -1);
		duo_down(&duo);
	}
}

#ifndef OPENSSL_IS_BORINGSSL /* which has no levels */
static void at_level_0(SSL *ssl)
{
	SSL_set_security_level(ssl, 0);
}

/*
 * The level is for the key exchange too, which a session of TLS 1.2 has behind
 * it: RFC 4492's smallest curves are too weak for level 2. OpenSSL 4 has them not.
 */
static bool has_small_curves(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	bool has_one = SSL_CTX_set1_groups_list(ctx, "secp160r1") == 1;

	SSL_CTX_free(ctx);

	return has_one;
}

static void a_key_exchange_below_the_level(void)
{
	struct duo duo;

	DUO_UP(&duo, 0, .version = TLS1_2_VERSION);
	SSL_CTX_set_security_level(duo.ctx, 3);
	REQUIRE(SSL_CTX_set1_groups_list(duo.ctx, "P-256:secp160r1"));
	SSL_CTX_set_security_level(duo.server, 0);
	REQUIRE(SSL_CTX_set1_groups_list(duo.server, "secp160r1"));
	CHECK_INT(duo_visit(&duo, NULL), -1);
	DUO_VISIT(&duo, at_level_0, MISS);
	DUO_VISIT(&duo, at_level_0, RESUMED);
	CHECK_INT(duo_visit(&duo, NULL), -1);
	CHECK_INT(stats_of(duo.vh).unverified, 1);
	duo_down(&duo);
}

static int refuse_signatures(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid,
			     void *other, void *ex)
{
	(void)ssl, (void)ctx, (void)bits, (void)nid, (void)other, (void)ex;

	return op != SSL_SECOP_SIGALG_CHECK;
}

static void with_security_callback(SSL *ssl)
{
	SSL_set_security_callback(ssl, refuse_signatures);
}

/* A resumption has no signature for it to refuse. */
static void a_security_callback_on_some(void)
{
	struct duo duo;
	int version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		check_context("%x", version);
		DUO_UP(&duo, 0, .version = version);
		DUO_VISIT(&duo, NULL, MISS);
		DUO_VISIT(&duo, NULL, RESUMED);
		CHECK_INT(duo_visit(&duo, with_security_callback), -1);
		CHECK_INT(stats_of(duo.vh).unverified, 1);
		duo_down(&duo);
	}
}

static void limit_fragments(SSL *ssl)
{
	int (*set)(SSL *ssl, uint8_t mode);

	*(void **)&set = unnamed("SSL_set_tlsext_max_fragment_length");
	REQUIRE(set(ssl, TLSEXT_max_fragment_length_1024));
}

/* RFC 6066 4: what was agreed on holds for resumptions, and servers insist. */
static void a_limit_on_fragments(void)
{
	struct duo duo;
	int version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		check_context("%x", version);
		DUO_UP(&duo, 0, .version = version);
		DUO_VISIT(&duo, limit_fragments, MISS);
		DUO_VISIT(&duo, NULL, UNSUITABLE);
		duo_down(&duo);
	}
}
#endif

TEST_PROGRAM(
	CASE(a_hello_retry_request),
	OPENSSL_CASE(an_alert_that_says_it_is_a_warning),
	OPENSSL_CASE(authentication_after_the_handshake),
	OPENSSL_CASE(a_renegotiation_with_another_certificate),
	CASE(an_ssl_that_is_cleared_after_a_failure),
	CASE(an_ssl_that_is_cleared_again_and_again),
	CASE(an_ssl_that_is_cleared_after_success),
	OPENSSL_CASE(an_ssl_that_is_duplicated),
	CASE(terms_that_change_after_an_early_offer),
	CASE(any_verify_flag_is_strict),
	OPENSSL_CASE_IF(has_small_curves, a_key_exchange_below_the_level),
	OPENSSL_CASE(a_security_callback_on_some),
	OPENSSL_CASE(a_limit_on_fragments))
