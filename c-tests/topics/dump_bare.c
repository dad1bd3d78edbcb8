/*
 * Sessions as lws saves them, bare DER: nothing vouches for their bytes. What
 * is loaded of them is under no other name, and offered where it verifies.
 */

#include "blob.h"
#include "client_openssl.h"
#include "clock.h"
#include "rig.h"

#define STRIDE	11	/* bits; coprime to 8, so that all of a byte's come up */

static struct cert *direct;

static int acknowledge(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;

	return SSL_TLSEXT_ERR_OK;
}

/* RFC 6066 3: a server that uses the name says so, and then the session has it. */
static void use_name(SSL_CTX *ctx)
{
	SSL_CTX_set_tlsext_servername_callback(ctx, acknowledge);
}

/* Bare DER has the peer's certificate only, so this one is issued by the root itself. */
static void make_direct(void)
{
	direct = cert_make(&(struct cert_request){
		.name = "direct", .alt_names = "DNS:" HOST, .issuer = pki()->root });
}

static void rig_up_bare(struct rig *rig, int version)
{
	make_direct();
	RIG_UP(rig, .server = { .version = version, .resumption = TICKETS, .cert = direct,
				.tune = use_name },
	       .vhost = { .options = LWS_TLS_SESSION_OPTION_ALLOW_TICKETS });
	RIG_VISIT(rig, MISS);
}

static void rig_down_bare(struct rig *rig)
{
	rig_down(rig);
	cert_free(direct);
}

static int load(const struct rig *rig, const char *host, const struct blob *blob)
{
	return blob_load(rig->vh, host, server_port(rig->server), blob);
}

/*
 * Loaded or refused; what is loaded may break a connection once, since who
 * can write the file has the secret, but is never a stranger's.
 */
static void check_flipped(struct rig *rig, const struct blob *blob, bool connects)
{
	struct conn *conn;
	char line[64];
	int n;

	lws_tls_session_vhost_flush(rig->vh);
	CHECK_RANGE(load(rig, HOST, blob), 0, 1);
	CHECK_INT(stats_of(rig->vh).sessions, stats_of(rig->vh).entries);
	if (!stats_of(rig->vh).sessions)
		return;
	CHECK_HOSTS(rig->vh, HOST);

	for (n = 0; connects && n < 2; n++) {
		conn = conn_new(rig->client, &rig->dial);
		if (conn_handshake(conn) && conn_read_line(conn, line, sizeof(line)))
			connects = false;
		conn_drop(conn);
	}
	CHECK_INT(connects, false);
}

static void bits_flipped(void)
{
	struct rig rig;
	struct blob blob;
	size_t bit, count;
	int version;

	log_capture(0);
	FOR_EACH_VERSION(version) {
		rig_up_bare(&rig, version);
		blob = blob_by_hand(rig.server, version);
		for (bit = count = 0; bit < 8 * blob.len; bit += STRIDE, count++) {
			check_context("%s, bit %zu", version_name(version), bit);
			blob.data[bit / 8] ^= 1 << bit % 8;
			/* a handshake takes longer than a load */
			check_flipped(&rig, &blob, count % 8 == 0);
			blob.data[bit / 8] ^= 1 << bit % 8;
		}
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_INT(load(&rig, HOST, &blob), 0);
		RIG_VISIT(&rig, RESUMED);
		blob_free(&blob);
		rig_down_bare(&rig);
	}
	log_release();
}

static void cut_anywhere(void)
{
	struct rig rig;
	struct blob blob, cut;
	size_t len;
	int version;

	log_capture(0);
	FOR_EACH_VERSION(version) {
		rig_up_bare(&rig, version);
		blob = blob_by_hand(rig.server, version);
		lws_tls_session_vhost_flush(rig.vh);
		for (len = 1; len < blob.len; len++) {
			cut = blob_copy(&blob, len);
			CHECK_INT(load(&rig, HOST, &cut), 1);
			blob_free(&cut);
		}
		CHECK_INT(load(&rig, HOST, &blob), 0);
		blob_free(&blob);
		rig_down_bare(&rig);
	}
	log_release();
}

