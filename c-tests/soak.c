/*
 * soak [SECONDS [SEED]] - what a long-lived program does, for as long as asked
 *
 * Eight threads connect to 200 endpoints through one vhost that holds 50, and
 * through vhosts that come and go; they hang up in all manners, save and load.
 * No connection may fail, memory may not grow after a third of the time, and
 * what the vhosts and the servers count must add up.
 */

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "blob.h"
#include "client_openssl.h"
#include "observe.h"

#define THREADS		8
#define ENDPOINTS	200
#define CACHE_MAX	50
#define FAVOURITES	20	/* endpoints that half of all connections go to */
#define GROWTH		(2 << 20)

enum { TLS12, TLS13, SERVERS };

static struct server *servers[SERVERS];
static struct lws_vhost *shared;
static struct client *shared_client;
static atomic_bool stop;
static atomic_ullong connections, resumptions, vhosts, saves, loads;

struct worker {
	pthread_t	thread;
	uint64_t	state;		/* of its random numbers */
};

/* xorshift64*: reproducible, and of each thread's own */
static uint32_t pick(struct worker *worker, uint32_t below)
{
	worker->state ^= worker->state >> 12;
	worker->state ^= worker->state << 25;
	worker->state ^= worker->state >> 27;

	return (uint32_t)(worker->state * 0x2545f4914f6cdd1d >> 32) % below;
}

struct endpoint {
	char		host[64];
	struct server	*server;
};

static struct endpoint pick_endpoint(struct worker *worker)
{
	uint32_t n = pick(worker, pick(worker, 2) ? FAVOURITES : ENDPOINTS);
	struct endpoint endpoint = { .server = servers[n % SERVERS] };

	snprintf(endpoint.host, sizeof(endpoint.host), "e%" PRIu32 DOMAIN, n);

	return endpoint;
}

/* One connection: it must succeed, whatever the library decides. */
static void connect_once(struct worker *worker, struct client *client)
{
	static const char *const orders[] = { "nothing", "ticket", "bye", "reset" };
	struct endpoint endpoint = pick_endpoint(worker);
	struct dial dial = { .server = endpoint.server, .host = endpoint.host };
	const char *order = orders[pick(worker, ARRAY_SIZE(orders))];
	struct conn *conn;
	char line[64];

	dial.silent = pick(worker, 2);
	dial.nonblocking = pick(worker, 2);
	if (!strcmp(order, "ticket") && endpoint.server == servers[TLS12])
		order = "nothing";

	conn = conn_new(client, &dial);
	CHECK(conn_handshake(conn));
	CHECK(conn_read_line(conn, line, sizeof(line)));
	atomic_fetch_add(&connections, 1);
	atomic_fetch_add(&resumptions, conn_resumed(conn));
	CHECK_INT(SSL_get_verify_result(conn_ssl(conn)), X509_V_OK);

	switch (pick(worker, 4)) {
	case 0:		/* the server hangs up, or resets, or goes on */
		(void)!conn_order(conn, order);
		break;
	case 1:		/* in the middle of what the server says */
		(void)!conn_send(conn, "nothing\n");
		break;
	default:
		break;
	}
	if (pick(worker, 3))
		conn_close(conn);
	else
		conn_drop(conn);
}

/* Saved in one vhost, loaded in another that lives for a moment. */
static int save_to(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct blob *blob = info->opaque;

	(void)cx;
	*blob = blob_copy(&(struct blob){ info->blob, info->blob_len }, info->blob_len);

	return 0;
}

