/*
 * liblws_tls_sessions_preload.so: loads liblws_tls_sessions, where it has a place in the
 * program, and finds out what vhosts were made with.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_DEFAULT, dladdr(), secure_getenv() */
#endif

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preload.h"

#define LIBRARY "liblws_tls_sessions.so.0"
#define LIBSSL "libssl.so.3"

struct library library;
struct libwebsockets libwebsockets;

static const void *lws_code; /* an address in libwebsockets */
static uint64_t options;
static uint32_t cache_max;

static void
say(const char *what, const char *more)
{
	fprintf(stderr, "lws-tls-sessions: %s%s\n", what, more);
}

int
preload_is_lws_code(const void *code)
{
	Dl_info one, other;

	return dladdr(code, &one) && dladdr(lws_code, &other) &&
	       one.dli_fbase == other.dli_fbase;
}

/*
 * Whether what libwebsockets has of OpenSSL is what the library would get: that of libssl.so.3,
 * and not of BoringSSL or of a second copy under the same names.
 */
static int
on_openssl_3(void *lws)
{
	const void *theirs = dlsym(lws, "SSL_CTX_new");
	const void *first = dlsym(RTLD_DEFAULT, "SSL_CTX_new");
	const char *name;
	Dl_info libssl;

	if (!theirs || (first && first != theirs) || !dladdr(theirs, &libssl))
		return 0;
	name = strrchr(libssl.dli_fname, '/');

	return !strcmp(name ? name + 1 : libssl.dli_fname, LIBSSL);
}

static void
read_environment(void)
{
	static const struct {
		const char *name;
		uint64_t bit;
	} known[] = {
		{ "allow-tickets",	   LWS_TLS_SESSION_OPTION_ALLOW_TICKETS },
		{ "single-use",		   LWS_TLS_SESSION_OPTION_SINGLE_USE },
		{ "trust-verify-callback", LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK },
	};
	const size_t count = sizeof(known) / sizeof(known[0]);
	const char *value = secure_getenv("LWS_TLS_SESSION_CACHE_MAX");
	unsigned long max;
	size_t n, len;
	char *end;

	if (value) {
		max = strtoul(value, &end, 10);
		if (*value < '0' || *value > '9' || *end || max > UINT32_MAX)
			say("LWS_TLS_SESSION_CACHE_MAX is not a number of endpoints: ", value);
		else
			cache_max = (uint32_t)max;
	}

	value = secure_getenv("LWS_TLS_SESSION_OPTIONS");
	for (; value && *value; value += len + (value[len] == ',')) {
		len = strcspn(value, ",");
		for (n = 0; n < count; n++)
			if (len == strlen(known[n].name) && !memcmp(value, known[n].name, len))
				break;
		if (n < count)
			options |= known[n].bit;
		else
			say("LWS_TLS_SESSION_OPTIONS: unknown from here on: ", value);
	}
}

static int
not_disabled(struct lws_context *context, struct lws_tls_session_dump *info)
{
	(void)context;
	*(int *)info->opaque = 1;

	return 1; /* there is nothing to load */
}

static void
with_environment(struct lws_tls_session_vhost_info *to)
{
	to->options |= options;
	if (cache_max)
		to->tls_session_cache_max = cache_max;
}

/* What libwebsockets itself tells */
static void
unseen_vhost_info(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh,
		  struct lws_context *context)
{
	int asked = 0;

	memset(to, 0, sizeof(*to));
	to->vhost_name = libwebsockets.get_vhost_name(vh);
	to->context = context;
	/*
	 * A session module that is disabled on the vhost does not ask for the session. The timeout
	 * is the one that lws has set on the SSL_CTX.
	 */
	if (libwebsockets.dump_load) {
		libwebsockets.dump_load(vh, "lws-tls-sessions", 0, not_disabled, &asked);
		if (!asked)
			to->options = LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE;
	}
	with_environment(to);
}

static void (*lws_log)(int level, const char *format, ...);

