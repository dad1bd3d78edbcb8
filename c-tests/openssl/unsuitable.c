/*
 * Connections that a session of the cache must not be offered on: the server
 * might take it, and the client would then fail, or lose what it asked for.
 *
 * Each connection does exactly what it does without the library.
 */

#ifndef OPENSSL_IS_BORINGSSL
#include <openssl/ct.h>
#endif

#include "client_openssl.h"
#include "rig.h"

static void change_ciphers(struct conn *conn)
{
	REQUIRE(SSL_set_cipher_list(conn_ssl(conn), "ECDHE-ECDSA-AES128-SHA"));
}

/* A visit with that change is UNSUITABLE, one without it resumes all the same. */
static void check_unsuitable(int version, void (*tune)(struct conn *conn))
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = version });
	RIG_VISIT(&rig, MISS);
	RIG_VISIT(&rig, RESUMED);

	rig.dial.tune = tune;
	RIG_VISIT(&rig, UNSUITABLE);
	CHECK_INT(server_seen(rig.server).offers, 1);
	CHECK_INT(stats_of(rig.vh).unsuitable, 1);

	rig.dial.tune = NULL;
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
}

static void a_cipher_that_the_connection_does_not_take(void)
{
	check_unsuitable(TLS1_2_VERSION, change_ciphers);
}

static void change_version(struct conn *conn)
{
	REQUIRE(SSL_set_min_proto_version(conn_ssl(conn), TLS1_3_VERSION));
}

static void change_version_back(struct conn *conn)
{
	REQUIRE(SSL_set_max_proto_version(conn_ssl(conn), TLS1_2_VERSION));
}

static void forbid_version(struct conn *conn)
{
	SSL_set_options(conn_ssl(conn), SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 |
					SSL_OP_NO_TLSv1_2);
}

/* The server speaks both, and the client changes its mind. */
static void a_version_that_the_connection_does_not_speak(void)
{
	static void (*const changes[])(struct conn *) = { change_version, forbid_version };
	struct client *old;
	struct rig rig;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(changes); n++) {
		RIG_UP(&rig, .server = { .version = 0 });
		old = client_new(&(struct client_config){ .vh = rig.vh,
							  .version = TLS1_2_VERSION });
		CHECK_VISIT(old, &rig.dial, MISS);
		CHECK_VISIT(old, &rig.dial, RESUMED);
		rig.dial.tune = changes[n];
		RIG_VISIT(&rig, UNSUITABLE);

		/* and now it is the other way round */
		rig.dial.tune = change_version_back;
		RIG_VISIT(&rig, UNSUITABLE);
		rig.dial.tune = NULL;
		CHECK_VISIT(old, &rig.dial, RESUMED);
		client_free(old);
		rig_down(&rig);
	}
}

#ifndef WITHOUT_METHODS_OF_ONE_VERSION
/*
 * Where a method fixes the version nothing else of the SSL need tell it. The
 * tickets of TLS 1.3 are another client's, of the same vhost.
 */
static void a_version_that_the_method_does_not_speak(void)
{
	const SSL_METHOD *methods[] = { TLSv1_2_method(), TLSv1_2_client_method() };
	struct client *old;
	struct conn *conn;
	struct rig rig;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(methods); n++) {
		check_context("%s", n ? "TLSv1_2_client_method()" : "TLSv1_2_method()");
		RIG_UP(&rig, .server = { .version = 0 });
		old = client_of_method(methods[n], &(struct client_config){ .vh = rig.vh });
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		CHECK_INT(first_entry_of(rig.vh).tls_version, TLS1_3_VERSION);
		CHECK_INT(server_seen(rig.server).offers, 1);

		conn = conn_open(old, &rig.dial);
		CHECK_INT(SSL_version(conn_ssl(conn)), TLS1_2_VERSION);
		CHECK(!conn_resumed(conn));
		CHECK_INT(SSL_get_verify_result(conn_ssl(conn)), X509_V_OK);
		CHECK_INT(server_seen(rig.server).offers, 1);
#ifdef OPENSSL_IS_AWSLC /* which tells no version of a method, and drops the session itself */
		CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), DECLINED);
		conn_close(conn);
		client_free(old);
		rig_down(&rig);
		continue;
#endif
		CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), UNSUITABLE);
		CHECK_INT(stats_of(rig.vh).unsuitable, 1);
		conn_close(conn);

		/* what it got itself it does take, until there are tickets again */
		CHECK_VISIT(old, &rig.dial, RESUMED);
		rig.dial.tune = change_version;
		RIG_VISIT(&rig, UNSUITABLE);
		rig.dial.tune = NULL;
		CHECK_VISIT(old, &rig.dial, UNSUITABLE);
		client_free(old);
		rig_down(&rig);
	}
}

#endif