static void make_vhost(struct worker *worker)
{
	static const uint64_t options[] = { 0, LWS_TLS_SESSION_OPTION_SINGLE_USE };
	struct lws_tls_session_vhost_info info = {
		.options = options[pick(worker, 2)],
		.tls_session_cache_max = 1 + pick(worker, 5),
	};
	struct lws_vhost *vh = lws_tls_session_vhost_create(&info);
	struct client *client = client_new(&(struct client_config){ .vh = vh });
	struct endpoint endpoint = pick_endpoint(worker);
	struct blob blob = { 0 };
	uint32_t n;

	atomic_fetch_add(&vhosts, 1);
	if (!lws_tls_session_dump_save(shared, endpoint.host, server_port(endpoint.server),
				       save_to, &blob)) {
		atomic_fetch_add(&saves, 1);
		CHECK_INT(blob_load(vh, endpoint.host, server_port(endpoint.server), &blob), 0);
		atomic_fetch_add(&loads, 1);
	}
	blob_free(&blob);
	for (n = pick(worker, 4); n; n--)
		connect_once(worker, client);
	/* the client may outlive its vhost */
	if (pick(worker, 2)) {
		lws_tls_session_vh_destroy(vh);
		connect_once(worker, client);
		client_free(client);
	} else {
		client_free(client);
		lws_tls_session_vh_destroy(vh);
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	while (!atomic_load(&stop))
		switch (pick(worker, 64)) {
		case 0:
			make_vhost(worker);
			break;
		case 1:
			lws_tls_session_service(NULL);
			break;
		case 2:
			if (!pick(worker, 20))
				lws_tls_session_vhost_flush(shared);
			break;
		default:
			connect_once(worker, shared_client);
			break;
		}

	return NULL;
}

static void start_servers(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	/* as many as are asked for, so that the server's own memory does not grow for long */
	SSL_CTX_sess_set_cache_size(ctx, 2 * ENDPOINTS);
	servers[TLS12] = server_start(&(struct server_config){
		.version = TLS1_2_VERSION, .resumption = SESSION_IDS, .ctx = ctx });
	SSL_CTX_free(ctx);
	servers[TLS13] = server_start(&(struct server_config){
		.version = TLS1_3_VERSION, .resumption = TICKETS });
}

/* Bytes that the process has allocated, the highest of some looks. */
static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* The mean of so many seconds. */
static size_t mean_allocated(unsigned int seconds)
{
	size_t sum = 0;
	unsigned int n;

	for (n = 0; n < 10 * seconds; n++) {
		usleep(100000);
		sum += allocated();
	}

	return sum / n;
}

static void check_sums(void)
{
	struct lws_tls_session_stats stats = stats_of(shared);
	unsigned long long handshakes = 0, resumed = 0;
	size_t n;

	for (n = 0; n < SERVERS; n++) {
		handshakes += server_seen(servers[n]).handshakes;
		resumed += server_seen(servers[n]).resumed;
	}
	CHECK_INT(handshakes, atomic_load(&connections));
	CHECK_INT(resumed, atomic_load(&resumptions));

	CHECK_INT(stats.offered, stats.resumed + stats.declined);
	CHECK_INT(stats.handshakes, stats.offered + stats.missed);
	CHECK_INT(stats.unsuitable + stats.unverified, 0);
	CHECK_RANGE(stats.entries, 1, CACHE_MAX);
	CHECK_RANGE(stats.sessions, stats.entries, 4 * CACHE_MAX);
	/* what came is there, or was counted as it went, or was declined, or flushed */
	CHECK_RANGE(stats.stored - stats.replaced - stats.evicted - stats.expired,
		    stats.sessions, stats.stored);
	CHECK(stats.resumed > stats.handshakes / 4);
	CHECK(stats.evicted > 0);
	CHECK_INT(stats.saved, atomic_load(&saves));

	printf("%llu connections, %llu resumed, %llu vhosts, %llu saves, %llu loads; shared vhost: "
	       "%" PRIu64 " handshakes, %" PRIu64 " resumed, %" PRIu64 " declined, %" PRIu64
	       " missed, %" PRIu64 " stored, %" PRIu64 " evicted\n",
	       atomic_load(&connections), atomic_load(&resumptions), atomic_load(&vhosts),
	       atomic_load(&saves), atomic_load(&loads), stats.handshakes, stats.resumed,
	       stats.declined, stats.missed, stats.stored, stats.evicted);
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? (unsigned int)atoi(argv[1]) : 60, n;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	struct worker workers[THREADS];
	size_t warm, end;

	if (seconds < 3) {
		fprintf(stderr, "usage: soak [SECONDS, 3 or more [SEED]]\n");
		return 2;
	}
	printf("soak: %u s, seed %" PRIu64 "\n", seconds, seed);
	fflush(stdout);
	signal(SIGPIPE, SIG_IGN);
	log_capture(LLL_ERR);
	start_servers();
	shared = lws_tls_session_vhost_create(&(struct lws_tls_session_vhost_info){
		.vhost_name = "soak", .tls_session_cache_max = CACHE_MAX });
	shared_client = client_new(&(struct client_config){ .vh = shared });

	for (n = 0; n < THREADS; n++) {
		workers[n].state = (seed + n + 1) * 0x9e3779b97f4a7c15;
		REQUIRE(!pthread_create(&workers[n].thread, NULL, work, &workers[n]));
	}
	sleep(seconds / 3);
	warm = mean_allocated(seconds / 3);
	end = mean_allocated(seconds - 2 * (seconds / 3));
	atomic_store(&stop, true);
	for (n = 0; n < THREADS; n++)
		pthread_join(workers[n].thread, NULL);

	printf("allocated: %zu KiB after a third, %zu KiB at the end\n", warm >> 10, end >> 10);
	CHECK_RANGE(end, 0, warm + GROWTH);
	CHECK_INT(log_lines(), 0);
	check_sums();

	client_free(shared_client);
	lws_tls_session_vh_destroy(shared);
	for (n = 0; n < SERVERS; n++)
		server_stop(servers[n]);
	printf("soak: passed\n");

	return 0;
}
