/*
 * Processes that fork and exit, whatever their threads are doing.
 */

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client_openssl.h"
#include "rig.h"

#define CHILD_TIMEOUT_SECS	30

/* What the server has seen a child cannot look up, so it only knows the port. */
static void dial_by_port(struct rig *rig)
{
	rig->dial = (struct dial){ .port = server_port(rig->server) };
}

/*
 * Runs it in a child.  The child tells by a byte that it came to its end: its
 * status also counts what it inherited, where a tool looks for leaks.
 */
static void in_child(void (*run)(void *), void *arg)
{
	int ends[2], status;
	char byte = 0;
	pid_t child;

	REQUIRE(!pipe(ends));
	child = fork();
	REQUIRE(child >= 0);
	if (!child) {
		alarm(CHILD_TIMEOUT_SECS);
		run(arg);
		(void)!write(ends[1], "x", 1);
		_exit(0);
	}
	close(ends[1]);
	while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
		;
	close(ends[0]);
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK(!WIFSIGNALED(status));
	CHECK_INT(byte, 'x');
}

static atomic_bool looks;

static int look_at_library(struct dl_phdr_info *info, size_t len, void *arg)
{
	volatile int n;

	(void)info;
	(void)len;
	(void)arg;
	/* the loader's lock is held for a while */
	for (n = 0; n < 2000; n++)
		;

	return 0;
}

static void *look_at_libraries(void *arg)
{
	(void)arg;
	while (looks)
		dl_iterate_phdr(look_at_library, NULL);

	return NULL;
}

static void attach_one(void *arg)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	(void)arg;
	REQUIRE(vh && ctx);
	CHECK_INT(lws_tls_session_vhost_attach(vh, ctx), 0);
	SSL_CTX_free(ctx);
	lws_tls_session_vh_destroy(vh);
}

/*
 * First of all cases: nothing has been attached. What the loader's lock guards is looked at
 * before the program begins, and in no child: its lock is not made anew there.
 */
static void a_child_of_a_process_that_looks_at_its_libraries(void)
{
	pthread_t thread;
	int n;

	SSL_CTX_free(SSL_CTX_new(TLS_client_method()));
	looks = true;
	REQUIRE(!pthread_create(&thread, NULL, look_at_libraries, NULL));
	for (n = 0; n < 20; n++)
		in_child(attach_one, NULL);
	looks = false;
	pthread_join(thread, NULL);
}

static void use_cache(void *arg)
{
	struct rig *rig = arg;

	RIG_VISIT(rig, RESUMED);
	CHECK_INT(rig_visit_host(rig, HOST_A), LWS_TLS_SESSION_OUTCOME_MISS);
	CHECK_INT(rig_visit_host(rig, HOST_A), LWS_TLS_SESSION_OUTCOME_RESUMED);
	lws_tls_session_vhost_flush(rig->vh);
	RIG_VISIT(rig, MISS);
}

static void a_child_that_uses_the_cache(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		dial_by_port(&rig);
		RIG_VISIT(&rig, MISS);
		server_await_idle(rig.server);
		in_child(use_cache, &rig);
		/* what the child did is its own */
		RIG_VISIT(&rig, RESUMED);
		CHECK_HOSTS(rig.vh, HOST);
		rig_down(&rig);
	}
}

/*
 * Threads that hold the library's locks as often as they can. They keep clear
 * of OpenSSL, whose own locks no child can count on.
 */
struct busy {
	struct rig	rig;
	struct lws	*wsi;
	atomic_bool	stop;
	bool		is_child;
};

/* What a thread was changing at that moment a child has empty, or does not have. */
static void touch_everything(struct busy *busy)
{
	struct lws_vhost *vh = busy->rig.vh, *own = lws_tls_session_vhost_create(NULL);
	struct lws_tls_session_stats stats;
	char tag[LWS_SESSION_TAG_LEN];
	int seen = 0, forgot, looked, told, tagged, outcome;

	REQUIRE(own);
	lws_tls_session_cache(vh, 3600);
	forgot = lws_tls_session_forget(vh, HOST_A, 1);
	looked = lws_tls_session_foreach(vh, count_entry, &seen);
	told = lws_tls_session_get_stats(vh, &stats, sizeof(stats));
	(void)lws_tls_session_service(NULL);
	outcome = lws_tls_session_outcome(busy->wsi);
	tagged = lws_tls_session_tag_from_wsi(busy->wsi, tag, sizeof(tag));
	lws_tls_session_vh_destroy(own);
	if (busy->is_child) {
		CHECK_RANGE(seen, 0, 1);
		return;
	}
	CHECK_INT(forgot, 1);
	CHECK_INT(looked, 0);
	CHECK_INT(seen, 1);
	CHECK_INT(told, 0);
	CHECK_OUTCOME(outcome, RESUMED);
	CHECK_INT(tagged, 0);
}

static void *be_busy(void *arg)
{
	struct busy *busy = arg;

	while (!atomic_load(&busy->stop))
		touch_everything(busy);

	return NULL;
}

