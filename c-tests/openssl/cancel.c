/*
 * Threads that die in the app's own functions, and signal handlers that fork:
 * the library goes on for all others.
 */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client_openssl.h"
#include "rig.h"

#define GUARD_SECS	60
#define THREADS		50
#define FORKS		300

static void log_line(int level, const char *line)
{
	(void)level;
	(void)line;
	/* as a log that writes to a file is */
	pthread_testcancel();
}

static int see(struct lws_vhost *vh, const struct lws_tls_session_entry *entry, void *opq)
{
	(void)vh;
	(void)entry;
	(void)opq;
	pthread_testcancel();

	return 0;
}

static void *use_until_cancelled(void *arg)
{
	struct rig *rig = arg;

	for (;;) {
		(void)lws_tls_session_forget(rig->vh, NULL, 0);
		(void)lws_tls_session_foreach(rig->vh, see, NULL);
		lws_tls_session_vh_destroy(lws_tls_session_vhost_create(NULL));
		pthread_testcancel();
	}

	return NULL;
}

static void a_thread_that_is_cancelled_leaves_the_library_to_the_others(void)
{
	pthread_t thread;
	struct rig rig;
	void *result;
	int n;

	alarm(GUARD_SECS);
	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	RIG_VISIT(&rig, MISS);
	lws_tls_session_set_log_level(~0, log_line);
	for (n = 0; n < THREADS; n++) {
		REQUIRE(!pthread_create(&thread, NULL, use_until_cancelled, &rig));
		usleep((unsigned int)n * 37 % 500);
		REQUIRE(!pthread_cancel(thread));
		REQUIRE(!pthread_join(thread, &result));
		CHECK(result == PTHREAD_CANCELED);
	}
	log_release();
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
	alarm(0);
}

/* The app's info callback, which the library's calls on. */
static void die_at_start(const SSL *ssl, int kind, int value)
{
	(void)ssl;
	(void)value;
	if (kind == SSL_CB_HANDSHAKE_START) {
		pthread_cancel(pthread_self());
		pthread_testcancel();
	}
}

static void exit_at_start(const SSL *ssl, int kind, int value)
{
	(void)ssl;
	(void)value;
	if (kind == SSL_CB_HANDSHAKE_START)
		pthread_exit(PTHREAD_CANCELED);
}

static void drop(void *conn)
{
	conn_drop(conn);
}

static void *connect_and_die(void *arg)
{
	struct rig *rig = arg;
	struct conn *conn = conn_new(rig->client, &rig->dial);

	pthread_cleanup_push(drop, conn);
	(void)SSL_do_handshake(conn_ssl(conn));
	pthread_cleanup_pop(1);

	return NULL;
}

static void a_thread_may_die_in_the_apps_info_callback(void)
{
	void (*deaths[])(const SSL *, int, int) = { die_at_start, exit_at_start };
	struct client *client;
	pthread_t thread;
	struct rig rig;
	void *result;
	size_t n;

	alarm(GUARD_SECS);
	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	RIG_VISIT(&rig, MISS);
	client = rig.client;
	for (n = 0; n < ARRAY_SIZE(deaths); n++) {
		rig.client = client_new(&(struct client_config){ .version = TLS1_2_VERSION });
		SSL_CTX_set_info_callback(client_ctx(rig.client), deaths[n]);
		client_attach(rig.client, rig.vh);
		REQUIRE(!pthread_create(&thread, NULL, connect_and_die, &rig));
		REQUIRE(!pthread_join(thread, &result));
		CHECK(result == PTHREAD_CANCELED);
		client_free(rig.client);
	}
	rig.client = client;
	rig.dial = (struct dial){ .port = server_port(rig.server) };
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
	alarm(0);
}

/*
 * A handler that forks while its thread has a lock of the library's. That
 * thread keeps clear of malloc(), which glibc's fork() could not take then.
 */
static struct lws_vhost *vhost;
static atomic_int ended;
static atomic_bool stop;
static sem_t handled;

