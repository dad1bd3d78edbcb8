/*
 * Connections: how far they are, and what they are configured to do.
 */

#include "private.h"

#include <mbedtls/net_sockets.h>

int lts_is_client(const mbedtls_ssl_context *ssl)
{
	return ssl->conf && ssl->conf->endpoint == MBEDTLS_SSL_IS_CLIENT &&
	       ssl->conf->transport == MBEDTLS_SSL_TRANSPORT_STREAM;
}

int lts_progress(const mbedtls_ssl_context *ssl)
{
	if (ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER)
		return LTS_OVER;

	return ssl->state == MBEDTLS_SSL_HELLO_REQUEST && !ssl->session &&
	       ssl->session_negotiate ? LTS_NEW : LTS_SHAKING;
}

uint32_t lts_version(const mbedtls_ssl_context *ssl)
{
#if defined(LTS_MBEDTLS_3)
	return (uint32_t)ssl->tls_version;
#else
	return (uint32_t)(ssl->major_ver << 8 | ssl->minor_ver);
#endif
}

int lts_alert(const mbedtls_ssl_context *ssl)
{
	/* what was received is there in plain text */
	if (ssl->in_msgtype == MBEDTLS_SSL_MSG_ALERT && ssl->in_msg &&
	    ssl->in_msg[0] == MBEDTLS_SSL_ALERT_LEVEL_FATAL)
		return 1;

	/* what was sent is not; but it is no close_notify before the handshake is over */
	return lts_progress(ssl) != LTS_OVER && ssl->out_msgtype == MBEDTLS_SSL_MSG_ALERT;
}

int lts_is_tls_error(int ret)
{
	switch (ret) {
	case MBEDTLS_ERR_SSL_WANT_READ:
	case MBEDTLS_ERR_SSL_WANT_WRITE:
	case MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS:
	case MBEDTLS_ERR_SSL_CRYPTO_IN_PROGRESS:
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
	case MBEDTLS_ERR_SSL_CONN_EOF:
	case MBEDTLS_ERR_SSL_TIMEOUT:
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
	case MBEDTLS_ERR_NET_SEND_FAILED:
	case MBEDTLS_ERR_NET_RECV_FAILED:
	case MBEDTLS_ERR_NET_CONN_RESET:
	case MBEDTLS_ERR_NET_POLL_FAILED:
	case MBEDTLS_ERR_NET_INVALID_CONTEXT:
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
	case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
#endif
#if defined(MBEDTLS_ERR_SSL_RECEIVED_EARLY_DATA)
	case MBEDTLS_ERR_SSL_RECEIVED_EARLY_DATA:
#endif
		return 0;
	default:
		return ret < 0;
	}
}

static int has_psk(const mbedtls_ssl_config *conf)
{
#if defined(LTS_MBEDTLS_3) && defined(MBEDTLS_SSL_HANDSHAKE_WITH_PSK_ENABLED)
	return conf->psk_identity != NULL;
#elif !defined(LTS_MBEDTLS_3) && defined(MBEDTLS_KEY_EXCHANGE_SOME_PSK_ENABLED)
	return conf->psk_identity != NULL;
#else
	(void)conf;
	return 0;
#endif
}

#if defined(LTS_TICKETS)
/* The bits of session_tickets: what the functions set that do so. */
static unsigned int tickets_flag(int tls13)
{
	mbedtls_ssl_config conf;

	mbedtls_ssl_config_init(&conf);
#if defined(MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED)
	if (tls13)
		mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(&conf, 1);
	else
#endif
	/* before 3.6.1 tickets of all versions are one setting */
	mbedtls_ssl_conf_session_tickets(&conf, 1);
	(void)tls13;

	return conf.session_tickets;
}
#endif

