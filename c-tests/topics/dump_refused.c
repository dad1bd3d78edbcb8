/*
 * What loading refuses: each time with 1, a line in the log, and the blob freed.
 */

#include <stdlib.h>
#include <string.h>


#include "blob.h"
#include "clock.h"
#include "rig.h"

/* a rig with a saved session, and nothing in its vhost */
struct loading {
	struct rig	rig;
	uint16_t	port;
	struct blob	blob;
	unsigned int	refused;
};

static void loading_up(struct loading *loading, int version)
{
	log_capture(LLL_ERR | LLL_WARN);
	RIG_UP(&loading->rig, .server = { .version = version },
	       .vhost = { .tls_session_timeout = 1000 });
	RIG_VISIT(&loading->rig, MISS);
	loading->port = server_port(loading->rig.server);
	loading->blob = blob_save(loading->rig.vh, HOST, loading->port);
	lws_tls_session_vhost_flush(loading->rig.vh);
	loading->refused = 0;
}

static void loading_down(struct loading *loading)
{
	blob_free(&loading->blob);
	rig_down(&loading->rig);
	log_release();
	clock_reset();
}

static void check_refused(struct loading *loading, const struct blob *blob)
{
	log_clear();
	CHECK_INT(blob_load(loading->rig.vh, HOST, loading->port, blob), 1);
	CHECK_INT(log_lines(), 1);
	CHECK(log_has(HOST));
	loading->refused++;
	CHECK_INT(stats_of(loading->rig.vh).load_refused, loading->refused);
	CHECK_INT(stats_of(loading->rig.vh).loaded, 0);
	CHECK_INT(stats_of(loading->rig.vh).entries, 0);
}

/* And where nothing is wrong it loads: what was refused was refused for its reason. */
static void check_loads(struct loading *loading, const struct blob *blob)
{
	log_clear();
	CHECK_INT(blob_load(loading->rig.vh, HOST, loading->port, blob), 0);
	CHECK_INT(log_lines(), 0);
	CHECK_INT(stats_of(loading->rig.vh).loaded, 1);
	RIG_VISIT(&loading->rig, RESUMED);
}

static void no_blob(void)
{
	struct loading loading;
	struct blob empty;

	loading_up(&loading, client_newest());
	check_refused(&loading, &(struct blob){ 0 });
	empty = blob_copy(&loading.blob, 0);
	check_refused(&loading, &empty);
	blob_free(&empty);
	check_loads(&loading, &loading.blob);
	loading_down(&loading);
}

static void over_64_kib(void)
{
	struct blob large = { calloc(1, 65537), 65537 };
	struct loading loading;

	REQUIRE(large.data);
	loading_up(&loading, TLS1_2_VERSION);
	memcpy(large.data, loading.blob.data, loading.blob.len);
	check_refused(&loading, &large);
	CHECK(log_has("64 KiB"));
	blob_free(&large);
	check_loads(&loading, &loading.blob);
	loading_down(&loading);
}

static void not_der(void)
{
	unsigned char text[] = "this is no session", one[] = { 0x30 };
	struct loading loading;
	struct blob changed;
	int version;

	FOR_EACH_VERSION(version) {
		loading_up(&loading, version);
		check_refused(&loading, &(struct blob){ text, sizeof(text) });
		check_refused(&loading, &(struct blob){ one, sizeof(one) });
		changed = blob_copy(&loading.blob, loading.blob.len);
		changed.data[0] ^= 1;
		check_refused(&loading, &changed);
		blob_free(&changed);
		check_loads(&loading, &loading.blob);
		loading_down(&loading);
	}
}

/* Wherever it is cut: but what is left between both parts is a session as lws writes it. */
static void cut_short(void)
{
	struct loading loading;
	struct blob cut;
	size_t len;
	int version;

	FOR_EACH_VERSION(version) {
		loading_up(&loading, version);
		for (len = 1; len < loading.blob.len; len += 37) {
			if (len == blob_session_len(&loading.blob))
				continue;
			cut = blob_copy(&loading.blob, len);
			check_refused(&loading, &cut);
			blob_free(&cut);
		}
		cut = blob_copy(&loading.blob, loading.blob.len - 1);
		check_refused(&loading, &cut);
		blob_free(&cut);
		cut = blob_copy(&loading.blob, blob_session_len(&loading.blob) + 1);
		check_refused(&loading, &cut);
		blob_free(&cut);
		check_loads(&loading, &loading.blob);
		loading_down(&loading);
	}
}

static void bits_of_the_record_flipped(void)
{
	struct loading loading;
	size_t at;

	loading_up(&loading, client_newest());
	for (at = blob_session_len(&loading.blob); at < loading.blob.len; at += 13) {
		loading.blob.data[at] ^= 1 << at % 8;
		check_refused(&loading, &loading.blob);
		loading.blob.data[at] ^= 1 << at % 8;
	}
	check_loads(&loading, &loading.blob);
	loading_down(&loading);
}

static void expired(void)
{
	struct loading loading;
	int version;

	FOR_EACH_VERSION(version) {
		loading_up(&loading, version);
		clock_pass(1001);
		check_refused(&loading, &loading.blob);
		CHECK(log_has("expired"));
		clock_pass(-500);
		check_loads(&loading, &loading.blob);
		loading_down(&loading);
	}
}

