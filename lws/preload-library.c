/*
 * liblws_tls_sessions_preload.so: loads liblws_tls_sessions, where it has a place in the
 * program.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_DEFAULT, dladdr(), dlinfo() */
#endif

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preload.h"

#define LIBRARY "liblws_tls_sessions.so.0"

struct library library;
struct libwebsockets libwebsockets;

static const void *lws_code; /* an address in libwebsockets */

void
preload_say(const char *what, const char *more)
{
	/* of how it was started: also where libwebsockets has no log yet, or hides this level */
	fprintf(stderr, "lws-tls-sessions: %s%s\n", what, more);
}

int
preload_is_lws_code(const void *code)
{
	Dl_info one, other;

	return dladdr(code, &one) && dladdr(lws_code, &other) &&
	       one.dli_fbase == other.dli_fbase;
}

static void (*lws_log)(int level, const char *format, ...);

static void
log_line(int level, const char *line)
{
	lws_log(level, "%s\n", line);
}

/* The library's own log says what is wrong with it */
static void
read_store(const struct library *found)
{
	const char *url = secure_getenv("LWS_TLS_SESSION_STORE");

	if (url && *url)
		(void)found->lws_store(url);
}

#define FIND(_function, _object, _name) \
	(_function = AS_FUNCTION(__typeof__(_function), dlsym(_object, _name)))

static int
find_libwebsockets(void *lws)
{
	libwebsockets.seam.is_lws_code = preload_is_lws_code;
	libwebsockets.seam.vhost_info = preload_ask_vhost;
	libwebsockets.seam.log = log_line;
	FIND(lws_log, lws, "_lws_log");
	FIND(libwebsockets.seam.is_log_visible, lws, "lwsl_visible");
	if (!lws_log)
		libwebsockets.seam.log = NULL;
	FIND(libwebsockets.dump_load, lws, "lws_tls_session_dump_load");
	FIND(libwebsockets.dump_save, lws, "lws_tls_session_dump_save");
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
	       FIND(to->lws_store, object, "lws_tls_session_lws_store") &&
	       FIND(to->cache, object, "lws_tls_session_cache") &&
	       FIND(to->vh_destroy, object, "lws_tls_session_vh_destroy") &&
	       FIND(to->is_reused, object, "lws_tls_session_is_reused") &&
	       FIND(to->dump_save, object, "lws_tls_session_dump_save") &&
	       FIND(to->dump_load, object, "lws_tls_session_dump_load");
}

/*
 * Loads the library from a directory, if its SSL_CTX_new() will be the one that libwebsockets has: the
 * library may have been built for another version of OpenSSL. Returns 0 if there is no such file.
 */
static int
load_from(const char *dir, size_t len, const void *ssl_ctx_new)
{
	struct library found;
	char path[PATH_MAX];
	int would_get = -1;
	void *object;

	if (snprintf(path, sizeof(path), "%.*s/%s", (int)len, dir, LIBRARY) < (int)sizeof(path))
		would_get = preload_would_get(path, "SSL_CTX_new", ssl_ctx_new);
	if (would_get < 0)
		return 0;
	if (!would_get) {
		preload_say("sessions are not resumed: libwebsockets is on another OpenSSL than ",
			    path);
		return 1;
	}

	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!object)
		preload_say("sessions are not resumed: ", dlerror());
	else if (dlsym(object, "SSL_CTX_new") != ssl_ctx_new || !find_library(&found, object))
		preload_say("sessions are not resumed: this is not for libwebsockets: ", path);
	else {
		preload_read_environment();
		read_store(&found);
		library = found;
	}

	return 1;
}

/* Next to this file, else where this file's libraries are looked for */
static void
load_library(const void *ssl_ctx_new)
{
	Dl_serinfo size, *paths = NULL;
	const char *slash;
	Dl_info self;
	void *object;
	unsigned n;

	if (!dladdr(&library, &self))
		return;
	slash = strrchr(self.dli_fname, '/');
	if (slash && load_from(self.dli_fname, (size_t)(slash - self.dli_fname), ssl_ctx_new))
		return;

	object = dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	if (object && !dlinfo(object, RTLD_DI_SERINFOSIZE, &size) &&
	    (paths = malloc(size.dls_size))) {
		dlinfo(object, RTLD_DI_SERINFOSIZE, paths);
		if (!dlinfo(object, RTLD_DI_SERINFO, paths))
			for (n = 0; n < paths->dls_cnt; n++)
				if (load_from(paths->dls_serpath[n].dls_name,
					      strlen(paths->dls_serpath[n].dls_name), ssl_ctx_new))
					break;
	}
	if (!paths || n == paths->dls_cnt)
		preload_say("sessions are not resumed: not found: ", LIBRARY);
	free(paths);
	if (object)
		dlclose(object);
}

static void
load(void)
{
	const void *ssl_ctx_new, *first;
	Dl_info info;
	void *lws;

	/* it is loaded: this asks for a handle, whose scope is its own and its libraries' */
	if (!dladdr(lws_code, &info))
		return;
	lws = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	if (!lws)
		return;

	/* what it has of OpenSSL; the library would get the first that the whole process has */
	ssl_ctx_new = dlsym(lws, "SSL_CTX_new");
	first = dlsym(RTLD_DEFAULT, "SSL_CTX_new");
	if (ssl_ctx_new && find_libwebsockets(lws)) {
		if (!first || first == ssl_ctx_new)
			load_library(ssl_ctx_new);
		else
			preload_say("sessions are not resumed: ",
				    "the program has another TLS library than libwebsockets");
	}
	/* the library calls it from now on: it stays, also where it came with a plugin that goes */
	if (!library.lws_begin)
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
