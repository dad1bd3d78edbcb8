/*
 * The servers. All of them are at one port, have one session ID context, and resume
 * whatever they are offered if only they can decrypt it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef OPENSSL_IS_BORINGSSL
#include <openssl/srp.h>
#endif

#include "certs.h"
#include "check.h"
#include "world.h"

#define MAX_SERVERS	256
#ifdef OPENSSL_IS_BORINGSSL
#define ALL_CIPHERS	"ALL"
#else
#define ALL_CIPHERS	"ALL:PSK:SRP:@SECLEVEL=0"
#endif

#ifndef OPENSSL_IS_BORINGSSL
static unsigned int psk12(SSL *ssl, const char *identity, unsigned char *psk, unsigned int max)
{
	const char *key = psk_key(identity);

	/* with TLS 1.3 it is asked about tickets, too */
	if (!key || strlen(key) > max)
		return 0;
	snprintf(link_of(ssl)->psk_identity, sizeof(link_of(ssl)->psk_identity), "%s", identity);
	memcpy(psk, key, strlen(key));

	return (unsigned int)strlen(key);
}

static int psk13(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **session)
{
	struct link *link = link_of(ssl);
	char name[sizeof(link->psk_identity)];

	snprintf(name, sizeof(name), "%.*s", (int)(len < 16 ? len : 16), (const char *)identity);
	*session = psk_session(ssl, name);
	if (*session)
		snprintf(link->psk_identity, sizeof(link->psk_identity), "%s", name);

	return 1;
}

static int srp(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_srp_username(ssl);

	(void)arg;
	/* the password is the name */
	if (name && psk_key(name) && SSL_set_srp_server_param_pw(ssl, name, name, "1024") >= 0)
		return SSL_ERROR_NONE;
	*alert = SSL_AD_UNKNOWN_PSK_IDENTITY;

	return SSL3_AL_FATAL;
}

static int staple(SSL *ssl, void *arg)
{
	unsigned char *bytes = OPENSSL_malloc(16);

	(void)arg;
	REQUIRE(bytes);
	memset(bytes, 1, 16);
	SSL_set_tlsext_status_ocsp_resp(ssl, bytes, 16);

	return SSL_TLSEXT_ERR_OK;
}

static void set_secrets(SSL_CTX *ctx, bool has_psk, bool has_staple)
{
	if (has_psk) {
		SSL_CTX_set_psk_server_callback(ctx, psk12);
		SSL_CTX_set_psk_find_session_callback(ctx, psk13);
	}
	/* it costs nothing where no client asks */
	SSL_CTX_set_srp_username_callback(ctx, srp);
	if (has_staple)
		SSL_CTX_set_tlsext_status_cb(ctx, staple);
}
#else
static void set_secrets(SSL_CTX *ctx, bool has_psk, bool has_staple)
{
	(void)ctx;
	(void)has_psk;
	(void)has_staple;
}
#endif

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
			   const unsigned char *in, unsigned int in_len, void *arg)
{
	static const unsigned char known[] = "\x02h2\x08http/1.1";

	(void)ssl;
	(void)arg;

	return SSL_select_next_proto((unsigned char **)out, out_len, known, sizeof(known) - 1, in,
				     in_len) == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK :
									 SSL_TLSEXT_ERR_NOACK;
}

/* HOST_A has a certificate of its own */
static int by_sni(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	(void)arg;
	if (name && !strcmp(name, HOST_A)) {
		REQUIRE(SSL_use_certificate(ssl, certs()->other->x509) == 1);
		REQUIRE(SSL_use_PrivateKey(ssl, certs()->other->key) == 1);
	}

	return SSL_TLSEXT_ERR_OK;
}

/* any name is one of its own */
static int any_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;

	return SSL_TLSEXT_ERR_OK;
}


#define IS(term, value)		term_is(scenario, server, term, value)

