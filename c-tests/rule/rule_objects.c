/*
 * The rule where it takes an app of its own: what is done to the app's objects, and
 * what a peer can make the library hold.
 */

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "certs.h"
#include "observe.h"
#include "pair.h"

static struct lws_vhost *vhost(uint64_t options)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(
		&(struct lws_tls_session_vhost_info){ .options = options,
						      .tls_session_cache_max = 1000 });

	REQUIRE(vh);

	return vh;
}

/* an app that is client and server of one SSL_CTX, and keeps its server's sessions itself */

static SSL_SESSION *stored[32];
static unsigned int stored_count;

static int store_new(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	REQUIRE(stored_count < ARRAY_SIZE(stored));
	stored[stored_count++] = session;

	return 1;
}

static SSL_SESSION *get_stored(SSL *ssl, const unsigned char *id, int id_len, int *copy)
{
	unsigned int n, len;

	(void)ssl;
	*copy = 1;
	for (n = 0; n < stored_count; n++) {
		const unsigned char *its = SSL_SESSION_get_id(stored[n], &len);

		if (len == (unsigned int)id_len && !memcmp(its, id, len))
			return stored[n];
	}

	return NULL;
}

/*
 * Whether a server that the app talks to as a client can then come back as a client: its
 * session is in its own hands, and has the certificate of a server of the same issuer.
 */
