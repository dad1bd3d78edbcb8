#include "server_private.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "check.h"

#define WEEK			(7 * 86400)
#define GREETING		"hello\n"

static bool has_extension(SSL *ssl, unsigned int type, size_t at_least)
{
	const unsigned char *data;
	size_t len;

	return SSL_client_hello_get0_ext(ssl, type, &data, &len) && len >= at_least;
}

/*
 * The session IDs that were given out. Others are made up by the client: those of TLS 1.3,
 * which have no meaning (RFC 8446 4.1.2), and those that go with a ticket (RFC 5077 3.4).
 */
static struct {
	pthread_mutex_t	lock;
	uint64_t	*ids;		/* the first bytes will do */
	size_t		count;
} issued = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void free_issued(void)
{
	free(issued.ids);
}

static void note_issued(SSL *ssl)
{
	unsigned int len;
	const unsigned char *id = SSL_SESSION_get_id(SSL_get_session(ssl), &len);

	if (len < sizeof(*issued.ids))
		return;

	pthread_mutex_lock(&issued.lock);
	if (!issued.ids)
		atexit(free_issued);
	issued.ids = realloc(issued.ids, (issued.count + 1) * sizeof(*issued.ids));
	REQUIRE(issued.ids);
	memcpy(&issued.ids[issued.count++], id, sizeof(*issued.ids));
	pthread_mutex_unlock(&issued.lock);
}

static bool is_issued(const unsigned char *id, size_t len)
{
	bool found = false;
	size_t n;

	if (len < sizeof(*issued.ids))
		return false;

	pthread_mutex_lock(&issued.lock);
	for (n = 0; n < issued.count && !found; n++)
		found = !memcmp(&issued.ids[n], id, sizeof(*issued.ids));
	pthread_mutex_unlock(&issued.lock);

	return found;
}

static bool offers_session(SSL *ssl)
{
	const unsigned char *id;
	size_t len = SSL_client_hello_get0_session_id(ssl, &id);

	return has_extension(ssl, TLSEXT_TYPE_psk, 0) ||
	       has_extension(ssl, TLSEXT_TYPE_session_ticket, 1) || is_issued(id, len);
}

/*
 * RFC 8446 4.2.11: the first of the identities in a pre_shared_key extension,
 * behind the lengths of all and of itself.
 */
static uint64_t hash_of_ticket(SSL *ssl)
{
	uint64_t hash = 0xcbf29ce484222325;
	const unsigned char *data;
	size_t len, n, end;

	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &data, &len) || len < 4)
		return 0;

	end = 4 + ((size_t)data[2] << 8 | data[3]);
	for (n = 4; n < end && n < len; n++)
		hash = (hash ^ data[n]) * 0x100000001b3;

	return hash;
}

/* Under the server's lock. A binder ages with its ticket: this is of the identity alone. */
static void note_ticket(struct server *server, uint64_t ticket)
{
	size_t n;

	if (!server->config.remembers || !ticket)
		return;
	for (n = 0; n < server->ticket_count; n++)
		server->seen.repeated += server->tickets[n] == ticket;
	if (!(server->ticket_count & (server->ticket_count - 1)))
		server->tickets = realloc(server->tickets, (2 * server->ticket_count + 1) *
					  sizeof(ticket));
	REQUIRE(server->tickets);
	server->tickets[server->ticket_count++] = ticket;
}

static void reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct server *server = ((struct peer *)SSL_get_app_data(ssl))->server;
	int refuse = atomic_exchange(&server->refuse, 0);

	(void)arg;

	pthread_mutex_lock(&server->lock);
	server->seen.hellos++;
	server->seen.offers += offers_session(ssl);
	server->seen.ticket = hash_of_ticket(ssl);
	note_ticket(server, server->seen.ticket);
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);

	if (!refuse)
		return SSL_CLIENT_HELLO_SUCCESS;

	if (refuse > 0) {
		*alert = refuse;
		return SSL_CLIENT_HELLO_ERROR;
	}

	if (refuse == REFUSE_RESET)
		reset(SSL_get_fd(ssl));
	else
		(void)!send(SSL_get_fd(ssl), "HTTP/1.0 400 Bad Request\r\n", 26, MSG_NOSIGNAL);

	/* and the connection is closed */
	return SSL_CLIENT_HELLO_RETRY;
}

/* how many of the bytes make the keys is up to the TLS library */
static void set_ticket_keys(SSL_CTX *ctx, unsigned char keys[80])
{
	long len = SSL_CTX_get_tlsext_ticket_keys(ctx, NULL, 0);

	REQUIRE(len <= 80);
	REQUIRE(SSL_CTX_set_tlsext_ticket_keys(ctx, keys, len) == 1);
}

