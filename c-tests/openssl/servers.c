/*
 * Servers that are not what they were, or send what nobody asked for: every
 * connection succeeds, and nothing grows or is pushed out.
 */

#include <stdlib.h>

#include "client_openssl.h"
#include "rig.h"

static SSL_CTX *server_ctx;

static void a_new_certificate(void)
{
	static struct cert *cert;

	cert = cert_make(&(struct cert_request){
		.name = "another", .alt_names = "DNS:" HOST, .issuer = pki()->root });
	cert_use(server_ctx, cert);
	cert_free(cert);
}

static void a_new_kind_of_key(void)
{
	struct cert *cert = cert_make(&(struct cert_request){
		.name = "rsa", .rsa = true, .alt_names = "DNS:" HOST, .issuer = pki()->root });

	SSL_CTX_set_cipher_list(server_ctx, "aRSA");
	cert_use(server_ctx, cert);
	cert_free(cert);
}

static void only_tls12(void)
{
	REQUIRE(SSL_CTX_set_min_proto_version(server_ctx, TLS1_2_VERSION));
	REQUIRE(SSL_CTX_set_max_proto_version(server_ctx, TLS1_2_VERSION));
}

static void only_tls13(void)
{
	REQUIRE(SSL_CTX_set_min_proto_version(server_ctx, TLS1_3_VERSION));
	REQUIRE(SSL_CTX_set_max_proto_version(server_ctx, TLS1_3_VERSION));
}

static void other_ciphers(void)
{
	REQUIRE(SSL_CTX_set_cipher_list(server_ctx, "ECDHE+CHACHA20"));
	REQUIRE(SSL_CTX_set_ciphersuites(server_ctx, "TLS_CHACHA20_POLY1305_SHA256"));
}

static void other_groups(void)
{
	REQUIRE(SSL_CTX_set1_groups_list(server_ctx, "P-384"));
}

static void a_new_ticket_key(void)
{
	unsigned char keys[80] = { 'n', 'e', 'w' };

	REQUIRE(SSL_CTX_set_tlsext_ticket_keys(server_ctx, keys, sizeof(keys)) == 1);
	SSL_CTX_flush_sessions(server_ctx, 0);
}

static void another_session_id_context(void)
{
	REQUIRE(SSL_CTX_set_session_id_context(server_ctx, (const unsigned char *)"new", 3));
}

