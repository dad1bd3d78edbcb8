/*
 * A plugin that names what the program does not.
 */

#include <dlfcn.h>

#include <openssl/ssl.h>

int set_id_context(SSL_CTX *ctx, const unsigned char *context, unsigned int len);

/* what the program has to do while the loader's lock is held */
__attribute__((constructor)) static void wait_for_program(void)
{
	void (*work)(void);

	*(void **)&work = dlsym(RTLD_DEFAULT, "while_plugin_is_loaded");
	if (work)
		work();
}

int set_id_context(SSL_CTX *ctx, const unsigned char *context, unsigned int len)
{
	return SSL_CTX_set_session_id_context(ctx, context, len);
}
