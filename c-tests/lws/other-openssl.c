/*
 * liblws_tls_sessions for another version of OpenSSL, and that OpenSSL: whoever loads one beside the
 * OpenSSL of a program is told.
 */

#include <unistd.h>

void *
SSL_CTX_new(const void *method);

#if defined(LIBSSL)

void *
SSL_CTX_new(const void *method)
{
	return (void *)(unsigned long)method;
}

#else

extern void *(*const other_ssl_ctx_new)(const void *method);
void *(*const other_ssl_ctx_new)(const void *method) = SSL_CTX_new;

__attribute__((constructor)) static void
loaded(void)
{
	static const char line[] = "two versions of OpenSSL are in this program\n";

	if (write(2, line, sizeof(line) - 1) < 0)
		_exit(1);
	_exit(2);
}

#endif
