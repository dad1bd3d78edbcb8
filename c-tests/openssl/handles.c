/*
 * Handles that are NULL, made up, or of what is gone: at every function the
 * documented failure value and one line in the log, never a crash.
 */

#include "client_openssl.h"
#include "rig.h"

#define PORT	443

static int visit_nobody(struct lws_vhost *vh, const struct lws_tls_session_entry *entry,
			void *opq)
{
	(void)vh;
	(void)entry;
	(void)opq;
	CHECK(!"the callback is called");

	return 1;
}

static int dump_nothing(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;
	(void)info;
	CHECK(!"the callback is called");

	return 1;
}

static struct client *client;

/* each calls one function with a handle that is no vhost */

static void attach(struct lws_vhost *vh)
{
	CHECK_INT(lws_tls_session_vhost_attach(vh, client_ctx(client)), -1);
}

static void cache(struct lws_vhost *vh)
{
	lws_tls_session_cache(vh, 100);
}

static void forget(struct lws_vhost *vh)
{
	CHECK_INT(lws_tls_session_forget(vh, HOST, PORT), -1);
}

static void flush(struct lws_vhost *vh)
{
	lws_tls_session_vhost_flush(vh);
}

static void destroy(struct lws_vhost *vh)
{
	lws_tls_session_vh_destroy(vh);
}

static void create_wsi(struct lws_vhost *vh)
{
	SSL *ssl = SSL_new(client_ctx(client));

	CHECK(!lws_tls_session_wsi_create(vh, ssl, HOST, PORT));
	SSL_free(ssl);
}

static void save(struct lws_vhost *vh)
{
	CHECK_INT(lws_tls_session_dump_save(vh, HOST, PORT, dump_nothing, NULL), 1);
}

static void load(struct lws_vhost *vh)
{
	CHECK_INT(lws_tls_session_dump_load(vh, HOST, PORT, dump_nothing, NULL), 1);
}

static void foreach(struct lws_vhost *vh)
{
	CHECK_INT(lws_tls_session_foreach(vh, visit_nobody, NULL), -1);
}

static void get_stats(struct lws_vhost *vh)
{
	struct lws_tls_session_stats stats;

	CHECK_INT(lws_tls_session_get_stats(vh, &stats, sizeof(stats)), -1);
}

static void service(struct lws_vhost *vh)
{
	CHECK_INT(lws_tls_session_service(vh), -1);
}

static const struct {
	const char	*name;
	void		(*call)(struct lws_vhost *vh);
	bool		takes_null;
} of_vhosts[] = {
	{ "attach", attach, false }, { "cache", cache, false }, { "forget", forget, false },
	{ "flush", flush, false }, { "vh_destroy", destroy, false },
	{ "wsi_create", create_wsi, false }, { "dump_save", save, false },
	{ "dump_load", load, false }, { "foreach", foreach, false },
	{ "get_stats", get_stats, false }, { "service", service, true },
};

/* each calls one function with a handle that is no connection */

static void reuse(struct lws *wsi)
{
	CHECK_INT(lws_tls_reuse_session(wsi), 0);
}

static void is_reused(struct lws *wsi)
{
	CHECK_INT(lws_tls_session_is_reused(wsi), 0);
}

static void outcome(struct lws *wsi)
{
	CHECK_INT(lws_tls_session_outcome(wsi), -1);
}

static void tag_from_wsi(struct lws *wsi)
{
	char tag[LWS_SESSION_TAG_LEN];

	CHECK_INT(lws_tls_session_tag_from_wsi(wsi, tag, sizeof(tag)), 1);
}

static void destroy_wsi(struct lws *wsi)
{
	lws_tls_session_wsi_destroy(wsi);
}

static const struct {
	const char	*name;
	void		(*call)(struct lws *wsi);
} of_connections[] = {
	{ "reuse", reuse }, { "is_reused", is_reused }, { "outcome", outcome },
	{ "tag_from_wsi", tag_from_wsi }, { "wsi_destroy", destroy_wsi },
};

static void check_no_vhost(const char *what, uintptr_t handle)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(of_vhosts); n++) {
		if (!handle && of_vhosts[n].takes_null)
			continue;
		check_context("%s: %s", of_vhosts[n].name, what);
		log_clear();
		of_vhosts[n].call((struct lws_vhost *)handle);
		CHECK_INT(log_lines(), 1);
	}
}

static void check_no_connection(const char *what, uintptr_t handle)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(of_connections); n++) {
		check_context("%s: %s", of_connections[n].name, what);
		log_clear();
		of_connections[n].call((struct lws *)handle);
		CHECK_INT(log_lines(), 1);
	}
}

static void check_neither(const char *what, uintptr_t handle)
{
	check_no_vhost(what, handle);
	check_no_connection(what, handle);
}

