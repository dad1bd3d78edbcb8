/*
 * The one rule: a resumed connection reports what a full handshake would have
 * reported under that connection's own terms, and fails where that fails.
 *
 * So for every pair of terms: a session is made under the first, a connection
 * asks under the second, and must come out as it does without the library.
 */

#include <openssl/x509v3.h>

#include "client_openssl.h"
#include "rig.h"

/* what sets a connection's terms, beside its client's trust and mode */

static void other_host(struct conn *conn)
{
	REQUIRE(SSL_set1_host(conn_ssl(conn), HOST_A));
}

static void wrong_host(struct conn *conn)
{
	REQUIRE(SSL_set1_host(conn_ssl(conn), "wrong.example"));
}

static void no_host(struct conn *conn)
{
#ifdef OPENSSL_IS_BORINGSSL /* which takes no NULL: the host stays */
	(void)conn;
#else
	REQUIRE(SSL_set1_host(conn_ssl(conn), NULL));
#endif
}

static void wildcards_off(struct conn *conn)
{
	REQUIRE(SSL_set1_host(conn_ssl(conn), HOST_A));
	SSL_set_hostflags(conn_ssl(conn), X509_CHECK_FLAG_NO_WILDCARDS);
}

static void right_address(struct conn *conn)
{
	no_host(conn);
	REQUIRE(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(conn_ssl(conn)), "127.0.0.1"));
}

static void wrong_address(struct conn *conn)
{
	REQUIRE(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(conn_ssl(conn)), "127.0.0.2"));
}

static void wrong_email(struct conn *conn)
{
	static const char email[] = "a@b.test";

	REQUIRE(X509_VERIFY_PARAM_set1_email(SSL_get0_param(conn_ssl(conn)), email,
					     sizeof(email) - 1));
}

static void no_depth(struct conn *conn)
{
	SSL_set_verify_depth(conn_ssl(conn), 0);
}

static void later(struct conn *conn)
{
	X509_VERIFY_PARAM_set_time(SSL_get0_param(conn_ssl(conn)),
				   time(NULL) + 20L * 365 * 86400);
}

static void revocation(struct conn *conn)
{
	X509_VERIFY_PARAM_set_flags(SSL_get0_param(conn_ssl(conn)), X509_V_FLAG_CRL_CHECK);
}

static void partial_chain(struct conn *conn)
{
	X509_VERIFY_PARAM_set_flags(SSL_get0_param(conn_ssl(conn)), X509_V_FLAG_PARTIAL_CHAIN);
}

static void as_a_client(struct conn *conn)
{
	REQUIRE(SSL_set_purpose(conn_ssl(conn), X509_PURPOSE_SSL_CLIENT));
}

#ifndef OPENSSL_IS_BORINGSSL /* it has no levels, and nobody can see such a store */
static void level_3(struct conn *conn)
{
	SSL_set_security_level(conn_ssl(conn), 3);
}

static void level_4(struct conn *conn)
{
	SSL_set_security_level(conn_ssl(conn), 4);
}

static void own_store(struct conn *conn, const struct cert *trust)
{
	X509_STORE *store = X509_STORE_new();

	REQUIRE(store);
	REQUIRE(X509_STORE_add_cert(store, trust->x509));
	REQUIRE(SSL_set0_verify_cert_store(conn_ssl(conn), store));
}

static void own_right_store(struct conn *conn)
{
	own_store(conn, pki()->root);
}

static void own_wrong_store(struct conn *conn)
{
	own_store(conn, pki()->stranger);
}

#endif

static int force(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;

	return 1;
}

static void forcing_callback(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, force);
}

static void forcing_and_clearing_callback(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, verify_force);
}

static void passing_callback(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, verify_pass);
}

static void refusing_callback(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, verify_refuse);
}

#ifndef OPENSSL_IS_BORINGSSL
static void refusing_store_callback(struct conn *conn)
{
	X509_STORE *store = X509_STORE_new();

	REQUIRE(store);
	REQUIRE(X509_STORE_add_cert(store, pki()->root->x509));
	X509_STORE_set_verify_cb(store, verify_refuse);
	REQUIRE(SSL_set0_verify_cert_store(conn_ssl(conn), store));
}

