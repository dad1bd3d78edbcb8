/*
 * Sets the terms of a connection on its SSL_CTX and its SSL.
 */

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certs.h"
#include "check.h"
#include "client_openssl.h"
#include "world.h"

#define IS(term, value)		link_is(link, term, value)
#define HAS(term)		(link->scenario->terms[link->section][term] != 0)

/* what can be set on either; the SSL is made after the SSL_CTX is set up */
#define SET(link, function, ...)						\
	((link)->client ? SSL_##function((link)->client, __VA_ARGS__) :		\
			  SSL_CTX_##function((link)->ctx, __VA_ARGS__))

static void limit_fragments(const struct link *link, uint8_t mode)
{
	int (*set)(SSL *ssl, uint8_t mode), (*set_on_ctx)(SSL_CTX *ctx, uint8_t mode);

	*(void **)&set = unnamed("SSL_set_tlsext_max_fragment_length");
	*(void **)&set_on_ctx = unnamed("SSL_CTX_set_tlsext_max_fragment_length");
	REQUIRE(link->client ? set(link->client, mode) : set_on_ctx(link->ctx, mode));
}

static const char *cipher_list(const char *name)
{
	static const struct {
		const char *name, *list;
	} lists[] = {
		{ "ecdsa-first", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256" },
		{ "rsa-first", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256" },
		{ "ecdsa", "ECDHE-ECDSA-AES128-GCM-SHA256" },
		{ "rsa", "ECDHE-RSA-AES128-GCM-SHA256" },
		{ "dhe", "DHE-RSA-AES128-GCM-SHA256" },
		{ "cbc", "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256" },
		{ "aes128", "aECDSA+AES128:aRSA+AES128" },
		{ "aes256", "aECDSA+AES256:aRSA+AES256" },
		{ "psk", "PSK-AES128-GCM-SHA256:DHE-PSK-AES128-GCM-SHA256" },
		{ "rsa-psk", "RSA-PSK-AES128-GCM-SHA256" },
		{ "srp", "SRP-AES-128-CBC-SHA" },
		{ "srp-rsa", "SRP-RSA-AES-128-CBC-SHA" },
	};
	size_t n;

	for (n = 0; n < ARRAY_SIZE(lists); n++)
		if (!strcmp(lists[n].name, name))
			return lists[n].list;

	return NULL;
}

/* Where the ex_data says so, no signature of the peer's will do: a full handshake fails */
static int security_by_ex(const SSL *s, const SSL_CTX *ctx, int op, int bits, int nid, void *other,
			  void *ex)
{
	(void)s;
	(void)ctx;
	(void)bits;
	(void)nid;
	(void)other;

	return op != SSL_SECOP_SIGALG_CHECK || !ex || strcmp(ex, "refuse") != 0;
}

#ifndef WITHOUT_STORE_FUNCTIONS
static int refuse_all(X509_STORE_CTX *store)
{
	return verify_refuse(0, store);
}
#endif

static SSL_verify_cb verify_cb(const struct link *link, int term)
{
	return IS(term, "pass") ? verify_pass : IS(term, "force") ? verify_force :
	       IS(term, "refuse") ? verify_refuse : NULL;
}

static void apply_protocol(struct link *link)
{
	static const unsigned char alpn[] = "\x02h2\x08http/1.1";
	const char *list = cipher_list(term_value(link->scenario, link->section, CIPHERS));
	uint64_t options = 0;

	if (HAS(MIN))
		REQUIRE(SET(link, set_min_proto_version, IS(MIN, "1.2") ? TLS1_2_VERSION :
									  TLS1_3_VERSION));
	if (HAS(MAX))
		REQUIRE(SET(link, set_max_proto_version, IS(MAX, "1.2") ? TLS1_2_VERSION :
									  TLS1_3_VERSION));
	options |= IS(NO_TICKET, "yes") ? SSL_OP_NO_TICKET : 0;
	options |= IS(NO_EMS, "yes") ? SSL_OP_NO_EXTENDED_MASTER_SECRET : 0;
	options |= IS(NO_ETM, "yes") ? SSL_OP_NO_ENCRYPT_THEN_MAC : 0;
	options |= IS(NO_DHE_KEX, "yes") ? SSL_OP_ALLOW_NO_DHE_KEX : 0;
	if (options)
		SET(link, set_options, options);
	if (list)
		REQUIRE(SET(link, set_cipher_list, list));
	if (HAS(SUITES))
		REQUIRE(SET(link, set_ciphersuites,
			    IS(SUITES, "aes128") ? "TLS_AES_128_GCM_SHA256" :
			    IS(SUITES, "aes256") ? "TLS_AES_256_GCM_SHA384" :
			    IS(SUITES, "chacha") ? "TLS_CHACHA20_POLY1305_SHA256" :
			    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"));
	if (HAS(LEVEL))
		SET(link, set_security_level,
		    term_value(link->scenario, link->section, LEVEL)[0] - '0');
	if (HAS(SECURITY))
		SET(link, set_security_callback,
		    IS(SECURITY, "allow") ? security_allow : security_by_ex);
	if (HAS(SECURITY_EX))
		SET(link, set0_security_ex_data, IS(SECURITY_EX, "refuse") ? "refuse" : "allow");
	if (HAS(SUITE_B))
		SET(link, set_cert_flags, SSL_CERT_FLAG_SUITEB_128_LOS);
	if (HAS(MFL))
		limit_fragments(link, IS(MFL, "512") ? TLSEXT_max_fragment_length_512 :
						       TLSEXT_max_fragment_length_1024);
	if (HAS(ALPN))
		REQUIRE(!SET(link, set_alpn_protos, IS(ALPN, "http") ? alpn + 3 : alpn,
			     IS(ALPN, "h2") ? 3 : IS(ALPN, "http") ? 9 : 12));
}

static X509_VERIFY_PARAM *param_of(const struct link *link)
{
	return link->client ? SSL_get0_param(link->client) : SSL_CTX_get0_param(link->ctx);
}

static void apply_names(struct link *link)
{
	X509_VERIFY_PARAM *param = param_of(link);
	const char *email = IS(EXPECT_EMAIL, "right") ? EMAIL : "x@" HOST_WRONG;
	const char *host = IS(EXPECT_HOST, "a") ? HOST_A :
			   IS(EXPECT_HOST, "localhost") ? HOST : HOST_WRONG;

	if (!IS(EXPECT_HOST, "none"))
		REQUIRE(X509_VERIFY_PARAM_set1_host(param, host, strlen(host)));
	if (IS(EXPECT_HOST, "two"))
		REQUIRE(X509_VERIFY_PARAM_add1_host(param, HOST, strlen(HOST)));
	if (IS(EXPECT_HOST, "two-wrong"))
		REQUIRE(X509_VERIFY_PARAM_add1_host(param, "also." HOST_WRONG,
						    strlen("also." HOST_WRONG)));
	if (HAS(HOST_FLAGS))
		X509_VERIFY_PARAM_set_hostflags(param, IS(HOST_FLAGS, "no-wildcards") ?
			X509_CHECK_FLAG_NO_WILDCARDS : X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (HAS(EXPECT_EMAIL))
		REQUIRE(X509_VERIFY_PARAM_set1_email(param, email, strlen(email)));
	if (HAS(EXPECT_IP))
		REQUIRE(X509_VERIFY_PARAM_set1_ip_asc(param, IS(EXPECT_IP, "right") ? "127.0.0.1" :
								     "127.0.0.2"));
}

static void apply_flags(struct link *link)
{
	X509_VERIFY_PARAM *param = param_of(link);
	unsigned long flags = IS(FLAGS, "partial") ? X509_V_FLAG_PARTIAL_CHAIN :
		IS(FLAGS, "strict") ? X509_V_FLAG_X509_STRICT :
		IS(FLAGS, "crl") ? X509_V_FLAG_CRL_CHECK :
		IS(FLAGS, "crl-all") ? X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL :
		IS(FLAGS, "trusted-first") ? X509_V_FLAG_TRUSTED_FIRST :
		IS(FLAGS, "policy") ? X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_EXPLICIT_POLICY : 0;

	if (flags)
		REQUIRE(X509_VERIFY_PARAM_set_flags(param, flags));
	if (HAS(POLICY))
		REQUIRE(X509_VERIFY_PARAM_add0_policy(param,
			OBJ_txt2obj(IS(POLICY, "right") ? RIGHT_POLICY : "1.2.3.5", 1)));
	if (HAS(INHERIT))
		REQUIRE(X509_VERIFY_PARAM_set_inh_flags(param, IS(INHERIT, "once") ?
				X509_VP_FLAG_ONCE : X509_VP_FLAG_LOCKED));
	if (HAS(TIME))
		X509_VERIFY_PARAM_set_time(param, time(NULL) +
				(IS(TIME, "soon") ? 1 : IS(TIME, "past") ? -3650L : 7300L) * 86400);
}

static void apply_expectations(struct link *link)
{
	X509_VERIFY_PARAM *param = param_of(link);

	SET(link, set_verify, IS(VERIFY, "peer") ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
	    verify_cb(link, VERIFY_CB));
	apply_names(link);
	apply_flags(link);
	if (HAS(PURPOSE))
		REQUIRE(SET(link, set_purpose, IS(PURPOSE, "server") ? X509_PURPOSE_SSL_SERVER :
			    IS(PURPOSE, "client") ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_ANY));
	if (HAS(TRUST))
		REQUIRE(SET(link, set_trust, IS(TRUST, "server") ? X509_TRUST_SSL_SERVER :
			    IS(TRUST, "client") ? X509_TRUST_SSL_CLIENT :
			    IS(TRUST, "email") ? X509_TRUST_EMAIL : X509_TRUST_OCSP_SIGN));
	if (HAS(DEPTH))
		SET(link, set_verify_depth, IS(DEPTH, "0") ? 0 : IS(DEPTH, "1") ? 1 : 5);
	if (HAS(AUTH_LEVEL))
		X509_VERIFY_PARAM_set_auth_level(param, IS(AUTH_LEVEL, "0") ? 0 :
						 IS(AUTH_LEVEL, "2") ? 2 : 4);
}

/* A store with its own copies: what is done to them is not done to those of other worlds. */
static X509_STORE *make_store(const struct link *link, bool is_stranger)
{
	X509_STORE *store = X509_STORE_new();
	X509 *root = IS(STORE, "trusted-server") ? certs()->root_for_servers :
		     IS(STORE, "trusted-email") ? certs()->root_for_email : certs()->root->x509;
	X509 *copy = X509_dup(root);
	ASN1_OBJECT *object = IS(STORE, "trusted-server") ? OBJ_nid2obj(NID_server_auth) :
						OBJ_nid2obj(NID_email_protect);
	size_t n;

	REQUIRE(store && copy);
	/* which X509_dup() leaves out */
	if (root != certs()->root->x509)
		REQUIRE(X509_add1_trust_object(copy, object));
	if (IS(STORE, "intermediate"))
		REQUIRE(X509_STORE_add_cert(store, certs()->intermediate->x509));
	else if (!IS(STORE, "none") && !is_stranger)
		REQUIRE(X509_STORE_add_cert(store, copy));
	if (IS(STORE, "both") || is_stranger)
		REQUIRE(X509_STORE_add_cert(store, pki()->stranger->x509));
	for (n = 0; n < 2 && (IS(STORE, "crl") || IS(STORE, "crl-checked")); n++) {
		X509_CRL *crl = X509_CRL_dup(certs()->crls[n]);

		REQUIRE(crl && X509_STORE_add_crl(store, crl));
		X509_CRL_free(crl);
	}
	if (IS(STORE, "crl-checked"))
		REQUIRE(X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK));
	X509_free(copy);

	return store;
}

#if defined(OPENSSL_IS_BORINGSSL) && !defined(WITHOUT_STORE_FUNCTIONS)
typedef int (*add_object_fn)(X509 *x509, ASN1_OBJECT *object);
#else
typedef int (*add_object_fn)(X509 *x509, const ASN1_OBJECT *object);
#endif

/* Says what the certificates of a store are trusted for, or not. */
static void change_certs(X509_STORE *store, add_object_fn add, int nid)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
	int n, count = (int)sk_X509_OBJECT_num(objects);

	for (n = 0; n < count; n++) {
		X509 *x509 = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, n));

		/* those that other worlds have too are left */
		if (x509 && x509 != pki()->stranger->x509 && x509 != certs()->intermediate->x509)
			REQUIRE(add(x509, OBJ_nid2obj(nid)));
	}
}

/* Lists whose time was over a minute ago: the store has as many objects as before. */
static void outdate_crls(X509_STORE *store)
{
#ifdef OPENSSL_IS_BORINGSSL	/* which does not give them out */
	REQUIRE(!store);
#else
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
	ASN1_TIME *over = X509_gmtime_adj(NULL, -60);
	int n, count = (int)sk_X509_OBJECT_num(objects);

	REQUIRE(over);
	for (n = 0; n < count; n++) {
		X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, n));

		if (crl && crl != certs()->revoked)
			REQUIRE(X509_CRL_set1_nextUpdate(crl, over));
	}
	ASN1_TIME_free(over);
#endif
}