#ifndef OPENSSL_IS_BORINGSSL /* which always has it */
static void without_extended_master_secret(struct conn *conn)
{
	SSL_set_options(conn_ssl(conn), SSL_OP_NO_EXTENDED_MASTER_SECRET);
}

/*
 * RFC 7627 5.3: the client must abort if it is resumed without. A session
 * without is not offered on a connection with, which has its own.
 */
static void extended_master_secret_off(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	RIG_VISIT(&rig, MISS);
	RIG_VISIT(&rig, RESUMED);
	rig.dial.tune = without_extended_master_secret;
	RIG_VISIT(&rig, UNSUITABLE);
	RIG_VISIT(&rig, UNSUITABLE);
	rig.dial.tune = NULL;
	RIG_VISIT(&rig, RESUMED);
	CHECK_INT(stats_of(rig.vh).declined, 0);
	rig_down(&rig);
}

#endif

static void ask_for_staple(struct conn *conn)
{
	REQUIRE(SSL_set_tlsext_status_type(conn_ssl(conn), TLSEXT_STATUSTYPE_ocsp));
}

static void an_ocsp_staple(void)
{
	int version;

	FOR_EACH_VERSION(version)
		check_unsuitable(version, ask_for_staple);
}

#ifndef OPENSSL_IS_BORINGSSL /* it has neither of these, and its servers do not renegotiate */
/* OpenSSL asks for a staple as well then, but an app need not. */
static void want_transparency(struct conn *conn, int mode)
{
	REQUIRE(SSL_enable_ct(conn_ssl(conn), mode));
	REQUIRE(SSL_set_tlsext_status_type(conn_ssl(conn), -1));
}

static void look_at_transparency(struct conn *conn)
{
	want_transparency(conn, SSL_CT_VALIDATION_PERMISSIVE);
}

static void insist_on_transparency(struct conn *conn)
{
	want_transparency(conn, SSL_CT_VALIDATION_STRICT);
}

static void certificate_transparency(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		check_unsuitable(version, look_at_transparency);

		/* and where no log vouches for the certificate it fails, as it ought to */
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		rig.dial.tune = insist_on_transparency;
		CHECK_FAILS(rig.client, &rig.dial);
		CHECK_INT(server_seen(rig.server).offers, 0);
		CHECK_INT(stats_of(rig.vh).unsuitable, 1);
		rig.dial.tune = NULL;
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

/* DANE-EE, full certificate, SHA-256 (RFC 6698): of this certificate, or of another. */
static void use_dane(struct conn *conn, const struct cert *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;

	REQUIRE(X509_digest(cert->x509, EVP_sha256(), digest, &len) == 1);
	REQUIRE(SSL_dane_enable(conn_ssl(conn), HOST) == 1);
	REQUIRE(SSL_dane_tlsa_add(conn_ssl(conn), 3, 0, 1, digest, len) == 1);
}

static void use_right_dane(struct conn *conn)
{
	use_dane(conn, pki()->server);
}

static void use_wrong_dane(struct conn *conn)
{
	use_dane(conn, pki()->alice);
}

static void dane(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		REQUIRE(SSL_CTX_dane_enable(client_ctx(rig.client)) > 0);
		RIG_VISIT(&rig, MISS);
		/* it is the connection that counts: this one uses no DANE */
		RIG_VISIT(&rig, RESUMED);
		rig.dial.tune = use_right_dane;
		RIG_VISIT(&rig, UNSUITABLE);
		rig.dial.tune = use_wrong_dane;
		CHECK_FAILS(rig.client, &rig.dial);
		CHECK_INT(server_seen(rig.server).offers, 1);
		CHECK_INT(stats_of(rig.vh).unsuitable, 2);
		rig_down(&rig);
	}
}

static void allow_renegotiation(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
}

/* Nothing is offered in a second handshake, and nothing told of it. */
static void renegotiation(void)
{
	struct server_seen seen;
	struct conn *conn;
	struct rig rig;
	int resumed;

	for (resumed = 0; resumed < 2; resumed++) {
		check_context("%s", resumed ? "after a resumption" : "after a full handshake");
		RIG_UP(&rig, .server = { .version = TLS1_2_VERSION,
					 .tune = allow_renegotiation });
		if (resumed)
			RIG_VISIT(&rig, MISS);

		conn = conn_open(rig.client, &rig.dial);
		CHECK_INT(conn_resumed(conn), resumed);

		REQUIRE(SSL_renegotiate(conn_ssl(conn)));
		CHECK(conn_handshake(conn));
		CHECK(conn_order(conn, "nothing"));
		CHECK(!SSL_renegotiate_pending(conn_ssl(conn)));

		seen = server_seen(rig.server);
		CHECK_INT(seen.hellos, resumed ? 3 : 2);
		CHECK_INT(seen.offers, resumed);
		CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), resumed);
		CHECK_INT(lws_tls_session_outcome(conn_wsi(conn)),
			  resumed ? LWS_TLS_SESSION_OUTCOME_RESUMED :
				    LWS_TLS_SESSION_OUTCOME_MISS);
		CHECK_INT(stats_of(rig.vh).handshakes, resumed + 1);
		CHECK_INT(stats_of(rig.vh).offered, resumed);
		conn_close(conn);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

