/*
 * The app's own callbacks go on as they were, and OpenSSL's error queue and
 * errno are left alone.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <openssl/err.h>

#include "client_openssl.h"
#include "rig.h"

/* what an info callback was told, the alerts left out */
struct heard {
	int		starts, dones, events;
	const SSL	*ssl;
};

static struct heard heard, heard_by_connection;

static void note(struct heard *to, const SSL *ssl, int where)
{
	to->ssl = ssl;
	to->starts += !!(where & SSL_CB_HANDSHAKE_START);
	to->dones += !!(where & SSL_CB_HANDSHAKE_DONE);
	to->events++;
}

static void on_info(const SSL *ssl, int where, int ret)
{
	(void)ret;
	note(&heard, ssl, where);
}

static void on_info_of_connection(const SSL *ssl, int where, int ret)
{
	(void)ret;
	note(&heard_by_connection, ssl, where);
}

/* The sequence of events of a connection without the library. */
static struct heard listen_without_library(struct server *server)
{
	struct client *client = client_new(&(struct client_config){ 0 });
	struct dial dial = { .server = server };

	heard = (struct heard){ 0 };
	SSL_CTX_set_info_callback(client_ctx(client), on_info);
	CHECK_VISIT(client, &dial, NONE);
	client_free(client);

	return heard;
}

static void info_callback_of_the_app(void)
{
	struct heard expected;
	struct client *client;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		expected = listen_without_library(rig.server);
		CHECK(expected.starts > 0 && expected.dones > 0);

		client = client_new(&(struct client_config){ 0 });
		SSL_CTX_set_info_callback(client_ctx(client), on_info);
		client_attach(client, rig.vh);
		heard = (struct heard){ 0 };
		CHECK_VISIT(client, &rig.dial, MISS);
		CHECK_INT(heard.events, expected.events);
		CHECK_INT(heard.starts, expected.starts);
		CHECK_INT(heard.dones, expected.dones);
		CHECK_VISIT(client, &rig.dial, RESUMED);

		/* with wsi_create() all the same */
		heard = (struct heard){ 0 };
		rig.dial.vh = rig.vh;
		CHECK_VISIT(client, &rig.dial, RESUMED);
		CHECK(heard.starts > 0 && heard.dones > 0);
		client_free(client);
		rig_down(&rig);
	}
}

static void set_info_of_connection(struct conn *conn)
{
	SSL_set_info_callback(conn_ssl(conn), on_info_of_connection);
	REQUIRE(lws_tls_session_wsi_create(conn_dial(conn)->vh, conn_ssl(conn), HOST,
					   server_port(conn_dial(conn)->server)));
}

/* One that is on the SSL goes before that of the SSL_CTX, in OpenSSL and so here. */
static void info_callback_of_a_connection(void)
{
	struct client *client;
	struct rig rig;
	int version, n;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		client = client_new(&(struct client_config){ 0 });
		SSL_CTX_set_info_callback(client_ctx(client), on_info);
		client_attach(client, rig.vh);
		/* tune() comes after wsi_create(), and does it once more */
		rig.dial.vh = rig.vh;
		rig.dial.tune = set_info_of_connection;
		for (n = 0; n < 2; n++) {
			heard = heard_by_connection = (struct heard){ 0 };
			if (n)
				CHECK_VISIT(client, &rig.dial, RESUMED);
			else
				CHECK_VISIT(client, &rig.dial, MISS);
			CHECK_INT(heard.events, 0);
			CHECK(heard_by_connection.starts > 0);
			CHECK(heard_by_connection.dones > 0);
		}
		client_free(client);
		rig_down(&rig);
	}
}

static SSL_SESSION *given[32];
static size_t given_count;
static int keep_given;

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	CHECK(SSL_get_app_data(ssl) == &given);
	REQUIRE(given_count < ARRAY_SIZE(given));
	given[given_count++] = session;

	return keep_given;
}

static void free_given(void)
{
	while (given_count) {
		given_count--;
		if (keep_given)
			SSL_SESSION_free(given[given_count]);
	}
}

static void set_app_data(struct conn *conn)
{
	SSL_set_app_data(conn_ssl(conn), &given);
}

/* The app gets the live session; if it says that it keeps it, the reference is its own. */
static void new_session_callback_of_the_app(void)
{
	struct client *client;
	struct conn *conn;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version)
		for (keep_given = 0; keep_given < 2; keep_given++) {
			RIG_UP(&rig, .server = { .version = version });
			client = client_new(&(struct client_config){ 0 });
			SSL_CTX_set_session_cache_mode(client_ctx(client),
						       SSL_SESS_CACHE_CLIENT);
			SSL_CTX_sess_set_new_cb(client_ctx(client), on_new_session);
			client_attach(client, rig.vh);
			rig.dial.tune = set_app_data;

			conn = conn_open(client, &rig.dial);
			CHECK_INT(given_count, version == TLS1_2_VERSION ? 1 : 2);
#ifdef OPENSSL_IS_BORINGSSL /* tickets of TLS 1.3 are only for the callback */
			if (version == TLS1_2_VERSION)
#endif
				CHECK(given[given_count - 1] ==
				      SSL_get_session(conn_ssl(conn)));
			conn_close(conn);
			if (keep_given)
				CHECK(SSL_SESSION_is_resumable(given[0]));
			free_given();

			CHECK_VISIT(client, &rig.dial, RESUMED);
			free_given();
			client_free(client);
			rig_down(&rig);
		}
}

