/*
 * A session for the library's own tests, which no handshake has made. Not linked into anything
 * else.
 */

#include "private.h"

#include <time.h>

#include <mbedtls/platform_util.h>

/* lts_make_session() - one of TLS 1.2, by session ID, as lts_save() would save it */
size_t lts_make_session(const unsigned char *certificate, size_t certificate_len,
			unsigned char *buf, size_t len)
{
	mbedtls_ssl_session *session = mbedtls_calloc(1, sizeof(*session));
	mbedtls_x509_crt *peer = mbedtls_calloc(1, sizeof(*peer));
	size_t saved = 0;
	int ret = -1;

	if (!session || !peer)
		goto bail;
	mbedtls_ssl_session_init(session);
	mbedtls_x509_crt_init(peer);
	if (mbedtls_x509_crt_parse_der(peer, certificate, certificate_len))
		goto bail;
	session->ciphersuite = 0xc02b; /* ECDHE-ECDSA-AES128-GCM-SHA256 */
	session->id_len = sizeof(session->id);
	memset(session->id, 'i', sizeof(session->id));
	memset(session->master, 'm', sizeof(session->master));
#if defined(LTS_MBEDTLS_3)
	session->tls_version = MBEDTLS_SSL_VERSION_TLS1_2;
	session->endpoint = MBEDTLS_SSL_IS_CLIENT;
#endif
#if defined(MBEDTLS_HAVE_TIME)
	session->start = time(NULL);
#endif
#if defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
	session->peer_cert = peer;
	peer = NULL;
#endif
	ret = mbedtls_ssl_session_save(session, buf, len, &saved);

bail:
	if (session)
		mbedtls_ssl_session_free(session);
	if (peer)
		mbedtls_x509_crt_free(peer);
	mbedtls_free(session);
	mbedtls_free(peer);

	return ret ? 0 : saved;
}
