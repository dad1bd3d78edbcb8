/*
 * Sessions: those of connections, and those of our own.
 */

#include "private.h"

#include <mbedtls/platform_util.h>

static struct lts_bytes bytes(const void *data, size_t len)
{
	return (struct lts_bytes){ data, data ? len : 0 };
}

void lts_see(const mbedtls_ssl_session *session, struct lts_session *seen)
{
	size_t id_len = session->id_len;

	memset(seen, 0, sizeof(*seen));
	seen->age = -1;
	seen->ciphersuite = (uint32_t)session->ciphersuite;
	seen->verify_result = session->verify_result;
	seen->secret = bytes(session->master, sizeof(session->master));
	/* a length that was loaded may be any; shorter ones mbedTLS does not offer */
	if (id_len >= 16 && id_len <= sizeof(session->id))
		seen->id = bytes(session->id, id_len);
#if defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
	if (session->peer_cert)
		seen->certificate = bytes(session->peer_cert->raw.p,
					  session->peer_cert->raw.len);
#endif
#if defined(LTS_TICKETS)
	seen->ticket = bytes(session->ticket, session->ticket_len);
	seen->lifetime = session->ticket_lifetime;
#endif
#if defined(MBEDTLS_SSL_ENCRYPT_THEN_MAC)
	seen->encrypt_then_mac = session->encrypt_then_mac != 0;
#endif
#if defined(MBEDTLS_SSL_TRUNCATED_HMAC) && !defined(LTS_MBEDTLS_3)
	seen->trunc_hmac = session->trunc_hmac != 0;
#endif
#if defined(LTS_MBEDTLS_3)
	seen->version = (uint32_t)session->tls_version;
#endif
#if defined(LTS_TLS1_3)
	if (session->tls_version != MBEDTLS_SSL_VERSION_TLS1_3)
		return;
	seen->id = bytes(NULL, 0);
	seen->secret = bytes(session->resumption_key, session->resumption_key_len);
	seen->kex_modes = session->ticket_flags;
#if defined(LTS_TICKETS_HAVE_HOSTNAMES)
	if (session->hostname)
		seen->hostname = bytes(session->hostname, strlen(session->hostname));
#endif
#if defined(MBEDTLS_HAVE_TIME)
	seen->age = (int64_t)(mbedtls_ms_time() - session->ticket_reception_time);
#endif
#endif
}

int lts_session_of(const mbedtls_ssl_context *ssl, struct lts_session *seen)
{
	const mbedtls_ssl_session *session =
		ssl->session ? ssl->session : ssl->session_negotiate;

	/* one that was not set and not made yet is all zero */
	if (!session || !session->ciphersuite)
		return 0;
	lts_see(session, seen);

	return 1;
}

int lts_peer_chain(const mbedtls_ssl_context *ssl, lts_take_t take, void *to)
{
#if defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
	const mbedtls_x509_crt *crt = ssl->session ? ssl->session->peer_cert : NULL;
	int any = crt != NULL;

	for (; crt; crt = crt->next)
		take(to, crt->raw.p, crt->raw.len);

	return any;
#else
	(void)ssl;
	(void)take;
	(void)to;
	return 0;
#endif
}

void lts_hide_peer(mbedtls_ssl_context *ssl, lts_take_t take, void *to)
{
#if defined(LTS_TLS1_3) && defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
	mbedtls_ssl_session *session = ssl->session_negotiate;

	if (!session || session->tls_version != MBEDTLS_SSL_VERSION_TLS1_3 ||
	    !session->peer_cert)
		return;
	take(to, session->peer_cert->raw.p, session->peer_cert->raw.len);
	mbedtls_x509_crt_free(session->peer_cert);
	mbedtls_free(session->peer_cert);
	session->peer_cert = NULL;
#else
	(void)ssl;
	(void)take;
	(void)to;
#endif
}

void lts_show_chain(mbedtls_ssl_context *ssl, const struct lts_bytes *chain, size_t count)
{
#if defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
	mbedtls_ssl_session *session = ssl->session;
	mbedtls_x509_crt *crt;
	size_t n = 1;

	if (!session || !count)
		return;

	crt = session->peer_cert;
	if (!crt) {
		/* TLS 1.3: the session has not even the peer's own */
		crt = mbedtls_calloc(1, sizeof(*crt));
		if (!crt)
			return;
		mbedtls_x509_crt_init(crt);
		n = 0;
	} else if (crt->next)
		return;

	for (; n < count; n++)
		if (mbedtls_x509_crt_parse_der(crt, chain[n].data, chain[n].len))
			break;

	if (!session->peer_cert && n)
		session->peer_cert = crt;
	else if (!session->peer_cert) {
		mbedtls_x509_crt_free(crt);
		mbedtls_free(crt);
	}
#else
	(void)ssl;
	(void)chain;
	(void)count;
#endif
}

size_t lts_save(const mbedtls_ssl_context *ssl, int without_ticket, unsigned char *buf,
		size_t len)
{
	mbedtls_ssl_session session;
	size_t saved = 0;
	int ret;

	if (!ssl->session)
		return 0;

	/*
	 * Not mbedtls_ssl_get_session(): in mbedTLS 3 that gives each session out once, and that
	 * once is the app's. Only read, and not freed: its pointers are the connection's.
	 */
	session = *ssl->session;
#if defined(LTS_TICKETS_HAVE_HOSTNAMES)
	session.hostname = NULL;
#endif
#if defined(LTS_TICKETS)
	if (without_ticket) {
		session.ticket = NULL;
		session.ticket_len = 0;
		session.ticket_lifetime = 0;
	}
#endif
	(void)without_ticket;
	ret = mbedtls_ssl_session_save(&session, buf, len, &saved);
	mbedtls_platform_zeroize(&session, sizeof(session));

	return !ret || ret == MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL ? saved : 0;
}

mbedtls_ssl_session *lts_load(const unsigned char *buf, size_t len)
{
	mbedtls_ssl_session *session = mbedtls_calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	mbedtls_ssl_session_init(session);
	if (mbedtls_ssl_session_load(session, buf, len))
		goto refuse;
#if defined(LTS_MBEDTLS_3)
	if (session->endpoint != MBEDTLS_SSL_IS_CLIENT)
		goto refuse;
#endif
#if defined(LTS_TICKETS_HAVE_HOSTNAMES)
	/* it is saved without: nothing in there would say that it is terminated */
	if (session->hostname)
		goto refuse;
#endif

	return session;

refuse:
	lts_free(session);

	return NULL;
}

void lts_free(mbedtls_ssl_session *session)
{
	mbedtls_ssl_session_free(session);
	mbedtls_free(session);
}

int lts_offer(mbedtls_ssl_context *ssl, mbedtls_ssl_session *session,
	      const unsigned char *hostname, size_t hostname_len, int64_t age)
{
#if defined(LTS_TICKETS_HAVE_HOSTNAMES)
	if (hostname) {
		session->hostname = mbedtls_calloc(1, hostname_len + 1);
		if (!session->hostname)
			return 0;
		memcpy(session->hostname, hostname, hostname_len);
	}
#endif
#if defined(LTS_TLS1_3) && defined(MBEDTLS_HAVE_TIME)
	/* mbedTLS counts from when this machine was booted, which may be another time now */
	session->ticket_reception_time = mbedtls_ms_time() - (mbedtls_ms_time_t)age;
#endif
	(void)hostname;
	(void)hostname_len;
	(void)age;

	return !mbedtls_ssl_set_session(ssl, session);
}