#endif

static int force_certificate(X509_STORE_CTX *ctx, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);

	return 1;
}

static void forcing_certificate_callback(struct conn *conn)
{
	void (*set)(SSL_CTX *ctx, int (*callback)(X509_STORE_CTX *ctx, void *arg), void *arg);

	*(void **)&set = unnamed("SSL_CTX_set_cert_verify_callback");
	set(SSL_get_SSL_CTX(conn_ssl(conn)), force_certificate, NULL);
}

enum trust { ROOT, STRANGER, INTERMEDIATE };

/*
 * PLAIN: verifies, and no app's function has a say, so any such session
 * serves any such connection. OWN: at least its own kind.
 */
enum resumes { NEVER, OWN, PLAIN };

static const struct terms {
	const char	*name;
	bool		lax;
	enum trust	trust;
	void		(*tune)(struct conn *conn);
	enum resumes	resumes;
} all_terms[] = {
	{ "strict", false, ROOT, NULL, PLAIN },
	{ "strict, not trusted", false, STRANGER, NULL, NEVER },
	{ "lax", true, ROOT, NULL, PLAIN },
	{ "lax, not trusted", true, STRANGER, NULL, OWN },
	{ "other host", false, ROOT, other_host, PLAIN },
	{ "wrong host", false, ROOT, wrong_host, NEVER },
	{ "lax, wrong host", true, ROOT, wrong_host, OWN },
	{ "no host", false, ROOT, no_host, PLAIN },
	{ "no wildcards", false, ROOT, wildcards_off, NEVER },
	{ "right address", false, ROOT, right_address, PLAIN },
	{ "wrong address", false, ROOT, wrong_address, NEVER },
	{ "wrong e-mail", false, ROOT, wrong_email, NEVER },
	{ "no depth", false, ROOT, no_depth, NEVER },
	{ "later", false, ROOT, later, NEVER },
	{ "lax, later", true, ROOT, later, OWN },
	{ "revocation", false, ROOT, revocation, NEVER },
	{ "lax, revocation", true, ROOT, revocation, OWN },
	{ "partial chain", false, INTERMEDIATE, partial_chain, PLAIN },
	{ "no partial chain", false, INTERMEDIATE, NULL, NEVER },
	{ "as a client", false, ROOT, as_a_client, PLAIN },
#ifndef OPENSSL_IS_BORINGSSL
	{ "level 3", false, ROOT, level_3, OWN },
	{ "level 4", false, ROOT, level_4, NEVER },
	{ "own store", false, STRANGER, own_right_store, PLAIN },
	{ "own store, not trusted", false, ROOT, own_wrong_store, NEVER },
	{ "refusing store callback", false, ROOT, refusing_store_callback, NEVER },
#endif
	{ "passing callback", false, ROOT, passing_callback, OWN },
	{ "refusing callback", false, ROOT, refusing_callback, NEVER },
	{ "forcing callback, not trusted", false, STRANGER, forcing_callback, NEVER },
	{ "forcing and clearing callback, not trusted", false, STRANGER,
	  forcing_and_clearing_callback, NEVER },
	{ "forcing certificate callback, not trusted", false, STRANGER,
	  forcing_certificate_callback, NEVER },
};

/* what an app can see of a connection */
struct report {
	bool	connected;
	long	result;
	bool	right_peer;
	int	chain;
	int	outcome;	/* not what a full handshake has */
};

/* What both sides of a pair need: a client for each of the terms. */
struct bench {
	struct rig	rig;
	struct client	*clients[ARRAY_SIZE(all_terms)];
	struct report	without[ARRAY_SIZE(all_terms)];	/* the library */
};

static struct report connect_under(struct bench *bench, size_t terms, struct lws_vhost *vh)
{
	struct dial dial = { .server = bench->rig.server, .tune = all_terms[terms].tune,
			     .vh = vh };
	struct conn *conn = conn_new(bench->clients[terms], &dial);
	struct report report = { 0 };
	X509 *peer;

