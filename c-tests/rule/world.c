#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include <lws-tls-sessions.h>

#include "check.h"
#include "pki.h"

#define IS(term, value)		link_is(link, term, value)
#define EARLY_DATA		"early"
#define MAX_ROUNDS		40
#define PATIENCE		2000	/* ms that a byte may be under way */

bool link_is(const struct link *link, int term, const char *value)
{
	return term_is(link->scenario, link->section, term, value);
}

struct link *link_of(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

void world_keep(struct world *world, SSL_SESSION *session)
{
	if (world->kept_count == MAX_KEPT)
		SSL_SESSION_free(session);
	else
		world->kept[world->kept_count++] = session;
}

/* The one port of all servers. */
static int listener(uint16_t *port)
{
	static struct sockaddr_in address = { .sin_family = AF_INET };
	static int fd = -1;
	socklen_t len = sizeof(address);

	if (fd < 0) {
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		REQUIRE(fd >= 0 && !bind(fd, (struct sockaddr *)&address, len));
		REQUIRE(!listen(fd, 4) && !getsockname(fd, (struct sockaddr *)&address, &len));
	}
	*port = ntohs(address.sin_port);

	return fd;
}

static void set_up_socket(int fd)
{
	/* no port is to wait for what may still be under way: tens of thousands are needed */
	struct linger linger = { .l_onoff = 1 };
	int yes = 1;

	REQUIRE(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	REQUIRE(!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)));
	REQUIRE(!fcntl(fd, F_SETFL, O_NONBLOCK));
}

