/*
 * Verify callbacks of the app: one that forces success vouches for nothing
 * unless the vhost says so, one that can refuse is asked before anything of its
 * kind is offered; on a resumed connection they do not run.
 */

#include <openssl/x509v3.h>

#include "blob.h"
#include "client_openssl.h"
#include "rig.h"

static unsigned int calls;

static int accept_all(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	calls++;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);

	return 1;
}

/* takes what verifies, but only with this leaf */
static const struct cert *pin;

static int check_pin(int ok, X509_STORE_CTX *ctx)
{
	calls++;
	if (ok && X509_STORE_CTX_get_error_depth(ctx) == 0 &&
	    X509_cmp(X509_STORE_CTX_get_current_cert(ctx), pin->x509)) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}

	return ok;
}

static int check_otherwise(int ok, X509_STORE_CTX *ctx)
{
	(void)ctx;

	return ok;
}

static void with_accept_all(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, accept_all);
}

static void with_pin(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, check_pin);
}

static void with_other_callback(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, check_otherwise);
}

static void forced_success_vouches_for_nothing(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .client = { .trust = pki()->stranger });
		rig.dial.tune = with_accept_all;
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, UNVERIFIED);
		RIG_VISIT(&rig, UNVERIFIED);
		CHECK_INT(stats_of(rig.vh).unverified, 2);

		/* and without it there is no connection */
		rig.dial.tune = NULL;
		CHECK_FAILS(rig.client, &rig.dial);
		rig_down(&rig);
	}
}

#ifndef OPENSSL_IS_BORINGSSL /* which tells no names: a callback might have refused others */
static void unless_the_vhost_trusts_it(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .client = { .trust = pki()->stranger },
		       .vhost = { .options = LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK });
		rig.dial.tune = with_accept_all;
		calls = 0;
		RIG_VISIT(&rig, MISS);
		CHECK(calls > 0);
		calls = 0;
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		CHECK_INT(calls, 0);

		/* only the connection that has that callback trusts it */
		rig.dial.tune = with_other_callback;
		CHECK_FAILS(rig.client, &rig.dial);
		rig.dial.tune = NULL;
		CHECK_FAILS(rig.client, &rig.dial);
		CHECK_INT(stats_of(rig.vh).unverified, 2);
		CHECK_INT(server_seen(rig.server).offers, 9);
		rig_down(&rig);
	}
}

static int keep_verdict(int ok, X509_STORE_CTX *ctx)
{
	(void)ctx;
	calls++;

	return ok;
}

static void with_keep_verdict(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, keep_verdict);
}

static void with_keep_verdict_of_another(struct conn *conn)
{
	with_keep_verdict(conn);
	REQUIRE(SSL_set1_host(conn_ssl(conn), "wrong.example"));
}

static void with_keep_verdict_of_wildcard(struct conn *conn)
{
	with_keep_verdict(conn);
	REQUIRE(SSL_set1_host(conn_ssl(conn), HOST_A));
}

static void with_keep_verdict_of_no_wildcard(struct conn *conn)
{
	with_keep_verdict_of_wildcard(conn);
	SSL_set_hostflags(conn_ssl(conn), X509_CHECK_FLAG_NO_WILDCARDS);
}

/* What it said of a peer it said of the names that were expected then. */
static void a_trusted_callback_is_asked_about_other_names(void)
{
	static const struct {
		void (*made)(struct conn *conn), (*other)(struct conn *conn);
	} names[] = {
		{ with_keep_verdict, with_keep_verdict_of_another },
		{ with_keep_verdict_of_wildcard, with_keep_verdict_of_no_wildcard },
	};
	struct rig rig;
	int version;
	size_t n;

	FOR_EACH_VERSION(version)
		for (n = 0; n < ARRAY_SIZE(names); n++) {
			RIG_UP(&rig, .server = { .version = version },
			       .vhost = { .options =
					LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK });
			rig.dial.tune = names[n].made;
			RIG_VISIT(&rig, MISS);
			RIG_VISIT(&rig, RESUMED);
			rig.dial.tune = names[n].other;
			calls = 0;
			CHECK_FAILS(rig.client, &rig.dial);
			CHECK(calls > 0);
			rig_down(&rig);
		}
}
#endif

#if OPENSSL_VERSION_NUMBER >= 0x40000000L
static bool is_forced;

static int force_or_not(int ok, X509_STORE_CTX *ctx)
{
	if (is_forced)
		X509_STORE_CTX_set_error(ctx, X509_V_OK);

	return ok || is_forced;
}

/* which of the names the callback is to accept, only the app knows */
static void expect_names(struct conn *conn, bool are_emails, int first, int second)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(conn_ssl(conn));
	char name[32];
	int n, number;

	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, force_or_not);
	for (n = 0; n < 2; n++) {
		number = n ? second : first;
		snprintf(name, sizeof(name), are_emails ? "a@%d.test" : "192.0.2.%d", number);
		REQUIRE(!number ||
			(are_emails ? X509_VERIFY_PARAM_add1_rfc822(param, name, 0) :
				      X509_VERIFY_PARAM_add1_ip_asc(param, name)) == 1);
	}
}

