/*
 * Trust that differs between connections, or changes after a session was made;
 * in single cases what verify.c says of all.
 */

#include <openssl/x509v3.h>

#include "client_openssl.h"
#include "clock.h"
#include "rig.h"

static void strict_after_lax(void)
{
	struct client *lax;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		lax = client_new(&(struct client_config){
			.vh = rig.vh, .lax = true, .trust = pki()->stranger });
		CHECK_VISIT(lax, &rig.dial, MISS);
		CHECK_VISIT(lax, &rig.dial, RESUMED);
		RIG_VISIT(&rig, UNVERIFIED);
		RIG_VISIT(&rig, RESUMED);
		/* there are several tickets in TLS 1.3, some of them its own */
		if (version == TLS1_2_VERSION)
			CHECK_VISIT(lax, &rig.dial, UNVERIFIED);
		else
			CHECK_VISIT(lax, &rig.dial, RESUMED);
		CHECK_INT(stats_of(rig.vh).missed, 1);
		client_free(lax);
		rig_down(&rig);
	}
}

#ifndef OPENSSL_IS_BORINGSSL /* which has no levels */
static void level_3(struct conn *conn)
{
	SSL_set_security_level(conn_ssl(conn), 3);
}

/* Its key is too small at that level. */
static void rsa_2048_at_level_3(void)
{
	struct cert *rsa = cert_make(&(struct cert_request){
		.name = "rsa", .rsa = true, .issuer = pki()->root,
		.alt_names = "DNS:" HOST });
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .cert = rsa });
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		rig.dial.tune = level_3;
		CHECK_FAILS(rig.client, &rig.dial);
		CHECK_INT(stats_of(rig.vh).unverified, 1);
		rig.dial.tune = NULL;
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
	cert_free(rsa);
}

#endif

static void add_crl(SSL_CTX *ctx, const struct cert *issuer, const struct cert *revoked,
		    long lifetime)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *time = ASN1_TIME_new();
	unsigned char *der = NULL;
	const unsigned char *next;
	X509_REVOKED *entry;
	int len;

	REQUIRE(crl && time);
	REQUIRE(X509_CRL_set_version(crl, X509_CRL_VERSION_2));
	REQUIRE(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x509)));
	REQUIRE(X509_gmtime_adj(time, revoked ? -60 : -120));
	REQUIRE(X509_CRL_set1_lastUpdate(crl, time));
	if (revoked) {
		entry = X509_REVOKED_new();
		REQUIRE(entry);
		REQUIRE(X509_REVOKED_set_serialNumber(entry,
					X509_get_serialNumber(revoked->x509)));
		REQUIRE(X509_REVOKED_set_revocationDate(entry, time));
		REQUIRE(X509_CRL_add0_revoked(crl, entry));
	}
	REQUIRE(X509_gmtime_adj(time, lifetime));
	REQUIRE(X509_CRL_set1_nextUpdate(crl, time));
	REQUIRE(X509_CRL_sign(crl, issuer->key, EVP_sha256()));
	/* OpenSSL tells lists apart by what it computes when it parses them */
	len = i2d_X509_CRL(crl, &der);
	X509_CRL_free(crl);
	next = der;
	crl = d2i_X509_CRL(NULL, &next, len);
	OPENSSL_free(der);
	REQUIRE(crl);
	REQUIRE(X509_STORE_add_crl(SSL_CTX_get_cert_store(ctx), crl));
	ASN1_TIME_free(time);
	X509_CRL_free(crl);
}

/* A rig whose client looks at revocations, and has resumed. */
static void rig_up_with_crl(struct rig *rig, int version)
{
	SSL_CTX *ctx;

	RIG_UP(rig, .server = { .version = version });
	ctx = client_ctx(rig->client);
	add_crl(ctx, pki()->intermediate, NULL, 1000);
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_CRL_CHECK);
	RIG_VISIT(rig, MISS);
	RIG_VISIT(rig, RESUMED);
}

static void check_fails_as_it_ought_to(struct rig *rig)
{
	CHECK_FAILS(rig->client, &rig->dial);
	CHECK_INT(stats_of(rig->vh).unverified, 1);
	CHECK_INT(server_seen(rig->server).offers, 1);
}

static void a_store_that_gains_a_revocation(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		rig_up_with_crl(&rig, version);
		add_crl(client_ctx(rig.client), pki()->intermediate, pki()->server, 1000);
		check_fails_as_it_ought_to(&rig);
		rig_down(&rig);
	}
}

static void a_revocation_list_that_goes_out_of_date(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		rig_up_with_crl(&rig, version);
		clock_pass(1001);
		check_fails_as_it_ought_to(&rig);
		rig_down(&rig);
		clock_reset();
	}
}

TEST_PROGRAM(
	CASE(strict_after_lax),
	OPENSSL_CASE(rsa_2048_at_level_3),
	CASE(a_store_that_gains_a_revocation),
	CASE(a_revocation_list_that_goes_out_of_date))
