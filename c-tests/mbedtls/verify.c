/*
 * Before a session is offered its peer's chain is verified on the terms of the
 * connection, as a full handshake of mbedTLS would.
 */

#include <mbedtls/x509_crl.h>

#include "client_mbedtls.h"
#include "rig.h"

/* what mbedtls_ssl_get_verify_result() says after the handshake of a visit */
struct report {
	int		outcome;
	uint32_t	result;
};

static struct report report(struct client *client, const struct dial *dial)
{
	struct conn *conn = conn_open(client, dial);
	struct report report;

	report.outcome = lws_tls_session_outcome(conn_wsi(conn));
	report.result = mbedtls_ssl_get_verify_result(conn_ssl(conn));
	conn_close(conn);

	return report;
}

static void verify_nothing(struct conn *conn)
{
	mbedtls_ssl_conf_authmode(conn_conf(conn), MBEDTLS_SSL_VERIFY_NONE);
}

static void verify_leniently(struct conn *conn)
{
	mbedtls_ssl_conf_authmode(conn_conf(conn), MBEDTLS_SSL_VERIFY_OPTIONAL);
}

/* Strict rides on lax where the certificates are good, and on nothing else. */
static void strict_after_lax(void)
{
	static void (*const lax[])(struct conn *conn) = { verify_nothing, verify_leniently };
	struct client *stranger;
	struct rig rig;
	int version;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(lax); n++)
		FOR_EACH_VERSION(version) {
			RIG_UP(&rig, .server = { .version = version });
			stranger = client_new(&(struct client_config){
				.vh = rig.vh, .trust = pki()->stranger });
			rig.dial.tune = lax[n];
			RIG_VISIT(&rig, MISS);
			rig.dial.tune = NULL;
			RIG_VISIT(&rig, RESUMED);
			CHECK_FAILS(stranger, &rig.dial);
			CHECK_INT(server_seen(rig.server).offers, 1);
			CHECK_INT(stats_of(rig.vh).unverified, 1);
			client_free(stranger);
			rig_down(&rig);
		}
}

static void lax_after_strict(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		rig.dial.tune = verify_nothing;
		RIG_VISIT(&rig, RESUMED);
		rig.dial.tune = verify_leniently;
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

/*
 * A resumption reports what a full handshake would. In TLS 1.3 mbedTLS reports
 * that all is well whenever it resumes, so where it is not there is none.
 */
static void what_is_reported(void)
{
	struct client *stranger;
	struct report first, second;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		stranger = client_new(&(struct client_config){
			.vh = rig.vh, .trust = pki()->stranger, .lax = true });
		first = report(stranger, &rig.dial);
		second = report(stranger, &rig.dial);
		CHECK_OUTCOME(first.outcome, MISS);
		CHECK_INT(first.result, MBEDTLS_X509_BADCERT_NOT_TRUSTED);
		CHECK_INT(second.result, first.result);
		if (version == TLS1_2_VERSION)
			CHECK_OUTCOME(second.outcome, RESUMED);
		else
			CHECK_OUTCOME(second.outcome, UNVERIFIED);

		/* and what was not trusted there is nothing to those who trust it */
		if (version == TLS1_2_VERSION)
			RIG_VISIT(&rig, UNVERIFIED);
		client_free(stranger);
		rig_down(&rig);
	}
}

static void expect_another_name(struct conn *conn)
{
	verify_leniently(conn);
	REQUIRE(!mbedtls_ssl_set_hostname(conn_ssl(conn), "elsewhere.test"));
}

static void expect_the_other_name(struct conn *conn)
{
	REQUIRE(!mbedtls_ssl_set_hostname(conn_ssl(conn), HOST_A));
}

static void expect_no_name(struct conn *conn)
{
	REQUIRE(!mbedtls_ssl_set_hostname(conn_ssl(conn), NULL));
}

