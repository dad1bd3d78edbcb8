/*
 * A verdict is kept with the session, for the store and the parameters that it
 * was made with. Whatever of them changes, a connection comes out as it does
 * without the library.
 */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "client_openssl.h"
#include "rig.h"
#include "tempdir.h"

static X509_VERIFY_PARAM *param_of(struct conn *conn)
{
	return SSL_get0_param(conn_ssl(conn));
}

static X509_STORE *store_of(struct conn *conn)
{
	return SSL_CTX_get_cert_store(SSL_get_SSL_CTX(conn_ssl(conn)));
}

static void lax(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_NONE, NULL);
}

static void wrong_host(struct conn *conn)
{
	REQUIRE(SSL_set1_host(conn_ssl(conn), "wrong.example"));
}

static void wildcard(struct conn *conn)
{
	REQUIRE(SSL_set1_host(conn_ssl(conn), HOST_A));
}

static void no_wildcards(struct conn *conn)
{
	wildcard(conn);
	SSL_set_hostflags(conn_ssl(conn), X509_CHECK_FLAG_NO_WILDCARDS);
}

static void two_hosts(struct conn *conn)
{
	wrong_host(conn);
	REQUIRE(SSL_add1_host(conn_ssl(conn), HOST));
}

static void wrong_address(struct conn *conn)
{
	REQUIRE(X509_VERIFY_PARAM_set1_ip_asc(param_of(conn), "127.0.0.2"));
}

static void wrong_email(struct conn *conn)
{
	static const char email[] = "a@b.test";

	REQUIRE(X509_VERIFY_PARAM_set1_email(param_of(conn), email, sizeof(email) - 1));
}

static void no_depth(struct conn *conn)
{
	SSL_set_verify_depth(conn_ssl(conn), 0);
}

static void later(struct conn *conn)
{
	X509_VERIFY_PARAM_set_time(param_of(conn), time(NULL) + 20L * 365 * 86400);
}

static void revocation(struct conn *conn)
{
	X509_VERIFY_PARAM_set_flags(param_of(conn), X509_V_FLAG_CRL_CHECK);
}

static void policy(struct conn *conn)
{
	ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4", 1);

	REQUIRE(X509_VERIFY_PARAM_add0_policy(param_of(conn), policy));
	X509_VERIFY_PARAM_set_flags(param_of(conn), X509_V_FLAG_POLICY_CHECK |
						    X509_V_FLAG_EXPLICIT_POLICY);
}

#ifndef OPENSSL_IS_BORINGSSL /* it has none of these, and nobody can see such a store */
static void suite_b(struct conn *conn)
{
	SSL_set_cert_flags(conn_ssl(conn), SSL_CERT_FLAG_SUITEB_192_LOS);
}

static void level_4(struct conn *conn)
{
	X509_VERIFY_PARAM_set_auth_level(param_of(conn), 4);
}

static void for_clients(struct conn *conn)
{
	REQUIRE(SSL_set_purpose(conn_ssl(conn), X509_PURPOSE_SSL_CLIENT));
}

static void trusted_for_mail(struct conn *conn)
{
	REQUIRE(SSL_set_trust(conn_ssl(conn), X509_TRUST_EMAIL));
}

static void own_wrong_store(struct conn *conn)
{
	X509_STORE *store = X509_STORE_new();

	REQUIRE(store && X509_STORE_add_cert(store, pki()->stranger->x509));
	REQUIRE(SSL_set0_verify_cert_store(conn_ssl(conn), store));
}

#endif

#ifndef WITHOUT_STORE_FUNCTIONS
static int refuse(X509_STORE_CTX *ctx)
{
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);

	return 0;
}

static void store_function(struct conn *conn)
{
	X509_STORE_set_verify(store_of(conn), refuse);
}

#endif

/* these change the SSL_CTX's store, and so stay */

static void store_time(struct conn *conn)
{
	X509_STORE_set_flags(store_of(conn), X509_V_FLAG_USE_CHECK_TIME);
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store_of(conn)), 1);
}

static void store_host(struct conn *conn)
{
	X509_VERIFY_PARAM *param = X509_STORE_get0_param(store_of(conn));

	REQUIRE(X509_VERIFY_PARAM_set1_host(param, "wrong.example", 13));
}

