/*
 * Verification, as a full handshake would do it, and what it depends on.
 */

#include "private.h"

#include <time.h>

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>

const char *lts_no_hostname(void)
{
	mbedtls_ssl_context ssl;

	mbedtls_ssl_init(&ssl);
	if (mbedtls_ssl_set_hostname(&ssl, NULL))
		return NULL;

	/* nothing was allocated, and the mark is not to be freed */
	return ssl.hostname;
}

const char *lts_expected_name(const mbedtls_ssl_context *ssl)
{
	return ssl->hostname == lts_no_hostname() ? NULL : ssl->hostname;
}

int lts_is_hostname(const mbedtls_ssl_context *ssl, const unsigned char *name, size_t len)
{
	const char *expected = lts_expected_name(ssl);

	if (!expected || !name)
		return !expected && !name;

	return strlen(expected) == len && !memcmp(expected, name, len);
}

#define TAIL	64

static void take_value(lts_take_t take, void *to, uint64_t value)
{
	take(to, (const unsigned char *)&value, sizeof(value));
}

/*
 * A certificate ends in its signature, so its length and its last bytes tell it from others,
 * for a fraction of what hashing a whole trust store would take on every connection.
 */
static void take_certificate(const mbedtls_x509_crt *crt, lts_take_t take, void *to)
{
	size_t tail = crt->raw.len < TAIL ? crt->raw.len : TAIL;

	take_value(take, to, crt->raw.len);
	if (tail)
		take(to, crt->raw.p + crt->raw.len - tail, tail);
}

/* The groups that a connection takes, in one of the two ways that mbedTLS has for them. */
static void take_groups(const mbedtls_ssl_config *conf, lts_take_t take, void *to)
{
#if defined(MBEDTLS_ECP_C) && defined(LTS_OLD_LISTS)
	const mbedtls_ecp_group_id *id = conf->curve_list;

	for (; id && *id != MBEDTLS_ECP_DP_NONE; id++)
		take_value(take, to, (uint64_t)*id);
#endif
#if defined(LTS_MBEDTLS_3)
	const uint16_t *group = conf->group_list;

	take_value(take, to, 0);
	for (; group && *group; group++)
		take_value(take, to, *group);
#endif
	(void)conf;
}

/* The signature algorithms that it takes in a handshake, in one of the two ways. */
static void take_signatures(const mbedtls_ssl_config *conf, lts_take_t take, void *to)
{
#if defined(LTS_MBEDTLS_3) && defined(MBEDTLS_SSL_HANDSHAKE_WITH_CERT_ENABLED)
	const uint16_t *algorithm = conf->sig_algs;

	for (; algorithm && *algorithm; algorithm++)
		take_value(take, to, *algorithm);
#endif
#if (defined(LTS_MBEDTLS_3) && defined(MBEDTLS_SSL_HANDSHAKE_WITH_CERT_ENABLED) && \
	defined(LTS_OLD_LISTS)) || \
	(!defined(LTS_MBEDTLS_3) && defined(MBEDTLS_KEY_EXCHANGE_WITH_CERT_ENABLED))
	const int *hash = conf->sig_hashes;

	take_value(take, to, 0);
	for (; hash && *hash; hash++)
		take_value(take, to, (uint64_t)*hash);
#endif
	(void)conf;
	(void)take;
	(void)to;
}

void lts_algorithms(const mbedtls_ssl_context *ssl, lts_take_t take, void *to)
{
	take_groups(ssl->conf, take, to);
	take_value(take, to, 0);
	take_signatures(ssl->conf, take, to);
#if defined(MBEDTLS_DHM_C)
	take_value(take, to, ssl->conf->dhm_min_bitlen);
#endif
}

static int asks_for_trust(const mbedtls_ssl_config *conf)
{
#if defined(MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK)
	return conf->f_ca_cb != NULL;
#else
	(void)conf;
	return 0;
#endif
}