static bool attack(struct lws_vhost *vh)
{
	SSL_CTX *app = trusting_ctx(TLS_method(), TLS1_2_VERSION);
	SSL_CTX *theirs = pair_server_ctx(&(struct server_config){
		.version = TLS1_2_VERSION, .resumption = SESSION_IDS, .cert = certs()->ecdsa });
	SSL_CTX *attacker = trusting_ctx(TLS_client_method(), TLS1_2_VERSION);
	SSL_SESSION *session;
	struct pair pair;
	bool is_in;

	cert_use(app, certs()->other);
	SSL_CTX_set_options(app, SSL_OP_NO_TICKET);
	SSL_CTX_set_verify(app, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	REQUIRE(SSL_CTX_set_session_id_context(app, (const unsigned char *)"app", 3));
	SSL_CTX_set_session_cache_mode(app, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(app, store_new);
	SSL_CTX_sess_set_get_cb(app, get_stored);
	if (vh)
		REQUIRE(!lws_tls_session_vhost_attach(vh, app));

	/* the app as a client, of the attacker's server */
	pair = pair_new(app, theirs, vh);
	REQUIRE(pair_talk(&pair));
	session = SSL_get1_session(pair.server);
	pair_close(&pair);

	/* the app as a server: the attacker has no certificate whose key it knows */
	pair = (struct pair){ .client = SSL_new(attacker) };
	SSL_set_connect_state(pair.client);
	SSL_set_verify(pair.client, SSL_VERIFY_NONE, NULL);
	pair_server(&pair, app);
	/* that of its server: else its client does not take the session */
	REQUIRE(SSL_set_session_id_context(pair.client, (const unsigned char *)"tests", 5));
	REQUIRE(SSL_set_session(pair.client, session));
	is_in = pair_run(&pair) && SSL_get0_peer_certificate(pair.server);
	pair_drop(&pair);

	SSL_SESSION_free(session);
	while (stored_count)
		SSL_SESSION_free(stored[--stored_count]);
	SSL_CTX_free(attacker);
	SSL_CTX_free(theirs);
	SSL_CTX_free(app);

	return is_in;
}

static void no_session_is_planted_in_a_server(void)
{
	struct lws_vhost *vh = vhost(0);

	CHECK(!attack(NULL));
	CHECK(!attack(vh));
	lws_tls_session_vh_destroy(vh);
}

/* A ticket of the app's own, on an SSL that the library has served before. */
static void own_ticket_after_ssl_clear(void)
{
	SSL_CTX *server = pair_server_ctx(&(struct server_config){
		.version = TLS1_2_VERSION, .resumption = IDS_AND_TICKETS, .cert = certs()->ecdsa });
	SSL_CTX *by_hand = trusting_ctx(TLS_client_method(), TLS1_2_VERSION);
	SSL_CTX *ctx = trusting_ctx(TLS_client_method(), TLS1_2_VERSION);
	struct lws_vhost *vh = vhost(0);
	SSL_SESSION *ticket;
	struct pair pair;
	uint64_t before;
	int served;

	/* stateless, once it has the ticket */
	SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
	pair = pair_new(by_hand, server, NULL);
	REQUIRE(pair_talk(&pair));
	ticket = SSL_get1_session(pair.client);
	REQUIRE(SSL_SESSION_has_ticket(ticket));
	pair_close(&pair);

	REQUIRE(!lws_tls_session_vhost_attach(vh, ctx));
	for (served = 0; served < 2; served++) {
		check_context("%s", served ? "served" : "by hand");
		pair = pair_new(served ? ctx : by_hand, server, served ? vh : NULL);
		before = SSL_get_options(pair.client);
		CHECK(pair_talk(&pair));
		CHECK(SSL_get_options(pair.client) == before);
		SSL_shutdown(pair.client);
		SSL_free(pair.server);
		REQUIRE(SSL_clear(pair.client));
		pair_server(&pair, server);
		REQUIRE(SSL_set_session(pair.client, ticket));
		CHECK(pair_talk(&pair));
		CHECK(SSL_session_reused(pair.client));
		pair_close(&pair);
	}
	SSL_SESSION_free(ticket);
	SSL_CTX_free(by_hand);
	SSL_CTX_free(ctx);
	SSL_CTX_free(server);
	lws_tls_session_vh_destroy(vh);
}

/* an app that looks for its connection while it goes: valgrind and ASan see what is read */

static unsigned int asked;

static void ask_for_wsi(void *parent, void *data, CRYPTO_EX_DATA *ad, int index, long argl,
			void *argp)
{
	struct lws *wsi = data ? lws_tls_session_wsi(parent) : NULL;

	(void)ad;
	(void)index;
	(void)argl;
	(void)argp;
	if (!data)
		return;
	asked++;
	if (wsi) {
		lws_tls_session_outcome(wsi);
		lws_tls_session_is_reused(wsi);
	}
}

static void wsi_from_an_ex_data_free_function(void)
{
	static int before = -1, after = -1;
	SSL_CTX *server = pair_server_ctx(&(struct server_config){ .cert = certs()->ecdsa });
	SSL_CTX *ctx = trusting_ctx(TLS_client_method(), TLS1_3_VERSION);
	struct lws_vhost *vh = vhost(0);
	struct pair pair;
	int n;

	/* one slot before the library's, which is made at the first attach, and one after it */
	before = SSL_get_ex_new_index(0, NULL, NULL, NULL, ask_for_wsi);
	REQUIRE(!lws_tls_session_vhost_attach(vh, ctx));
	pair = pair_new(ctx, server, vh);
	REQUIRE(pair_talk(&pair));
	pair_close(&pair);
	after = SSL_get_ex_new_index(0, NULL, NULL, NULL, ask_for_wsi);
	asked = 0;
	for (n = 0; n < 3; n++) {
		pair = pair_new(ctx, server, vh);
		REQUIRE(SSL_set_ex_data(pair.client, before, vh));
		REQUIRE(SSL_set_ex_data(pair.client, after, vh));
		/* let go of before its handshake, and after it */
		if (n)
			REQUIRE(pair_talk(&pair));
		if (n == 2)
			lws_tls_session_wsi_destroy(lws_tls_session_wsi(pair.client));
		pair_drop(&pair);
	}
	CHECK_INT(asked, 6);
	SSL_CTX_free(ctx);
	SSL_CTX_free(server);
	lws_tls_session_vh_destroy(vh);
}

/* an app's ex_data on its sessions, which is freed with them and has no dup function */

#define MAX_NOTES	64

static int note_index = -1;
static unsigned int note_frees[MAX_NOTES], notes;

static void free_note(void *parent, void *data, CRYPTO_EX_DATA *ad, int index, long argl,
		      void *argp)
{
	(void)parent;
	(void)ad;
	(void)index;
	(void)argl;
	(void)argp;
	if (data)
		(*(unsigned int *)data)++;
}

static void note_session(const SSL *ssl, int where, int value)
{
	SSL_SESSION *session = SSL_get_session(ssl);

	(void)value;
	(void)where;
	if (SSL_is_server(ssl) || !session || SSL_SESSION_get_ex_data(session, note_index))
		return;
	REQUIRE(notes < MAX_NOTES);
	REQUIRE(SSL_SESSION_set_ex_data(session, note_index, &note_frees[notes++]));
}

/* How often the first note is freed, over four connections: none of them more often, nor never. */
static int frees_of_notes(SSL_CTX *server, int version, struct lws_vhost *vh)
{
	SSL_CTX *ctx = trusting_ctx(TLS_client_method(), version);
	struct pair pair;
	unsigned int n;

	notes = 0;
	memset(note_frees, 0, sizeof(note_frees));
	SSL_CTX_set_info_callback(ctx, note_session);
	if (vh)
		REQUIRE(!lws_tls_session_vhost_attach(vh, ctx));
	for (n = 0; n < 4; n++) {
		pair = pair_new(ctx, server, vh);
		REQUIRE(pair_talk(&pair));
		pair_close(&pair);
	}
	SSL_CTX_free(ctx);
	if (vh) {
		CHECK(stats_of(vh).resumed > 0);
		lws_tls_session_vh_destroy(vh);
	}
	CHECK(notes >= 1);
	for (n = 0; n < notes; n++)
		CHECK_RANGE(note_frees[n], 1, note_frees[0]);

	return note_frees[0];
}

/*
 * OpenSSL itself copies a session of TLS 1.3 for each ticket, the data with it;
 * its servers send fewer where one was resumed.
 */
static void ex_data_of_sessions_is_freed_as_without(void)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	unsigned int v;
	int without;

	note_index = SSL_SESSION_get_ex_new_index(0, NULL, NULL, NULL, free_note);
	for (v = 0; v < ARRAY_SIZE(versions); v++) {
		SSL_CTX *server = pair_server_ctx(&(struct server_config){ .version = versions[v],
			.resumption = IDS_AND_TICKETS, .cert = certs()->ecdsa });

		check_context("%x", (unsigned int)versions[v]);
		without = frees_of_notes(server, versions[v], NULL);
		CHECK(without > 0);
		CHECK_INT(frees_of_notes(server, versions[v], vhost(0)), without);
		SSL_CTX_free(server);
	}
}

/* a peer that sends as much of a chain as the client takes */

#define ENDPOINTS	40

static size_t heap(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* bytes of heap that an endpoint takes in a vhost's cache */
static size_t size_of_endpoint(SSL_CTX *server, int version)
{
	SSL_CTX *ctx = trusting_ctx(TLS_client_method(), version);
	struct lws_vhost *vh = vhost(0);
	struct pair pair;
	size_t before = 0;
	char host[32];
	int n;

	SSL_CTX_set_verify_depth(ctx, 100);
	REQUIRE(!lws_tls_session_vhost_attach(vh, ctx));
	for (n = 0; n < ENDPOINTS + 1; n++) {
		pair = pair_new(ctx, server, NULL);
		snprintf(host, sizeof(host), "host-%d", n);
		REQUIRE(lws_tls_session_wsi_create(vh, pair.client, host, 443));
		CHECK(pair_talk(&pair));
		pair_close(&pair);
		/* the first has made what is made once */
		if (!n)
			before = heap();
	}
	before = heap() > before ? heap() - before : 0;
	lws_tls_session_vh_destroy(vh);
	SSL_CTX_free(ctx);

	return before / ENDPOINTS;
}

static void a_chain_of_89_kb(void)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	static char comment[4000];
	const struct cert *issuer = certs()->intermediate;
	struct cert *big[20], *leaf;
	char names[4200];
	unsigned int n;

	memset(comment, 'x', sizeof(comment) - 1);
	for (n = 0; n < 60; n++)
		memcpy(comment + n * 64, n ? ",DNS:" : "DNS:xx", n ? 5 : 4);
	for (n = 0; n < ARRAY_SIZE(big); n++) {
		snprintf(names, sizeof(names), "%s", comment);
		big[n] = cert_make(&(struct cert_request){ .name = "big", .ca = true,
			.issuer = issuer, .alt_names = names });
		issuer = big[n];
	}
	leaf = cert_make(&(struct cert_request){ .name = "leaf", .issuer = issuer,
						 .alt_names = "DNS:" HOST });
	for (n = 0; n < ARRAY_SIZE(versions); n++) {
		SSL_CTX *server = pair_server_ctx(&(struct server_config){ .version = versions[n],
			.resumption = IDS_AND_TICKETS, .cert = leaf });
		size_t size = size_of_endpoint(server, versions[n]);

		check_context("%x: %zu bytes", (unsigned int)versions[n], size);
		CHECK(size < 32 * 1024);
		SSL_CTX_free(server);
	}
	cert_free(leaf);
	for (n = 0; n < ARRAY_SIZE(big); n++)
		cert_free(big[n]);
}

TEST_PROGRAM(
	CASE(no_session_is_planted_in_a_server),
	CASE(own_ticket_after_ssl_clear),
	CASE(wsi_from_an_ex_data_free_function),
	CASE(ex_data_of_sessions_is_freed_as_without),
	CASE(a_chain_of_89_kb))
