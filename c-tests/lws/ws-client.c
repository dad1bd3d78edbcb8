/*
 * A WebSocket client as libwebsockets' users write them, with the server that it talks to in a
 * vhost of the same context: ten connections, one after the other.
 *
 * --cert FILE --key FILE   the server's
 * --ca FILE                what the client trusts
 * --tls 1.2|1.3            the only version that the server speaks
 * --hangup WHO             "server" (default) or "client" closes after one message
 * --count N                connections, 10 by default
 *
 * The last line says how many handshakes the client had to do in full, and how many the server
 * itself says were resumed.
 */

#include <libwebsockets.h>
#include <signal.h>
#include <string.h>

static struct lws_context *context;
static struct lws_client_connect_info ci;
static lws_sorted_usec_list_t sul_next;
static int interrupted, bad, count = 10, started, served, full, resumed, looked_at, client_first;

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
	looked_at = 0;
	if (!lws_client_connect_via_info(&ci)) {
		lwsl_err("%s: client creation failed\n", __func__);
		interrupted = bad = 1;
	}
}

static int
callback_client(struct lws *wsi, enum lws_callback_reasons reason, void *user,
		void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		lwsl_err("CLIENT_CONNECTION_ERROR: %s\n",
			 in ? (char *)in : "(null)");
		interrupted = bad = 1;
		lws_cancel_service(context);
		break;

	case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		looked_at = 1;
		return 0;

	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		full += looked_at;
		break;

	case LWS_CALLBACK_CLIENT_RECEIVE:
		if (len != 5 || memcmp(in, "hello", 5))
			bad = 1;
		if (client_first) {
			lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
			return -1;
		}
		break;

	case LWS_CALLBACK_CLIENT_CLOSED:
		served++;
		lws_sul_schedule(context, 0, &sul_next, connect_next, 20 * LWS_US_PER_MS);
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
		resumed += SSL_session_reused(lws_get_ssl(wsi));
		lws_callback_on_writable(wsi);
		break;

	case LWS_CALLBACK_SERVER_WRITEABLE:
		memcpy(buf + LWS_PRE, "hello", 5);
		if (lws_write(wsi, buf + LWS_PRE, 5, LWS_WRITE_TEXT) != 5)
			return -1;
		return client_first ? 0 : -1;

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

static void
sigint_handler(int sig)
{
	(void)sig;
	interrupted = 1;
}

int
main(int argc, const char **argv)
{
	struct lws_context_creation_info info;
	struct lws_vhost *client, *server;
	const char *p;

	signal(SIGINT, sigint_handler);
	lws_set_log_level(LLL_USER | LLL_ERR | LLL_WARN, NULL);

	memset(&info, 0, sizeof(info));
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
		       LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	context = lws_create_context(&info);
	if (!context) {
		lwsl_err("lws init failed\n");
		return 1;
	}

	/* the first vhost is the one that is asked about certificates */
	info.vhost_name = "client";
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = client_protocols;
	info.client_ssl_ca_filepath = lws_cmdline_option(argc, argv, "--ca");
	client = lws_create_vhost(context, &info);

	memset(&info, 0, sizeof(info));
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.vhost_name = "server";
	info.iface = "lo";
	info.port = 0;
	info.protocols = server_protocols;
	info.ssl_cert_filepath = lws_cmdline_option(argc, argv, "--cert");
	info.ssl_private_key_filepath = lws_cmdline_option(argc, argv, "--key");
	if ((p = lws_cmdline_option(argc, argv, "--tls")))
		info.ssl_options_set = strcmp(p, "1.2") ? SSL_OP_NO_TLSv1_2 : SSL_OP_NO_TLSv1_3;
	server = lws_create_vhost(context, &info);
	if (!server || !client) {
		lwsl_err("vhost creation failed\n");
		lws_context_destroy(context);
		return 1;
	}

	memset(&ci, 0, sizeof(ci));
	ci.context = context;
	ci.vhost = client;
	ci.address = "127.0.0.1";
	ci.host = ci.origin = "localhost";
	ci.port = lws_get_vhost_listen_port(server);
	ci.path = "/";
	ci.protocol = client_protocols[0].name;
	ci.ssl_connection = LCCSCF_USE_SSL;
	if ((p = lws_cmdline_option(argc, argv, "--count")))
		count = atoi(p);
	if ((p = lws_cmdline_option(argc, argv, "--hangup")))
		client_first = !strcmp(p, "client");

	lws_sul_schedule(context, 0, &sul_next, connect_next, 1);
	while (!interrupted && lws_service(context, 0) >= 0)
		;
	lws_context_destroy(context);

	printf("%d connections, %d full handshakes, %d resumed at the server\n",
	       served, full, resumed);

	return bad || served != count;
}
