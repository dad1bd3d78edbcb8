/*
 * The header in one translation unit: alone, after <libwebsockets.h>, and
 * including it; in C and in C++. Compiled only.
 *
 * What libwebsockets also has must have the size and layout it has there;
 * programs that were compiled against either link to this library.
 */

#if defined(AFTER_LWS)
#include <libwebsockets.h>
#elif defined(INCLUDING_LWS)
#define LWS_TLS_SESSIONS_WITH_LWS
#endif

#include <lws-tls-sessions.h>
/* twice does no harm */
#include <lws-tls-sessions.h>

#if !defined(__cplusplus)
#define static_assert _Static_assert
#endif

#define OFFSET(type, member, at) \
	static_assert(offsetof(struct type, member) == (at), #type "." #member)
#define SIZE(type, size)	static_assert(sizeof(struct type) == (size), #type)
#define VALUE(name, value)	static_assert(name == (value), #name)

#define PTR			sizeof(void *)

/* libwebsockets' own, see its lws-tls-sessions.h */

VALUE(LWS_SESSION_TAG_LEN, 96);
VALUE(LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE, 0x8000000000ll);
VALUE(LLL_ERR, 1);
VALUE(LLL_WARN, 2);
VALUE(LLL_NOTICE, 4);
VALUE(LLL_INFO, 8);

OFFSET(lws_tls_session_dump, tag, 0);
OFFSET(lws_tls_session_dump, blob, 96);
OFFSET(lws_tls_session_dump, opaque, 96 + PTR);
OFFSET(lws_tls_session_dump, blob_len, 96 + 2 * PTR);
SIZE(lws_tls_session_dump, 96 + 3 * PTR);

/* this library's */

VALUE(LWS_TLS_SESSION_OPTION_ALLOW_TICKETS, 0x1000000000000000ll);
VALUE(LWS_TLS_SESSION_OPTION_SINGLE_USE, 0x2000000000000000ll);
VALUE(LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK, 0x4000000000000000ll);

VALUE(LWS_TLS_SESSION_OUTCOME_NONE, 0);
VALUE(LWS_TLS_SESSION_OUTCOME_RESUMED, 1);
VALUE(LWS_TLS_SESSION_OUTCOME_DECLINED, 2);
VALUE(LWS_TLS_SESSION_OUTCOME_MISS, 3);
VALUE(LWS_TLS_SESSION_OUTCOME_EXPIRED, 4);
VALUE(LWS_TLS_SESSION_OUTCOME_UNVERIFIED, 5);
VALUE(LWS_TLS_SESSION_OUTCOME_UNSUITABLE, 6);
VALUE(LWS_TLS_SESSION_OUTCOME_SPENT, 7);
VALUE(LWS_TLS_SESSION_OUTCOME_DISABLED, 8);
VALUE(LWS_TLS_SESSION_OUTCOME_NO_ENDPOINT, 9);
VALUE(LWS_TLS_SESSION_OUTCOME_NO_VHOST, 10);

#if UINTPTR_MAX == UINT64_MAX
OFFSET(lws_tls_session_vhost_info, vhost_name, 0);
OFFSET(lws_tls_session_vhost_info, context, 8);
OFFSET(lws_tls_session_vhost_info, options, 16);
OFFSET(lws_tls_session_vhost_info, tls_session_timeout, 24);
OFFSET(lws_tls_session_vhost_info, tls_session_cache_max, 28);
OFFSET(lws_tls_session_vhost_info, _unused, 32);
SIZE(lws_tls_session_vhost_info, 64);

OFFSET(lws_tls_session_entry, host, 0);
OFFSET(lws_tls_session_entry, tag, 8);
OFFSET(lws_tls_session_entry, port, 16);
OFFSET(lws_tls_session_entry, tls_version, 18);
OFFSET(lws_tls_session_entry, sessions, 20);
OFFSET(lws_tls_session_entry, seconds_left, 24);
SIZE(lws_tls_session_entry, 32);
#endif

OFFSET(lws_tls_session_stats, entries, 0);
OFFSET(lws_tls_session_stats, sessions, 8);
OFFSET(lws_tls_session_stats, handshakes, 16);
OFFSET(lws_tls_session_stats, offered, 24);
OFFSET(lws_tls_session_stats, resumed, 32);
OFFSET(lws_tls_session_stats, declined, 40);
OFFSET(lws_tls_session_stats, missed, 48);
OFFSET(lws_tls_session_stats, unsuitable, 56);
OFFSET(lws_tls_session_stats, unverified, 64);
OFFSET(lws_tls_session_stats, stored, 72);
OFFSET(lws_tls_session_stats, replaced, 80);
OFFSET(lws_tls_session_stats, evicted, 88);
OFFSET(lws_tls_session_stats, expired, 96);
OFFSET(lws_tls_session_stats, saved, 104);
OFFSET(lws_tls_session_stats, loaded, 112);
OFFSET(lws_tls_session_stats, load_refused, 120);
OFFSET(lws_tls_session_stats, store_hits, 128);
OFFSET(lws_tls_session_stats, store_misses, 136);
OFFSET(lws_tls_session_stats, store_puts, 144);
OFFSET(lws_tls_session_stats, store_errors, 152);
SIZE(lws_tls_session_stats, 160);

/* every function, and its type */

#define FUNCTION(name, result, ...) \
	extern result (*const type_of_##name)(__VA_ARGS__); \
	result (*const type_of_##name)(__VA_ARGS__) = name

FUNCTION(lws_tls_session_vhost_create, struct lws_vhost *,
	 const struct lws_tls_session_vhost_info *);
#if !defined(LWS_TLS_SESSIONS_MBEDTLS)
FUNCTION(lws_tls_session_vhost_attach, int, struct lws_vhost *, SSL_CTX *);
#endif
FUNCTION(lws_tls_session_cache, void, struct lws_vhost *, uint32_t);
FUNCTION(lws_tls_session_forget, int, struct lws_vhost *, const char *, uint16_t);
FUNCTION(lws_tls_session_vhost_flush, void, struct lws_vhost *);
FUNCTION(lws_tls_session_vh_destroy, void, struct lws_vhost *);

#if defined(LWS_TLS_SESSIONS_MBEDTLS)
FUNCTION(lws_tls_session_wsi_create_mbedtls, struct lws *, struct lws_vhost *,
	 mbedtls_ssl_context *, const char *, uint16_t);
FUNCTION(lws_tls_session_wsi_established, int, struct lws *);
FUNCTION(lws_tls_session_wsi_new_session, int, struct lws *);
FUNCTION(lws_tls_session_wsi_failed, void, struct lws *, int);
#else
FUNCTION(lws_tls_session_wsi_create, struct lws *, struct lws_vhost *, SSL *,
	 const char *, uint16_t);
FUNCTION(lws_tls_session_wsi, struct lws *, SSL *);
#endif
FUNCTION(lws_tls_reuse_session, int, struct lws *);
FUNCTION(lws_tls_session_is_reused, int, struct lws *);
FUNCTION(lws_tls_session_outcome, int, struct lws *);
FUNCTION(lws_tls_session_outcome_name, const char *, int);
FUNCTION(lws_tls_session_tag_from_wsi, int, struct lws *, char *, size_t);
FUNCTION(lws_tls_session_tag_discrete, void, const char *, const char *, uint16_t,
	 char *, size_t);
FUNCTION(lws_tls_session_wsi_destroy, void, struct lws *);

FUNCTION(lws_tls_session_dump_save, int, struct lws_vhost *, const char *, uint16_t,
	 lws_tls_sess_cb_t, void *);
FUNCTION(lws_tls_session_dump_load, int, struct lws_vhost *, const char *, uint16_t,
	 lws_tls_sess_cb_t, void *);

FUNCTION(lws_tls_session_vhost_store, int, struct lws_vhost *, const char *);

FUNCTION(lws_tls_session_foreach, int, struct lws_vhost *, lws_tls_session_each_cb_t,
	 void *);
FUNCTION(lws_tls_session_get_stats, int, struct lws_vhost *,
	 struct lws_tls_session_stats *, size_t);
FUNCTION(lws_tls_session_service, int, struct lws_vhost *);
FUNCTION(lws_tls_session_set_log_level, void, int, void (*)(int, const char *));
FUNCTION(lws_tls_session_version, const char *, void);

/* the callbacks' types, where libwebsockets may have declared them */

static int on_dump(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	return !cx || !info->blob;
}

static int on_each(struct lws_vhost *vh, const struct lws_tls_session_entry *entry,
		   void *opq)
{
	return vh && entry->host && opq;
}

extern lws_tls_sess_cb_t dump_callback;
lws_tls_sess_cb_t dump_callback = on_dump;
extern lws_tls_session_each_cb_t each_callback;
lws_tls_session_each_cb_t each_callback = on_each;
