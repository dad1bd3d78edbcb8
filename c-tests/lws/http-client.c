/*
 * An HTTP/1 or HTTP/2 client as libwebsockets' users write them: it fetches the same URL ten
 * times, one connection after the other, and knows nothing of any session cache.
 *
 * --port P         on localhost, --host NAME sets another Host: and SNI
 * --ca FILE        what to trust
 * --alpn LIST      "http/1.1" (default) or "h2"
 * --hangup WHO     "server" (default): waits for the server to close
 *                  "client": closes as soon as the first of the body is there
 * --count N        connections, 10 by default
 * --threads N      service threads, which take turns to connect; 1 by default
 *
 * The last line says in how many of them the server's certificate was looked at: libwebsockets
 * asks the app about it in full handshakes only.
 */

#include <libwebsockets.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static struct lws_context *context;
static struct lws_client_connect_info ci;
static lws_sorted_usec_list_t sul_next;
static atomic_int interrupted, turn = -1; /* of which thread it is to connect; -1: of none */
static int bad, count = 10, threads = 1, started, served, full, looked_at, hangup_first;

static void
connect_now(void)
{
	started++;
	looked_at = 0;
	if (!lws_client_connect_via_info(&ci)) {
		lwsl_err("%s: client creation failed\n", __func__);
		interrupted = bad = 1;
	}
}

static void
connect_next(lws_sorted_usec_list_t *sul)
{
	(void)sul;

	if (started == count)
		interrupted = 1;
	else if (threads == 1)
		connect_now();
	else
		turn = started % threads;
	/* wakes them all */
	if (interrupted || threads > 1)
		lws_cancel_service(context);
}

/* A connection is served by the thread that makes it */
static void *
serve(void *arg)
{
	int tsi = (int)(intptr_t)arg;

	while (!interrupted && lws_service_tsi(context, 0, tsi) >= 0)
		if (turn == tsi) {
			turn = -1;
			connect_now();
		}

	return NULL;
}

static int
callback_http(struct lws *wsi, enum lws_callback_reasons reason, void *user,
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

	case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
		full += looked_at;
		if (lws_http_client_http_response(wsi) != 200)
			bad = 1;
		break;

	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
		/* with h2, it is the connection that carries the stream which has to go */
		if (hangup_first)
			lws_set_timeout(lws_get_network_wsi(wsi), PENDING_TIMEOUT_USER_OK,
					LWS_TO_KILL_ASYNC);
		return 0;

	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP: {
		char buffer[1024 + LWS_PRE], *px = buffer + LWS_PRE;
		int lenx = sizeof(buffer) - LWS_PRE;

		return lws_http_client_read(wsi, &px, &lenx) < 0 ? -1 : 0;
	}

	case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
		served++;
		lws_sul_schedule(context, lws_get_tsi(wsi), &sul_next, connect_next,
				 20 * LWS_US_PER_MS);
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
	pthread_t others[LWS_MAX_SMP];
	const char *p;
	int n;

	signal(SIGINT, sigint_handler);
	lws_set_log_level(LLL_USER | LLL_ERR | LLL_WARN, NULL);

	memset(&info, 0, sizeof(info));
	info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
		       LWS_SERVER_OPTION_H2_JUST_FIX_WINDOW_UPDATE_OVERFLOW;
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = protocols;
	info.client_ssl_ca_filepath = lws_cmdline_option(argc, argv, "--ca");
	if ((p = lws_cmdline_option(argc, argv, "--threads")))
		threads = atoi(p);
	info.count_threads = (unsigned int)threads;

	context = lws_create_context(&info);
	if (!context) {
		lwsl_err("lws init failed\n");
		return 1;
	}
	if (lws_get_count_threads(context) != threads) {
		lwsl_err("libwebsockets has %d threads\n", lws_get_count_threads(context));
		lws_context_destroy(context);
		return 1;
	}

	memset(&ci, 0, sizeof(ci));
	ci.context = context;
	ci.address = "127.0.0.1";
	ci.host = ci.origin = (p = lws_cmdline_option(argc, argv, "--host")) ? p : "localhost";
	ci.port = (p = lws_cmdline_option(argc, argv, "--port")) ? atoi(p) : 443;
	ci.alpn = (p = lws_cmdline_option(argc, argv, "--alpn")) ? p : "http/1.1";
	ci.path = (p = lws_cmdline_option(argc, argv, "--path")) ? p : "/";
	ci.method = "GET";
	ci.protocol = protocols[0].name;
	ci.ssl_connection = LCCSCF_USE_SSL | LCCSCF_H2_QUIRK_NGHTTP2_END_STREAM;
	if ((p = lws_cmdline_option(argc, argv, "--count")))
		count = atoi(p);
	if ((p = lws_cmdline_option(argc, argv, "--hangup")))
		hangup_first = !strcmp(p, "client");

	lws_sul_schedule(context, 0, &sul_next, connect_next, 1);
	for (n = 1; n < threads; n++)
		if (pthread_create(&others[n], NULL, serve, (void *)(intptr_t)n))
			return 1;
	serve(NULL);
	lws_cancel_service(context);
	for (n = 1; n < threads; n++)
		pthread_join(others[n], NULL);
	lws_context_destroy(context);

	printf("%d connections, %d full handshakes\n", served, full);

	return bad || served != count;
}