void lts_config(const mbedtls_ssl_context *ssl, struct lts_config *config)
{
	const mbedtls_ssl_config *conf = ssl->conf;
	int (*f_vrfy)(void *, mbedtls_x509_crt *, int, uint32_t *) =
		ssl->f_vrfy ? ssl->f_vrfy : conf->f_vrfy;

	memset(config, 0, sizeof(*config));
	config->address = (uintptr_t)conf;
	config->f_vrfy = (uintptr_t)f_vrfy;
	config->p_vrfy = (uintptr_t)(ssl->f_vrfy ? ssl->p_vrfy : conf->p_vrfy);
	config->verifies = conf->authmode != MBEDTLS_SSL_VERIFY_NONE;
	config->must_verify = conf->authmode == MBEDTLS_SSL_VERIFY_REQUIRED;
	config->psk = has_psk(conf) != 0;
	config->extended_ms = 1;
#if defined(LTS_MBEDTLS_3)
	config->min_version = (uint32_t)conf->min_tls_version;
	config->max_version = (uint32_t)conf->max_tls_version;
#else
	config->min_version = (uint32_t)(conf->min_major_ver << 8 | conf->min_minor_ver);
	config->max_version = (uint32_t)(conf->max_major_ver << 8 | conf->max_minor_ver);
#endif
#if defined(LTS_TICKETS)
	config->tickets = (conf->session_tickets & tickets_flag(0)) != 0;
#endif
#if defined(LTS_TLS1_3)
	config->kex_modes = (uint32_t)conf->tls13_kex_modes;
	config->takes_tickets = (conf->session_tickets & tickets_flag(1)) != 0;
#endif
#if defined(MBEDTLS_SSL_EXTENDED_MASTER_SECRET)
	config->extended_ms = conf->extended_ms;
#endif
#if defined(MBEDTLS_SSL_ENCRYPT_THEN_MAC)
	config->encrypt_then_mac = conf->encrypt_then_mac;
#endif
#if defined(MBEDTLS_SSL_TRUNCATED_HMAC) && !defined(LTS_MBEDTLS_3)
	config->trunc_hmac = conf->trunc_hmac;
#endif
#if defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH)
	config->mfl_code = conf->mfl_code;
#endif
}

static int is_in(const int *list, uint32_t ciphersuite)
{
	for (; list && *list; list++)
		if ((uint32_t)*list == ciphersuite)
			return 1;

	return 0;
}

int lts_takes_cipher(const mbedtls_ssl_context *ssl, uint32_t ciphersuite, uint32_t version)
{
#if defined(LTS_MBEDTLS_3)
	(void)version;

	return is_in(ssl->conf->ciphersuite_list, ciphersuite);
#else
	/* it offers the list of the lowest version, and takes that of the version it gets */
	return is_in(ssl->conf->ciphersuite_list[ssl->conf->min_minor_ver], ciphersuite) &&
	       is_in(ssl->conf->ciphersuite_list[version & 3], ciphersuite);
#endif
}

void lts_ciphers(const mbedtls_ssl_context *ssl, lts_take_t take, void *to)
{
#if defined(LTS_MBEDTLS_3)
	const int *list = ssl->conf->ciphersuite_list;
#else
	const int *list = ssl->conf->ciphersuite_list[ssl->conf->min_minor_ver];
#endif

	for (; list && *list; list++) {
		const unsigned char number[] = { (unsigned char)(*list >> 8), (unsigned char)*list };

		take(to, number, sizeof(number));
	}
}

void lts_hostname(const mbedtls_ssl_context *ssl, lts_take_t take, void *to)
{
	const char *name = lts_expected_name(ssl);

	if (name)
		take(to, (const unsigned char *)name, strlen(name));
}

/*
 * What mbedtls_ssl_conf_own_cert() makes, and only mbedTLS 2 shows in a header. It has been so
 * since 1.3; where it is not any more, nothing is read.
 */
struct own_cert {
	mbedtls_x509_crt	*cert;
	mbedtls_pk_context	*key;
	struct own_cert		*next;
};

static int knows_own_certs(void)
{
	mbedtls_ssl_config conf;
	mbedtls_x509_crt certs[2];
	mbedtls_pk_context keys[2];
	const struct own_cert *own;
	int same = 0;

	/* only pointed to */
	mbedtls_ssl_config_init(&conf);
	if (!mbedtls_ssl_conf_own_cert(&conf, &certs[0], &keys[0]) &&
	    !mbedtls_ssl_conf_own_cert(&conf, &certs[1], &keys[1])) {
		own = (const void *)conf.key_cert;
		same = own->cert == &certs[0] && own->key == &keys[0] && own->next &&
		       own->next->cert == &certs[1] && own->next->key == &keys[1] &&
		       !own->next->next;
	}
	mbedtls_ssl_config_free(&conf);

	return same;
}

int lts_identity(const mbedtls_ssl_context *ssl, lts_take_t take, void *to)
{
	const struct own_cert *own = (const void *)ssl->conf->key_cert;

	if (own && !knows_own_certs())
		return 0;
	for (; own; own = own->next)
		if (own->cert)
			take(to, own->cert->raw.p, own->cert->raw.len);

	return 1;
}
