#include "pki.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "check.h"

static EVP_PKEY *make_key(bool rsa)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(rsa ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	REQUIRE(ctx);
	REQUIRE(EVP_PKEY_keygen_init(ctx) == 1);
	if (rsa)
		REQUIRE(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1);
	else
		REQUIRE(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx,
						NID_X9_62_prime256v1) == 1);
	REQUIRE(EVP_PKEY_keygen(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);

	return key;
}

static void extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	extension = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	REQUIRE(extension);
	REQUIRE(X509_add_ext(x509, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

/* Its text would need a configuration. */
static void add_policy(X509 *x509, const char *oid)
{
	CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
	POLICYINFO *info = POLICYINFO_new();

	REQUIRE(policies && info);
	ASN1_OBJECT_free(info->policyid);
	info->policyid = OBJ_txt2obj(oid, 1);
	REQUIRE(info->policyid && sk_POLICYINFO_push(policies, info));
	REQUIRE(X509_add1_ext_i2d(x509, NID_certificate_policies, policies, 0, 0) == 1);
	CERTIFICATEPOLICIES_free(policies);
}

struct cert *cert_make(const struct cert_request *request)
{
	static long serial = 1;
	struct cert *cert = calloc(1, sizeof(*cert));
	const struct cert *issuer = request->issuer ? request->issuer : cert;
	X509_NAME *name;

	REQUIRE(cert);
	cert->issuer = request->issuer;
	cert->key = make_key(request->rsa);
	cert->x509 = X509_new();
	REQUIRE(cert->x509);

	REQUIRE(X509_set_version(cert->x509, X509_VERSION_3) == 1);
	REQUIRE(ASN1_INTEGER_set(X509_get_serialNumber(cert->x509), serial++) == 1);
	REQUIRE(X509_gmtime_adj(X509_getm_notBefore(cert->x509),
				request->not_before ? request->not_before : -3600));
	REQUIRE(X509_gmtime_adj(X509_getm_notAfter(cert->x509),
				request->not_after ? request->not_after :
						     10L * 365 * 86400));
	REQUIRE(X509_set_pubkey(cert->x509, cert->key) == 1);

	name = X509_NAME_new();
	REQUIRE(name && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			(const unsigned char *)request->name, -1, -1, 0) == 1);
	REQUIRE(X509_set_subject_name(cert->x509, name) == 1);
	X509_NAME_free(name);
	REQUIRE(X509_set_issuer_name(cert->x509,
			X509_get_subject_name(issuer->x509)) == 1);

	extend(cert->x509, issuer->x509, NID_basic_constraints,
	       request->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	extend(cert->x509, issuer->x509, NID_key_usage,
	       request->ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
	extend(cert->x509, issuer->x509, NID_subject_key_identifier, "hash");
	extend(cert->x509, issuer->x509, NID_authority_key_identifier, "keyid:always");
	if (request->usage)
		extend(cert->x509, issuer->x509, NID_ext_key_usage, request->usage);
	if (request->policy)
		add_policy(cert->x509, request->policy);
	if (request->alt_names)
		extend(cert->x509, issuer->x509, NID_subject_alt_name,
		       request->alt_names);

	REQUIRE(X509_sign(cert->x509, issuer->key, EVP_sha256()) > 0);

	return cert;
}

void cert_free(struct cert *cert)
{
	if (!cert)
		return;

	X509_free(cert->x509);
	EVP_PKEY_free(cert->key);
	free(cert);
}

void cert_use(SSL_CTX *ctx, const struct cert *cert)
{
	const struct cert *next;

	REQUIRE(SSL_CTX_use_certificate(ctx, cert->x509) == 1);
	REQUIRE(SSL_CTX_use_PrivateKey(ctx, cert->key) == 1);
	for (next = cert->issuer; next && next->issuer; next = next->issuer)
		REQUIRE(SSL_CTX_add1_chain_cert(ctx, next->x509) == 1);
}

void cert_write(const struct cert *cert, const char *chain_path, const char *key_path)
{
	const struct cert *next = cert;
	FILE *file = fopen(chain_path, "w");

	REQUIRE(file);
	do {
		REQUIRE(PEM_write_X509(file, next->x509) == 1);
		next = next->issuer;
	} while (next && next->issuer);
	REQUIRE(!fclose(file));

	if (!key_path)
		return;
	file = fopen(key_path, "w");
	REQUIRE(file);
	REQUIRE(PEM_write_PrivateKey(file, cert->key, NULL, NULL, 0, NULL, NULL) == 1);
	REQUIRE(!fclose(file));
}

struct cert *cert_read(const char *path)
{
	struct cert *cert = calloc(1, sizeof(*cert));
	FILE *file = fopen(path, "r");

	REQUIRE(cert);
	REQUIRE(file);
	cert->x509 = PEM_read_X509(file, NULL, NULL, NULL);
	REQUIRE(cert->x509);
	REQUIRE(!fclose(file));

	return cert;
}

static struct pki made;

static void free_pki(void)
{
	cert_free(made.root);
	cert_free(made.intermediate);
	cert_free(made.server);
	cert_free(made.alice);
	cert_free(made.bob);
	cert_free(made.stranger);
}

const struct pki *pki(void)
{
	if (made.root)
		return &made;

	made.root = cert_make(&(struct cert_request){ .name = "root", .ca = true });
	made.intermediate = cert_make(&(struct cert_request){
		.name = "intermediate", .ca = true, .issuer = made.root });
	made.server = cert_make(&(struct cert_request){
		.name = "server", .issuer = made.intermediate,
		.alt_names = "DNS:" HOST ",DNS:*" DOMAIN
			     ",DNS:" LONG_HOST_A ",DNS:" LONG_HOST_B
			     ",IP:127.0.0.1" });
	made.alice = cert_make(&(struct cert_request){
		.name = "alice", .issuer = made.root });
	made.bob = cert_make(&(struct cert_request){
		.name = "bob", .issuer = made.root });
	made.stranger = cert_make(&(struct cert_request){
		.name = "stranger", .ca = true });

	/* after the first use of OpenSSL, so that it runs before OpenSSL's own */
	atexit(free_pki);

	return &made;
}