void apply_change(struct link *link)
{
	X509_STORE *store = SSL_CTX_get_cert_store(link->ctx);

	if (IS(CHANGE, "add-root"))
		REQUIRE(X509_STORE_add_cert(store, certs()->root->x509));
	if (IS(CHANGE, "add-stranger"))
		REQUIRE(X509_STORE_add_cert(store, pki()->stranger->x509));
	/* trusted certificates are looked at first: what verified does not any more */
	if (IS(CHANGE, "add-expired"))
		REQUIRE(X509_STORE_add_cert(store, certs()->expired));
	if (IS(CHANGE, "outdate"))
		outdate_crls(store);
	if (IS(CHANGE, "reject"))
		change_certs(store, X509_add1_reject_object, NID_server_auth);
	if (IS(CHANGE, "trust-email"))
		change_certs(store, X509_add1_trust_object, NID_email_protect);
	if (IS(CHANGE, "revoke"))
		REQUIRE(X509_STORE_add_crl(store, certs()->revoked));
#ifndef WITHOUT_STORE_FUNCTIONS
	if (IS(CHANGE, "verify-function"))
		X509_STORE_set_verify(store, refuse_all);
#endif
}

static int on_staple(SSL *ssl, void *arg)
{
	const unsigned char *staple = NULL;

	(void)arg;

	return !link_is(link_of(ssl), OCSP, "require") ||
	       SSL_get_tlsext_status_ocsp_resp(ssl, &staple) > 0;
}

