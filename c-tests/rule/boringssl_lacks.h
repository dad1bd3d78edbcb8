/*
 * What BoringSSL does not have, so that the harness compiles: no scenario asks for
 * it, see scenario_is_possible().
 */

#ifndef LWS_TLS_SESSIONS_TESTS_BORINGSSL_LACKS_H
#define LWS_TLS_SESSIONS_TESTS_BORINGSSL_LACKS_H

static inline int lacks(int first, ...)
{
	(void)first;

	return 1;
}

#define LACKS(...)				lacks(0, __VA_ARGS__)

#define SSL_OP_ALLOW_NO_DHE_KEX			0
#define SSL_OP_NO_ENCRYPT_THEN_MAC		0
#define SSL_OP_NO_EXTENDED_MASTER_SECRET	0
#define SSL_CERT_FLAG_SUITEB_128_LOS		0
#define SSL_CT_VALIDATION_PERMISSIVE		0
#define SSL_CT_VALIDATION_STRICT		0
#define SSL_SECOP_SIGALG_CHECK			0
#define TLSEXT_max_fragment_length_512		0
#define TLSEXT_max_fragment_length_1024		0

#ifndef X509_VP_FLAG_ONCE
#define X509_VP_FLAG_ONCE			0
#define X509_VP_FLAG_LOCKED			0
#endif
#ifndef X509_TRUST_OCSP_SIGN
#define X509_TRUST_OCSP_SIGN			0
#endif

typedef int (*SSL_verify_cb)(int ok, X509_STORE_CTX *store);

#define SSL_set_ciphersuites			LACKS
#define SSL_CTX_set_ciphersuites		LACKS
#define SSL_set_security_level			(void)LACKS
#define SSL_CTX_set_security_level		(void)LACKS
#define SSL_set_security_callback		(void)LACKS
#define SSL_CTX_set_security_callback		(void)LACKS
#define SSL_set0_security_ex_data		(void)LACKS
#define SSL_CTX_set0_security_ex_data		(void)LACKS
#define SSL_set_cert_flags			LACKS
#define SSL_CTX_set_cert_flags			LACKS
#define SSL_enable_ct				LACKS
#define SSL_dane_enable				LACKS
#define SSL_dane_tlsa_add			LACKS
#define SSL_CTX_dane_enable			LACKS
#define X509_VERIFY_PARAM_set_inh_flags		LACKS
#define X509_VERIFY_PARAM_set_auth_level	(void)LACKS
#define SSL_CTX_set_dh_auto			LACKS
#define SSL_CTX_set_max_early_data		LACKS
#define SSL_SESSION_get_max_early_data		!LACKS

#endif
