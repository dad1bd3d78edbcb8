/*
 * Connections that are not on a TCP socket: the peer's port is not to be seen,
 * and lws_tls_session_wsi_create() has to tell it.
 */

#include <stdio.h>

#include "client_openssl.h"
#include "rig.h"

static void check_needs_wsi_create(struct rig *rig)
{
	RIG_VISIT(rig, NO_ENDPOINT);
	RIG_VISIT(rig, NO_ENDPOINT);
	CHECK_INT(stats_of(rig->vh).stored, 0);

	rig->dial.vh = rig->vh;
	rig->dial.endpoint_port = 443;
	RIG_VISIT(rig, MISS);
	CHECK_INT(visits(rig->client, &rig->dial, 9), 9);
	CHECK_HOSTS(rig->vh, HOST);
	CHECK_INT(first_entry_of(rig->vh).port, 443);
}

static void memory_bios(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		rig.dial.memory = true;
		check_needs_wsi_create(&rig);

		/* one that came through memory serves a socket */
		rig.dial.memory = false;
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

static void unix_sockets(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version, .local = true });
		check_needs_wsi_create(&rig);
		rig_down(&rig);
	}
}

#ifndef OPENSSL_IS_BORINGSSL /* its one filter is an SSL, and a connect BIO does not tell its port */
static void put_a_filter_in_front(struct conn *conn)
{
	BIO *buffer = BIO_new(BIO_f_buffer()), *socket = SSL_get_wbio(conn_ssl(conn));

	REQUIRE(buffer);
	BIO_up_ref(socket);
	SSL_set0_wbio(conn_ssl(conn), BIO_push(buffer, socket));
}

/* A socket is found behind filters, too. */
static void a_socket_behind_a_filter(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		rig.dial.tune = put_a_filter_in_front;
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

static void connect_through_bio(struct conn *conn)
{
	BIO *bio = BIO_new(BIO_s_connect());
	char port[16];

	REQUIRE(bio);
	snprintf(port, sizeof(port), "%u", server_port(conn_dial(conn)->server));
	BIO_set_conn_hostname(bio, "127.0.0.1");
	BIO_set_conn_port(bio, port);
	SSL_set_bio(conn_ssl(conn), bio, bio);
}

/* Its socket is only made when the handshake begins to write. */
static void a_connect_bio(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		rig.dial.tune = connect_through_bio;
		RIG_VISIT(&rig, MISS);
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		CHECK_INT(first_entry_of(rig.vh).port, server_port(rig.server));
		rig_down(&rig);
	}
}
#endif

TEST_PROGRAM(
	CASE(memory_bios),
	CASE(unix_sockets),
	OPENSSL_CASE(a_socket_behind_a_filter),
	OPENSSL_CASE(a_connect_bio))
