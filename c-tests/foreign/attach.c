/*
 * libforeign_attach.so: preloaded into programs that know nothing of the library, it attaches
 * every SSL_CTX that can be a client's, so that their own tests tell what the library changes.
 *
 * An SSL_CTX is attached as an app would do it: after all that was set on it, right before the
 * first SSL is made from it. From the environment:
 *
 *   FOREIGN_STATISTICS  a file; each process appends a line of what the library did in it
 *   FOREIGN_OPTIONS     a comma list: allow-tickets, single-use, trust-verify-callback
 *   FOREIGN_VHOSTS      "process", the default: one vhost for all of a process;
 *                       "context": one per SSL_CTX
 *   FOREIGN_ENDPOINT    HOST:PORT; all connections are told to go there, so that those whose
 *                       SNI and peer do not tell any are served as well
 *   FOREIGN_LOG         set: the library's log goes to stderr, which tests may take amiss
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lws-tls-sessions.h"

/* a function pointer from dlsym(), which ISO C has no cast for */
#define NEXT(function, name) (*(void **)&(function) = next(name))

/* what belongs to an SSL_CTX that was attached, in a list of them all */
struct attached {
	struct lws_vhost *vhost;
	struct attached *following;
	struct attached **link;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct attached *all, nothing;
static struct lws_vhost *process_vhost;
static struct lws_tls_session_stats gone; /* of vhosts that went with their SSL_CTX */
static unsigned long attached_count, refused_count;
static uint64_t options;
static char endpoint_host[256];
static uint16_t endpoint_port;
static int slot;
static int vhost_per_context;
static pid_t owner;

static void *
next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found) {
		fprintf(stderr, "foreign attach: no %s behind this library\n", name);
		abort();
	}

	return found;
}

static void
add(struct lws_tls_session_stats *sum, struct lws_vhost *vhost)
{
	struct lws_tls_session_stats stats;

	memset(&stats, 0, sizeof(stats));
	lws_tls_session_get_stats(vhost, &stats, sizeof(stats));
	sum->handshakes += stats.handshakes;
	sum->offered += stats.offered;
	sum->resumed += stats.resumed;
	sum->declined += stats.declined;
	sum->missed += stats.missed;
	sum->unsuitable += stats.unsuitable;
	sum->unverified += stats.unverified;
	sum->stored += stats.stored;
}

/* A forked child tells nothing: what it has is in part its parent's */
static void
tell(void)
{
	const char *file = getenv("FOREIGN_STATISTICS");
	struct lws_tls_session_stats sum;
	struct attached *one;
	int fd;

	if (!file || getpid() != owner)
		return;

	pthread_mutex_lock(&lock);
	sum = gone;
	if (process_vhost)
		add(&sum, process_vhost);
	else
		for (one = all; one; one = one->following)
			add(&sum, one->vhost);
	pthread_mutex_unlock(&lock);

	fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	dprintf(fd, "attached %lu refused %lu handshakes %llu offered %llu resumed %llu "
		"declined %llu missed %llu unsuitable %llu unverified %llu stored %llu\n",
		attached_count, refused_count, (unsigned long long)sum.handshakes,
		(unsigned long long)sum.offered, (unsigned long long)sum.resumed,
		(unsigned long long)sum.declined, (unsigned long long)sum.missed,
		(unsigned long long)sum.unsuitable, (unsigned long long)sum.unverified,
		(unsigned long long)sum.stored);
	close(fd);
}

/* CRYPTO_EX_free: an SSL_CTX goes */
static void
detach(void *parent, void *value, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	struct attached *one = value;

	(void)parent;
	(void)ad;
	(void)index;
	(void)argl;
	(void)argp;
	if (!one || one == &nothing)
		return;

	pthread_mutex_lock(&lock);
	*one->link = one->following;
	if (one->following)
		one->following->link = one->link;
	if (!process_vhost)
		add(&gone, one->vhost);
	pthread_mutex_unlock(&lock);
	if (!process_vhost)
		lws_tls_session_vh_destroy(one->vhost);
	free(one);
}

static struct lws_vhost *
create_vhost(void)
{
	struct lws_tls_session_vhost_info info;

	memset(&info, 0, sizeof(info));
	info.vhost_name = "foreign";
	info.options = options;
	info.tls_session_cache_max = 1000;

	return lws_tls_session_vhost_create(&info);
}

