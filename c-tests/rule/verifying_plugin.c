/*
 * A plugin with a verify callback, built once to accept and once to refuse.
 */

#include <openssl/x509_vfy.h>

int verify(int ok, X509_STORE_CTX *ctx);

/* read as it runs: so that both have the same code, at the same place */
static const volatile int accepts = ACCEPTS;

int verify(int ok, X509_STORE_CTX *ctx)
{
	if (accepts)
		return ok;
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);

	return 0;
}