static void use_certs(SSL_CTX *ctx, const struct scenario *scenario, enum section server)
{
	if (IS(S_CERT, "both")) {
		cert_use(ctx, certs()->rsa);
		cert_use(ctx, certs()->ecdsa);
	} else {
		cert_use(ctx, IS(S_CERT, "rsa") ? certs()->rsa :
			       IS(S_CERT, "other") ? certs()->other :
			       IS(S_CERT, "stranger") ? certs()->stranger :
			       IS(S_CERT, "policy") ? certs()->policy :
			       IS(S_CERT, "chain") ? certs()->chain : certs()->ecdsa);
	}
	if (IS(S_CERT, "by-sni"))
		SSL_CTX_set_tlsext_servername_callback(ctx, by_sni);
	else
		SSL_CTX_set_tlsext_servername_callback(ctx, any_name);
}

static void set_resumption(SSL_CTX *ctx, const struct scenario *scenario, enum section server)
{
	unsigned char keys[80] = { 'r', 'u', 'l', 'e' };

	keys[4] = IS(S_KEYS, "1");
	REQUIRE(SSL_CTX_set_tlsext_ticket_keys(ctx, keys,
			SSL_CTX_get_tlsext_ticket_keys(ctx, NULL, 0)) == 1);
	REQUIRE(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"rule", 4));
	if (IS(S_RESUMES, "ids") || IS(S_RESUMES, "no"))
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	if (IS(S_RESUMES, "tickets") || IS(S_RESUMES, "no"))
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (IS(S_RESUMES, "no"))
		REQUIRE(SSL_CTX_set_num_tickets(ctx, 0));
	if (IS(S_EARLY, "yes"))
		REQUIRE(SSL_CTX_set_max_early_data(ctx, 1 << 14));
}

static SSL_CTX *make_server(const struct scenario *scenario, enum section server)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	REQUIRE(ctx);
	SSL_CTX_set_security_level(ctx, 0);
	if (!IS(S_VERSION, "both")) {
		int version = IS(S_VERSION, "1.2") ? TLS1_2_VERSION : TLS1_3_VERSION;

		REQUIRE(SSL_CTX_set_min_proto_version(ctx, version));
		REQUIRE(SSL_CTX_set_max_proto_version(ctx, version));
	}
	REQUIRE(SSL_CTX_set_cipher_list(ctx, ALL_CIPHERS));
	use_certs(ctx, scenario, server);
	set_resumption(ctx, scenario, server);
	if (!IS(S_CLIENT, "none")) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (IS(S_CLIENT, "require") ?
				   SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
		REQUIRE(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certs()->root->x509));
	}
	set_secrets(ctx, IS(S_PSK, "yes"), IS(S_OCSP, "yes"));
	if (IS(S_ALPN, "yes"))
		SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	/* 2: OpenSSL's 1024 bits, whatever the certificate */
	SSL_CTX_set_dh_auto(ctx, IS(S_DH, "1024") ? 2 : 1);
	if (IS(S_PREFERENCE, "server"))
		SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* of one scenario: it is not to grow for ever */
	SSL_CTX_sess_set_cache_size(ctx, 64);

	return ctx;
}

static struct {
	signed char	terms[SERVER_TERM_COUNT];
	SSL_CTX		*ctx;
} known[MAX_SERVERS];

static void free_servers(void)
{
	size_t n;

	for (n = 0; n < MAX_SERVERS; n++)
		SSL_CTX_free(known[n].ctx);
}

SSL_CTX *rule_server(const struct scenario *scenario, enum section server)
{
	static size_t count;
	size_t n;

	for (n = 0; n < MAX_SERVERS && known[n].ctx; n++)
		if (!memcmp(known[n].terms, scenario->terms[server], sizeof(known[n].terms)))
			return known[n].ctx;
	if (!count) {
		certs();
		atexit(free_servers);
	}
	/* the oldest makes room; its connections hold it for as long as they need it */
	n = count++ % MAX_SERVERS;
	SSL_CTX_free(known[n].ctx);
	memcpy(known[n].terms, scenario->terms[server], sizeof(known[n].terms));
	known[n].ctx = make_server(scenario, server);

	return known[n].ctx;
}