static void
read_environment(void)
{
	const char *list = getenv("FOREIGN_OPTIONS");
	const char *vhosts = getenv("FOREIGN_VHOSTS");
	const char *endpoint = getenv("FOREIGN_ENDPOINT");
	const char *colon = endpoint ? strrchr(endpoint, ':') : NULL;

	if (list && strstr(list, "allow-tickets"))
		options |= LWS_TLS_SESSION_OPTION_ALLOW_TICKETS;
	if (list && strstr(list, "single-use"))
		options |= LWS_TLS_SESSION_OPTION_SINGLE_USE;
	if (list && strstr(list, "trust-verify-callback"))
		options |= LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK;
	vhost_per_context = vhosts && !strcmp(vhosts, "context");
	if (colon) {
		snprintf(endpoint_host, sizeof(endpoint_host), "%.*s", (int)(colon - endpoint),
			 endpoint);
		endpoint_port = (uint16_t)atoi(colon + 1);
	}
}

static void
begin(void)
{
	read_environment();
	owner = getpid();
	/* a log line would be output of the program's that its tests do not expect */
	if (!getenv("FOREIGN_LOG"))
		lws_tls_session_set_log_level(0, NULL);
	else
		lws_tls_session_set_log_level(LLL_ERR | LLL_WARN | LLL_NOTICE | LLL_INFO, NULL);
	slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, detach);
	/* sslapitest leaves the default library context without algorithms, and there the
	 * library finds no session ID context to offer a session with */
	if (endpoint_port)
		OSSL_PROVIDER_load(NULL, "default");
	if (!vhost_per_context)
		process_vhost = create_vhost();
	/* before OpenSSL's own, which has been registered by now */
	atexit(tell);
}

/* Attaches an SSL_CTX that is not. Returns its vhost, NULL if it cannot be a client's */
static struct lws_vhost *
attach_once(SSL_CTX *ctx)
{
	struct attached *one;

	pthread_once(&once, begin);
	pthread_mutex_lock(&lock);
	one = SSL_CTX_get_ex_data(ctx, slot);
	if (one) {
		pthread_mutex_unlock(&lock);
		return one->vhost;
	}

	one = calloc(1, sizeof(*one));
	if (!one)
		abort();
	one->vhost = process_vhost ? process_vhost : create_vhost();
	if (lws_tls_session_vhost_attach(one->vhost, ctx)) {
		refused_count++;
		if (!process_vhost)
			lws_tls_session_vh_destroy(one->vhost);
		free(one);
		one = &nothing;
	} else {
		attached_count++;
		one->following = all;
		one->link = &all;
		if (all)
			all->link = &one->following;
		all = one;
	}
	SSL_CTX_set_ex_data(ctx, slot, one);
	pthread_mutex_unlock(&lock);

	return one->vhost;
}

static void
tell_endpoint(SSL *ssl)
{
	struct lws_vhost *vhost = endpoint_port ? attach_once(SSL_get_SSL_CTX(ssl)) : NULL;

	if (vhost && SSL_in_before(ssl) && !lws_tls_session_wsi(ssl))
		lws_tls_session_wsi_create(vhost, ssl, endpoint_host, endpoint_port);
}

/* From here on: OpenSSL's functions, which programs find here first */

SSL *
SSL_new(SSL_CTX *ctx)
{
	static SSL *(*SSL_new_next)(SSL_CTX *);
	int error = errno;

	if (!SSL_new_next)
		NEXT(SSL_new_next, "SSL_new");
	if (ctx) {
		ERR_set_mark();
		attach_once(ctx);
		ERR_pop_to_mark();
		errno = error;
	}

	return SSL_new_next(ctx);
}

void
SSL_set_connect_state(SSL *ssl)
{
	static void (*SSL_set_connect_state_next)(SSL *);

	if (!SSL_set_connect_state_next)
		NEXT(SSL_set_connect_state_next, "SSL_set_connect_state");
	SSL_set_connect_state_next(ssl);
	tell_endpoint(ssl);
}

int
SSL_connect(SSL *ssl)
{
	static int (*SSL_connect_next)(SSL *);

	if (!SSL_connect_next)
		NEXT(SSL_connect_next, "SSL_connect");
	tell_endpoint(ssl);

	return SSL_connect_next(ssl);
}
