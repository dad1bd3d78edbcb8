/*
 * Who the client is: its certificate, PSK or SRP user.
 */

#include <string.h>

#include <openssl/err.h>

#include "certs.h"
#include "check.h"
#include "client_openssl.h"
#include "world.h"

#define PSK_CIPHER	"\x13\x01"	/* TLS_AES_128_GCM_SHA256 */

const char *psk_key(const char *identity)
{
	if (!strcmp(identity, "alice"))
		return "0123456789abcdef0123456789ABCDEF";
	if (!strcmp(identity, "bob"))
		return "fedcba9876543210FEDCBA9876543210";

	return NULL;
}

#ifndef OPENSSL_IS_BORINGSSL
/* "wrong" is alice with another key */
static const char *identity_of(const struct link *link, int term)
{
	return link_is(link, term, "bob") ? "bob" : "alice";
}

static const char *key_of(const struct link *link, int term)
{
	return link_is(link, term, "wrong") ? "this is the key of nobody at all" :
					      psk_key(identity_of(link, term));
}

static unsigned int psk12(SSL *ssl, const char *hint, char *identity, unsigned int max_identity,
			  unsigned char *psk, unsigned int max_psk)
{
	const struct link *link = link_of(ssl);
	const char *name = identity_of(link, PSK12), *key = key_of(link, PSK12);

	(void)hint;
	REQUIRE(strlen(name) < max_identity && strlen(key) <= max_psk);
	strcpy(identity, name);
	memcpy(psk, key, strlen(key));

	return (unsigned int)strlen(key);
}

static SSL_SESSION *session_with(SSL *ssl, const char *key)
{
	SSL_SESSION *session = SSL_SESSION_new();

	REQUIRE(session);
	REQUIRE(SSL_SESSION_set1_master_key(session, (const unsigned char *)key, strlen(key)));
	REQUIRE(SSL_SESSION_set_cipher(session,
			SSL_CIPHER_find(ssl, (const unsigned char *)PSK_CIPHER)));
	REQUIRE(SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION));

	return session;
}

SSL_SESSION *psk_session(SSL *ssl, const char *identity)
{
	const char *key = psk_key(identity);

	return key ? session_with(ssl, key) : NULL;
}

static int psk13(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
		 SSL_SESSION **session)
{
	const struct link *link = link_of(ssl);

	*session = NULL;
	*id = NULL;
	*id_len = 0;
	/* after a HelloRetryRequest it has to be for its hash */
	if (md && EVP_MD_get_type(md) != NID_sha256)
		return 1;
	*session = session_with(ssl, key_of(link, PSK13));
	*id = (const unsigned char *)identity_of(link, PSK13);
	*id_len = strlen((const char *)*id);

	return 1;
}

static char *srp_password(SSL *ssl, void *arg)
{
	const struct link *link = link_of(ssl);

	(void)arg;

	return OPENSSL_strdup(link_is(link, SRP, "wrong") ? "wrong" : identity_of(link, SRP));
}

static void apply_secrets_to_ctx(struct link *link)
{
	if (link_is(link, SRP, "none"))
		return;
	REQUIRE(SSL_CTX_set_srp_username(link->ctx, (char *)identity_of(link, SRP)));
	SSL_CTX_set_srp_client_pwd_callback(link->ctx, srp_password);
}

static void set_psk13(SSL *ssl)
{
	void (*set)(SSL *ssl, SSL_psk_use_session_cb_func callback);

	*(void **)&set = unnamed("SSL_set_psk_use_session_callback");
	set(ssl, psk13);
}

static void apply_secrets_to_ssl(struct link *link)
{
	if (!link_is(link, PSK12, "none"))
		SSL_set_psk_client_callback(link->client, psk12);
	if (!link_is(link, PSK13, "none"))
		set_psk13(link->client);
}
#else
static void apply_secrets_to_ctx(struct link *link)
{
	(void)link;
}

static void apply_secrets_to_ssl(struct link *link)
{
	(void)link;
}
#endif

static const struct cert *cert_of(const struct link *link)
{
	return strstr(term_value(link->scenario, link->section, CERT), "alice") ? pki()->alice :
										 pki()->bob;
}

static int client_cert(SSL *ssl, X509 **x509, EVP_PKEY **key)
{
	const struct cert *cert = cert_of(link_of(ssl));

	REQUIRE(X509_up_ref(cert->x509) && EVP_PKEY_up_ref(cert->key));
	*x509 = cert->x509;
	*key = cert->key;

	return 1;
}

static int cert_cb(SSL *ssl, void *arg)
{
	const struct cert *cert = cert_of(link_of(ssl));

	(void)arg;

	return SSL_use_certificate(ssl, cert->x509) == 1 && SSL_use_PrivateKey(ssl, cert->key) == 1;
}

static bool has(const struct link *link, const char *how)
{
	return !strncmp(term_value(link->scenario, link->section, CERT), how, strlen(how));
}

static bool has_own(const struct link *link)
{
	return link_is(link, CERT, "alice") || link_is(link, CERT, "bob");
}

void apply_who_to_ctx(struct link *link)
{
	SSL_CTX_set_client_cert_cb(link->ctx, has(link, "client-cb") ? client_cert : NULL);
	apply_secrets_to_ctx(link);
	if (link_is(link, ON, "ctx") && has_own(link)) {
		/* a high security level refuses it */
		SSL_CTX_use_certificate(link->ctx, cert_of(link)->x509);
		SSL_CTX_use_PrivateKey(link->ctx, cert_of(link)->key);
		ERR_clear_error();
	}
}

void apply_who_to_ssl(struct link *link)
{
	if (link_is(link, ON, "ssl") && has_own(link)) {
		SSL_use_certificate(link->client, cert_of(link)->x509);
		SSL_use_PrivateKey(link->client, cert_of(link)->key);
		ERR_clear_error();
	}
	if (has(link, "cert-cb"))
		SSL_set_cert_cb(link->client, cert_cb, NULL);
	apply_secrets_to_ssl(link);
}