static void store_revocation(struct conn *conn)
{
	X509_STORE_set_flags(store_of(conn), X509_V_FLAG_CRL_CHECK);
}

static const struct change {
	const char	*name;
	void		(*tune)(struct conn *conn);
} changes[] = {
	{ "none", NULL },
	{ "lax", lax },
	{ "wrong host", wrong_host },
	{ "wildcard", wildcard },
	{ "no wildcards", no_wildcards },
	{ "two hosts", two_hosts },
	{ "wrong address", wrong_address },
	{ "wrong e-mail", wrong_email },
	{ "no depth", no_depth },
	{ "later", later },
	{ "revocation", revocation },
	{ "policy", policy },
#ifndef OPENSSL_IS_BORINGSSL
	{ "Suite B", suite_b },
	{ "level 4", level_4 },
	{ "purpose", for_clients },
	{ "trust", trusted_for_mail },
	{ "own store, not trusted", own_wrong_store },
#endif
	{ "time of the store", store_time },
	{ "host of the store", store_host },
#ifndef WITHOUT_STORE_FUNCTIONS
	{ "function of the store", store_function },
#endif
	{ "revocation in the store", store_revocation },
};

static void (*current)(struct conn *conn);

static void current_and_lax(struct conn *conn)
{
	if (current)
		current(conn);
	lax(conn);
}

/* What SSL_get_verify_result() says; -1 where the connection fails. */
static long result_of(struct client *client, const struct dial *dial)
{
	struct conn *conn = conn_new(client, dial);
	long result = -1;
	char line[64];

	if (conn_handshake(conn) && conn_read_line(conn, line, sizeof(line)))
		result = SSL_get_verify_result(conn_ssl(conn));
	conn_drop(conn);

	return result;
}

static void check_change(const struct change *change, int version, bool is_lax)
{
	struct client *without = client_new(&(struct client_config){ .version = version });
	struct rig rig;

	RIG_UP(&rig, .server = { .version = version });
	RIG_VISIT(&rig, MISS);
	/* now there is a verdict, and it is that of these terms */
	RIG_VISIT(&rig, RESUMED);
	RIG_VISIT(&rig, RESUMED);

	current = change->tune;
	rig.dial.tune = is_lax ? current_and_lax : change->tune;
	CHECK_INT(result_of(rig.client, &rig.dial), result_of(without, &rig.dial));
	CHECK_INT(result_of(rig.client, &rig.dial), result_of(without, &rig.dial));
	client_free(without);
	rig_down(&rig);
}

static void a_verdict_is_for_its_terms(void)
{
	int version, is_lax;
	size_t n;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
		for (n = 0; n < ARRAY_SIZE(changes); n++)
			for (is_lax = 0; is_lax < 2; is_lax++) {
				check_context("%x, %s%s", version, changes[n].name,
					      is_lax ? ", lax" : "");
				check_change(&changes[n], version, is_lax);
			}
}

#ifndef OPENSSL_IS_BORINGSSL /* which cannot be told to expect none */
static void no_host(struct conn *conn)
{
	REQUIRE(SSL_set1_host(conn_ssl(conn), NULL));
}

static void no_host_but_that_of_the_store(struct conn *conn)
{
	no_host(conn);
	store_host(conn);
}

/* It counts where the connection itself expects none. */
static void a_verdict_is_for_the_host_of_the_store(void)
{
	struct rig rig;
	int version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		check_context("%x", version);
		RIG_UP(&rig, .server = { .version = version });
		rig.dial.tune = no_host;
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		rig.dial.tune = no_host_but_that_of_the_store;
		CHECK_FAILS(rig.client, &rig.dial);
		rig_down(&rig);
	}
}
#endif

#ifndef OPENSSL_IS_BORINGSSL /* its stores have no such functions */
#if OPENSSL_VERSION_NUMBER >= 0x40000000L
static int is_issued(X509_STORE_CTX *ctx, const X509 *x509, const X509 *issuer)
#else
static int is_issued(X509_STORE_CTX *ctx, X509 *x509, X509 *issuer)
#endif
{
	(void)ctx;

	return X509_check_issued(issuer, x509) == X509_V_OK;
}

static int accept_all(X509_STORE_CTX *ctx)
{
	(void)ctx;

	return 1;
}