static void touch_everything_in_child(void *arg)
{
	struct busy *busy = arg;
	int n;

	log_capture(0);	/* of handles that are unknown */
	busy->is_child = true;
	for (n = 0; n < 10; n++)
		touch_everything(busy);
}

static void a_child_of_a_busy_process(void)
{
	struct busy busy = { .stop = false };
	pthread_t threads[4];
	struct conn *conn;
	char line[64];
	size_t n;

	RIG_UP(&busy.rig, .server = { .version = TLS1_2_VERSION });
	dial_by_port(&busy.rig);
	RIG_VISIT(&busy.rig, MISS);
	conn = conn_new(busy.rig.client, &busy.rig.dial);
	CHECK(conn_handshake(conn));
	CHECK(conn_read_line(conn, line, sizeof(line)));
	busy.wsi = conn_wsi(conn);

	for (n = 0; n < ARRAY_SIZE(threads); n++)
		REQUIRE(!pthread_create(&threads[n], NULL, be_busy, &busy));
	for (n = 0; n < 100; n++)
		in_child(touch_everything_in_child, &busy);
	atomic_store(&busy.stop, true);
	for (n = 0; n < ARRAY_SIZE(threads); n++)
		pthread_join(threads[n], NULL);

	conn_close(conn);
	RIG_VISIT(&busy.rig, RESUMED);
	rig_down(&busy.rig);
}

static void look_and_flush(void *arg)
{
	struct rig *rig = arg;
	int seen = 0;

	CHECK_INT(lws_tls_session_foreach(rig->vh, count_entry, &seen), 0);
	CHECK_INT(seen, 1);
	lws_tls_session_vhost_flush(rig->vh);
	CHECK_INT(stats_of(rig->vh).entries, 0);
}

/* Threads fork at once, and their children fork again. */
static void fork_again(void *arg)
{
	in_child(look_and_flush, arg);
	look_and_flush(arg);
}

static void *fork_often(void *arg)
{
	int n;

	for (n = 0; n < 10; n++)
		in_child(fork_again, arg);

	return NULL;
}

static void threads_that_fork_at_once(void)
{
	pthread_t threads[3];
	struct rig rig;
	size_t n;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	dial_by_port(&rig);
	RIG_VISIT(&rig, MISS);
	server_await_idle(rig.server);
	for (n = 0; n < ARRAY_SIZE(threads); n++)
		REQUIRE(!pthread_create(&threads[n], NULL, fork_often, &rig));
	for (n = 0; n < ARRAY_SIZE(threads); n++)
		pthread_join(threads[n], NULL);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
}

/* Waits for a child that ends by itself, and that no signal may end. */
static void check_exits(pid_t child)
{
	int status;

	REQUIRE(child > 0);
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status));
}

static void a_child_that_only_exits(void)
{
	struct conn *conn;
	struct rig rig;
	char line[64];
	int version;
	pid_t child;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		dial_by_port(&rig);
		RIG_VISIT(&rig, MISS);
		conn = conn_new(rig.client, &rig.dial);
		CHECK(conn_handshake(conn));
		CHECK(conn_read_line(conn, line, sizeof(line)));
		child = fork();
		if (!child) {
			alarm(CHILD_TIMEOUT_SECS);
			exit(0);
		}
		check_exits(child);
		CHECK(conn_order(conn, "nothing"));
		conn_close(conn);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

/* Leaves main() with connections open, in the middle of handshakes, and on threads. */
static atomic_int holding;

static void *hold_connection(void *arg)
{
	struct rig *rig = arg;
	struct conn *conn = conn_new(rig->client, &rig->dial);
	char line[64];

	CHECK(conn_handshake(conn));
	CHECK(conn_read_line(conn, line, sizeof(line)));
	atomic_fetch_add(&holding, 1);
	/* not in OpenSSL: what it does to threads in it at exit is its own */
	for (;;)
		pause();

	return NULL;
}

static void exit_with_connections_open(struct rig *rig)
{
	struct dial dial = rig->dial;
	pthread_t thread;
	char line[64];
	int n;

	for (n = 0; n < 3; n++) {
		struct conn *conn = conn_new(rig->client, &dial);

		CHECK(conn_handshake(conn));
		CHECK(conn_read_line(conn, line, sizeof(line)));
		REQUIRE(!pthread_create(&thread, NULL, hold_connection, rig));
	}
	while (atomic_load(&holding) < 3)
		usleep(1000);
	dial.nonblocking = true;
	(void)!SSL_do_handshake(conn_ssl(conn_new(rig->client, &dial)));
	exit(0);
}

static void a_process_that_exits_with_connections_open(void)
{
	struct rig rig;
	int version;
	pid_t child;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		dial_by_port(&rig);
		RIG_VISIT(&rig, MISS);
		child = fork();
		if (!child) {
			alarm(CHILD_TIMEOUT_SECS);
			exit_with_connections_open(&rig);
		}
		check_exits(child);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	FORKING_CASE(a_child_of_a_process_that_looks_at_its_libraries),
	CASE(a_child_that_uses_the_cache),
	FORKING_CASE(a_child_of_a_busy_process),
	CASE(threads_that_fork_at_once),
	CASE(a_child_that_only_exits),
	CASE(a_process_that_exits_with_connections_open))
