/*
 * Sessions that nobody announces: the library looks for them half a second
 * after the handshake, from lws_tls_session_service(), and at the close.
 */

#include <pthread.h>
#include <unistd.h>

#include "client_mbedtls.h"
#include "clock.h"
#include "rig.h"

#define LOOK_MS		500

/* A ticket that comes when the server is told to, and that the app reads over. */
static void rig_up_late(struct rig *rig)
{
	RIG_UP(rig, .server = { .version = TLS1_3_VERSION });
	server_set_tickets(rig->server, 0);
	rig->dial.tune = conn_ignore_tickets;
}

static void a_connection_that_outlives_it(void)
{
	struct conn *conn;
	struct rig rig;

	rig_up_late(&rig);
	conn = conn_open(rig.client, &rig.dial);
	CHECK(conn_order(conn, "ticket"));
	CHECK_RANGE(lws_tls_session_service(rig.vh), 1, LOOK_MS);
	CHECK_INT(stats_of(rig.vh).stored, 0);

	clock_pass(1);
	lws_tls_session_service(rig.vh);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	RIG_VISIT(&rig, RESUMED);

	/* it is seen once */
	clock_pass(1);
	lws_tls_session_service(rig.vh);
	conn_close(conn);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	rig_down(&rig);
	clock_reset();
}

static void a_connection_that_does_not_live_that_long(void)
{
	struct conn *conn;
	struct rig rig;

	rig_up_late(&rig);
	conn = conn_open(rig.client, &rig.dial);
	CHECK(conn_order(conn, "ticket"));
	CHECK_INT(stats_of(rig.vh).stored, 0);
	conn_close(conn);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	RIG_VISIT(&rig, RESUMED);

	/* and nothing is looked at that is gone */
	clock_pass(1);
	lws_tls_session_service(NULL);
	rig_down(&rig);
	clock_reset();
}

/* One that comes after the look is found at the close. */
static void a_session_that_comes_later_still(void)
{
	struct conn *conn;
	struct rig rig;

	rig_up_late(&rig);
	conn = conn_open(rig.client, &rig.dial);
	clock_pass(1);
	lws_tls_session_service(rig.vh);
	CHECK_INT(stats_of(rig.vh).stored, 0);
	CHECK(conn_order(conn, "ticket"));
	conn_close(conn);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
	clock_reset();
}

/* In TLS 1.2 it comes with the handshake: no need to wait. */
static void what_comes_with_the_handshake(void)
{
	struct conn *conn;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	conn = conn_open(rig.client, &rig.dial);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	RIG_VISIT(&rig, RESUMED);
	clock_pass(1);
	lws_tls_session_service(rig.vh);
	conn_close(conn);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	rig_down(&rig);
	clock_reset();
}

static void allow_renegotiation(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
}

static void renegotiate_later(struct conn *conn)
{
	mbedtls_ssl_conf_renegotiation(conn_conf(conn), MBEDTLS_SSL_RENEGOTIATION_ENABLED);
}

/* What comes later there is of a renegotiation, and not for others. */
static void what_comes_with_a_renegotiation(void)
{
	struct conn *conn;
	struct rig rig;
	int ret;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION, .tune = allow_renegotiation });
	rig.dial.tune = renegotiate_later;
	conn = conn_open(rig.client, &rig.dial);
	do
		ret = mbedtls_ssl_renegotiate(conn_ssl(conn));
	while (ret == MBEDTLS_ERR_SSL_WANT_READ || ret == MBEDTLS_ERR_SSL_WANT_WRITE);
	CHECK_INT(ret, 0);
	CHECK(conn_order(conn, "ping"));
	clock_pass(1);
	lws_tls_session_service(rig.vh);
	conn_close(conn);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
	clock_reset();
}

/* An event loop sleeps as long as it is told, and is woken no more often than it must. */
static void service_says_how_long_to_sleep(void)
{
	unsigned int wakes = 0;
	struct conn *conn;
	struct rig rig;
	int ms;

	RIG_UP(&rig, .server = { .version = client_newest() });
	CHECK_INT(lws_tls_session_service(NULL), -1);
	conn = conn_open(rig.client, &rig.dial);
	lws_tls_session_vhost_flush(rig.vh);
	while ((ms = lws_tls_session_service(NULL)) >= 0) {
		CHECK_RANGE(ms, 1, LOOK_MS);
		usleep((useconds_t)ms * 1000);
		wakes++;
	}
	CHECK_RANGE(wakes, 1, 3);
	conn_close(conn);
	rig_down(&rig);
}

static void *service(void *vh)
{
	CHECK_INT(lws_tls_session_service(vh), -1);

	return NULL;
}

/* Another thread may be in the middle of using it. */
static void the_connection_of_another_thread(void)
{
	struct conn *conn;
	pthread_t thread;
	struct rig rig;

	rig_up_late(&rig);
	conn = conn_open(rig.client, &rig.dial);
	CHECK(conn_order(conn, "ticket"));
	clock_pass(1);
	REQUIRE(!pthread_create(&thread, NULL, service, rig.vh));
	REQUIRE(!pthread_join(thread, NULL));
	CHECK_INT(stats_of(rig.vh).stored, 0);
	lws_tls_session_service(rig.vh);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	conn_close(conn);
	rig_down(&rig);
	clock_reset();
}

/* The app says so itself: no need to wait, and none is lost to the next. */
static void announced_tickets(void)
{
	struct conn *conn;
	struct rig rig;

	rig_up_late(&rig);
	rig.dial.tune = NULL;
	conn = conn_open(rig.client, &rig.dial);
	CHECK(conn_order(conn, "ticket"));
	CHECK_INT(stats_of(rig.vh).stored, 1);
	CHECK(conn_order(conn, "ticket"));
	CHECK_INT(stats_of(rig.vh).stored, 2);
	clock_pass(1);
	lws_tls_session_service(rig.vh);
	conn_close(conn);
	CHECK_INT(stats_of(rig.vh).stored, 2);
	rig_down(&rig);
	clock_reset();
}

TEST_PROGRAM(
	CASE_IF(client_speaks_tls13, a_connection_that_outlives_it),
	CASE_IF(client_speaks_tls13, a_connection_that_does_not_live_that_long),
	CASE_IF(client_speaks_tls13, a_session_that_comes_later_still),
	CASE(what_comes_with_the_handshake),
	CASE(what_comes_with_a_renegotiation),
	CASE(service_says_how_long_to_sleep),
	CASE_IF(client_speaks_tls13, the_connection_of_another_thread),
	CASE_IF(client_speaks_tls13, announced_tickets))