static void bad_handles_everywhere(void)
{
	struct conn *conn;
	struct rig rig;
	uintptr_t wsi;

	log_capture(LLL_ERR | LLL_WARN);
	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
	client = rig.client;
	rig.dial.vh = rig.vh;

	check_neither("NULL", 0);
	check_neither("an even number", 0x1000);
	check_neither("an odd number", 0x7ffffff1);
	check_neither("all ones", UINTPTR_MAX);
	check_neither("a pointer", (uintptr_t)&rig);

	conn = conn_new(rig.client, &rig.dial);
	wsi = (uintptr_t)conn_wsi(conn);
	check_no_vhost("a connection's", wsi);
	check_no_connection("a vhost's", (uintptr_t)rig.vh);
	conn_drop(conn);
	check_no_connection("of a connection that is gone", wsi);

	conn = conn_new(rig.client, &rig.dial);
	wsi = (uintptr_t)conn_wsi(conn);
	lws_tls_session_wsi_destroy((struct lws *)wsi);
	check_no_connection("destroyed", wsi);
	conn_drop(conn);
	check_no_connection("destroyed and gone", wsi);

	lws_tls_session_vh_destroy(rig.vh);
	check_no_vhost("destroyed", (uintptr_t)rig.vh);
	rig.vh = lws_tls_session_vhost_create(NULL);
	rig_down(&rig);
	log_release();
}

/* Whatever else can be wrong with arguments. */
static void bad_arguments_everywhere(void)
{
	static const char *const no_hosts[] = { NULL, "", ".", ":443" };
	char tag[LWS_SESSION_TAG_LEN], too_long[257] = "";
	struct lws_tls_session_stats stats;
	unsigned int calls = 0;
	struct conn *conn;
	struct rig rig;
	SSL *ssl;
	size_t n;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
	for (n = 0; n < sizeof(too_long) - 1; n++)
		too_long[n] = 'a';
	ssl = SSL_new(client_ctx(rig.client));
	log_capture(LLL_ERR | LLL_WARN);

	for (n = 0; n <= ARRAY_SIZE(no_hosts); n++) {
		const char *host = n < ARRAY_SIZE(no_hosts) ? no_hosts[n] : too_long;

		check_context("host \"%.10s\"", host ? host : "NULL");
		CHECK_INT(lws_tls_session_forget(rig.vh, host, PORT), -1);
		CHECK(!lws_tls_session_wsi_create(rig.vh, ssl, host, PORT));
		CHECK_INT(lws_tls_session_dump_save(rig.vh, host, PORT, dump_nothing, NULL), 1);
		CHECK_INT(lws_tls_session_dump_load(rig.vh, host, PORT, dump_nothing, NULL), 1);
		tag[0] = 'x';
		lws_tls_session_tag_discrete(NULL, host, PORT, tag, sizeof(tag));
		CHECK_STR(tag, "");
		calls += 5;
		CHECK_INT(log_lines(), calls);
	}

	check_context("others");
	log_clear();
	CHECK_INT(lws_tls_session_vhost_attach(rig.vh, NULL), -1);
	CHECK(!lws_tls_session_wsi_create(rig.vh, NULL, HOST, PORT));
	CHECK(!lws_tls_session_wsi(NULL));
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, PORT, NULL, NULL), 1);
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, PORT, NULL, NULL), 1);
	CHECK_INT(lws_tls_session_foreach(rig.vh, NULL, NULL), -1);
	CHECK_INT(lws_tls_session_get_stats(rig.vh, NULL, sizeof(stats)), -1);
	CHECK_INT(log_lines(), 7);
	lws_tls_session_tag_discrete(NULL, HOST, PORT, NULL, 96);
	tag[0] = 'x';
	lws_tls_session_tag_discrete(NULL, HOST, PORT, tag, 0);
	CHECK_INT(tag[0], 'x');
	lws_tls_session_tag_discrete(NULL, HOST, PORT, tag, 5);
	CHECK_STR(tag, "");

	rig.dial.vh = rig.vh;
	conn = conn_new(rig.client, &rig.dial);
	log_clear();
	CHECK_INT(lws_tls_session_tag_from_wsi(conn_wsi(conn), NULL, 96), 1);
	CHECK_INT(lws_tls_session_tag_from_wsi(conn_wsi(conn), tag, 0), 1);
	CHECK_INT(log_lines(), 2);
	conn_drop(conn);

	/* not a connection that the library knows: no mistake, but no handle */
	log_clear();
	CHECK(!lws_tls_session_wsi(ssl));
	CHECK_INT(log_lines(), 0);
	SSL_free(ssl);
	rig_down(&rig);
	log_release();
}

TEST_PROGRAM(
	CASE(bad_handles_everywhere),
	CASE(bad_arguments_everywhere))