static void no_resumption(void)
{
	SSL_CTX_set_session_cache_mode(server_ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(server_ctx, SSL_OP_NO_TICKET);
	REQUIRE(SSL_CTX_set_num_tickets(server_ctx, 0));
	SSL_CTX_flush_sessions(server_ctx, 0);
}

static void no_extended_master_secret(void)
{
	SSL_CTX_set_options(server_ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
}

static void no_encrypt_then_mac(void)
{
	SSL_CTX_set_options(server_ctx, SSL_OP_NO_ENCRYPT_THEN_MAC);
}

static const struct change {
	const char	*name;
	void		(*make)(void);
	bool		forgets;	/* the session is not taken any more, so there is a new one */
	bool		aborts;		/* a server that breaks the rules: it fails once */
} changes[] = {
	{ "a new certificate", a_new_certificate, false, false },
	{ "a new kind of key", a_new_kind_of_key, false, false },
	{ "only TLS 1.2", only_tls12, false, false },
	{ "only TLS 1.3", only_tls13, false, false },
	{ "other ciphers", other_ciphers, false, false },
	{ "other groups", other_groups, false, false },
	{ "a new ticket key", a_new_ticket_key, true, false },
	{ "another session ID context", another_session_id_context, false, false },
	{ "no resumption", no_resumption, false, false },
	/*
	 * RFC 7627 5.3: "If the original session used the extension but the new
	 * ServerHello does not contain it, the client MUST abort". What the app
	 * sees is a server that has to forget the session, and does not.
	 */
	{ "no extended master secret", no_extended_master_secret, false, true },
	{ "no encrypt-then-MAC", no_encrypt_then_mac, false, false },
};

static const struct flavour {
	const char		*name;
	int			version;	/* of the client */
	enum resumption		resumption;
	uint64_t		options;
} flavours[] = {
	{ "TLS 1.2, session IDs", TLS1_2_VERSION, SESSION_IDS, 0 },
	{ "TLS 1.2, tickets", TLS1_2_VERSION, TICKETS, LWS_TLS_SESSION_OPTION_ALLOW_TICKETS },
	{ "TLS 1.3, stateful tickets", TLS1_3_VERSION, SESSION_IDS, 0 },
	{ "TLS 1.3, stateless tickets", TLS1_3_VERSION, TICKETS, 0 },
};

/* Not visit(): a server that asks for another key share sees two ClientHellos. */
static bool connects(struct client *client, const struct dial *dial)
{
	struct conn *conn = conn_new(client, dial);
	char line[64];
	bool ok = conn_handshake(conn) && conn_read_line(conn, line, sizeof(line));

	if (ok)
		conn_close(conn);
	else
		conn_drop(conn);

	return ok;
}

static void check_changed(const struct flavour *flavour, const struct change *change)
{
	struct client *any = client_new(&(struct client_config){ 0 }), *client;
	struct server_seen seen;
	struct rig rig;
	int n, failed = 0;

	server_ctx = SSL_CTX_new(TLS_server_method());
	RIG_UP(&rig, .server = { .ctx = server_ctx, .resumption = flavour->resumption },
	       .vhost = { .options = flavour->options });
	client = client_new(&(struct client_config){ .version = flavour->version,
						     .vh = rig.vh });
	CHECK_VISIT(client, &rig.dial, MISS);
	CHECK_VISIT(client, &rig.dial, RESUMED);

	/* the app's other clients speak all versions, and share the cache */
	client_attach(any, rig.vh);
	change->make();
	for (n = 0; n < 4; n++)
		failed += !connects(any, &rig.dial);
	CHECK_RANGE(failed, 0, change->aborts ? 1 : 0);
	if (change->forgets)
		CHECK_VISIT(any, &rig.dial, RESUMED);

	seen = server_seen(rig.server);
	CHECK_INT(stats_of(rig.vh).handshakes, seen.handshakes);
	client_free(client);
	client_free(any);
	rig_down(&rig);
	SSL_CTX_free(server_ctx);
}

static void a_server_that_has_changed(void)
{
	const struct flavour *flavour;
	size_t n;

	for (flavour = flavours; flavour < flavours + ARRAY_SIZE(flavours); flavour++)
		for (n = 0; n < ARRAY_SIZE(changes); n++) {
			check_context("%s, %s", flavour->name, changes[n].name);
			check_changed(flavour, &changes[n]);
		}
}

#define FLOOD	2000

/* However many it sends, at once or over time: four are kept, of this endpoint. */
static void thousands_of_tickets(void)
{
	struct lws_tls_session_stats stats;
	struct conn *conn;
	struct rig rig;
	char line[64];
	int n;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION },
	       .vhost = { .tls_session_cache_max = 2 });
	CHECK_INT(rig_visit_host(&rig, HOST_A), LWS_TLS_SESSION_OUTCOME_MISS);

	server_set_tickets(rig.server, FLOOD);
	conn = conn_new(rig.client, &rig.dial);
	CHECK(conn_handshake(conn));
	CHECK(conn_read_line(conn, line, sizeof(line)));
	for (n = 0; n < 20; n++)
		CHECK(conn_order(conn, "ticket"));
	conn_close(conn);

	stats = stats_of(rig.vh);
	CHECK_INT(stats.entries, 2);
	CHECK_INT(stats.sessions, 2 + 4);
	CHECK_INT(stats.stored, 2 + FLOOD + 20);
	CHECK_INT(stats.replaced, FLOOD + 20 - 4);
	CHECK_INT(stats.evicted, 0);
	CHECK_HOSTS(rig.vh, HOST " " HOST_A);
	server_set_tickets(rig.server, 2);
	CHECK_INT(rig_visit_host(&rig, HOST_A), LWS_TLS_SESSION_OUTCOME_RESUMED);
	rig_down(&rig);
}

/* Tickets may be 64 KiB (RFC 8446 4.6.1); those over 16 KiB are not kept. */
static void very_large_tickets(void)
{
	static const struct {
		size_t	padding;
		bool	kept;
	} sizes[] = { { 0, true }, { 15000, true }, { 17000, false }, { 60000, false } };
	struct rig rig;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(sizes); n++) {
		check_context("%zu bytes", sizes[n].padding);
		server_ticket_padding = sizes[n].padding;
		RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .resumption = TICKETS,
					 .tune = server_pads_tickets });
		RIG_VISIT(&rig, MISS);
		CHECK_INT(stats_of(rig.vh).sessions, sizes[n].kept ? 2 : 0);
		if (sizes[n].kept)
			RIG_VISIT(&rig, RESUMED);
		else
			RIG_VISIT(&rig, MISS);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	CASE(a_server_that_has_changed),
	CASE(thousands_of_tickets),
	CASE(very_large_tickets))
