/*
 * A plugin that names what the program does not.
 */

#include <openssl/ssl.h>

int set_id_context(SSL_CTX *ctx, const unsigned char *context, unsigned int len);

int set_id_context(SSL_CTX *ctx, const unsigned char *context, unsigned int len)
{
	return SSL_CTX_set_session_id_context(ctx, context, len);
}