SSL_CTX *apply_new_ctx(struct link *link)
{
	SSL_CTX *ctx = SSL_CTX_new(IS(METHOD, "any") ? TLS_method() : TLS_client_method());

	REQUIRE(ctx);
	SSL_CTX_set_cert_store(ctx, make_store(link, IS(STORE, "stranger")));
	/* hangs up without close_notify */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);

	return ctx;
}

static int keep_new(SSL *ssl, SSL_SESSION *session)
{
	struct link *link = link_of(ssl);

	link->new_sessions++;
	world_keep(link->world, session);

	return 1;
}

void apply_to_ctx(struct link *link)
{
	const struct scenario *scenario = link->scenario;
	X509_STORE *store = SSL_CTX_get_cert_store(link->ctx);

	if (IS(ON, "ctx")) {
		apply_protocol(link);
		apply_expectations(link);
	}
	X509_STORE_set_verify_cb(store, verify_cb(link, STORE_CB));
	SSL_CTX_set_tlsext_status_cb(link->ctx, on_staple);
	if (!IS(DANE, "no"))
		REQUIRE(SSL_CTX_dane_enable(link->ctx) > 0);
	if (HAS(SID_CTX))
		REQUIRE(SSL_CTX_set_session_id_context(link->ctx,
			(const unsigned char *)(IS(SID_CTX, "x") ? "x" : "y"), 1));
	if (HAS(CACHE))
		SSL_CTX_set_session_cache_mode(link->ctx, IS(CACHE, "off") ? SSL_SESS_CACHE_OFF :
			IS(CACHE, "client") ? SSL_SESS_CACHE_CLIENT :
			IS(CACHE, "both") ? SSL_SESS_CACHE_BOTH :
			SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	if (IS(NEW_CB, "yes"))
		SSL_CTX_sess_set_new_cb(link->ctx, keep_new);
	if (!term_is(scenario, PAIR, P_GROUPS, "default"))
		REQUIRE(SSL_CTX_set1_groups_list(link->ctx, term_value(scenario, PAIR, P_GROUPS)));
	if (!term_is(scenario, PAIR, P_SIGALGS, "default"))
		REQUIRE(SSL_CTX_set1_sigalgs_list(link->ctx,
			"ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256"));
	apply_who_to_ctx(link);
}

static void apply_dane(struct link *link)
{
	unsigned char *spki = NULL, digest[EVP_MAX_MD_SIZE];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certs()->ecdsa->x509), &spki);
	unsigned int digest_len = 0;

	REQUIRE(len > 0 && EVP_Digest(spki, (size_t)len, digest, &digest_len, EVP_sha256(), NULL));
	OPENSSL_free(spki);
	digest[0] ^= IS(DANE, "mismatch");
	REQUIRE(SSL_dane_enable(link->client, HOST) > 0);
	REQUIRE(SSL_dane_tlsa_add(link->client, 3, 1, 1, digest, digest_len) > 0);
}

