#include "certs.h"

#include <stdlib.h>

#include <openssl/x509v3.h>

#include "check.h"

#define NAMES	"DNS:" HOST ",DNS:*" DOMAIN ",IP:127.0.0.1,email:" EMAIL

static X509_CRL *make_crl(const struct cert *issuer, long issued, const struct cert *const *revoked,
			  size_t count)
{
	X509_CRL *crl = X509_CRL_new(), *copy;
	ASN1_TIME *last = X509_gmtime_adj(NULL, issued), *next = X509_gmtime_adj(NULL, 30L * 86400);
	size_t n;

	REQUIRE(crl && last && next);
	REQUIRE(X509_CRL_set_version(crl, 1) == 1);
	REQUIRE(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x509)) == 1);
	REQUIRE(X509_CRL_set1_lastUpdate(crl, last) == 1);
	REQUIRE(X509_CRL_set1_nextUpdate(crl, next) == 1);
	for (n = 0; n < count; n++) {
		X509_REVOKED *one = X509_REVOKED_new();

		REQUIRE(one);
		REQUIRE(X509_REVOKED_set_serialNumber(one,
				X509_get_serialNumber(revoked[n]->x509)) == 1);
		REQUIRE(X509_REVOKED_set_revocationDate(one, last) == 1);
		REQUIRE(X509_CRL_add0_revoked(crl, one) == 1);
	}
	REQUIRE(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
	ASN1_TIME_free(last);
	ASN1_TIME_free(next);
	/* one that was read: only that has the digest which tells it from another one */
	copy = X509_CRL_dup(crl);
	REQUIRE(copy);
	X509_CRL_free(crl);

	return copy;
}

static X509 *trusted_for(const X509 *x509, int nid)
{
	X509 *copy = X509_dup((X509 *)x509);
	ASN1_OBJECT *object = OBJ_nid2obj(nid);

	REQUIRE(copy && object);
	REQUIRE(X509_add1_trust_object(copy, object) == 1);

	return copy;
}

static struct certs made;

static void free_certs(void)
{
	cert_free(made.ecdsa);
	cert_free(made.rsa);
	cert_free(made.other);
	cert_free(made.stranger);
	cert_free(made.policy);
	cert_free(made.policy_issuer);
	cert_free(made.chain);
	cert_free(made.chain_issuer);
	X509_free(made.root_for_servers);
	X509_free(made.root_for_email);
	X509_free(made.expired);
	X509_CRL_free(made.crls[0]);
	X509_CRL_free(made.crls[1]);
	X509_CRL_free(made.revoked);
}

const struct certs *certs(void)
{
	const struct cert *revoked[2];

	if (made.root)
		return &made;

	made.root = pki()->root;
	made.intermediate = pki()->intermediate;
	made.ecdsa = cert_make(&(struct cert_request){
		.name = "ecdsa", .issuer = made.intermediate, .alt_names = NAMES });
	made.rsa = cert_make(&(struct cert_request){
		.name = "rsa", .issuer = made.intermediate, .alt_names = NAMES, .rsa = true });
	made.other = cert_make(&(struct cert_request){
		.name = "other", .issuer = made.intermediate, .alt_names = NAMES });
	made.stranger = cert_make(&(struct cert_request){
		.name = "stranger's", .issuer = pki()->stranger, .alt_names = NAMES });
	made.policy_issuer = cert_make(&(struct cert_request){
		.name = "by the book", .issuer = made.root, .ca = true, .policy = RIGHT_POLICY });
	made.policy = cert_make(&(struct cert_request){ .name = "policy",
		.issuer = made.policy_issuer, .alt_names = NAMES, .policy = RIGHT_POLICY });
	made.chain_issuer = cert_make(&(struct cert_request){
		.name = "second", .issuer = made.intermediate, .ca = true });
	made.chain = cert_make(&(struct cert_request){
		.name = "chain", .issuer = made.chain_issuer, .alt_names = NAMES,
		.usage = "serverAuth" });
	made.expired = X509_dup(made.intermediate->x509);
	REQUIRE(made.expired && X509_gmtime_adj(X509_getm_notAfter(made.expired), -60));
	REQUIRE(X509_sign(made.expired, made.root->key, EVP_sha256()));
	made.root_for_servers = trusted_for(made.root->x509, NID_server_auth);
	made.root_for_email = trusted_for(made.root->x509, NID_email_protect);
	made.crls[0] = make_crl(made.root, -3600, NULL, 0);
	made.crls[1] = make_crl(made.intermediate, -3600, NULL, 0);
	revoked[0] = made.ecdsa;
	revoked[1] = made.rsa;
	made.revoked = make_crl(made.intermediate, -60, revoked, 2);
	atexit(free_certs);

	return &made;
}

SSL_CTX *trusting_ctx(const SSL_METHOD *method, int max_version)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	REQUIRE(ctx);
	REQUIRE(SSL_CTX_set_max_proto_version(ctx, max_version));
	REQUIRE(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certs()->root->x509));
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);

	return ctx;
}