int lts_terms(const mbedtls_ssl_context *ssl, lts_take_t take, void *to)
{
	const mbedtls_ssl_config *conf = ssl->conf;
	const mbedtls_x509_crt_profile *profile = conf->cert_profile;
	const char *name = lts_expected_name(ssl);
	const mbedtls_x509_crt *ca;

	/* a revocation list goes out of date, and what a callback gives is its own affair */
	if (conf->ca_crl || asks_for_trust(conf) || !profile)
		return 0;

	take_value(take, to, conf->authmode);
	take_value(take, to, profile->allowed_mds);
	take_value(take, to, profile->allowed_pks);
	take_value(take, to, profile->allowed_curves);
	take_value(take, to, profile->rsa_min_bitlen);
	take_value(take, to, ssl->hostname != NULL);
	take_value(take, to, name ? strlen(name) : UINT64_MAX);
	if (name && *name)
		take(to, (const unsigned char *)name, strlen(name));
	for (ca = conf->ca_chain; ca; ca = ca->next)
		take_certificate(ca, take, to);
	take_value(take, to, 0);
	take_groups(conf, take, to);

	return 1;
}

static int64_t seconds(const mbedtls_x509_time *time)
{
	struct tm tm = {
		.tm_year = time->year - 1900, .tm_mon = time->mon - 1, .tm_mday = time->day,
		.tm_hour = time->hour, .tm_min = time->min, .tm_sec = time->sec,
	};

	return (int64_t)timegm(&tm);
}

struct validity {
	int64_t		not_before;
	int64_t		not_after;
};

/* Called with each certificate that a verification rests on. */
static int note_validity(void *to, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct validity *validity = to;
	int64_t from = seconds(&crt->valid_from), until = seconds(&crt->valid_to);

	(void)depth;
	(void)flags;

	if (from > validity->not_before)
		validity->not_before = from;
	if (until < validity->not_after)
		validity->not_after = until;

	return 0;
}

#if defined(LTS_MBEDTLS_4)
/* The number that the protocol has for a key's curve; 0: it has none, or it is no such key. */
static uint16_t curve_of(const psa_key_attributes_t *attributes)
{
	static const struct {
		psa_ecc_family_t	family;
		uint16_t		bits;
		uint16_t		number;
	} curves[] = {
		{ PSA_ECC_FAMILY_SECP_R1, 256, 23 },
		{ PSA_ECC_FAMILY_SECP_R1, 384, 24 },
		{ PSA_ECC_FAMILY_SECP_R1, 521, 25 },
		{ PSA_ECC_FAMILY_SECP_K1, 256, 22 },
		{ PSA_ECC_FAMILY_BRAINPOOL_P_R1, 256, 26 },
		{ PSA_ECC_FAMILY_BRAINPOOL_P_R1, 384, 27 },
		{ PSA_ECC_FAMILY_BRAINPOOL_P_R1, 512, 28 },
	};
	psa_ecc_family_t family = PSA_KEY_TYPE_ECC_GET_FAMILY(psa_get_key_type(attributes));
	size_t n;

	for (n = 0; n < sizeof(curves) / sizeof(*curves); n++)
		if (curves[n].family == family &&
		    curves[n].bits == psa_get_key_bits(attributes))
			return curves[n].number;

	return 0;
}