static void issued_in_the_future(void)
{
	struct loading loading;
	int version;

	FOR_EACH_VERSION(version) {
		loading_up(&loading, version);
		clock_set_wall(-7200);
		check_refused(&loading, &loading.blob);
		CHECK(log_has("future"));
		clock_set_wall(7200);
		check_loads(&loading, &loading.blob);
		loading_down(&loading);
	}
}

static void of_another_endpoint(void)
{
	struct loading loading;
	struct lws_vhost *vh;
	int version;

	FOR_EACH_VERSION(version) {
		loading_up(&loading, version);
		vh = loading.rig.vh;
		CHECK_INT(blob_load(vh, HOST_A, loading.port, &loading.blob), 1);
		CHECK_INT(log_lines(), 1);
		CHECK_INT(blob_load(vh, HOST, loading.port ^ 1, &loading.blob), 1);
		CHECK_INT(log_lines(), 2);
		CHECK_INT(stats_of(vh).load_refused, 2);
		CHECK_HOSTS(vh, "");
		check_loads(&loading, &loading.blob);
		loading_down(&loading);
	}
}

/* That of gzip, RFC 1952 8 */
static uint32_t crc32_of(const unsigned char *data, size_t len)
{
	uint32_t crc = 0xffffffff;
	int bit;

	while (len--)
		for (crc ^= *data++, bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);

	return ~crc;
}

/*
 * A record begins with "LWSTLSSE", its version and the backend, and ends with
 * the CRC-32 of everything before.
 */
static struct blob with_record_byte(const struct blob *blob, size_t at, unsigned char value)
{
	struct blob changed = blob_copy(blob, blob->len);
	unsigned char *end = changed.data + changed.len - 4;
	uint32_t crc;
	int i;

	REQUIRE(!memcmp(changed.data + blob_session_len(blob), "LWSTLSSE", 8));
	changed.data[blob_session_len(blob) + at] = value;
	crc = crc32_of(changed.data, changed.len - 4);
	for (i = 0; i < 4; i++)
		end[i] = (unsigned char)(crc >> (24 - 8 * i));

	return changed;
}

static void of_another_backend_or_a_newer_version(void)
{
	struct loading loading;
	struct blob changed;

	loading_up(&loading, client_newest());
	changed = with_record_byte(&loading.blob, 9, 0x7f);
	check_refused(&loading, &changed);
	CHECK(log_has("another TLS library"));
	blob_free(&changed);

	changed = with_record_byte(&loading.blob, 8, 2);
	check_refused(&loading, &changed);
	CHECK(log_has("version"));
	blob_free(&changed);

	changed = with_record_byte(&loading.blob, 8, 1);
	check_loads(&loading, &changed);
	blob_free(&changed);
	loading_down(&loading);
}

static int not_to_be_called(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;
	(void)info;
	CHECK(!"the callback is called");

	return 1;
}

static void an_endpoint_that_is_there(void)
{
	struct loading loading;
	struct lws_vhost *vh;
	int version;

	FOR_EACH_VERSION(version) {
		loading_up(&loading, version);
		vh = loading.rig.vh;
		RIG_VISIT(&loading.rig, MISS);
		CHECK_INT(lws_tls_session_dump_load(vh, HOST, loading.port,
						    not_to_be_called, NULL), 1);
		CHECK_INT(stats_of(vh).loaded, 0);
		RIG_VISIT(&loading.rig, RESUMED);

		/* nor does a second load replace the first */
		lws_tls_session_vhost_flush(vh);
		CHECK_INT(blob_load(vh, HOST, loading.port, &loading.blob), 0);
		CHECK_INT(blob_load(vh, HOST, loading.port, &loading.blob), 1);
		CHECK_INT(stats_of(vh).sessions, 1);
		loading_down(&loading);
	}
}

/* Who can write the file cannot say who is trusted. */
static void loaded_sessions_are_verified(void)
{
	struct client *stranger;
	struct loading loading;
	int version;

	FOR_EACH_VERSION(version) {
		loading_up(&loading, version);
		stranger = client_new(&(struct client_config){
			.vh = loading.rig.vh, .trust = pki()->stranger });
		CHECK_INT(blob_load(loading.rig.vh, HOST, loading.port, &loading.blob), 0);
		CHECK_FAILS(stranger, &loading.rig.dial);
		CHECK_INT(stats_of(loading.rig.vh).unverified, 1);
		CHECK_INT(server_seen(loading.rig.server).offers, 0);
		client_free(stranger);
		loading_down(&loading);
	}
}

TEST_PROGRAM(
	CASE(no_blob),
	CASE(over_64_kib),
	CASE(not_der),
	CASE(cut_short),
	CASE(bits_of_the_record_flipped),
	CASE(expired),
	CASE(issued_in_the_future),
	CASE(of_another_endpoint),
	CASE(of_another_backend_or_a_newer_version),
	CASE(an_endpoint_that_is_there),
	CASE(loaded_sessions_are_verified))