/* Its SNI name says whose it is; there is nothing to tell the port by. */
static void under_another_name(void)
{
	struct rig rig;
	struct blob blob;
	int version;

	log_capture(LLL_WARN);
	FOR_EACH_VERSION(version) {
		rig_up_bare(&rig, version);
		blob = blob_by_hand(rig.server, version);
		lws_tls_session_vhost_flush(rig.vh);
		log_clear();
		CHECK_INT(load(&rig, HOST_A, &blob), 1);
		CHECK(log_has("another host"));
		CHECK_HOSTS(rig.vh, "");
		CHECK_INT(load(&rig, "LOCALHOST.", &blob), 0);
		CHECK_HOSTS(rig.vh, HOST);
		RIG_VISIT(&rig, RESUMED);
		blob_free(&blob);
		rig_down_bare(&rig);
	}
	log_release();
}

/*
 * Without the record, as lws writes it, there is the peer's own certificate
 * and no more: enough where its issuer is trusted, not where another
 * certificate stands in between.
 */
static void bare_der_is_offered_where_it_verifies_by_itself(void)
{
	struct blob bare;
	struct rig rig;
	int version, chained;

	make_direct();
	FOR_EACH_VERSION(version)
		for (chained = 0; chained < 2; chained++) {
			RIG_UP(&rig, .server = { .version = version,
						 .cert = chained ? NULL : direct });
			bare = blob_by_hand(rig.server, version);
			CHECK_INT(load(&rig, HOST, &bare), 0);
			if (chained)
				RIG_VISIT(&rig, UNVERIFIED);
			else
				RIG_VISIT(&rig, RESUMED);
			blob_free(&bare);
			rig_down(&rig);
		}
	cert_free(direct);
}

/* A session that we saved is not taken for one of lws's where its record was lost. */
static void a_record_that_was_cut_off(void)
{
	struct blob whole, bare;
	struct rig rig;
	int version;

	log_capture(LLL_WARN);
	FOR_EACH_VERSION(version) {
		rig_up_bare(&rig, version);
		whole = blob_save(rig.vh, HOST, server_port(rig.server));
		bare = blob_copy(&whole, blob_session_len(&whole));
		lws_tls_session_vhost_flush(rig.vh);
		log_clear();
		CHECK_INT(load(&rig, HOST, &bare), 1);
		CHECK(log_has("cut off"));
		CHECK_INT(load(&rig, HOST, &whole), 0);
		RIG_VISIT(&rig, RESUMED);
		blob_free(&bare);
		blob_free(&whole);
		rig_down_bare(&rig);
	}
	log_release();
}

/* It does not tell its client certificate either. */
static void on_a_vhost_with_a_client_certificate(void)
{
	struct client *client;
	struct blob blob;
	struct rig rig;
	int version;

	log_capture(LLL_WARN);
	FOR_EACH_VERSION(version) {
		rig_up_bare(&rig, version);
		blob = blob_by_hand(rig.server, version);
		lws_tls_session_vhost_flush(rig.vh);
		client = client_new(&(struct client_config){ .vh = rig.vh,
							     .identity = pki()->alice });
		log_clear();
		CHECK_INT(load(&rig, HOST, &blob), 1);
		CHECK(log_has("client certificate"));
		client_free(client);
		blob_free(&blob);
		rig_down_bare(&rig);
	}
	log_release();
}

/* Renewed day by day, while somebody sets the wall clock back each time. */
static void renewals_with_a_clock_that_is_set_back(void)
{
	struct rig rig;
	int day;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION, .tickets = 1 },
	       .vhost = { .tls_session_timeout = 30 * 86400 });
	RIG_VISIT(&rig, MISS);
	for (day = 1; day <= 6; day++) {
		clock_boot_pass(86400);
		RIG_VISIT(&rig, RESUMED);
	}
	clock_boot_pass(86400);
	RIG_VISIT(&rig, EXPIRED);
	clock_reset();
	rig_down(&rig);
}

TEST_PROGRAM(
	CASE(bits_flipped),
	CASE(cut_anywhere),
	CASE(under_another_name),
	CASE(bare_der_is_offered_where_it_verifies_by_itself),
	CASE(a_record_that_was_cut_off),
	CASE(on_a_vhost_with_a_client_certificate),
	CASE(renewals_with_a_clock_that_is_set_back))