static int get_no_crl(X509_STORE_CTX *ctx, X509_CRL **crl, X509 *x509)
{
	(void)ctx;
	(void)crl;
	(void)x509;

	return 0;
}

static int accept_crl(X509_STORE_CTX *ctx, X509_CRL *crl)
{
	(void)ctx;
	(void)crl;

	return 1;
}

static int accept_by_crl(X509_STORE_CTX *ctx, X509_CRL *crl, X509 *x509)
{
	(void)x509;

	return accept_crl(ctx, crl);
}

/* Whether there is such a function. */
static bool put_function(X509_STORE *store, int n)
{
	switch (n) {
	case 0:
		X509_STORE_set_get_issuer(store, X509_STORE_CTX_get1_issuer);
		return true;
	case 1:
		X509_STORE_set_check_issued(store, is_issued);
		return true;
	case 2:
		X509_STORE_set_check_revocation(store, accept_all);
		return true;
	case 3:
		X509_STORE_set_get_crl(store, get_no_crl);
		return true;
	case 4:
		X509_STORE_set_check_crl(store, accept_crl);
		return true;
	case 5:
		X509_STORE_set_cert_crl(store, accept_by_crl);
		return true;
	case 6:
		X509_STORE_set_check_policy(store, accept_all);
		return true;
	case 7:
		X509_STORE_set_lookup_certs(store, X509_STORE_CTX_get1_certs);
		return true;
	case 8:
		X509_STORE_set_lookup_crls(store, X509_STORE_CTX_get1_crls);
		return true;
	}

	return false;
}

/* What a function of the app's would say now, nobody knows: also where it has accepted before. */
static void a_store_with_a_function_has_no_verdict(void)
{
	struct rig rig;
	int n, is_put;

	for (n = 0, is_put = 1; is_put; n++) {
		check_context("function %d", n);
		RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		is_put = put_function(SSL_CTX_get_cert_store(client_ctx(rig.client)), n);
		if (is_put) {
			RIG_VISIT(&rig, UNVERIFIED);
			RIG_VISIT(&rig, UNVERIFIED);
		}
		rig_down(&rig);
	}
	CHECK_INT(n, 10);
}
#endif

static char directory[512];

/* Makes it what X509_LOOKUP_hash_dir() looks for: HASH.0 */
static void put_root_into_directory(void)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%08lx.0", directory,
		 (unsigned long)X509_subject_name_hash(pki()->root->x509));
	file = fopen(path, "w");
	REQUIRE(file && PEM_write_X509(file, pki()->root->x509) && !fclose(file));
}

/*
 * A CApath that gains a certificate: the lax connections that were not sure of
 * their peer now are, and report it.
 */
static void a_directory_that_gains_a_certificate(void)
{
	struct client *without;
	struct rig rig;
	int version;

	for (version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		check_context("%x", version);
		snprintf(directory, sizeof(directory), "%s/%x", temp_dir(), version);
		REQUIRE(!access(directory, F_OK) || !mkdir(directory, 0700));
		RIG_UP(&rig, .server = { .version = version },
		       .client = { .trust = pki()->stranger, .lax = true });
		without = client_new(&(struct client_config){ .trust = pki()->stranger,
							      .lax = true });
		REQUIRE(SSL_CTX_load_verify_dir(client_ctx(rig.client), directory));
		REQUIRE(SSL_CTX_load_verify_dir(client_ctx(without), directory));

		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		CHECK_INT(result_of(rig.client, &rig.dial),
			  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
		CHECK_INT(result_of(without, &rig.dial),
			  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);

		put_root_into_directory();
		CHECK_INT(result_of(without, &rig.dial), X509_V_OK);
		CHECK_INT(result_of(rig.client, &rig.dial), X509_V_OK);

		/* a file is as good as a directory */
		client_free(without);
		without = client_new(&(struct client_config){ .vh = rig.vh });
		CHECK_VISIT(without, &rig.dial, RESUMED);
		client_free(without);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	CASE(a_verdict_is_for_its_terms),
	OPENSSL_CASE(a_verdict_is_for_the_host_of_the_store),
	OPENSSL_CASE(a_store_with_a_function_has_no_verdict),
	CASE(a_directory_that_gains_a_certificate))
