/*
 * What loading a saved session costs, beside one d2i_SSL_SESSION() of it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lws-tls-sessions.h>

#include "peers.h"

static const char usage[] =
	"usage: load --mode load|d2i [--tls 1.2|1.3] [--key rsa|p256] [--count N]\n"
	"       load --time [--tls 1.2|1.3] [--key rsa|p256]\n"
	"\n"
	"For callgrind to count; or the time of each, and of loading where there are few sessions\n"
	"and where there are many\n";

struct blob {
	unsigned char	*bytes;
	size_t		len;
};

static int save(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct blob *blob = info->opaque;

	(void)cx;
	blob->bytes = malloc(info->blob_len);
	NEED(blob->bytes);
	memcpy(blob->bytes, info->blob, info->blob_len);
	blob->len = info->blob_len;

	return 0;
}

static int give(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	const struct blob *blob = info->opaque;

	(void)cx;
	info->blob = malloc(blob->len);
	NEED(info->blob);
	memcpy(info->blob, blob->bytes, blob->len);
	info->blob_len = blob->len;

	return 0;
}

__attribute__((noinline))
int measured_load(struct lws_vhost *vh, const char *host, uint16_t port, struct blob *blob)
{
	int result = lws_tls_session_dump_load(vh, host, port, give, blob);

	__asm__ volatile("" ::: "memory");

	return result;
}

__attribute__((noinline))
SSL_SESSION *measured_d2i(const struct blob *blob)
{
	const unsigned char *at = blob->bytes;
	SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, (long)blob->len);

	__asm__ volatile("" ::: "memory");

	return session;
}

static void get_blob(struct peers *peers, const char *host, struct blob *blob)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	struct conn conn;

	peers->name = host;
	NEED(!lws_tls_session_vhost_attach(vh, peers->client));
	NEED(!conn_open(&conn, peers, NULL, false));
	conn_close(&conn, false);
	NEED(!lws_tls_session_dump_save(vh, host, peers->port, save, blob));
	lws_tls_session_vh_destroy(vh);
}

static double time_load(struct lws_vhost *vh, const char *host, uint16_t port, struct blob *blob)
{
	double begun = bench_microseconds();

	NEED(!measured_load(vh, host, port, blob));

	return bench_microseconds() - begun;
}

static double time_d2i(const struct blob *blob)
{
	double begun = bench_microseconds(), took;
	SSL_SESSION *session = measured_d2i(blob);

	took = bench_microseconds() - begun;
	SSL_SESSION_free(session);

	return took;
}

/* bare DER, which loads for any endpoint */
static void load_number(struct lws_vhost *vh, int number, struct blob *blob, double *took)
{
	char host[HOST_SIZE];

	snprintf(host, sizeof(host), HOST_FORMAT, number);
	*took = time_load(vh, host, 443, blob);
}

#define FEW	10
#define MANY	10000
#define TIMES	400

/* the few and the many take turns */
static void take_times_by_count(struct lws_vhost *many, struct blob *blob)
{
	struct lws_vhost *few = lws_tls_session_vhost_create(NULL);
	double few_took[TIMES], many_took[TIMES];
	int i;

	for (i = 0; i < MANY; i++) {
		int turn = i - (MANY - TIMES);

		load_number(many, i, blob, &many_took[turn < 0 ? 0 : turn]);
		if (turn < 0)
			continue;
		if (!(turn % FEW))
			lws_tls_session_vhost_flush(few);
		load_number(few, turn % FEW, blob, &few_took[turn]);
	}
	printf("few\t%.2f\n", bench_median(few_took, TIMES));
	printf("many\t%.2f\n", bench_median(many_took, TIMES));
	lws_tls_session_vh_destroy(few);
}

int main(int argc, char **argv)
{
	struct lws_tls_session_vhost_info info = { .tls_session_cache_max = MANY };
	struct peers_config config = {
		.version = bench_version(argv),
		.rsa = !strcmp(bench_value(argv, "key", "p256"), "rsa"),
	};
	bool loads = !strcmp(bench_value(argv, "mode", ""), "load");
	int count = atoi(bench_value(argv, "count", "20")), i;
	char (*hosts)[HOST_SIZE];
	struct lws_vhost *vh;
	struct peers peers;
	struct blob *blobs;

	if (argc < 2 || count < 2) {
		fputs(usage, stderr);
		return 2;
	}
	peers_up(&peers, &config);
	vh = lws_tls_session_vhost_create(&info);
	blobs = calloc((size_t)count, sizeof(*blobs));
	hosts = calloc((size_t)count, sizeof(*hosts));
	NEED(blobs && hosts);
	for (i = 0; i < count; i++) {
		snprintf(hosts[i], HOST_SIZE, HOST_FORMAT, i);
		get_blob(&peers, hosts[i], &blobs[i]);
	}

	if (bench_flag(argv, "time")) {
		const unsigned char *at = blobs[0].bytes;
		double *load = calloc((size_t)count, sizeof(*load));
		double *d2i = calloc((size_t)count, sizeof(*d2i));

		NEED(load && d2i);
		for (i = 0; i < count; i++) {
			/* who goes first finds the caches cold */
			if (i % 2)
				d2i[i] = time_d2i(&blobs[i]);
			load[i] = time_load(vh, hosts[i], peers.port, &blobs[i]);
			if (!(i % 2))
				d2i[i] = time_d2i(&blobs[i]);
		}
		printf("load\t%.2f\n", bench_median(load, count));
		printf("d2i\t%.2f\n", bench_median(d2i, count));
		lws_tls_session_vhost_flush(vh);
		SSL_SESSION_free(d2i_SSL_SESSION(NULL, &at, (long)blobs[0].len));
		blobs[0].len = (size_t)(at - blobs[0].bytes);
		take_times_by_count(vh, &blobs[0]);
		return 0;
	}
	for (i = 0; i < count; i++) {
		if (i == 1)	/* the first is for all that happens once */
			bench_begin();
		if (loads)
			NEED(!measured_load(vh, hosts[i], peers.port, &blobs[i]));
		else
			SSL_SESSION_free(measured_d2i(&blobs[i]));
	}

	return 0;
}
