/*
 * A scenario in words: how an app makes its connections, and to which servers.
 *
 *   "first: ciphers=rsa-first max=1.2 | later: ciphers=ecdsa-first max=1.2 | a: cert=both"
 *
 * The connections are made one after the other: first, second, third, later.
 * Those that are not named are not made, but for the first and the last. What is
 * not named of one has its default, the first in the lists below. So a row of the
 * table, what the generator prints and what is given on the command line are the
 * same text.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_SCENARIO_H
#define LWS_TLS_SESSIONS_TESTS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

/* TERM(id, name, values, weight in the generator) */
#define CONNECTION_TERMS(TERM)							\
	/* whom it talks to, and how the library is told */			\
	TERM(AT, "at", "a b", 2)						\
	TERM(CTX, "ctx", "own first", 3)	/* the SSL_CTX */		\
	TERM(METHOD, "method", "client any", 1)					\
	TERM(ATTACH, "attach", "late early", 1)	/* before it is set up */	\
	TERM(ON, "on", "ssl ctx", 1)		/* where its terms are set */	\
	TERM(SNI, "sni", "localhost none a b", 2)				\
	TERM(WSI, "wsi", "none localhost a", 2)	/* lws_tls_session_wsi_create() */ \
	TERM(REUSE, "reuse", "no yes", 1)	/* lws_tls_reuse_session() */	\
	/* versions, options, algorithms */					\
	TERM(MIN, "min", "none 1.2 1.3", 1)					\
	TERM(MAX, "max", "none 1.2 1.3", 6)					\
	TERM(NO_TICKET, "no-ticket", "no yes", 1)				\
	TERM(NO_EMS, "no-ems", "no yes", 1)					\
	TERM(NO_ETM, "no-etm", "no yes", 1)					\
	TERM(NO_DHE_KEX, "no-dhe-kex", "no yes", 1)				\
	TERM(CIPHERS, "ciphers", "default ecdsa-first rsa-first ecdsa rsa dhe cbc aes128 "	\
	     "aes256 psk rsa-psk srp srp-rsa", 4)				\
	TERM(SUITES, "suites", "default aes128 aes256 aes128-first chacha", 2)	\
	TERM(LEVEL, "level", "default 0 1 2 3 4", 2)				\
	TERM(SECURITY, "security", "none allow by-ex", 1)	/* callback */	\
	TERM(SECURITY_EX, "security-ex", "none allow refuse", 1)		\
	TERM(SUITE_B, "suite-b", "no 128", 1)					\
	TERM(MFL, "mfl", "none 512 1024", 1)	/* max fragment length */	\
	TERM(ALPN, "alpn", "none h2 http both", 1)				\
	/* what it expects of the peer */					\
	TERM(VERIFY, "verify", "peer none", 3)					\
	TERM(VERIFY_CB, "verify-cb", "none pass force refuse", 2)		\
	TERM(STORE_CB, "store-cb", "none pass force refuse", 1)			\
	TERM(EXPECT_HOST, "host", "localhost none wrong a two two-wrong", 3)		\
	TERM(HOST_FLAGS, "host-flags", "none no-wildcards never-subject", 1)	\
	TERM(EXPECT_EMAIL, "email", "none right wrong", 1)				\
	TERM(EXPECT_IP, "ip", "none right wrong", 1)					\
	TERM(PURPOSE, "purpose", "none server client any", 1)			\
	TERM(TRUST, "trust", "none server client email ocsp", 1)			\
	TERM(DEPTH, "depth", "none 0 1 5", 1)					\
	TERM(AUTH_LEVEL, "auth-level", "none 0 2 4", 1)				\
	TERM(FLAGS, "flags", "none partial strict crl crl-all trusted-first policy", 2)	\
	TERM(INHERIT, "inherit", "none once lock", 1)	/* flags of the param's own */	\
	TERM(TIME, "time", "now past future soon", 1)				\
	TERM(POLICY, "policy", "none right wrong", 1)				\
	TERM(STORE, "store", "root stranger both none intermediate trusted-server "	\
	     "trusted-email crl own-root own-stranger crl-checked", 3)			\
	/* done to the store of its SSL_CTX first */				\
	TERM(CHANGE, "change", "none add-root add-stranger reject revoke verify-function "	\
	     "add-expired outdate trust-email", 2)	\
	TERM(DANE, "dane", "no match mismatch", 1)				\
	TERM(CT, "ct", "no permissive strict", 1)				\
	TERM(OCSP, "ocsp", "no ask require", 1)					\
	/* who it is */								\
	TERM(CERT, "cert", "none alice bob client-cb-alice client-cb-bob "	\
	     "cert-cb-alice cert-cb-bob", 2)					\
	TERM(PSK12, "psk12", "none alice bob wrong", 1)				\
	TERM(PSK13, "psk13", "none alice bob wrong", 1)				\
	TERM(SRP, "srp", "none alice bob wrong", 1)				\
	/* the app's own dealings with sessions and callbacks */		\
	TERM(SID_CTX, "sid-ctx", "none x y", 1)		/* on the SSL_CTX */	\
	TERM(SID_SSL, "sid-ssl", "none x y", 1)		/* on the SSL */	\
	TERM(CACHE, "cache", "default off client both no-store", 1)		\
	TERM(NEW_CB, "new-cb", "no yes", 1)	/* new-session callback that keeps */	\
	TERM(KEEP, "keep", "no yes", 1)		/* SSL_get1_session() at the end */	\
	TERM(OWN, "own", "no last first", 1)	/* SSL_set_session() of what it kept */	\
	TERM(EARLY, "early", "no yes", 1)	/* early data on that session */	\
	TERM(SWITCH, "switch", "no yes", 1)	/* SSL_set_SSL_CTX() */		\
	TERM(INFO, "info", "ctx ssl", 1)	/* where its info callback is, if late */	\
	/* at SSL_CB_HANDSHAKE_START, by its info callback */			\
	TERM(LATE, "late", "none nothing peer wrong-host peer-wrong-host level-4 "	\
	     "stranger own rsa-first sni-a cert-bob", 2)

