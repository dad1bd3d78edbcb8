/* What the sources of liblws_tls_sessions_preload.so share */

#ifndef LWS_TLS_SESSIONS_PRELOAD_H
#define LWS_TLS_SESSIONS_PRELOAD_H

#include <lws-tls-sessions.h>
#include <stdint.h>

/* libwebsockets', whose layout only a source that is compiled against its header knows */
struct lws_context_creation_info;

/* what libwebsockets and OpenSSL call of OpenSSL */
typedef void (*info_callback_t)(const SSL *ssl, int kind, int value);

typedef void (*function_t)(void);

/* dlsym() gives functions as void *, which ISO C cannot convert */
#define AS_FUNCTION(_type, _pointer) ((_type)(uintptr_t)(_pointer))

/* The functions of liblws_tls_sessions that are called; all NULL while it is not loaded */
extern struct library {
	__typeof__(&lws_tls_session_lws_begin) lws_begin;
	__typeof__(&lws_tls_session_lws_end) lws_end;
	__typeof__(&lws_tls_session_lws_slot) lws_slot;
	__typeof__(&lws_tls_session_lws_info) lws_info;
	__typeof__(&lws_tls_session_lws_context_gone) lws_context_gone;
	__typeof__(&lws_tls_session_lws_store) lws_store;
	__typeof__(&lws_tls_session_cache) cache;
	__typeof__(&lws_tls_session_vh_destroy) vh_destroy;
	__typeof__(&lws_tls_session_is_reused) is_reused;
	__typeof__(&lws_tls_session_dump_save) dump_save;
	__typeof__(&lws_tls_session_dump_load) dump_load;
} library;

/* libwebsockets' own functions */
extern struct libwebsockets {
	struct lws_tls_session_lws_functions seam;
	const char *(*get_vhost_name)(struct lws_vhost *vh);
	void *(*get_vhost_user)(struct lws_vhost *vh);
	void *(*get_context_user)(struct lws_context *context);
	__typeof__(&lws_tls_session_dump_load) dump_load; /* NULL before 4.3 */
	__typeof__(&lws_tls_session_dump_save) dump_save; /* the same */
} libwebsockets;

/*
 * Loads liblws_tls_sessions for the libwebsockets that has the function, once. It does not
 * where that has no place in this program, or cannot be found: then nothing changes here.
 */
void
preload_library(function_t lws_create_context);

/* Whether an address is in the code of that libwebsockets */
int
preload_is_lws_code(const void *code);

/* A line on stderr, for what libwebsockets' log is not there yet */
void
preload_say(const char *what, const char *more);

/*
 * Whether the library in a file would get a function from what is loaded already, without loading
 * it; -1 if there is no such file.
 */
int
preload_would_get(const char *path, const char *name, const void *function);

void
preload_read_environment(void);

/* What a vhost was made with, as far as that can be told, and what the environment says */
void
preload_vhost_info(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh,
		   struct lws_context *context, const struct lws_context_creation_info *info);

/* The same of a vhost whose struct has not been seen */
void
preload_ask_vhost(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh,
		  struct lws_context *context);

/* What a context was made with, as far as that can be told; its default vhost is made with it */
void
preload_context_info(struct lws_tls_session_vhost_info *to, struct lws_context *context,
		     const struct lws_context_creation_info *info);

/*
 * What a vhost was made with, or without a vhost, a context, from the struct itself. 0 if this
 * libwebsockets is not the one whose header this file was compiled against.
 */
int
preload_read_info(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh,
		  struct lws_context *context, const struct lws_context_creation_info *info);

#endif