static void address_1(struct conn *conn) { expect_names(conn, false, 1, 0); }
static void address_2(struct conn *conn) { expect_names(conn, false, 2, 0); }
static void addresses_1_2(struct conn *conn) { expect_names(conn, false, 1, 2); }
static void addresses_1_3(struct conn *conn) { expect_names(conn, false, 1, 3); }
static void email_1(struct conn *conn) { expect_names(conn, true, 1, 0); }
static void email_2(struct conn *conn) { expect_names(conn, true, 2, 0); }
static void emails_1_2(struct conn *conn) { expect_names(conn, true, 1, 2); }
static void emails_1_3(struct conn *conn) { expect_names(conn, true, 1, 3); }

/* No getter tells the second of them, so nothing is known of any. */
static void several_addresses_and_emails(void)
{
	static const struct {
		const char	*name;
		void		(*made)(struct conn *conn), (*other)(struct conn *conn);
		bool		is_told;
	} names[] = {
		{ "an address", address_1, address_2, true },
		{ "addresses", addresses_1_2, addresses_1_3, false },
		{ "one more address", address_1, addresses_1_2, true },
		{ "an e-mail name", email_1, email_2, true },
		{ "e-mail names", emails_1_2, emails_1_3, false },
		{ "one more e-mail name", email_1, emails_1_2, true },
	};
	struct rig rig;
	int version;
	size_t n;

	FOR_EACH_VERSION(version)
		for (n = 0; n < ARRAY_SIZE(names); n++) {
			check_context("%s", names[n].name);
			RIG_UP(&rig, .server = { .version = version },
			       .vhost = { .options =
					LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK });
			is_forced = true;
			rig.dial.tune = names[n].made;
			RIG_VISIT(&rig, MISS);
			if (names[n].is_told)
				RIG_VISIT(&rig, RESUMED);
			else
				RIG_VISIT(&rig, UNVERIFIED);
			is_forced = false;
			rig.dial.tune = names[n].other;
			CHECK_FAILS(rig.client, &rig.dial);
			rig_down(&rig);
		}
}
#endif

/* A callback on the SSL_CTX, of the whole app. */
static void one_callback_for_all(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		SSL_CTX_set_verify(client_ctx(rig.client), SSL_VERIFY_PEER, check_pin);
		pin = pki()->server;
		RIG_VISIT(&rig, MISS);
		calls = 0;
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		CHECK_INT(calls, 0);
		rig_down(&rig);
	}
}

/* What it would refuse must not slip in under a session that it has not seen. */
static void a_pin_on_some_connections(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);

		pin = pki()->alice;
		rig.dial.tune = with_pin;
		CHECK_FAILS(rig.client, &rig.dial);
		CHECK_INT(stats_of(rig.vh).unverified, 1);
		CHECK_INT(server_seen(rig.server).offers, 1);

		pin = pki()->server;
		RIG_VISIT(&rig, UNVERIFIED);
		RIG_VISIT(&rig, RESUMED);
		rig.dial.tune = with_other_callback;
		RIG_VISIT(&rig, UNVERIFIED);
		/* a connection without a callback takes what verifies */
		rig.dial.tune = NULL;
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

/* Of a loaded session nobody knows what it was made under. */
static void loaded_sessions_are_taken(void)
{
	struct blob blob;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		blob = blob_save(rig.vh, HOST, server_port(rig.server));
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_INT(blob_load(rig.vh, HOST, server_port(rig.server), &blob), 0);
		rig.dial.tune = with_other_callback;
		RIG_VISIT(&rig, RESUMED);
		blob_free(&blob);
		rig_down(&rig);
	}
}

#ifndef OPENSSL_IS_BORINGSSL /* which does not take it */
/* A self-signed peer that is trusted as it is needs no callback. */
static void a_self_signed_peer(void)
{
	struct cert *alone = cert_make(&(struct cert_request){
		.name = "alone", .alt_names = "DNS:" HOST });
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .cert = alone },
		       .client = { .trust = alone });
		RIG_VISIT(&rig, MISS);
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		rig_down(&rig);
	}
	cert_free(alone);
}
#endif

#if OPENSSL_VERSION_NUMBER >= 0x40000000L
#define CASE_OF_OPENSSL_4		CASE
#else
#define CASE_OF_OPENSSL_4(function)	{ #function, NULL, NULL }
#endif

TEST_PROGRAM(
	CASE(forced_success_vouches_for_nothing),
	OPENSSL_CASE(unless_the_vhost_trusts_it),
	OPENSSL_CASE(a_trusted_callback_is_asked_about_other_names),
	CASE_OF_OPENSSL_4(several_addresses_and_emails),
	CASE(one_callback_for_all),
	CASE(a_pin_on_some_connections),
	CASE(loaded_sessions_are_taken),
	OPENSSL_CASE(a_self_signed_peer))