static void
log_line(int level, const char *line)
{
	lws_log(level, "%s\n", line);
}

#define FIND(_function, _object, _name) \
	(_function = AS_FUNCTION(__typeof__(_function), dlsym(_object, _name)))

static int
find_libwebsockets(void *lws)
{
	libwebsockets.seam.is_lws_code = preload_is_lws_code;
	libwebsockets.seam.vhost_info = unseen_vhost_info;
	libwebsockets.seam.log = log_line;
	FIND(lws_log, lws, "_lws_log");
	FIND(libwebsockets.seam.is_log_visible, lws, "lwsl_visible");
	if (!lws_log)
		libwebsockets.seam.log = NULL;
	FIND(libwebsockets.dump_load, lws, "lws_tls_session_dump_load");
	if ((function_t)libwebsockets.dump_load == (function_t)lws_tls_session_dump_load)
		libwebsockets.dump_load = NULL;

	return FIND(libwebsockets.seam.get_vhost, lws, "lws_get_vhost") &&
	       FIND(libwebsockets.seam.get_network_wsi, lws, "lws_get_network_wsi") &&
	       FIND(libwebsockets.seam.get_ssl, lws, "lws_get_ssl") &&
	       FIND(libwebsockets.seam.get_context, lws, "lws_get_context") &&
	       FIND(libwebsockets.seam.get_library_version, lws, "lws_get_library_version") &&
	       FIND(libwebsockets.get_vhost_name, lws, "lws_get_vhost_name") &&
	       FIND(libwebsockets.get_vhost_user, lws, "lws_get_vhost_user") &&
	       FIND(libwebsockets.get_context_user, lws, "lws_context_user");
}

static int
find_library(struct library *to, void *object)
{
	return FIND(to->lws_begin, object, "lws_tls_session_lws_begin") &&
	       FIND(to->lws_end, object, "lws_tls_session_lws_end") &&
	       FIND(to->lws_slot, object, "lws_tls_session_lws_slot") &&
	       FIND(to->lws_info, object, "lws_tls_session_lws_info") &&
	       FIND(to->lws_context_gone, object, "lws_tls_session_lws_context_gone") &&
	       FIND(to->cache, object, "lws_tls_session_cache") &&
	       FIND(to->vh_destroy, object, "lws_tls_session_vh_destroy") &&
	       FIND(to->is_reused, object, "lws_tls_session_is_reused") &&
	       FIND(to->dump_save, object, "lws_tls_session_dump_save") &&
	       FIND(to->dump_load, object, "lws_tls_session_dump_load");
}

/* Next to this file, else where libraries are */
static void *
open_library(void)
{
	char path[PATH_MAX];
	void *object = NULL;
	const char *slash;
	Dl_info self;

	if (dladdr(&library, &self) && (slash = strrchr(self.dli_fname, '/')) &&
	    snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - self.dli_fname),
		     self.dli_fname, LIBRARY) < (int)sizeof(path))
		object = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	return object ? object : dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

static void
load(void)
{
	struct library found;
	Dl_info info;
	void *lws, *object;

	/* it is loaded: this asks for a handle, whose scope is its own and its libraries' */
	if (!dladdr(lws_code, &info))
		return;
	lws = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	if (!lws)
		return;

	if (on_openssl_3(lws) && find_libwebsockets(lws)) {
		object = open_library();
		if (object && find_library(&found, object)) {
			read_environment();
			library = found;
		} else
			say("sessions are not resumed: ", dlerror());
	}
	dlclose(lws);
}

void
preload_library(function_t lws_create_context)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	if (!lws_code) {
		lws_code = (const void *)(uintptr_t)lws_create_context;
		load();
	}
	pthread_mutex_unlock(&lock);
}

void
preload_vhost_info(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh,
		   struct lws_context *context, const struct lws_context_creation_info *info)
{
	if (preload_read_info(to, vh, context, info))
		with_environment(to);
	else
		unseen_vhost_info(to, vh, context);
}