/*
 * An app that hooks in after attach(), calls what was there, and looks at
 * what that has done to errno and the error queue.
 */
static void (*library_on_info)(const SSL *ssl, int where, int ret);
static int (*library_on_new_session)(SSL *ssl, SSL_SESSION *session);
static unsigned int looked;

static void set_traces(void)
{
	ERR_raise_data(ERR_LIB_USER, 42, "a trace");
	errno = ENOTTY;
}

static void check_traces(void)
{
	CHECK_INT(errno, ENOTTY);
	CHECK_INT(ERR_GET_LIB(ERR_peek_last_error()), ERR_LIB_USER);
	CHECK_INT(ERR_GET_REASON(ERR_peek_last_error()), 42);
	ERR_pop_to_mark();
	looked++;
}

static void look_at_info(const SSL *ssl, int where, int ret)
{
	ERR_set_mark();
	set_traces();
	library_on_info(ssl, where, ret);
	check_traces();
}

static int look_at_new_session(SSL *ssl, SSL_SESSION *session)
{
	int ret;

	ERR_set_mark();
	set_traces();
	ret = library_on_new_session(ssl, session);
	check_traces();

	return ret;
}

static void expect_another_host(struct conn *conn)
{
	REQUIRE(SSL_set1_host(conn_ssl(conn), "another.example"));
	SSL_set_verify(conn_ssl(conn), SSL_VERIFY_NONE, NULL);
}

static void look_at_traces(struct client *client)
{
	SSL_CTX *ctx = client_ctx(client);

	library_on_info = SSL_CTX_get_info_callback(ctx);
	library_on_new_session = SSL_CTX_sess_get_new_cb(ctx);
	SSL_CTX_set_info_callback(ctx, look_at_info);
	SSL_CTX_sess_set_new_cb(ctx, look_at_new_session);
	looked = 0;
}

static void traces_are_left_as_they_are(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		look_at_traces(rig.client);
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		/* a verification that fails leaves errors */
		rig.dial.tune = expect_another_host;
		RIG_VISIT(&rig, UNVERIFIED);
		CHECK(looked > 10);
		rig_down(&rig);
	}
}

/* Who the peer of a pipe is cannot be asked: an error of the system's. */
static void traces_where_there_is_no_socket(void)
{
	struct rig rig;
	int ends[2];
	SSL *ssl;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION });
	look_at_traces(rig.client);
	REQUIRE(!pipe2(ends, O_NONBLOCK));
	ssl = SSL_new(client_ctx(rig.client));
	REQUIRE(ssl);
	REQUIRE(SSL_set_tlsext_host_name(ssl, HOST));
	REQUIRE(SSL_set_rfd(ssl, ends[0]));
	REQUIRE(SSL_set_wfd(ssl, ends[1]));
	CHECK(SSL_connect(ssl) <= 0);
	CHECK(looked > 0);
	CHECK_OUTCOME(lws_tls_session_outcome(lws_tls_session_wsi(ssl)), NO_ENDPOINT);
	SSL_free(ssl);
	close(ends[0]);
	close(ends[1]);
	ERR_clear_error();
	rig_down(&rig);
}

/* Nor do the functions that an app calls itself. */
static void functions_leave_no_traces(void)
{
	char tag[LWS_SESSION_TAG_LEN];
	struct conn *conn;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		rig.dial.vh = rig.vh;
		ERR_clear_error();
		conn = conn_new(rig.client, &rig.dial);
		expect_another_host(conn);
		CHECK_INT(lws_tls_reuse_session(conn_wsi(conn)), 0);
		CHECK_INT(lws_tls_session_tag_from_wsi(conn_wsi(conn), tag, sizeof(tag)), 0);
		CHECK_INT(ERR_peek_error(), 0);
		lws_tls_session_wsi_destroy(conn_wsi(conn));
		CHECK_INT(ERR_peek_error(), 0);
		conn_drop(conn);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	CASE(info_callback_of_the_app),
	CASE(info_callback_of_a_connection),
	CASE(new_session_callback_of_the_app),
	CASE(traces_are_left_as_they_are),
	CASE(traces_where_there_is_no_socket),
	CASE(functions_leave_no_traces))
