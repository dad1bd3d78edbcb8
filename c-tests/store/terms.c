/*
 * The one rule across processes: a process never resumes what it would not have
 * resumed in the process that the session was made in.
 *
 * Built three times: the test itself, and two programs that are not linked to run
 * anywhere, and differ in nothing but what their verify callback answers to a
 * question that nobody asks. So its address is the same in both.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_openssl.h"
#include "rig.h"
#include "worker.h"

#ifndef TWIN
#define TWIN	0
#endif

static volatile int nobody_asks;

/* What no linker can take for the same function in both programs. */
__attribute__((noinline)) static int twin_callback(int ok, X509_STORE_CTX *ctx)
{
	(void)ctx;

	return nobody_asks == 1 ? TWIN : ok;
}

static void with_twin_callback(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, twin_callback);
}

static void with_callback(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, verify_pass);
}

static void with_other_callback(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_PEER, verify_force);
}

static void with_other_name(struct conn *conn)
{
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_NONE, NULL);
	REQUIRE(SSL_set1_host(conn_ssl(conn), "nobody.example"));
}

static void with_other_ciphers(struct conn *conn)
{
	REQUIRE(SSL_set_cipher_list(conn_ssl(conn), "ECDHE-ECDSA-AES256-GCM-SHA384:"
						    "ECDHE-ECDSA-CHACHA20-POLY1305"));
#ifndef OPENSSL_IS_BORINGSSL
	REQUIRE(SSL_set_ciphersuites(conn_ssl(conn), "TLS_CHACHA20_POLY1305_SHA256"));
#endif
}

#ifndef OPENSSL_IS_BORINGSSL
static void with_other_level(struct conn *conn)
{
	SSL_set_security_level(conn_ssl(conn), SSL_get_security_level(conn_ssl(conn)) == 1 ? 2 : 1);
}

static int data;

static void with_security_callback(struct conn *conn)
{
	SSL_set_security_callback(conn_ssl(conn), security_allow);
	SSL_set0_security_ex_data(conn_ssl(conn), &data);
}
#endif

static const struct worker_tune tunes[] = {
	{ "callback", with_callback },
	{ "other callback", with_other_callback },
	{ "twin callback", with_twin_callback },
	{ "other name", with_other_name },
	{ "other ciphers", with_other_ciphers },
#ifndef OPENSSL_IS_BORINGSSL
	{ "other level", with_other_level },
	{ "security callback", with_security_callback },
#endif
	{ 0 },
};

struct row {
	const char	*made;		/* the tune of the process that leaves the session */
	const char	*taken;		/* and of the one that looks for it */
	const char	*outcome;
	bool		made_lax, taken_lax, stranger;
};

static const struct row rows[] = {
	{ NULL, NULL, "RESUMED", false, false, false },
	{ NULL, NULL, "RESUMED", true, true, false },
	/* its chain verifies: to have been lax is no harm */
	{ NULL, NULL, "RESUMED", true, false, false },
	{ NULL, NULL, "UNVERIFIED", false, true, true },
	{ "callback", "callback", "RESUMED", false, false, false },
	{ "callback", "other callback", "UNVERIFIED", false, false, false },
	{ NULL, "callback", "UNVERIFIED", false, false, false },
	{ "callback", NULL, "RESUMED", false, false, false },
	{ NULL, "other name", "UNVERIFIED", false, false, false },
	{ NULL, "other ciphers", "UNSUITABLE", false, false, false },
#ifndef OPENSSL_IS_BORINGSSL
	{ NULL, "other level", "UNVERIFIED", false, false, false },
	{ NULL, "security callback", "UNVERIFIED", false, false, false },
	{ "security callback", "security callback", "MISS", false, false, false },
	{ "security callback", NULL, "MISS", false, false, false },
#endif
};

static void other_terms(void)
{
	struct server *server;
	const char *url, *first;
	unsigned int n;
	char name[32];
	int version;

	FOR_EACH_VERSION(version) {
		server = server_start(&(struct server_config){ .version = version,
							       .resumption = SESSION_IDS });
		for (n = 0; n < ARRAY_SIZE(rows); n++) {
			const struct row *row = &rows[n];

#ifdef OPENSSL_IS_BORINGSSL
			/* the ciphers of its TLS 1.3 cannot be chosen */
			if (version == TLS1_3_VERSION && row->taken &&
			    !strcmp(row->taken, "other ciphers"))
				continue;
#endif
			check_context("TLS %x, %s%s, then %s%s", version,
				      row->made ? row->made : "nothing",
				      row->made_lax ? ", lax" : "",
				      row->taken ? row->taken : "nothing",
				      row->stranger ? ", another root" : "");
			snprintf(name, sizeof(name), "terms-%x-%u", version, n);
			url = store_url(name, "");
			first = worker_run(&(struct job){
				.store = url, .port = server_port(server), .version = version,
				.tune = row->made, .lax = row->made_lax });
			CHECK_STR(first, "MISS");
			CHECK_JOB(row->outcome, .store = url, .port = server_port(server),
				  .version = version, .tune = row->taken, .lax = row->taken_lax,
				  .trust = row->stranger ? pki()->stranger : NULL);
			/* and is of use to who it was made for */
			if (strcmp(row->outcome, "MISS") && !row->made && !row->made_lax)
				CHECK_JOB("RESUMED", .store = url,
					  .port = server_port(server), .version = version,
					  .tune = row->made, .lax = row->made_lax);
		}
		server_stop(server);
	}
}

/* Where a program says that its verify callback lies. */
static bool have_same_address(const char *one, const char *other)
{
	char command[512], first[64] = "", second[64] = "";
	const char *programs[2] = { one, other };
	char *said[2] = { first, second };
	FILE *pipe;
	int n;

	for (n = 0; n < 2; n++) {
		snprintf(command, sizeof(command), "%s address", programs[n]);
		pipe = popen(command, "r");
		REQUIRE(pipe && fgets(said[n], sizeof(first), pipe));
		pclose(pipe);
	}

	return !strcmp(first, second);
}

static void another_programs_callback(void)
{
	const char *one = getenv("STORE_TWIN_1"), *other = getenv("STORE_TWIN_2");
	struct server *server;
	const char *url;
	char name[32];
	int version;

	REQUIRE(one && other);
	CHECK(have_same_address(one, other));
	FOR_EACH_VERSION(version) {
		server = server_start(&(struct server_config){ .version = version,
							       .resumption = TICKETS });
		snprintf(name, sizeof(name), "twins-%x", version);
		url = store_url(name, "");
#define CHECK_TWIN(expected, of)						\
		CHECK_JOB(expected, .program = of, .store = url,		\
			  .options = LWS_TLS_SESSION_OPTION_ALLOW_TICKETS,	\
			  .port = server_port(server), .version = version,	\
			  .tune = "twin callback")
		CHECK_TWIN("MISS", one);
		CHECK_TWIN("RESUMED", one);
		CHECK_TWIN("UNVERIFIED", other);
		CHECK_TWIN("RESUMED", other);
		server_stop(server);
	}
}

static bool has_twins(void)
{
	return getenv("STORE_TWIN_1");
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		CASE(other_terms),
		CASE_IF(has_twins, another_programs_callback),
	};
	int status = worker_main(argc, argv, tunes);

	if (status >= 0)
		return status;
	if (argc == 2 && !strcmp(argv[1], "address")) {
		printf("%p\n", (void *)(uintptr_t)twin_callback);
		return EXIT_SUCCESS;
	}

	return test_main(argc, argv, cases, ARRAY_SIZE(cases));
}
