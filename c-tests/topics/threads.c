/*
 * Many threads and many connections at once.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "blob.h"
#include "rig.h"

#define THREADS		8
#define VISITS		12
#define AT_ONCE		64

static void run_threads(void *(*run)(void *), void *arg)
{
	pthread_t threads[THREADS];
	size_t n;

	for (n = 0; n < THREADS; n++)
		REQUIRE(!pthread_create(&threads[n], NULL, run, arg));
	for (n = 0; n < THREADS; n++)
		pthread_join(threads[n], NULL);
}

/* Each in turn to every host, through one vhost and one client. */
static void *keep_reconnecting(void *arg)
{
	struct rig *rig = arg;
	/* not .server: it is not alone with us */
	struct dial dial = { .port = server_port(rig->server), .vh = rig->dial.vh };
	char host[32];
	int n;

	for (n = 0; n < VISITS; n++) {
		snprintf(host, sizeof(host), "h%d" DOMAIN, n % 3);
		dial.host = host;
		CHECK_VISIT(rig->client, &dial, RESUMED);
	}

	return NULL;
}

static void many_threads_reconnect_through_one_vhost(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		CHECK_OUTCOME(rig_visit_host(&rig, "h0" DOMAIN), MISS);
		CHECK_OUTCOME(rig_visit_host(&rig, "h1" DOMAIN), MISS);
		CHECK_OUTCOME(rig_visit_host(&rig, "h2" DOMAIN), MISS);
		run_threads(keep_reconnecting, &rig);

		CHECK_INT(server_seen(rig.server).handshakes, 3 + THREADS * VISITS);
		CHECK_INT(server_seen(rig.server).resumed, THREADS * VISITS);
		CHECK_INT(stats_of(rig.vh).handshakes, 3 + THREADS * VISITS);
		CHECK_INT(stats_of(rig.vh).offered, THREADS * VISITS);
		CHECK_INT(stats_of(rig.vh).resumed, THREADS * VISITS);
		CHECK_INT(stats_of(rig.vh).entries, 3);
		rig_down(&rig);
	}
}

/* 64 connections begin before the first has ended, all from one cached session. */
static void sixty_four_at_once_from_one_session(void)
{
	const struct way *way;
	struct conn *conns[AT_ONCE];
	struct rig rig;
	size_t n;

	FOR_EACH_WAY(way) {
		RIG_UP(&rig, .server = { .version = way->version,
					 .resumption = way->resumption, .tickets = 1 },
		       .vhost = { .options = way->options });
		RIG_VISIT(&rig, MISS);
		CHECK_INT(stats_of(rig.vh).sessions, 1);

		rig.dial.nonblocking = true;
		server_hold(rig.server, true);
		for (n = 0; n < AT_ONCE; n++) {
			conns[n] = conn_new(rig.client, &rig.dial);
			conn_start(conns[n]);
		}
		CHECK_INT(stats_of(rig.vh).offered, AT_ONCE);
		CHECK_INT(stats_of(rig.vh).handshakes, 1);
		server_hold(rig.server, false);
		for (n = 0; n < AT_ONCE; n++) {
			CHECK(conn_greet(conns[n]));
			CHECK(conn_resumed(conns[n]));
			CHECK_OUTCOME(lws_tls_session_outcome(conn_wsi(conns[n])), RESUMED);
		}
		for (n = 0; n < AT_ONCE; n++)
			conn_close(conns[n]);

		CHECK_INT(server_seen(rig.server).resumed, AT_ONCE);
		CHECK_INT(stats_of(rig.vh).resumed, AT_ONCE);
		rig_down(&rig);
	}
}

/* Every thread its vhost, all on one client. */
static void *reconnect_as_a_vhost(void *arg)
{
	struct rig *rig = arg;
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	struct dial dial = { .port = server_port(rig->server), .vh = vh };

	CHECK_VISIT(rig->client, &dial, MISS);
	CHECK_INT(visits(rig->client, &dial, 9), 9);
	CHECK_INT(stats_of(vh).handshakes, 10);
	lws_tls_session_vh_destroy(vh);

	return NULL;
}

static void a_vhost_for_each_thread(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		run_threads(reconnect_as_a_vhost, &rig);
		CHECK_INT(server_seen(rig.server).resumed, THREADS * 9);
		rig_down(&rig);
	}
}

struct commotion {
	struct rig	*rig;
	pthread_t	thread;
	atomic_bool	stop;
};

static int look(struct lws_vhost *vh, const struct lws_tls_session_entry *entry, void *opq)
{
	(void)vh;
	(void)opq;

	return !entry->host;
}

static int keep_nothing(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;

	return !info->blob;
}

static int bring_nothing(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;
	(void)info;

	return 1;
}

/* Everything else that can be done to a vhost, while others connect through it. */
static void *cause_commotion(void *arg)
{
	struct commotion *commotion = arg;
	struct lws_vhost *vh = commotion->rig->vh, *other;
	uint16_t port = server_port(commotion->rig->server);
	struct lws_tls_session_stats stats;
	unsigned int n;

	for (n = 0; !atomic_load(&commotion->stop); n++) {
		lws_tls_session_foreach(vh, look, NULL);
		lws_tls_session_get_stats(vh, &stats, sizeof(stats));
		lws_tls_session_dump_save(vh, "h0" DOMAIN, port, keep_nothing, NULL);
		lws_tls_session_dump_load(vh, "h9" DOMAIN, port, bring_nothing, NULL);
		lws_tls_session_service(NULL);
		lws_tls_session_cache(vh, 1000 + n % 2);
		if (n % 3 == 0)
			lws_tls_session_forget(vh, "h1" DOMAIN, port);
		if (n % 5 == 0)
			lws_tls_session_vhost_flush(vh);
		other = lws_tls_session_vhost_create(NULL);
		lws_tls_session_vh_destroy(other);
		usleep(500);
	}

	return NULL;
}

static void *keep_connecting(void *arg)
{
	struct rig *rig = arg;
	struct dial dial = { .port = server_port(rig->server) };
	char host[32];
	int n;

	for (n = 0; n < VISITS; n++) {
		snprintf(host, sizeof(host), "h%d" DOMAIN, n % 3);
		dial.host = host;
		CHECK(visit(rig->client, &dial) >= 0);
	}

	return NULL;
}

static void no_connection_fails_whatever_others_do(void)
{
	struct commotion commotion = { 0 };
	struct lws_tls_session_stats stats;
	struct rig rig;
	int version;

	/* failed loads are warned of */
	log_capture(0);
	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		commotion.rig = &rig;
		atomic_store(&commotion.stop, false);
		REQUIRE(!pthread_create(&commotion.thread, NULL, cause_commotion,
					&commotion));
		run_threads(keep_connecting, &rig);
		atomic_store(&commotion.stop, true);
		pthread_join(commotion.thread, NULL);

		stats = stats_of(rig.vh);
		CHECK_INT(stats.handshakes, THREADS * VISITS);
		CHECK_INT(stats.offered + stats.missed, THREADS * VISITS);
		CHECK_INT(stats.resumed + stats.declined, stats.offered);
		CHECK_INT(server_seen(rig.server).resumed, stats.resumed);
		rig_down(&rig);
	}
	log_release();
}

TEST_PROGRAM(
	CASE(many_threads_reconnect_through_one_vhost),
	CASE(sixty_four_at_once_from_one_session),
	CASE(a_vhost_for_each_thread),
	CASE(no_connection_fails_whatever_others_do))