/* All for one endpoint; a TLS 1.3 ticket of mbedTLS is bound to the name besides. */
static void the_expected_name(void)
{
	struct report other;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);

		rig.dial.tune = expect_another_name;
		other = report(rig.client, &rig.dial);
		CHECK_INT(other.result, MBEDTLS_X509_BADCERT_CN_MISMATCH);
		if (version == TLS1_2_VERSION)
			CHECK_OUTCOME(other.outcome, UNVERIFIED);
		else
			CHECK_OUTCOME(other.outcome, UNSUITABLE);

		lws_tls_session_vhost_flush(rig.vh);
		rig.dial.tune = NULL;
		RIG_VISIT(&rig, MISS);
		rig.dial.tune = expect_the_other_name;
		/* the name that is expected is the one that is sent */
		if (version == TLS1_2_VERSION) {
			RIG_VISIT(&rig, UNVERIFIED);
			rig.dial.tune = expect_no_name;
			RIG_VISIT(&rig, UNVERIFIED);
		} else {
			RIG_VISIT(&rig, UNSUITABLE);
			rig.dial.tune = expect_no_name;
			RIG_VISIT(&rig, UNSUITABLE);
		}
		rig_down(&rig);
	}
}

/* A list of what the root has revoked: nothing, or the intermediate. */
static mbedtls_x509_crl revoked;

static void make_crl(bool revokes, long days)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *last = ASN1_TIME_adj(NULL, time(NULL), -30, 0);
	ASN1_TIME *next = ASN1_TIME_adj(NULL, time(NULL), (int)days, 0);
	X509_REVOKED *entry;
	unsigned char *der = NULL;
	int len;

	REQUIRE(crl && last && next);
	REQUIRE(X509_CRL_set_version(crl, 1) &&
		X509_CRL_set_issuer_name(crl, X509_get_subject_name(pki()->root->x509)) &&
		X509_CRL_set1_lastUpdate(crl, last) && X509_CRL_set1_nextUpdate(crl, next));
	if (revokes) {
		entry = X509_REVOKED_new();
		REQUIRE(entry && X509_REVOKED_set_serialNumber(entry,
				X509_get_serialNumber(pki()->intermediate->x509)) &&
			X509_REVOKED_set_revocationDate(entry, last) &&
			X509_CRL_add0_revoked(crl, entry));
	}
	REQUIRE(X509_CRL_sign(crl, pki()->root->key, EVP_sha256()));
	len = i2d_X509_CRL(crl, &der);
	REQUIRE(len > 0);
	mbedtls_x509_crl_free(&revoked);
	mbedtls_x509_crl_init(&revoked);
	REQUIRE(!mbedtls_x509_crl_parse_der(&revoked, der, (size_t)len));
	OPENSSL_free(der);
	ASN1_TIME_free(last);
	ASN1_TIME_free(next);
	X509_CRL_free(crl);
}

static mbedtls_x509_crt trusted;

static void check_revocation(struct conn *conn)
{
	verify_leniently(conn);
	mbedtls_ssl_conf_ca_chain(conn_conf(conn), &trusted, &revoked);
}

static void revocation_lists(void)
{
	static const struct {
		bool		revokes;
		long		days;
		uint32_t	result;
	} lists[] = {
		{ false, 30, 0 },
		{ true, 30, MBEDTLS_X509_BADCERT_REVOKED },
		{ false, -1, MBEDTLS_X509_BADCRL_EXPIRED },
	};
	struct report with;
	struct rig rig;
	int version;
	size_t n;

	mbedtls_x509_crt_init(&trusted);
	mbedtls_cert(&trusted, pki()->root);
	for (n = 0; n < ARRAY_SIZE(lists); n++) {
		make_crl(lists[n].revokes, lists[n].days);
		FOR_EACH_VERSION(version) {
			RIG_UP(&rig, .server = { .version = version });
			RIG_VISIT(&rig, MISS);
			RIG_VISIT(&rig, RESUMED);
			rig.dial.tune = check_revocation;
			with = report(rig.client, &rig.dial);
			CHECK_INT(with.result, lists[n].result);
			if (lists[n].result)
				CHECK_OUTCOME(with.outcome, UNVERIFIED);
			else
				CHECK_OUTCOME(with.outcome, RESUMED);
			rig_down(&rig);
		}
	}
	mbedtls_x509_crl_free(&revoked);
	mbedtls_x509_crt_free(&trusted);
}

static void want_better_digests(struct conn *conn)
{
	static const mbedtls_x509_crt_profile profile = {
		MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512), 0xfffffff, 0xfffffff, 2048,
	};

	verify_leniently(conn);
	mbedtls_ssl_conf_cert_profile(conn_conf(conn), &profile);
}

static void the_profile(void)
{
	struct report strict;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		rig.dial.tune = want_better_digests;
		strict = report(rig.client, &rig.dial);
		CHECK_INT(strict.result, MBEDTLS_X509_BADCERT_BAD_MD);
		CHECK_OUTCOME(strict.outcome, UNVERIFIED);
		rig_down(&rig);
	}
}

