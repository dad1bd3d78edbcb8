/*
 * What there is no function for in mbedTLS is read from its structures, by their names.
 * To be included first.
 */

#ifndef LTS_MBEDTLS_PRIVATE_H
#define LTS_MBEDTLS_PRIVATE_H

/* mbedTLS 3 calls their members private, and lets those see them who define this */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#define _DEFAULT_SOURCE		/* timegm() */

#include <string.h>

#include <mbedtls/platform.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "shim.h"

#if MBEDTLS_VERSION_NUMBER < 0x021c0000
#error "mbedTLS 2.28 or later is needed"
#endif
#if !defined(MBEDTLS_SSL_CLI_C) || !defined(MBEDTLS_X509_CRT_PARSE_C)
#error "mbedTLS is built without TLS clients or certificates"
#endif

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define LTS_MBEDTLS_3
#endif
#if MBEDTLS_VERSION_NUMBER >= 0x04000000
#define LTS_MBEDTLS_4
#endif
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
#define LTS_TICKETS
#endif
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(LTS_MBEDTLS_3) && defined(LTS_TICKETS)
#define LTS_TLS1_3
#endif
#if defined(LTS_TLS1_3) && defined(MBEDTLS_SSL_SERVER_NAME_INDICATION)
#define LTS_TICKETS_HAVE_HOSTNAMES
#endif

/* version 2 and, while that is not left out, 3 have lists of these kinds, too */
#if !defined(LTS_MBEDTLS_3) || (!defined(LTS_MBEDTLS_4) && !defined(MBEDTLS_DEPRECATED_REMOVED))
#define LTS_OLD_LISTS
#endif

/* what mbedtls_ssl_set_hostname(ssl, NULL) leaves: in some versions a mark, not NULL */
const char *lts_no_hostname(void);

/* the name that the peer's certificate must be for; NULL: any */
const char *lts_expected_name(const mbedtls_ssl_context *ssl);

#endif
