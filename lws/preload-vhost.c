/*
 * liblws_tls_sessions_preload.so: what a vhost was made with, and what the environment says.
 *
 * Where this was compiled for the libwebsockets that it runs with, it reads libwebsockets' struct
 * (preload-info.c). With any other version it asks libwebsockets itself, by what its session module
 * does: the layout of that struct is not known then.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* secure_getenv() */
#endif

#include <stdlib.h>
#include <string.h>

#include "preload.h"

/* More sessions than this are not tried: each takes libwebsockets a few microseconds, and 1 kB */
#define MOST 1000

static uint64_t options;
static uint32_t cache_max;

void
preload_read_environment(void)
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
			preload_say("LWS_TLS_SESSION_CACHE_MAX is not a number of endpoints: ",
				    value);
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
			preload_say("LWS_TLS_SESSION_OPTIONS: unknown from here on: ", value);
	}
}

static void
add_environment(struct lws_tls_session_vhost_info *to)
{
	to->options |= options;
	if (cache_max)
		to->tls_session_cache_max = cache_max;
}

/*
 * lws_tls_session_dump_load()'s callback: a session that nobody can resume. It has a version (TLS
 * 1.3), a cipher suite (TLS_AES_128_GCM_SHA256), and no ID, ticket or peer. d2i_SSL_SESSION() takes it.
 */
static int
load_dummy(struct lws_context *context, struct lws_tls_session_dump *info)
{
	static const unsigned char session[] = {
		0x30, 0x2f,
		0x02, 0x01, 0x01,
		0x02, 0x02, 0x03, 0x04,
		0x04, 0x02, 0x13, 0x01,
		0x04, 0x00,
		0x04, 0x20,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	};

	(void)context;
	*(int *)info->opaque = 1;
	info->blob = malloc(sizeof(session)); /* libwebsockets frees it */
	if (!info->blob)
		return 1;
	info->blob_len = sizeof(session);
	memcpy(info->blob, session, sizeof(session));

	return 0;
}

static int
is_there(struct lws_context *context, struct lws_tls_session_dump *info)
{
	(void)context;
	(void)info;

	return 0;
}

/*
 * Asks the session module of libwebsockets (4.3 and later) about a vhost.
 *
 * It does not ask for a session where it is disabled on the vhost. Else it takes them one after the
 * other, and drops the oldest when there is one more than the vhost's tls_session_cache_max, or ten.
 * So the number that stay is that limit. They stay until the vhost goes, for an endpoint that no
 * connection has: no host name is a dash. The name is short, since libwebsockets cuts tags.
 */
static void
ask_session_module(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh)
{
	static const char nobody[] = "-";
	int has_asked = 0;
	uint16_t port;

	if (!libwebsockets.dump_load || !libwebsockets.dump_save)
		return;

	for (port = 1; port <= MOST; port++) {
		if (libwebsockets.dump_load(vh, nobody, port, load_dummy, &has_asked))
			break;
		if (libwebsockets.dump_save(vh, nobody, 1, is_there, NULL)) {
			to->tls_session_cache_max = port - 1u;
			return;
		}
	}
	if (port > MOST)
		to->tls_session_cache_max = MOST;
	/* that it has the session already would be another reason not to ask for it */
	else if (!has_asked && libwebsockets.dump_save(vh, nobody, 1, is_there, NULL))
		to->options = LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE;
}

void
preload_ask_vhost(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh,
		  struct lws_context *context)
{
	memset(to, 0, sizeof(*to));
	to->vhost_name = libwebsockets.get_vhost_name(vh);
	to->context = context;
	/* the timeout is the one that libwebsockets has set on the SSL_CTX */
	ask_session_module(to, vh);
	add_environment(to);
}

void
preload_vhost_info(struct lws_tls_session_vhost_info *to, struct lws_vhost *vh,
		   struct lws_context *context, const struct lws_context_creation_info *info)
{
	if (preload_read_info(to, vh, context, info))
		add_environment(to);
	else
		preload_ask_vhost(to, vh, context);
}

void
preload_context_info(struct lws_tls_session_vhost_info *to, struct lws_context *context,
		     const struct lws_context_creation_info *info)
{
	if (preload_read_info(to, NULL, context, info)) {
		add_environment(to);
		return;
	}
	memset(to, 0, sizeof(*to));
	to->context = context;
}
