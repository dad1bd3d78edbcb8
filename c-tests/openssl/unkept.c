/*
 * Sessions that the library does not keep from their handshakes, and saved ones
 * that it would not have kept. Their bytes are sound: they are the TLS library's
 * own, from a client that the library knows nothing of. They are not loaded either.
 */

#include <stdlib.h>

#include "blob.h"
#include "client_openssl.h"
#include "pki.h"
#include "rig.h"

/* a session of such a server is loaded; is refused for that reason */
#define LOADS(...)		check_load(&(struct server_config){ __VA_ARGS__ }, NULL)
#define IS_REFUSED(reason, ...)	check_load(&(struct server_config){ __VA_ARGS__ }, reason)

/* The vhost has another session, and of a load that is refused nothing but the count. */
static void check_load(const struct server_config *config, const char *refusal)
{
	struct lws_tls_session_stats stats;
	struct server *server;
	struct blob blob;
	struct rig rig;

	RIG_UP(&rig, .server = { .version = config->version });
	rig.dial.host = HOST_A;
	RIG_VISIT(&rig, MISS);
	server = server_start(config);
	blob = blob_by_hand(server, config->version);
	stats = stats_of(rig.vh);

	log_capture(LLL_WARN);
	CHECK_INT(blob_load(rig.vh, HOST, server_port(server), &blob), refusal ? 1 : 0);
	if (refusal) {
		CHECK_INT(log_lines(), 1);
		CHECK(log_has(HOST));
		CHECK(log_has(refusal));
		stats.load_refused++;
		CHECK_HOSTS(rig.vh, HOST_A);
	} else {
		CHECK_INT(log_lines(), 0);
		stats.loaded++;
		stats.entries++;
		stats.sessions++;
		CHECK_HOSTS(rig.vh, HOST " " HOST_A);
	}
	log_release();
	check_stats(rig.vh, &stats, __FILE__, __LINE__);

	RIG_VISIT(&rig, RESUMED);
	if (refusal)
		CHECK_VISIT(rig.client, &(struct dial){ .server = server }, MISS);
	blob_free(&blob);
	server_stop(server);
	rig_down(&rig);
}

static void neither_an_id_nor_a_ticket(void)
{
	int version;

	FOR_EACH_VERSION(version) {
		LOADS(.version = version, .resumption = SESSION_IDS);
		LOADS(.version = version, .resumption = TICKETS);
		IS_REFUSED("it cannot be resumed",
			   .version = version, .resumption = NO_RESUMPTION);
	}
}

static void a_ticket_over_16_kib(void)
{
	int version;

	FOR_EACH_VERSION(version) {
		server_ticket_padding = 15000;
		LOADS(.version = version, .resumption = TICKETS, .tune = server_pads_tickets);
		server_ticket_padding = 17000;
		IS_REFUSED("its ticket is too large",
			   .version = version, .resumption = TICKETS, .tune = server_pads_tickets);
	}
}

/* RFC 8446 4.6.1: zero indicates that the ticket should be discarded immediately. */
static void a_hint_of_zero(void)
{
	/* OpenSSL fails to make stateless ones */
	LOADS(.version = TLS1_3_VERSION, .resumption = SESSION_IDS);
	IS_REFUSED("it was not to be kept", .version = TLS1_3_VERSION, .resumption = SESSION_IDS,
		   .tune = server_gives_no_lifetime);
}

static int chain_len;

/* as many certificates as make so many bytes, whatever they are */
static void server_sends_certificates(SSL_CTX *ctx)
{
	X509 *x509 = pki()->root->x509;
	int len;

	for (len = 0; len < chain_len; len += i2d_X509(x509, NULL))
		REQUIRE(SSL_CTX_add1_chain_cert(ctx, x509) == 1);
}

/* From handshakes; what is saved has the peer's own alone where the rest does not fit. */
static void certificates_over_48_kib(void)
{
	int version, is_kept;
	struct rig rig;

	FOR_EACH_VERSION(version) {
		for (is_kept = 0; is_kept < 2; is_kept++) {
			chain_len = is_kept ? 46 * 1024 : 48 * 1024;
			RIG_UP(&rig, .server = { .version = version,
						 .tune = server_sends_certificates });
			log_capture(LLL_INFO);
			RIG_VISIT(&rig, MISS);
			CHECK_INT(log_has("certificates are too large"), !is_kept);
			log_release();
			if (is_kept)
				RIG_VISIT(&rig, RESUMED);
			else
				RIG_VISIT(&rig, MISS);
			CHECK_INT(stats_of(rig.vh).entries, is_kept);
			rig_down(&rig);
		}
	}
}

TEST_PROGRAM(
	CASE(certificates_over_48_kib),
	CASE(neither_an_id_nor_a_ticket),
	CASE(a_ticket_over_16_kib),
	CASE(a_hint_of_zero))