static void connect_sockets(int fds[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint16_t port;
	int at = listener(&port);

	address.sin_port = htons(port);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(fds[0] >= 0);
	REQUIRE(!connect(fds[0], (struct sockaddr *)&address, sizeof(address)));
	fds[1] = accept(at, NULL, NULL);
	REQUIRE(fds[1] >= 0);
	set_up_socket(fds[0]);
	set_up_socket(fds[1]);
}

static void on_info(const SSL *ssl, int where, int value)
{
	struct link *link = link_of(ssl);

	(void)value;
	if (!(where & SSL_CB_HANDSHAKE_START) || ssl != link->client)
		return;
	link->handshake_starts++;
	if (link->is_late_done)
		return;
	link->is_late_done = true;
	apply_late(link);
	if (IS(LATE, "own") && link->world->kept_count) {
		link->own = link->world->kept[link->world->kept_count - 1];
		SSL_set_session(link->client, link->own);
	}
}

static void attach(struct link *link)
{
	if (link->world->vh)
		REQUIRE(!lws_tls_session_vhost_attach(link->world->vh, link->ctx));
}

/* The SSL_CTX, with what it has to have before there is an SSL. */
static void open_ctx(struct link *link)
{
	struct world *world = link->world;
	bool is_first = IS(CTX, "first") && link->section != FIRST;

	link->ctx = is_first ? world->ctxs[FIRST] : apply_new_ctx(link);
	if (is_first)
		SSL_CTX_up_ref(link->ctx);
	world->ctxs[link->section] = link->ctx;
	if (IS(ATTACH, "early"))
		attach(link);
	apply_to_ctx(link);
	apply_change(link);
	if (!IS(LATE, "none") && IS(INFO, "ctx"))
		SSL_CTX_set_info_callback(link->ctx, on_info);
	if (IS(ATTACH, "late"))
		attach(link);
	if (world->is_loaded)
		world_load(world);
}

static void go_over(struct link *link)
{
	SSL_CTX *ctx = link->ctx;

	link->other_ctx = apply_new_ctx(link);
	link->ctx = link->other_ctx;
	apply_to_ctx(link);
	attach(link);
	link->ctx = ctx;
	REQUIRE(SSL_set_SSL_CTX(link->client, link->other_ctx));
}

static void set_own(struct link *link)
{
	struct world *world = link->world;

	if (IS(OWN, "no") || !world->kept_count)
		return;
	link->own = world->kept[IS(OWN, "first") ? 0 : world->kept_count - 1];
	/* it may refuse: another method's, say */
	if (!SSL_set_session(link->client, link->own))
		link->own = NULL;
	ERR_clear_error();
}

static void open_client(struct link *link)
{
	struct world *world = link->world;
	uint16_t port;

	open_ctx(link);
	link->client = SSL_new(link->ctx);
	REQUIRE(link->client);
	SSL_set_connect_state(link->client);
	SSL_set_app_data(link->client, link);
	if (IS(SWITCH, "yes"))
		go_over(link);
	apply_to_ssl(link);
	if (!IS(LATE, "none") && IS(INFO, "ssl"))
		SSL_set_info_callback(link->client, on_info);
	set_own(link);
	REQUIRE(SSL_set_fd(link->client, link->fds[0]) == 1);
	listener(&port);
	if (world->vh && !IS(WSI, "none")) {
		struct lws *wsi = lws_tls_session_wsi_create(world->vh, link->client,
			IS(WSI, "a") ? HOST_A : HOST, port);

		REQUIRE(wsi);
		if (IS(REUSE, "yes"))
			lws_tls_reuse_session(wsi);
	}
}

static void open_server(struct link *link)
{
	SSL_CTX *ctx = rule_server(link->scenario, IS(AT, "a") ? SERVER_A : SERVER_B);

	link->server = SSL_new(ctx);
	REQUIRE(link->server);
	SSL_set_accept_state(link->server);
	SSL_set_app_data(link->server, link);
	REQUIRE(SSL_set_fd(link->server, link->fds[1]) == 1);
}

static bool await(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int ready = poll(&wait, 1, PATIENCE);

	REQUIRE(ready >= 0);

	return ready > 0;
}

static bool await_either(const struct link *link)
{
	struct pollfd wait[2] = { { .fd = link->fds[0], .events = POLLIN },
				  { .fd = link->fds[1], .events = POLLIN } };

	int ready = poll(wait, 2, PATIENCE);

	REQUIRE(ready >= 0);

	return ready > 0;
}

static bool wants_more(int error)
{
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

#ifndef OPENSSL_IS_BORINGSSL
static void send_early(struct link *link)
{
	size_t sent = 0;

	if (!IS(EARLY, "yes") || !link->own || link->sent_early ||
	    !SSL_SESSION_get_max_early_data(link->own))
		return;
	link->sent_early = SSL_write_early_data(link->client, EARLY_DATA, strlen(EARLY_DATA),
						&sent) == 1;
}

static int read_early(struct link *link)
{
	char text[16];
	size_t len = 0;
	int ret;

	do {
		ret = SSL_read_early_data(link->server, text, sizeof(text), &len);
		if (len)
			link->received_early = true;
	} while (ret == SSL_READ_EARLY_DATA_SUCCESS);

	link->is_early_over = ret == SSL_READ_EARLY_DATA_FINISH;

	return link->is_early_over ? 1 : -1;
}

#else
static void send_early(struct link *link)
{
	(void)link;
}

static int read_early(struct link *link)
{
	(void)link;

	return 1;
}
#endif

/* One step of one end. */
static void step(struct link *link, int end)
{
	SSL *ssl = end ? link->server : link->client;
	int ret = 1;

	if (link->handshake[end] == 1 || (link->handshake[end] && !wants_more(link->handshake[end])))
		return;
	ERR_clear_error();
	if (!end)
		send_early(link);
	else if (term_is(link->scenario, IS(AT, "a") ? SERVER_A : SERVER_B, S_EARLY, "yes") &&
		 !link->is_early_over)
		ret = read_early(link);
	if (ret == 1)
		ret = SSL_do_handshake(ssl);
	link->handshake[end] = ret == 1 ? 1 : SSL_get_error(ssl, ret);
	link->error[end] = ERR_peek_error();
	/* an end that is done reports so: 1 is SSL_ERROR_SSL too */
	if (ret != 1 && link->handshake[end] == SSL_ERROR_SSL)
		link->handshake[end] = -SSL_ERROR_SSL;
}

static bool is_over(int handshake)
{
	return handshake && !wants_more(handshake);
}

static void make_handshake(struct link *link)
{
	bool goes_on = true;
	int round;

	for (round = 0; round < MAX_ROUNDS && goes_on; round++) {
		step(link, 0);
		step(link, 1);
		if (is_over(link->handshake[0]) && is_over(link->handshake[1]))
			break;
		/* the end that has failed has said all that it says */
		if (is_over(link->handshake[0]) || is_over(link->handshake[1]))
			goes_on = await(link->fds[is_over(link->handshake[0])]);
		else
			goes_on = await_either(link);
	}
}

/* The server's tickets come along. */
static void greet(struct link *link)
{
	char byte = 0;
	int ret = -1;

	ERR_clear_error();
	if (link->handshake[1] == 1)
		REQUIRE(SSL_write(link->server, "x", 1) == 1);
	while (await(link->fds[0])) {
		ret = SSL_read(link->client, &byte, 1);
		if (ret == 1 || SSL_get_error(link->client, ret) != SSL_ERROR_WANT_READ)
			break;
	}
	link->greeted = ret == 1;
	link->greeting_error = ret == 1 ? 0 : ERR_peek_error();
}

static void close_link(struct link *link)
{
	if (link->greeted) {
		if (IS(KEEP, "yes"))
			world_keep(link->world, SSL_get1_session(link->client));
		SSL_shutdown(link->client);
		SSL_shutdown(link->server);
	}
	ERR_clear_error();
	SSL_free(link->client);
	SSL_free(link->server);
	close(link->fds[0]);
	close(link->fds[1]);
	SSL_CTX_free(link->other_ctx);
}

void make_connection(struct world *world, enum section section)
{
	struct link link = { .world = world, .scenario = world->scenario, .section = section };

	connect_sockets(link.fds);
	ERR_clear_error();
	open_server(&link);
	open_client(&link);
	make_handshake(&link);
	if (link.handshake[0] == 1)
		greet(&link);
	report_write(&world->reports[section], &link);
	world->reports[section].is_loaded = world->is_loaded;
	close_link(&link);
}