static unsigned int calls;

static int accept_anything(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	(void)arg;
	(void)crt;
	(void)depth;
	*flags = 0;
	calls++;

	return 0;
}

static int look_on(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	(void)arg;
	(void)crt;
	(void)depth;
	(void)flags;
	calls++;

	return 0;
}

static void with_a_look(struct conn *conn)
{
	mbedtls_ssl_conf_verify(conn_conf(conn), look_on, NULL);
}

static void with_a_look_of_its_own(struct conn *conn)
{
	mbedtls_ssl_set_verify(conn_ssl(conn), look_on, NULL);
}

static void with_a_look_at_something_else(struct conn *conn)
{
	static int pins;

	mbedtls_ssl_conf_verify(conn_conf(conn), look_on, &pins);
}

static void with_anything(struct conn *conn)
{
	mbedtls_ssl_conf_verify(conn_conf(conn), accept_anything, NULL);
}

static void with_anything_and_nothing_verified(struct conn *conn)
{
	with_anything(conn);
	verify_nothing(conn);
}

/* A callback may refuse what verifies, so it must have seen what is resumed. */
static void a_callback_goes_with_its_sessions(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		rig.dial.tune = with_a_look;
		RIG_VISIT(&rig, UNVERIFIED);
		lws_tls_session_vhost_flush(rig.vh);
		RIG_VISIT(&rig, MISS);
		calls = 0;
		RIG_VISIT(&rig, RESUMED);
		/* the same, wherever it is set */
		rig.dial.tune = with_a_look_of_its_own;
		RIG_VISIT(&rig, RESUMED);
		/* where it would not be called it does not matter */
		rig.dial.tune = with_anything_and_nothing_verified;
		RIG_VISIT(&rig, RESUMED);
		CHECK_INT(calls, 0);
		/* with something else to decide by, a list of pins say */
		rig.dial.tune = with_a_look_at_something_else;
		RIG_VISIT(&rig, UNVERIFIED);
		rig_down(&rig);
	}
}

/* One that accepts more vouches for nothing, unless the vhost says that it does. */
static void a_callback_that_accepts_anything(void)
{
	struct client *stranger;
	struct rig rig;
	int version, trust;

	for (trust = 0; trust < 2; trust++)
		FOR_EACH_VERSION(version) {
			RIG_UP(&rig, .server = { .version = version },
			       .vhost = { .options = trust ?
				       LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK : 0 });
			stranger = client_new(&(struct client_config){
				.vh = rig.vh, .trust = pki()->stranger });
			rig.dial.tune = with_anything;
			CHECK_VISIT(stranger, &rig.dial, MISS);
			if (trust)
				CHECK_VISIT(stranger, &rig.dial, RESUMED);
			else
				CHECK_VISIT(stranger, &rig.dial, UNVERIFIED);
			client_free(stranger);
			rig_down(&rig);
		}
}

static void with_fewer_signatures(struct conn *conn)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	static const uint16_t algorithms[] = {
		MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_NONE };

	mbedtls_ssl_conf_sig_algs(conn_conf(conn), algorithms);
#else
	static const int hashes[] = { MBEDTLS_MD_SHA256, MBEDTLS_MD_NONE };

	mbedtls_ssl_conf_sig_hashes(conn_conf(conn), hashes);
#endif
}

#if defined(MBEDTLS_DHM_C)
static void with_longer_primes(struct conn *conn)
{
	mbedtls_ssl_conf_dhm_min_bitlen(conn_conf(conn), 4096);
}
#endif

/* By them a server chooses its certificate, and a client refuses. */
static void other_algorithms(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		rig.dial.tune = with_fewer_signatures;
		RIG_VISIT(&rig, UNVERIFIED);
#if defined(MBEDTLS_DHM_C)
		rig.dial.tune = with_longer_primes;
		RIG_VISIT(&rig, UNVERIFIED);
#endif
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	CASE(other_algorithms),
	CASE(strict_after_lax),
	CASE(lax_after_strict),
	CASE(what_is_reported),
	CASE(the_expected_name),
	CASE(revocation_lists),
	CASE(the_profile),
	CASE(a_callback_goes_with_its_sessions),
	CASE(a_callback_that_accepts_anything))
