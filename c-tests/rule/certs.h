/*
 * The certificates of the rule's servers and clients, made at first use.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_CERTS_H
#define LWS_TLS_SESSIONS_TESTS_CERTS_H

#include <openssl/ssl.h>

#include "pki.h"

#define HOST_WRONG	"wrong.example"
#define RIGHT_POLICY	"1.2.3.4"
#define EMAIL		"peer@sessions.test"

struct certs {
	const struct cert	*root, *intermediate;
	struct cert		*ecdsa, *rsa;	/* of the same names */
	struct cert		*other;		/* of the same names too, but another */
	struct cert		*stranger;	/* of the same names, of an issuer not trusted */
	struct cert		*policy, *policy_issuer;	/* under a policy */
	struct cert		*chain;		/* below another intermediate; for servers */
	struct cert		*chain_issuer;
	X509			*root_for_servers, *root_for_email;	/* what it is trusted for */
	X509			*expired;	/* the intermediate, as it once was */
	X509_CRL		*crls[2];	/* of the root and the intermediate: nothing revoked */
	X509_CRL		*revoked;	/* of the intermediate, later: ecdsa and rsa are */
};

const struct certs *certs(void);

/* trusting_ctx() - one that verifies servers by the root; the caller's to free */
SSL_CTX *trusting_ctx(const SSL_METHOD *method, int max_version);

#endif
