/*
 * An HTTP client that keeps its TLS session in a file between runs, with libwebsockets' session
 * API.
 *
 * --port P, --ca FILE, --alpn LIST   as http-client's
 * --load FILE                        a session to begin with
 * --save FILE                        where to leave it after the last connection
 * --count N                          connections, 1 by default
 *
 * The last line says in how many of them lws_tls_session_is_reused() was true.
 */

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#if defined(RELINKED)
#include <lws-tls-sessions.h>
#endif

#define HOST "localhost"

static struct lws_context *context;
static struct lws_client_connect_info ci;
static lws_sorted_usec_list_t sul_next;
static int interrupted, bad, count = 1, started, reused;

static int
save(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	FILE *file = fopen((const char *)info->opaque, "w");
	int ret;

	if (cx != context || !file)
		return 1;
	ret = fwrite(info->blob, 1, info->blob_len, file) != info->blob_len;

	return fclose(file) || ret;
}

static int
load(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	FILE *file = fopen((const char *)info->opaque, "r");
	size_t room = 65536;

	if (cx != context || !file)
		return 1;
	info->blob = malloc(room);
	info->blob_len = info->blob ? fread(info->blob, 1, room, file) : 0;
	fclose(file);

	return !info->blob;
}

static void
connect_next(lws_sorted_usec_list_t *sul)
{
	(void)sul;

	if (started == count) {
		interrupted = 1;
		lws_cancel_service(context);
		return;
	}
	started++;
	if (!lws_client_connect_via_info(&ci))
		interrupted = bad = 1;
}

static int
callback_http(struct lws *wsi, enum lws_callback_reasons reason, void *user,
	      void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		lwsl_err("CLIENT_CONNECTION_ERROR: %s\n", in ? (char *)in : "(null)");
		interrupted = bad = 1;
		lws_cancel_service(context);
		break;

	case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
		reused += lws_tls_session_is_reused(wsi);
		break;

	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP: {
		char buffer[1024 + LWS_PRE], *px = buffer + LWS_PRE;
		int lenx = sizeof(buffer) - LWS_PRE;

		return lws_http_client_read(wsi, &px, &lenx) < 0 ? -1 : 0;
	}

	case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
		lws_sul_schedule(context, 0, &sul_next, connect_next, 20 * LWS_US_PER_MS);
		break;

	default:
		break;
	}

	return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const struct lws_protocols protocols[] = {
	{ "http", callback_http, 0, 0, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 }
};

int
main(int argc, const char **argv)
{
	struct lws_context_creation_info info;
	struct lws_vhost *vh;
	const char *p;

	lws_set_log_level(LLL_USER | LLL_ERR, NULL);

	memset(&info, 0, sizeof(info));
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
		       LWS_SERVER_OPTION_H2_JUST_FIX_WINDOW_UPDATE_OVERFLOW;
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = protocols;
	info.client_ssl_ca_filepath = lws_cmdline_option(argc, argv, "--ca");
	context = lws_create_context(&info);
	if (!context)
		return 1;
	vh = lws_get_vhost_by_name(context, "default");

	ci.context = context;
	ci.address = "127.0.0.1";
	ci.host = ci.origin = HOST;
	ci.port = (p = lws_cmdline_option(argc, argv, "--port")) ? atoi(p) : 443;
	ci.alpn = (p = lws_cmdline_option(argc, argv, "--alpn")) ? p : "http/1.1";
	ci.path = "/";
	ci.method = "GET";
	ci.protocol = protocols[0].name;
	ci.ssl_connection = LCCSCF_USE_SSL | LCCSCF_H2_QUIRK_NGHTTP2_END_STREAM;
	if ((p = lws_cmdline_option(argc, argv, "--count")))
		count = atoi(p);

	p = lws_cmdline_option(argc, argv, "--load");
	if (p && lws_tls_session_dump_load(vh, HOST, (uint16_t)ci.port, load, (void *)(intptr_t)p))
		bad = 1;

	lws_sul_schedule(context, 0, &sul_next, connect_next, 1);
	while (!interrupted && lws_service(context, 0) >= 0)
		;

	p = lws_cmdline_option(argc, argv, "--save");
	if (p && lws_tls_session_dump_save(vh, HOST, (uint16_t)ci.port, save, (void *)(intptr_t)p))
		bad = 1;
	lws_context_destroy(context);

	printf("%d connections, %d reused\n", started, reused);

	return bad;
}
