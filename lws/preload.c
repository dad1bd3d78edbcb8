/*
 * liblws_tls_sessions_preload.so: for apps of a shared libwebsockets that are not rebuilt.
 * LD_PRELOAD puts it in front of libwebsockets, so that these functions are found here first,
 * by the app and by libwebsockets itself.
 *
 * It needs nothing but libc, because it is loaded into every program that is started with that
 * LD_PRELOAD, whatever TLS library that has or has not. Until preload_library() finds a reason
 * to load more, all calls go to where they would have gone.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT, dladdr() */
#endif

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "preload.h"

#define CLASS_SSL 0 /* CRYPTO_EX_INDEX_SSL */

/*
 * What a caller at the address `from` would get for a name if this file were not there: the
 * program's, or, for what was loaded on its own by dlopen(), that of the libraries it came with.
 */
static function_t
behind(const char *name, const void *from)
{
	void *found = dlsym(RTLD_NEXT, name), *object;
	Dl_info caller;

	if (!found && dladdr(from, &caller)) {
		object = dlopen(caller.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
		if (object) {
			found = dlsym(object, name);
			dlclose(object);
		}
	}

	return AS_FUNCTION(function_t, found);
}

/*
 * The same for a function of OpenSSL, of which a process may have two versions: what the caller's own
 * libraries have. The program's own are those that come after this file.
 */
static function_t
openssl_behind(const char *name, const void *from)
{
	void *found = NULL, *object;
	Dl_info caller, here, there;

	if (dladdr(from, &caller)) {
		object = dlopen(caller.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
		if (object) {
			found = dlsym(object, name);
			dlclose(object);
		}
	}
	if (found && dladdr(found, &there) && dladdr(&library, &here) &&
	    here.dli_fbase != there.dli_fbase)
		return AS_FUNCTION(function_t, found);

	return AS_FUNCTION(function_t, dlsym(RTLD_NEXT, name));
}

/* Declares a function that stands in front of libwebsockets' own */
#define HOOK(_type, _name, _parameters) \
	extern __attribute__((visibility("default"))) _type _name _parameters

/* Whether the library serves that libwebsockets: a process may have two, of different versions */
static int
is_served(function_t real)
{
	return library.lws_begin && preload_is_lws_code((const void *)(uintptr_t)real);
}

/* What stands behind it */
#define REAL(_name) ((__typeof__(&_name))behind(#_name, __builtin_return_address(0)))

HOOK(struct lws_context *, lws_create_context, (const struct lws_context_creation_info *info));
HOOK(struct lws_vhost *, lws_create_vhost, (struct lws_context *context,
     const struct lws_context_creation_info *info));
HOOK(int, lws_init_vhost_client_ssl, (const struct lws_context_creation_info *info,
     struct lws_vhost *vhost));
HOOK(void, lws_vhost_destroy, (struct lws_vhost *vh));
HOOK(void, lws_vhost_destroy1, (struct lws_vhost *vh));
HOOK(void, lws_context_destroy, (struct lws_context *context));

/*
 * Of OpenSSL. Whatever else has the names is called with all that it may get: BoringSSL's
 * CRYPTO_get_ex_new_index() takes other parameters, but no more, and none wider.
 */
HOOK(int, CRYPTO_get_ex_new_index, (uintptr_t class_index, uintptr_t argl, void *argp,
     void *new_func, void *dup_func, void *free_func));
HOOK(void, SSL_set_info_callback, (SSL *ssl, info_callback_t callback));

struct lws_context *
lws_create_context(const struct lws_context_creation_info *info)
{
	__typeof__(&lws_create_context) real = REAL(lws_create_context);
	struct lws_tls_session_vhost_info ours;
	struct lws_context *context;

	if (!real)
		return NULL;

	preload_library((function_t)real);
	if (!is_served((function_t)real))
		return real(info);

	library.lws_begin(&libwebsockets.seam);
	context = real(info);
	if (context)
		preload_context_info(&ours, context, info);
	library.lws_end(NULL, context ? &ours : NULL);

	return context;
}

struct lws_vhost *
lws_create_vhost(struct lws_context *context, const struct lws_context_creation_info *info)
{
	__typeof__(&lws_create_vhost) real = REAL(lws_create_vhost);
	struct lws_tls_session_vhost_info ours;
	struct lws_vhost *vh;

	if (!real || !is_served((function_t)real))
		return real ? real(context, info) : NULL;

	library.lws_begin(NULL);
	vh = real(context, info);
	if (vh)
		preload_vhost_info(&ours, vh, context, info);
	library.lws_end(vh, vh ? &ours : NULL);

	return vh;
}

int
lws_init_vhost_client_ssl(const struct lws_context_creation_info *info, struct lws_vhost *vhost)
{
	__typeof__(&lws_init_vhost_client_ssl) real = REAL(lws_init_vhost_client_ssl);
	struct lws_tls_session_vhost_info ours;
	int ret;

	if (!real || !is_served((function_t)real))
		return real ? real(info, vhost) : 1;

	library.lws_begin(NULL);
	ret = real(info, vhost);
	library.lws_end(vhost, NULL);

	/* as lws does it */
	if (!ret && preload_read_info(&ours, vhost, NULL, info) && ours.tls_session_timeout)
		library.cache(vhost, ours.tls_session_timeout);

	return ret;
}

void
lws_context_destroy(struct lws_context *context)
{
	__typeof__(&lws_context_destroy) real = REAL(lws_context_destroy);

	if (library.lws_context_gone)
		library.lws_context_gone(context);
	if (real)
		real(context);
}

/* SSL_get_ex_new_index(), by which libwebsockets gets the slot for its connections */
int
CRYPTO_get_ex_new_index(uintptr_t class_index, uintptr_t argl, void *argp, void *new_func,
			void *dup_func, void *free_func)
{
	const void *caller = __builtin_return_address(0);
	__typeof__(&CRYPTO_get_ex_new_index) real =
		(__typeof__(real))openssl_behind("CRYPTO_get_ex_new_index", caller);
	int slot = real ? real(class_index, argl, argp, new_func, dup_func, free_func) : -1;

	if (slot >= 0 && library.lws_slot && (int)class_index == CLASS_SSL &&
	    preload_is_lws_code(caller) && argp && !strcmp(argp, "lws"))
		library.lws_slot(slot);

	return slot;
}

void
SSL_set_info_callback(SSL *ssl, info_callback_t callback)
{
	const void *caller = __builtin_return_address(0);
	__typeof__(&SSL_set_info_callback) real =
		(__typeof__(real))openssl_behind("SSL_set_info_callback", caller);

	if (library.lws_info && preload_is_lws_code(caller) && library.lws_info(ssl, callback))
		return;
	if (real)
		real(ssl, callback);
}

void
lws_vhost_destroy(struct lws_vhost *vh)
{
	__typeof__(&lws_vhost_destroy) real = REAL(lws_vhost_destroy);

	if (library.vh_destroy)
		library.vh_destroy(vh);
	if (real)
		real(vh);
}

void
lws_vhost_destroy1(struct lws_vhost *vh)
{
	__typeof__(&lws_vhost_destroy1) real = REAL(lws_vhost_destroy1);

	if (library.vh_destroy)
		library.vh_destroy(vh);
	if (real)
		real(vh);
}

/*
 * The part of the session API that libwebsockets' shared builds export. What an app calls of
 * the rest, it has from liblws_tls_sessions itself.
 */

HOOK(int, lws_tls_session_is_reused, (struct lws *wsi));
HOOK(int, lws_tls_session_dump_save, (struct lws_vhost *vh, const char *host, uint16_t port,
     lws_tls_sess_cb_t cb_save, void *opq));
HOOK(int, lws_tls_session_dump_load, (struct lws_vhost *vh, const char *host, uint16_t port,
     lws_tls_sess_cb_t cb_load, void *opq));

int
lws_tls_session_is_reused(struct lws *wsi)
{
	__typeof__(&lws_tls_session_is_reused) answer = library.is_reused;

	if (!answer)
		answer = REAL(lws_tls_session_is_reused);

	return answer ? answer(wsi) : 0;
}

int
lws_tls_session_dump_save(struct lws_vhost *vh, const char *host, uint16_t port,
			  lws_tls_sess_cb_t cb_save, void *opq)
{
	__typeof__(&lws_tls_session_dump_save) answer = library.dump_save;

	if (!answer)
		answer = REAL(lws_tls_session_dump_save);

	return answer ? answer(vh, host, port, cb_save, opq) : 1;
}

int
lws_tls_session_dump_load(struct lws_vhost *vh, const char *host, uint16_t port,
			  lws_tls_sess_cb_t cb_load, void *opq)
{
	__typeof__(&lws_tls_session_dump_load) answer = library.dump_load;

	if (!answer)
		answer = REAL(lws_tls_session_dump_load);

	return answer ? answer(vh, host, port, cb_load, opq) : 1;
}