/* As mbedTLS itself: a curve that it takes must be among its groups. */
static int takes_curve(const mbedtls_ssl_config *conf, const mbedtls_x509_crt *crt)
{
	psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
	const uint16_t *list = conf->group_list;
	uint16_t curve;

	if (mbedtls_pk_get_psa_attributes(&crt->pk, PSA_KEY_USAGE_VERIFY_HASH, &attributes))
		return 0;
	if (!PSA_KEY_TYPE_IS_ECC(psa_get_key_type(&attributes)))
		return 1;
	curve = curve_of(&attributes);
	for (; curve && list && *list; list++)
		if (*list == curve)
			return 1;

	return 0;
}
#else
/* As mbedtls_ssl_check_curve(), which is not for others to call. */
static int takes_curve(const mbedtls_ssl_config *conf, const mbedtls_x509_crt *crt)
{
#if defined(MBEDTLS_ECP_C)
	const mbedtls_ecp_curve_info *curve;
	mbedtls_ecp_group_id id;

	if (!mbedtls_pk_can_do(&crt->pk, MBEDTLS_PK_ECKEY))
		return 1;

#if defined(LTS_MBEDTLS_3) && defined(MBEDTLS_PK_USE_PSA_EC_DATA)
	return 0; /* the curve is not there to see */
#else
	id = mbedtls_pk_ec(crt->pk)->grp.id;
#endif
#if defined(LTS_OLD_LISTS)
	if (conf->curve_list) {
		const mbedtls_ecp_group_id *list = conf->curve_list;

		for (; *list != MBEDTLS_ECP_DP_NONE; list++)
			if (*list == id)
				return 1;

		return 0;
	}
#endif
	curve = mbedtls_ecp_curve_info_from_grp_id(id);
#if defined(LTS_MBEDTLS_3)
	{
		const uint16_t *list = conf->group_list;

		for (; curve && list && *list; list++)
			if (*list == curve->tls_id)
				return 1;
	}
#endif
	(void)curve;

	return 0;
#else
	(void)conf;
	(void)crt;
	return 1;
#endif
}
#endif

static int verify_parsed(const mbedtls_ssl_context *ssl, mbedtls_x509_crt *crt,
			 uint32_t *result, struct validity *validity)
{
	const mbedtls_ssl_config *conf = ssl->conf;
	int ret = mbedtls_x509_crt_verify_with_profile(crt, conf->ca_chain, conf->ca_crl,
			conf->cert_profile, lts_expected_name(ssl), result, note_validity,
			validity);

	if (ret && ret != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
		return -1;

	/* the key exchange tells which usage it must have; static RSA is the only one with
	 * another than this, and it cannot be told here */
#if defined(LTS_MBEDTLS_3) || defined(MBEDTLS_X509_CHECK_KEY_USAGE)
	if (mbedtls_x509_crt_check_key_usage(crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE))
		return -1;
#endif
#if defined(LTS_MBEDTLS_3) || defined(MBEDTLS_X509_CHECK_EXTENDED_KEY_USAGE)
	if (mbedtls_x509_crt_check_extended_key_usage(crt, MBEDTLS_OID_SERVER_AUTH,
						      MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)))
		*result |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
#endif
	if (!takes_curve(conf, crt))
		*result |= MBEDTLS_X509_BADCERT_BAD_KEY;

	return 0;
}

int lts_verify(const mbedtls_ssl_context *ssl, const struct lts_bytes *chain, size_t count,
	       uint32_t *result, int64_t *not_before, int64_t *not_after)
{
	struct validity validity = { INT64_MIN, INT64_MAX };
	mbedtls_x509_crt crt;
	int ret = 0;
	size_t n;

	/* a client that must verify, and was not told whom, fails (3.6.3) */
	if (asks_for_trust(ssl->conf) || !ssl->conf->cert_profile ||
	    (!ssl->hostname && lts_no_hostname() &&
	     ssl->conf->authmode == MBEDTLS_SSL_VERIFY_REQUIRED))
		return -1;

	/* parsed anew: nothing of it is shared with other threads */
	mbedtls_x509_crt_init(&crt);
	for (n = 0; n < count && !ret; n++)
		ret = mbedtls_x509_crt_parse_der(&crt, chain[n].data, chain[n].len);
	if (!ret)
		ret = verify_parsed(ssl, &crt, result, &validity);
	mbedtls_x509_crt_free(&crt);

	*not_before = validity.not_before;
	*not_after = validity.not_after;

	return ret;
}

int lts_not_after(const unsigned char *der, size_t len, int64_t *not_after)
{
	mbedtls_x509_crt crt;
	int ret;

	mbedtls_x509_crt_init(&crt);
	ret = mbedtls_x509_crt_parse_der(&crt, der, len);
	if (!ret)
		*not_after = seconds(&crt.valid_to);
	mbedtls_x509_crt_free(&crt);

	return !ret;
}
