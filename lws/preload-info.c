/*
 * liblws_tls_sessions_preload.so: what a vhost was made with, where the libwebsockets that it
 * runs with is the one that it was compiled for.
 */

#if defined(LWS_TLS_SESSIONS_HAVE_LIBWEBSOCKETS)
#include "info.h"
#endif
#include "preload.h"

#if defined(LWS_TLS_SESSIONS_HAVE_LIBWEBSOCKETS)

int
preload_read_info(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh,
		  struct lws_context *context, const struct lws_context_creation_info *info)
{
	/* the same version may have been built with other options; user is behind what counts */
	if (strcmp(libwebsockets.seam.get_library_version(), LWS_LIBRARY_VERSION) ||
	    (vh ? libwebsockets.get_vhost_user(vh) :
		  libwebsockets.get_context_user(context)) != info->user)
		return 0;
	lws_tls_sessions_read_info(to, context, info);

	return 1;
}

#else

int
preload_read_info(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh,
		  struct lws_context *context, const struct lws_context_creation_info *info)
{
	(void)to;
	(void)vh;
	(void)context;
	(void)info;

	return 0;
}

#endif
