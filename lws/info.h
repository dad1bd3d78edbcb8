/*
 * What counts of a vhost's struct lws_context_creation_info. Its layout depends on the version
 * and the build options of libwebsockets: this is for sources that are compiled against the
 * <libwebsockets.h> that goes with the library they run with.
 */

#ifndef LWS_TLS_SESSIONS_INFO_H
#define LWS_TLS_SESSIONS_INFO_H

#include <libwebsockets.h>
#include <lws-tls-sessions.h>
#include <string.h>

static inline void
lws_tls_sessions_read_info(struct lws_tls_session_vhost_info *to, struct lws_context *context,
			   const struct lws_context_creation_info *info)
{
	memset(to, 0, sizeof(*to));
	to->vhost_name = info->vhost_name;
	to->context = context;
	to->options = (uint64_t)info->options;
#if defined(LWS_WITH_TLS_SESSIONS)
	to->tls_session_timeout = info->tls_session_timeout;
	to->tls_session_cache_max = info->tls_session_cache_max;
#endif
}

#endif