void apply_to_ssl(struct link *link)
{
	SSL *ssl = link->client;

	if (IS(ON, "ssl")) {
		apply_protocol(link);
		apply_expectations(link);
	}
	if (IS(STORE, "own-root") || IS(STORE, "own-stranger"))
		REQUIRE(SSL_set0_verify_cert_store(ssl, make_store(link, IS(STORE, "own-stranger"))));
	if (!IS(SNI, "none"))
		REQUIRE(SSL_set_tlsext_host_name(ssl, IS(SNI, "a") ? HOST_A :
						 IS(SNI, "b") ? HOST_B : HOST));
	if (HAS(DANE))
		apply_dane(link);
	if (HAS(CT))
		REQUIRE(SSL_enable_ct(ssl, IS(CT, "strict") ? SSL_CT_VALIDATION_STRICT :
							 SSL_CT_VALIDATION_PERMISSIVE));
	if (HAS(OCSP))
		REQUIRE(SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp));
	if (HAS(SID_SSL))
		REQUIRE(SSL_set_session_id_context(ssl,
			(const unsigned char *)(IS(SID_SSL, "x") ? "x" : "y"), 1));
	apply_who_to_ssl(link);
}

void apply_late(struct link *link)
{
	SSL *ssl = link->client;

	if (strstr(term_value(link->scenario, link->section, LATE), "wrong-host"))
		REQUIRE(SSL_set1_host(ssl, HOST_WRONG));
	if (!strncmp(term_value(link->scenario, link->section, LATE), "peer", 4))
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (IS(LATE, "level-4"))
		SSL_set_security_level(ssl, 4);
	if (IS(LATE, "stranger"))
		REQUIRE(SSL_set0_verify_cert_store(ssl, make_store(link, true)));
	if (IS(LATE, "rsa-first"))
		REQUIRE(SSL_set_cipher_list(ssl, cipher_list("rsa-first")));
	if (IS(LATE, "sni-a"))
		REQUIRE(SSL_set_tlsext_host_name(ssl, HOST_A));
	if (IS(LATE, "cert-bob")) {
		SSL_use_certificate(ssl, pki()->bob->x509);
		SSL_use_PrivateKey(ssl, pki()->bob->key);
		ERR_clear_error();
	}
}
