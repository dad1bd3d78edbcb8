/*
 * What a connection costs the client: in full, resumed by hand, and with the
 * library attached.
 *
 * Without --time it does --count connections of one --mode, for callgrind to
 * count. With it, all modes take turns, and the median of each is printed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lws-tls-sessions.h>

#include "peers.h"

static const char usage[] =
	"usage: handshake --mode MODE [--tls 1.2|1.3] [--key rsa|p256] [--count N]\n"
	"       handshake --time [--tls 1.2|1.3] [--key rsa|p256] [--count N]\n"
	"\n"
	"  full      every handshake is a full one\n"
	"  hand      resumed by SSL_set_session(), the session kept in a variable\n"
	"  copies    the same, but a copy is kept, and a copy of that is set\n"
	"  attached  resumed by the library, which is told nothing but the SSL_CTX\n"
	"  first     the same, only the first reconnect after a full handshake\n"
	"  second    the same, only the one after that\n"
	"  stored    the first of a process, from a store\n"
	"\n"
	"  --store DIR  for stored, and to time that, too\n";

/* the variable that the session is kept in */
static SSL_SESSION *kept;

static int keep(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(kept);
	kept = session;

	return 1;	/* the reference is ours */
}

static void set(SSL *ssl)
{
	if (kept)
		SSL_set_session(ssl, kept);
}

static int keep_copy(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(kept);
	kept = SSL_SESSION_dup(session);

	return 0;
}

static void set_copy(SSL *ssl)
{
	SSL_SESSION *copy;

	if (!kept)
		return;
	copy = SSL_SESSION_dup(kept);
	SSL_set_session(ssl, copy);
	SSL_SESSION_free(copy);
}

enum mode {
	FULL,
	HAND,
	COPIES,
	ATTACHED,
	FIRST,
	SECOND,
	STORED,
	MODES,
};

static const char *const names[] = { "full", "hand", "copies", "attached", "first", "second",
				     "stored" };

static char store[512];	/* its URL; empty: none */

struct run {
	enum mode		mode;
	struct peers		peers;
	prepare_t		prepare;
	struct lws_vhost	*vh;
};

static void run_up(struct run *run, enum mode mode, const struct peers_config *config)
{
	int cache = SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE;

	run->mode = mode;
	run->prepare = NULL;
	run->vh = NULL;
	peers_up(&run->peers, config);

	switch (mode) {
	case HAND:
	case COPIES:
		SSL_CTX_set_session_cache_mode(run->peers.client, cache);
		SSL_CTX_sess_set_new_cb(run->peers.client, mode == HAND ? keep : keep_copy);
		run->prepare = mode == HAND ? set : set_copy;
		break;
	case ATTACHED:
	case FIRST:
	case SECOND:
		run->vh = lws_tls_session_vhost_create(NULL);
		NEED(!lws_tls_session_vhost_attach(run->vh, run->peers.client));
		break;
	default:
		break;
	}
}

static void run_down(struct run *run)
{
	if (run->vh)
		lws_tls_session_vh_destroy(run->vh);
	peers_down(&run->peers);
}

/* as in a process that has not connected yet */
static void begin_anew(struct run *run)
{
	if (run->mode != STORED)
		return;
	if (run->vh)
		lws_tls_session_vh_destroy(run->vh);
	run->vh = lws_tls_session_vhost_create(NULL);
	NEED(!lws_tls_session_vhost_store(run->vh, store));
	NEED(!lws_tls_session_vhost_attach(run->vh, run->peers.client));
}

static void connect_once(struct run *run, bool resumes, bool measured)
{
	struct conn conn;

	NEED(conn_open(&conn, &run->peers, run->prepare, measured) == resumes);
	conn_close(&conn, measured);
}

/* after a full handshake: only this many reconnects, of which the last is measured */
static void reconnect_after_full(struct run *run, int reconnects, bool measured)
{
	lws_tls_session_vhost_flush(run->vh);
	connect_once(run, false, false);
	while (--reconnects)
		connect_once(run, true, false);
	connect_once(run, true, measured);
}

static void once(struct run *run, bool measured)
{
	if (run->mode == FIRST || run->mode == SECOND)
		reconnect_after_full(run, run->mode == FIRST ? 1 : 2, measured);
	else {
		if (measured)
			begin_anew(run);
		connect_once(run, run->mode != FULL, measured);
	}
}

/* all that happens once in a process, and the full handshake */
static void warm_up(struct run *run)
{
	int i;

	begin_anew(run);
	if (run->mode != FULL)
		connect_once(run, false, false);
	for (i = 0; i < 10; i++)
		once(run, false);
}

static void take_turns(const struct peers_config *config, int count)
{
	static const enum mode timed[] = { FULL, HAND, ATTACHED, STORED };
	struct run runs[4];
	double *times[4];
	int i, n, modes = store[0] ? 4 : 3;

	for (i = 0; i < modes; i++) {
		times[i] = calloc((size_t)count, sizeof(double));
		NEED(times[i]);
		run_up(&runs[i], timed[i], config);
		warm_up(&runs[i]);
	}
	for (n = 0; n < count; n++)
		for (i = 0; i < modes; i++) {
			double begun;

			/* not timed: what comes before is to be the same for each */
			once(&runs[i], false);
			begin_anew(&runs[i]);
			begun = bench_microseconds();
			once(&runs[i], false);
			times[i][n] = bench_microseconds() - begun;
		}
	for (i = 0; i < modes; i++) {
		printf("%s\t%.1f\n", names[timed[i]], bench_median(times[i], count));
		run_down(&runs[i]);
		free(times[i]);
	}
}

int main(int argc, char **argv)
{
	struct peers_config config = {
		.version = bench_version(argv),
		.rsa = !strcmp(bench_value(argv, "key", "p256"), "rsa"),
	};
	const char *name = bench_value(argv, "mode", "");
	int count = atoi(bench_value(argv, "count", "20"));
	enum mode mode = FULL;
	struct run run;
	int i;

	if (bench_value(argv, "store", NULL))
		snprintf(store, sizeof(store), "file:%s", bench_value(argv, "store", NULL));
	if (argc > 1 && bench_flag(argv, "time")) {
		take_turns(&config, count);
		SSL_SESSION_free(kept);
		return 0;
	}
	while (mode < MODES && strcmp(names[mode], name))
		mode++;
	if (mode == MODES || count < 1 || (mode == STORED && !store[0])) {
		fputs(usage, stderr);
		return 2;
	}

	run_up(&run, mode, &config);
	warm_up(&run);
	bench_begin();
	for (i = 0; i < count; i++)
		once(&run, true);
	run_down(&run);
	SSL_SESSION_free(kept);

	return 0;
}