#endif

static SSL_SESSION *own_session;

static void set_own_session(struct conn *conn)
{
	REQUIRE(SSL_set_session(conn_ssl(conn), own_session) == 1);
}

/* An app that does it itself is left alone. */
static void a_session_that_the_app_has_set(void)
{
	struct conn *conn;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
#ifdef OPENSSL_IS_BORINGSSL /* in TLS 1.3 only its callback gives sessions that resume */
		if (version == TLS1_3_VERSION)
			break;
#endif
		RIG_UP(&rig, .server = { .version = version });
		conn = conn_open(rig.client, &rig.dial);
		own_session = SSL_get1_session(conn_ssl(conn));
		conn_close(conn);

		rig.dial.tune = set_own_session;
		conn = conn_open(rig.client, &rig.dial);
		CHECK(conn_resumed(conn));
		CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conn)), UNSUITABLE);
		CHECK_INT(lws_tls_session_is_reused(conn_wsi(conn)), 1);
		CHECK_INT(server_seen(rig.server).resumed, 1);
		CHECK_INT(stats_of(rig.vh).offered, 0);
		CHECK_INT(stats_of(rig.vh).unsuitable, 1);
		conn_close(conn);
		SSL_SESSION_free(own_session);
		rig_down(&rig);
	}
}

#ifndef OPENSSL_IS_BORINGSSL /* it is the other kind of callback there, see below */
static int choose_certificate(SSL *ssl, X509 **x509, EVP_PKEY **key)
{
	(void)ssl;
	*x509 = pki()->alice->x509;
	*key = pki()->alice->key;
	X509_up_ref(*x509);
	EVP_PKEY_up_ref(*key);

	return 1;
}

/* Who the client will be is not known before the handshake: nothing is kept either. */
static void a_client_certificate_chosen_by_a_callback(void)
{
	struct rig rig;
	int version, n;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .client_ca = pki()->root });
		SSL_CTX_set_client_cert_cb(client_ctx(rig.client), choose_certificate);
		for (n = 0; n < 3; n++) {
			RIG_VISIT(&rig, UNSUITABLE);
			CHECK_STR(server_seen(rig.server).client, "alice");
		}
		CHECK_STATS(rig.vh, .handshakes = 3, .unsuitable = 3);

		SSL_CTX_set_client_cert_cb(client_ctx(rig.client), NULL);
		RIG_VISIT(&rig, MISS);
		CHECK_STR(server_seen(rig.server).client, "");
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

#endif

static int set_certificate(SSL *ssl, void *arg)
{
	const struct cert *cert = *(const struct cert **)arg;

	if (cert) {
		REQUIRE(SSL_use_certificate(ssl, cert->x509) == 1);
		REQUIRE(SSL_use_PrivateKey(ssl, cert->key) == 1);
	}

	return 1;
}

/* Another kind of callback sets it during the handshake, which the library sees when it keeps. */
static void a_client_certificate_set_by_a_callback(void)
{
	const struct cert *choice = pki()->alice;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .client_ca = pki()->root });
		SSL_CTX_set_cert_cb(client_ctx(rig.client), set_certificate, &choice);
		choice = pki()->alice;
		RIG_VISIT(&rig, MISS);
		CHECK_STR(server_seen(rig.server).client, "alice");
		CHECK_INT(stats_of(rig.vh).stored, 0);
		choice = pki()->bob;
		RIG_VISIT(&rig, MISS);
		CHECK_STR(server_seen(rig.server).client, "bob");
		rig_down(&rig);
	}
}

#ifdef WITHOUT_METHODS_OF_ONE_VERSION
#define CASE_OF_METHODS(function)	{ #function, NULL, NULL }
#else
#define CASE_OF_METHODS			CASE
#endif

TEST_PROGRAM(
	CASE(a_cipher_that_the_connection_does_not_take),
	CASE(a_version_that_the_connection_does_not_speak),
	CASE_OF_METHODS(a_version_that_the_method_does_not_speak),
	OPENSSL_CASE(extended_master_secret_off),
	CASE(an_ocsp_staple),
	OPENSSL_CASE(certificate_transparency),
	OPENSSL_CASE(dane),
	OPENSSL_CASE(renegotiation),
	CASE(a_session_that_the_app_has_set),
	OPENSSL_CASE(a_client_certificate_chosen_by_a_callback),
	CASE(a_client_certificate_set_by_a_callback))