#define SERVER_TERMS(TERM)							\
	TERM(S_VERSION, "version", "both 1.2 1.3", 3)				\
	TERM(S_CERT, "cert", "ecdsa rsa both other stranger by-sni chain policy", 5)	\
	TERM(S_KEYS, "keys", "0 1", 1)			/* of its tickets */	\
	TERM(S_RESUMES, "resumes", "ids-and-tickets ids tickets no", 2)		\
	TERM(S_CLIENT, "client", "none ask require", 2)	/* certificates */	\
	TERM(S_PSK, "psk", "no yes", 2)						\
	TERM(S_EARLY, "early", "no yes", 1)					\
	TERM(S_OCSP, "ocsp", "no yes", 1)					\
	TERM(S_ALPN, "alpn", "no yes", 1)					\
	TERM(S_DH, "dh", "auto 1024", 1)					\
	TERM(S_PREFERENCE, "preference", "client server", 1)	/* of ciphers */

#define PAIR_TERMS(TERM)							\
	TERM(P_TICKETS, "allow-tickets", "no yes", 2)				\
	TERM(P_SINGLE, "single-use", "no yes", 1)				\
	TERM(P_TRUST, "trust-verify-callback", "no yes", 2)			\
	/* before the last connection; bare: cut to its DER */			\
	TERM(P_LOAD, "load", "no saved bare", 2)				\
	/* no getter tells them: the same in all connections */			\
	TERM(P_GROUPS, "groups", "default P-256 P-384", 1)			\
	TERM(P_SIGALGS, "sigalgs", "default sha256", 1)				\
	/* what is known of the last connection */				\
	TERM(P_MUST, "must", "nothing resume full", 0)

#define TERM_ID(id, name, values, weight) id,
enum { CONNECTION_TERMS(TERM_ID) CONNECTION_TERM_COUNT };
enum { SERVER_TERMS(TERM_ID) SERVER_TERM_COUNT };
enum { PAIR_TERMS(TERM_ID) PAIR_TERM_COUNT };
#undef TERM_ID

#define MAX_TERMS		64	/* of one kind */

/* the connections, in their order, then the servers, then the pair */
enum section { FIRST, SECOND, THIRD, LATER, SERVER_A, SERVER_B, PAIR, SECTION_COUNT };

struct scenario {
	bool		made[LATER + 1];		/* of connections */
	signed char	terms[SECTION_COUNT][MAX_TERMS]; /* numbers of values, 0: the default */
};

/* scenario_read() - false, and a line on stderr, where the text is none */
bool scenario_read(struct scenario *scenario, const char *text);

/* scenario_write() - as scenario_read() reads it */
void scenario_write(const struct scenario *scenario, char *text, size_t size);

/* scenario_is_possible() - false where the TLS library lacks something that it takes */
bool scenario_is_possible(const struct scenario *scenario);

/* scenario_make_possible() - what it lacks is the default */
void scenario_make_possible(struct scenario *scenario);

/* term_is() - the value must be one of the term's */
bool term_is(const struct scenario *scenario, enum section section, int term, const char *value);

/* term_value() - its name */
const char *term_value(const struct scenario *scenario, enum section section, int term);

unsigned int term_count(enum section section);
unsigned int term_values(enum section section, int term);
unsigned int term_weight(enum section section, int term);

#endif