static void fork_here(int number)
{
	struct lws_tls_session_stats stats;
	int status = -1, seen = 0, saved = errno;
	pid_t child = fork();

	(void)number;
	if (!child) {
		signal(SIGALRM, SIG_DFL);
		alarm(10);
		lws_tls_session_get_stats(vhost, &stats, sizeof(stats));
		lws_tls_session_foreach(vhost, count_entry, &seen);
		lws_tls_session_vhost_flush(vhost);
		lws_tls_session_vh_destroy(lws_tls_session_vhost_create(NULL));
		_exit(seen <= 1 ? 0 : 1);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		atomic_fetch_add(&ended, 1);
	errno = saved;
	sem_post(&handled);
}

static void *look_all_the_time(void *wsi)
{
	while (!atomic_load(&stop))
		if (lws_tls_session_outcome(wsi) != LWS_TLS_SESSION_OUTCOME_RESUMED)
			return wsi;

	return NULL;
}

static void a_signal_handler_may_fork(void)
{
	struct conn *conn;
	void *result;
	struct sigaction action = { .sa_handler = fork_here }, before;
	pthread_t threads[3];
	struct rig rig;
	size_t n;

	alarm(GUARD_SECS);
	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	RIG_VISIT(&rig, MISS);
	conn = conn_open(rig.client, &rig.dial);
	vhost = rig.vh;
	REQUIRE(!sem_init(&handled, 0, 0));
	REQUIRE(!sigaction(SIGUSR1, &action, &before));
	for (n = 0; n < ARRAY_SIZE(threads); n++)
		REQUIRE(!pthread_create(&threads[n], NULL, look_all_the_time,
					conn_wsi(conn)));
	for (n = 0; n < FORKS; n++) {
		REQUIRE(!pthread_kill(threads[n % ARRAY_SIZE(threads)], SIGUSR1));
		while (sem_wait(&handled) && errno == EINTR)
			;
	}
	atomic_store(&stop, true);
	for (n = 0; n < ARRAY_SIZE(threads); n++) {
		pthread_join(threads[n], &result);
		CHECK(!result);
	}
	CHECK_INT(atomic_load(&ended), FORKS);
	conn_close(conn);
	sigaction(SIGUSR1, &before, NULL);
	sem_destroy(&handled);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
	alarm(0);
}

#ifndef OPENSSL_IS_BORINGSSL /* whose sessions are all the app's, too */
/* What a child frees of the sessions that it inherited. */
static int index_of_free;
static atomic_int freed;

static void on_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	(void)parent;
	(void)ptr;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	atomic_fetch_add(&freed, 1);
}

static void a_child_frees_none_that_it_inherited(void)
{
	struct lws_tls_session_stats stats;
	struct rig rig;
	int version, status;
	pid_t child;

	index_of_free = SSL_SESSION_get_ex_new_index(0, NULL, NULL, NULL, on_free);
	REQUIRE(index_of_free >= 0);
	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .vhost = { .options = LWS_TLS_SESSION_OPTION_SINGLE_USE });
		RIG_VISIT(&rig, MISS);
		server_await_idle(rig.server);
		atomic_store(&freed, 0);
		child = fork();
		REQUIRE(child >= 0);
		if (!child) {
			alarm(GUARD_SECS);
			lws_tls_session_get_stats(rig.vh, &stats, sizeof(stats));
			lws_tls_session_vhost_flush(rig.vh);
			lws_tls_session_vh_destroy(rig.vh);
			_exit(atomic_load(&freed));
		}
		REQUIRE(waitpid(child, &status, 0) == child);
		CHECK(WIFEXITED(status));
		CHECK_INT(WEXITSTATUS(status), 0);
		lws_tls_session_vhost_flush(rig.vh);
		CHECK(atomic_load(&freed) > 0);
		rig_down(&rig);
	}
}

#endif

TEST_PROGRAM(
	CASE(a_thread_that_is_cancelled_leaves_the_library_to_the_others),
	CASE(a_thread_may_die_in_the_apps_info_callback),
	FORKING_CASE(a_signal_handler_may_fork),
	OPENSSL_CASE(a_child_frees_none_that_it_inherited))
