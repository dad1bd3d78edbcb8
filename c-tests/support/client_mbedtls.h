/*
 * The mbedTLS objects behind a client's connections.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_CLIENT_MBEDTLS_H
#define LWS_TLS_SESSIONS_TESTS_CLIENT_MBEDTLS_H

#include <mbedtls/ssl.h>

#include "client.h"

/* a connection's own: each has a configuration to itself, so topics may tune it */
mbedtls_ssl_context *conn_ssl(struct conn *conn);
mbedtls_ssl_config *conn_conf(struct conn *conn);

/* start_psa() - what mbedTLS 3 needs before TLS 1.3; as often as one likes */
void start_psa(void);

/* mbedtls_cert() - adds a certificate to a chain of mbedTLS's */
void mbedtls_cert(mbedtls_x509_crt *chain, const struct cert *cert);

/* conn_ignore_tickets() - the app does not say that they come; a dial's tune() may be this */
void conn_ignore_tickets(struct conn *conn);

/* conn_error() - what the function of mbedTLS returned that failed last */
int conn_error(const struct conn *conn);

#endif
