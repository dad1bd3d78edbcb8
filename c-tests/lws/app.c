#include "app.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE 180 /* seconds, for a machine that is busy with valgrind */

struct app app;

static enum connected result;
static int client_done, server_done;

void
app_failed(const char *file, int line, const char *that)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, that);
	exit(1);
}

static void
be_patient(struct lws_context_creation_info *info)
{
	info->timeout_secs = PATIENCE;
	info->connect_timeout_secs = PATIENCE;
	info->timeout_secs_ah_idle = PATIENCE;
}

static int
callback_client(struct lws *wsi, enum lws_callback_reasons reason, void *user,
		void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		if (in)
			lwsl_user("CLIENT_CONNECTION_ERROR: %s\n", (const char *)in);
		result = FAILED;
		client_done = server_done = 1;
		break;

	case LWS_CALLBACK_CLIENT_ESTABLISHED:
#if defined(HAVE_SESSION_API)
		/* the server was first */
		CHECK(lws_tls_session_is_reused(wsi) == (result == RESUMED));
#endif
		break;

	case LWS_CALLBACK_CLIENT_CLOSED:
		client_done = 1;
		break;

	case LWS_CALLBACK_SSL_INFO:
		app.ssl_info++;
		break;

	case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS:
		if (app.new_session) {
			SSL_CTX_set_session_cache_mode((SSL_CTX *)user, SSL_SESS_CACHE_CLIENT);
			SSL_CTX_sess_set_new_cb((SSL_CTX *)user, app.new_session);
		}
		break;

	default:
		break;
	}

	return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static int
callback_server(struct lws *wsi, enum lws_callback_reasons reason, void *user,
		void *in, size_t len)
{
	unsigned char buf[LWS_PRE + 5];

	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		result = SSL_session_reused(lws_get_ssl(wsi)) ? RESUMED : FULL;
		lws_callback_on_writable(wsi);
		break;

	case LWS_CALLBACK_SERVER_WRITEABLE:
		memcpy(buf + LWS_PRE, "hello", 5);
		lws_write(wsi, buf + LWS_PRE, 5, LWS_WRITE_TEXT);
		return -1;

	case LWS_CALLBACK_CLOSED:
		server_done = 1;
		break;

	default:
		break;
	}

	return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const struct lws_protocols client_protocols[] = {
	{ "hello", callback_client, 0, 0, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 }
};

static const struct lws_protocols server_protocols[] = {
	{ "hello", callback_server, 0, 0, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 }
};

void
app_init(int argc, const char **argv)
{
	lws_set_log_level(LLL_USER | LLL_ERR, NULL);
	app.cert = lws_cmdline_option(argc, argv, "--cert");
	app.key = lws_cmdline_option(argc, argv, "--key");
	app.ca = lws_cmdline_option(argc, argv, "--ca");
	app.tls = lws_cmdline_option(argc, argv, "--tls");
	app.resumes = !lws_cmdline_option(argc, argv, "--stock");
	CHECK(app.cert && app.key && app.ca && app.tls);
#if LWS_LIBRARY_VERSION_NUMBER >= 4005000 && LWS_LIBRARY_VERSION_NUMBER < 5000000
	/* with its last context, this one ends OpenSSL: here that is to outlive them all */
	{
		struct lws_context_creation_info info;

		memset(&info, 0, sizeof(info));
		info.port = CONTEXT_PORT_NO_LISTEN;
		info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		CHECK(lws_create_context(&info));
	}
#endif
}

static void
add_server(void)
{
	struct lws_context_creation_info info;
	struct lws_vhost *server;

	memset(&info, 0, sizeof(info));
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	be_patient(&info);
	info.vhost_name = "server";
	info.iface = "lo";
	info.port = 0;
	info.protocols = server_protocols;
	info.ssl_cert_filepath = app.cert;
	info.ssl_private_key_filepath = app.key;
	info.ssl_options_set = strcmp(app.tls, "1.2") ? SSL_OP_NO_TLSv1_2 : SSL_OP_NO_TLSv1_3;
	server = lws_create_vhost(app.context, &info);
	CHECK(server);
	app.port = lws_get_vhost_listen_port(server);
}

void
app_context(void)
{
	struct lws_context_creation_info info;

	memset(&info, 0, sizeof(info));
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
		       LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	be_patient(&info);
	app.context = lws_create_context(&info);
	CHECK(app.context);
	add_server();
}

void
app_context_with_default(const struct lws_context_creation_info *info)
{
	app.context = lws_create_context(info);
	CHECK(app.context);
	add_server();
}

void
app_context_destroy(void)
{
	lws_context_destroy(app.context);
	app.context = NULL;
}

struct lws_context_creation_info
app_vhost_info(const char *name)
{
	struct lws_context_creation_info info;

	memset(&info, 0, sizeof(info));
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.vhost_name = name;
	info.port = CONTEXT_PORT_NO_LISTEN;
	be_patient(&info);
	info.protocols = client_protocols;
	info.client_ssl_ca_filepath = app.ca;

	return info;
}

struct lws_vhost *
app_vhost(const struct lws_context_creation_info *info)
{
	struct lws_vhost *vh = lws_create_vhost(app.context, info);

	CHECK(vh);

	return vh;
}

enum connected
app_connect(struct lws_vhost *vh, const char *host, int flags)
{
	struct lws_client_connect_info ci;

	memset(&ci, 0, sizeof(ci));
	ci.context = app.context;
	ci.vhost = vh;
	ci.address = "127.0.0.1";
	ci.host = ci.origin = host;
	ci.port = app.port;
	ci.path = "/";
	ci.protocol = ci.local_protocol_name = client_protocols[0].name;
	ci.ssl_connection = LCCSCF_USE_SSL | flags;

	client_done = server_done = 0;
	CHECK(lws_client_connect_via_info(&ci));
	while (!client_done || !server_done)
		CHECK(lws_service(app.context, 0) >= 0);

	return result;
}

enum connected
app_again(void)
{
	return app.resumes ? RESUMED : FULL;
}