	report.connected = conn_greet(conn);
	report.result = SSL_get_verify_result(conn_ssl(conn));
	if (vh)
		report.outcome = lws_tls_session_outcome(conn_wsi(conn));
	if (report.connected) {
		peer = SSL_get0_peer_certificate(conn_ssl(conn));
		report.right_peer = peer && !X509_cmp(peer, pki()->server->x509);
		report.chain = sk_X509_num(SSL_get_peer_cert_chain(conn_ssl(conn)));
		conn_close(conn);
	} else
		conn_drop(conn);

	return report;
}

static const struct cert *trusted_under(const struct terms *terms)
{
	switch (terms->trust) {
	case ROOT:
		return pki()->root;
	case INTERMEDIATE:
		return pki()->intermediate;
	default:
		return pki()->stranger;
	}
}

static void bench_up(struct bench *bench, int version)
{
	const struct terms *terms;
	size_t n;

	RIG_UP(&bench->rig, .server = { .version = version });
	for (n = 0; n < ARRAY_SIZE(all_terms); n++) {
		terms = &all_terms[n];
		bench->clients[n] = client_new(&(struct client_config){
			.version = version, .lax = terms->lax,
			.trust = trusted_under(terms) });
		bench->without[n] = connect_under(bench, n, NULL);
	}
}

static void bench_down(struct bench *bench)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(all_terms); n++)
		client_free(bench->clients[n]);
	rig_down(&bench->rig);
}

static void check_same_report(const struct report *actual, const struct report *expected)
{
	CHECK_INT(actual->connected, expected->connected);
	CHECK_INT(actual->result, expected->result);
	CHECK_INT(actual->right_peer, expected->right_peer);
	CHECK_INT(actual->chain, expected->chain);
}

static void check_pair(struct bench *bench, size_t made, size_t asked)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	struct report report = connect_under(bench, made, vh);

	CHECK_OUTCOME(report.outcome, MISS);
	report = connect_under(bench, asked, vh);
	check_same_report(&report, &bench->without[asked]);

	if (asked == made ? all_terms[asked].resumes != NEVER :
			    all_terms[asked].resumes == PLAIN &&
			    all_terms[made].resumes == PLAIN)
		CHECK_OUTCOME(report.outcome, RESUMED);
	else if (all_terms[asked].resumes == NEVER)
		/* with TLS 1.2 a level changes the ciphers, too */
		CHECK(report.outcome == LWS_TLS_SESSION_OUTCOME_UNVERIFIED ||
		      report.outcome == LWS_TLS_SESSION_OUTCOME_UNSUITABLE);

	lws_tls_session_vh_destroy(vh);
}

/* Sessions are made under the terms of such that connect at all. */
static void check_all_pairs(int version, bool (*chosen)(const struct terms *made))
{
	struct bench bench;
	size_t made, asked;

	bench_up(&bench, version);
	CHECK(bench.without[0].connected && bench.without[0].right_peer);
	CHECK_INT(bench.without[0].chain, 2);
	CHECK(!bench.without[1].connected);

	for (made = 0; made < ARRAY_SIZE(all_terms); made++)
		for (asked = 0; asked < ARRAY_SIZE(all_terms); asked++) {
			if (!bench.without[made].connected || !chosen(&all_terms[made]))
				continue;
			check_context("%s, made under \"%s\", asked under \"%s\"",
				      version_name(version), all_terms[made].name,
				      all_terms[asked].name);
			check_pair(&bench, made, asked);
		}
	bench_down(&bench);
}

static bool all(const struct terms *made)
{
	return made->name;
}

/* The rule knows no versions: once the strict ones, and those that vouch for nothing. */
static bool the_first_and_those_not_plain(const struct terms *made)
{
	return made == all_terms || (made->resumes != PLAIN && made->trust == STRANGER);
}

static void every_pair_of_terms_in_tls12(void)
{
	check_all_pairs(TLS1_2_VERSION, all);
}

static void pairs_of_terms_in_tls13(void)
{
	check_all_pairs(TLS1_3_VERSION, the_first_and_those_not_plain);
}

TEST_PROGRAM(
	CASE(every_pair_of_terms_in_tls12),
	CASE(pairs_of_terms_in_tls13))
