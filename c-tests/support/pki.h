/*
 * Certificates made on the spot.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_PKI_H
#define LWS_TLS_SESSIONS_TESTS_PKI_H

#include <stdbool.h>

#include <openssl/ssl.h>

/* what the certificate of pki()->server is good for, besides 127.0.0.1 */
#define HOST		"localhost"
#define DOMAIN		".sessions.test"	/* any one label in front of it */
#define HOST_A		"a" DOMAIN
#define HOST_B		"b" DOMAIN
/* 105 and 107 bytes, that differ after the first 95 */
#define LONG_LABEL	"a-label-of-forty-five-characters-to-fill-room"
#define LONG_HOST_A	LONG_LABEL "." LONG_LABEL "a" DOMAIN
#define LONG_HOST_B	LONG_LABEL "." LONG_LABEL "bcd" DOMAIN

struct cert {
	X509			*x509;
	EVP_PKEY		*key;
	const struct cert	*issuer;	/* NULL: itself */
};

struct cert_request {
	const char		*name;		/* the subject */
	const char		*alt_names;	/* "DNS:a,IP:127.0.0.1"; NULL: none */
	const struct cert	*issuer;	/* NULL: self-signed */
	bool			ca;
	bool			rsa;		/* RSA-2048 instead of P-256 */
	const char		*usage;		/* extended, "serverAuth"; NULL: any */
	const char		*policy;	/* "1.2.3.4"; NULL: none */
	long			not_before;	/* s from now; 0: an hour ago */
	long			not_after;	/* s from now; 0: in ten years */
};

struct cert *cert_make(const struct cert_request *request);
void cert_free(struct cert *cert);

/* cert_use() - makes the certificate, its chain without the root, and its key that of ctx */
void cert_use(SSL_CTX *ctx, const struct cert *cert);

/* cert_write() - as PEM files: the certificate with its chain, and its key */
void cert_write(const struct cert *cert, const char *chain_path, const char *key_path);

/* cert_read() - the first certificate of a PEM file, without its key */
struct cert *cert_read(const char *path);

struct pki {
	struct cert	*root;
	struct cert	*intermediate;
	struct cert	*server;	/* issued by the intermediate */
	struct cert	*alice;		/* clients, issued by the root */
	struct cert	*bob;
	struct cert	*stranger;	/* a root that issued nothing */
};

/* pki() - the certificates most tests need, made at the first call, freed at exit */
const struct pki *pki(void);

#endif