SSL_CTX *server_make_ctx(const struct server_config *config)
{
	bool tickets = config->resumption == TICKETS ||
		       config->resumption == IDS_AND_TICKETS;
	SSL_CTX *ctx = config->twin ? config->twin->ctx : config->ctx;
	unsigned char ticket_keys[80] = { 't', 'e', 's', 't' };

#ifdef OPENSSL_IS_BORINGSSL
	/* those of its TLS 1.3 are stateless, always */
	if (config->resumption == SESSION_IDS && config->version != TLS1_2_VERSION)
		tickets = true;
#endif
	if (config->twin) {
		SSL_CTX_up_ref(ctx);
		return ctx;
	}

	if (ctx)
		SSL_CTX_up_ref(ctx);
	else
		ctx = SSL_CTX_new(TLS_server_method());
	REQUIRE(ctx);
	REQUIRE(SSL_CTX_set_min_proto_version(ctx, config->version));
	REQUIRE(SSL_CTX_set_max_proto_version(ctx, config->version));
	cert_use(ctx, config->cert ? config->cert : pki()->server);

	REQUIRE(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"tests", 5));
	set_ticket_keys(ctx, ticket_keys);
	SSL_CTX_set_timeout(ctx, config->lifetime ? config->lifetime : WEEK);
	if (!tickets)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	if (config->resumption == TICKETS || config->resumption == NO_RESUMPTION)
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (config->resumption == NO_RESUMPTION)
		REQUIRE(SSL_CTX_set_num_tickets(ctx, 0));
	else if (config->tickets)
		REQUIRE(SSL_CTX_set_num_tickets(ctx, config->tickets));

	if (config->client_ca) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		REQUIRE(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx),
					    config->client_ca->x509));
	}

	/* a client that hangs up without close_notify is no fault of its session */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, NULL);
	if (config->tune)
		config->tune(ctx);

	return ctx;
}

static void note_handshake(struct server *server, SSL *ssl)
{
	X509 *client = SSL_get0_peer_certificate(ssl);

#ifdef OPENSSL_IS_BORINGSSL
	boringssl_note_session(ssl);
#endif
	note_issued(ssl);
	pthread_mutex_lock(&server->lock);
	server->seen.handshakes++;
	server->seen.resumed += SSL_session_reused(ssl);
	server->seen.client[0] = '\0';
	if (client)
		X509_NAME_get_text_by_NID(X509_get_subject_name(client),
					  NID_commonName, server->seen.client,
					  sizeof(server->seen.client));
	pthread_mutex_unlock(&server->lock);
}

/* Sends a record that no key of the connection made. */
static void send_garbage(int fd)
{
	static const unsigned char record[5 + 64] = { 0x17, 0x03, 0x03, 0x00, 64 };

	REQUIRE(send(fd, record, sizeof(record), MSG_NOSIGNAL) == sizeof(record));
}

/* Returns whether the connection ends in an orderly way. */
static bool obey(SSL *ssl)
{
	char order[32];
	int len;

	while ((len = SSL_read(ssl, order, sizeof(order) - 1)) > 0) {
		order[len] = '\0';
		/* the client may have renegotiated */
		note_issued(ssl);

		if (!strcmp(order, "bye\n"))
			return true;
		if (!strcmp(order, "reset\n")) {
			reset(SSL_get_fd(ssl));
			return false;
		}
		if (!strcmp(order, "garbage\n")) {
			send_garbage(SSL_get_fd(ssl));
			continue;
		}
		if (!strcmp(order, "ticket\n"))
			REQUIRE(SSL_new_session_ticket(ssl) == 1);

		if (SSL_write(ssl, "ok\n", 3) != 3)
			return false;
	}

	return SSL_get_error(ssl, len) == SSL_ERROR_ZERO_RETURN;
}

void server_serve(struct peer *peer, SSL *ssl)
{
	const struct server_config *config = &peer->server->config;

	if (SSL_accept(ssl) != 1)
		return;

	note_handshake(peer->server, ssl);
	if (SSL_write(ssl, GREETING, strlen(GREETING)) <= 0)
		return;

	/* a connection that the client tears down is no fault of the session */
	SSL_set_quiet_shutdown(ssl, (config->hangs_up_first || obey(ssl)) ?
				    config->silent : true);
	SSL_shutdown(ssl);
}

struct server_seen server_seen(struct server *server)
{
	struct server_seen seen;

	pthread_mutex_lock(&server->lock);
	seen = server->seen;
	pthread_mutex_unlock(&server->lock);

	return seen;
}

void server_await_hellos(struct server *server, unsigned int hellos)
{
	pthread_mutex_lock(&server->lock);
	while (server->seen.hellos < hellos)
		pthread_cond_wait(&server->changed, &server->lock);
	pthread_mutex_unlock(&server->lock);
}

void server_forget(struct server *server)
{
	unsigned char ticket_keys[80];

	REQUIRE(RAND_bytes(ticket_keys, sizeof(ticket_keys)) == 1);
	set_ticket_keys(server->ctx, ticket_keys);
	SSL_CTX_flush_sessions(server->ctx, 0);
}

void server_refuse(struct server *server, int alert)
{
	atomic_store(&server->refuse, alert);
}

void server_set_tickets(struct server *server, unsigned int tickets)
{
	REQUIRE(SSL_CTX_set_num_tickets(server->ctx, tickets));
}

static int no_lifetime(SSL *ssl, void *arg)
{
	(void)arg;

	return SSL_SESSION_set_timeout(SSL_get_session(ssl), 0) == 1;
}

void server_gives_no_lifetime(SSL_CTX *ctx)
{
	SSL_CTX_set_session_ticket_cb(ctx, no_lifetime, NULL, NULL);
}

#ifndef OPENSSL_IS_BORINGSSL
size_t server_ticket_padding;

static int pad_ticket(SSL *ssl, void *arg)
{
	unsigned char *data = calloc(1, server_ticket_padding + 1);
	int ok;

	(void)arg;
	REQUIRE(data);
	ok = SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, server_ticket_padding);
	free(data);

	return ok;
}

void server_pads_tickets(SSL_CTX *ctx)
{
	SSL_CTX_set_session_ticket_cb(ctx, pad_ticket, NULL, NULL);
}
#endif
