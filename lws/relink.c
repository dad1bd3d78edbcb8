/*
 * Relinking an app of libwebsockets: this file is compiled into the app, against its own
 * <libwebsockets.h>, by the CMake target lws_tls_sessions::lws or by hand (see
 * docs/existing-lws-apps.md), and stands between the app and the functions below.
 *
 * One way serves both kinds of libwebsockets. The linker is told to --wrap the functions, so
 * that what the app calls, and what the objects of a static libwebsockets call of one another,
 * comes here. A shared libwebsockets finds even its own functions by name, and for it they are
 * defined here under their own names too: weakly, so that a static libwebsockets' come first.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT, dladdr() */
#endif

#include <dlfcn.h>
#include <stdint.h>

#include "info.h"

#if defined(__cplusplus)
extern "C" { /* relink.cpp: the same for projects that are all in C++ */
#endif

typedef void (*function_t)(void);

/* name: what the linker takes for it, the hook, and the hook under the function's own name */
#define HOOK(_type, _name, _parameters) \
	extern _type __real_##_name _parameters; \
	extern _type __wrap_##_name _parameters; \
	extern __typeof__(_name) _name __attribute__((weak, alias("__wrap_" #_name)))

/* what libwebsockets itself has under that name */
#define REAL(_name) \
	((__typeof__(&_name))behind(#_name, (function_t)__real_##_name, \
				    (function_t)__wrap_##_name))

HOOK(struct lws_context *, lws_create_context, (const struct lws_context_creation_info *info));
HOOK(struct lws_vhost *, lws_create_vhost, (struct lws_context *context,
     const struct lws_context_creation_info *info));
HOOK(int, lws_init_vhost_client_ssl, (const struct lws_context_creation_info *info,
     struct lws_vhost *vhost));
HOOK(void, lws_vhost_destroy, (struct lws_vhost *vh));
HOOK(void, lws_vhost_destroy1, (struct lws_vhost *vh));
HOOK(void, lws_context_destroy, (struct lws_context *context));
HOOK(int, CRYPTO_get_ex_new_index, (int class_index, long argl, void *argp,
     CRYPTO_EX_new *new_func, CRYPTO_EX_dup *dup_func, CRYPTO_EX_free *free_func));
HOOK(void, SSL_set_info_callback, (SSL *ssl,
     void (*callback)(const SSL *ssl, int type, int value)));

/*
 * With a static libwebsockets, what is linked is its function. With a shared one it is the
 * weak definition here, and its function is the next one that the dynamic linker knows.
 */
static __attribute__((noinline)) function_t
behind(const char *name, function_t linked, function_t hook)
{
	if (linked != hook)
		return linked;

	return (function_t)(uintptr_t)dlsym(RTLD_NEXT, name);
}

/*
 * It is a shared libwebsockets' own code, with which it keeps sessions. A static one is linked
 * without its session module.
 */
static int
is_lws_code(const void *code)
{
	const void *lws = dlsym(RTLD_NEXT, "lws_get_library_version");
	Dl_info one, other;

	return lws && dladdr(code, &one) && dladdr(lws, &other) &&
	       one.dli_fbase == other.dli_fbase;
}

/* What a vhost was made with that a libwebsockets with -Bsymbolic-functions made unseen */
static void
vhost_info(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh,
	   struct lws_context *context)
{
	to->vhost_name = lws_get_vhost_name(vh);
	to->context = context;
}

static void
log_line(int level, const char *line)
{
	_lws_log(level, "%s\n", line);
}

static const struct lws_tls_session_lws_functions functions = {
	lws_get_vhost,
	lws_get_network_wsi,
	lws_get_ssl,
	is_lws_code,
	lws_get_context,
	lws_get_library_version,
	vhost_info,
	log_line,
	lwsl_visible,
};

/* The library calls the functions for as long as it lives, also if this is in a plugin that goes */
static void
stay(void)
{
	Dl_info self;
	void *object;

	if (dladdr(&functions, &self) &&
	    (object = dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE)))
		dlclose(object);
}

struct lws_context *
__wrap_lws_create_context(const struct lws_context_creation_info *info)
{
	struct lws_tls_session_vhost_info ours;
	struct lws_context *context;

	stay();
	lws_tls_session_lws_begin(&functions);
	context = REAL(lws_create_context)(info);
	lws_tls_sessions_read_info(&ours, context, info);
	lws_tls_session_lws_end(NULL, context ? &ours : NULL);

	return context;
}

void
__wrap_lws_context_destroy(struct lws_context *context)
{
	lws_tls_session_lws_context_gone(context);
	REAL(lws_context_destroy)(context);
}

/* SSL_get_ex_new_index(), by which libwebsockets gets the slot for its connections */
int
__wrap_CRYPTO_get_ex_new_index(int class_index, long argl, void *argp, CRYPTO_EX_new *new_func,
			       CRYPTO_EX_dup *dup_func, CRYPTO_EX_free *free_func)
{
	int slot = REAL(CRYPTO_get_ex_new_index)(class_index, argl, argp, new_func, dup_func,
						 free_func);

	if (slot >= 0 && class_index == CRYPTO_EX_INDEX_SSL && argp && !argl && !new_func &&
	    !dup_func && !free_func && !strcmp((const char *)argp, "lws"))
		lws_tls_session_lws_slot(slot);

	return slot;
}

void
__wrap_SSL_set_info_callback(SSL *ssl, void (*callback)(const SSL *ssl, int type, int value))
{
	if (!lws_tls_session_lws_info(ssl, callback))
		REAL(SSL_set_info_callback)(ssl, callback);
}

struct lws_vhost *
__wrap_lws_create_vhost(struct lws_context *context,
			const struct lws_context_creation_info *info)
{
	struct lws_tls_session_vhost_info ours;
	struct lws_vhost *vh;

	lws_tls_session_lws_begin(NULL);
	vh = REAL(lws_create_vhost)(context, info);
	lws_tls_sessions_read_info(&ours, context, info);
	/* without a vhost, it would be taken for what the context was made with */
	lws_tls_session_lws_end(vh, vh ? &ours : NULL);

	return vh;
}

int
__wrap_lws_init_vhost_client_ssl(const struct lws_context_creation_info *info,
				 struct lws_vhost *vhost)
{
	struct lws_tls_session_vhost_info ours;
	int ret;

	lws_tls_session_lws_begin(NULL);
	ret = REAL(lws_init_vhost_client_ssl)(info, vhost);
	lws_tls_session_lws_end(vhost, NULL);

	/* as lws does it */
	lws_tls_sessions_read_info(&ours, NULL, info);
	if (!ret && ours.tls_session_timeout)
		lws_tls_session_cache(vhost, ours.tls_session_timeout);

	return ret;
}

void
__wrap_lws_vhost_destroy(struct lws_vhost *vh)
{
	lws_tls_session_vh_destroy(vh);
	REAL(lws_vhost_destroy)(vh);
}

void
__wrap_lws_vhost_destroy1(struct lws_vhost *vh)
{
	lws_tls_session_vh_destroy(vh);
	REAL(lws_vhost_destroy1)(vh);
}

/*
 * All that a static libwebsockets refers to of its session module. Named here so that the
 * linker takes them from the library that comes before libwebsockets, even a static one.
 */
extern const function_t lws_tls_sessions_module[];
const function_t lws_tls_sessions_module[] = {
	(function_t)lws_tls_session_cache,
	(function_t)lws_tls_session_vh_destroy,
	(function_t)lws_tls_reuse_session,
	(function_t)lws_tls_session_is_reused,
	(function_t)lws_tls_session_dump_save,
	(function_t)lws_tls_session_dump_load,
	(function_t)lws_tls_session_tag_from_wsi,
	(function_t)lws_tls_session_tag_discrete,
};

#if defined(__cplusplus)
}
#endif
