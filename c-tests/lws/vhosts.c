/*
 * Vhosts of libwebsockets: what each was made with counts, also where lws lets them share an
 * SSL_CTX; they share no sessions; a destroyed one takes its sessions with it.
 */

#include "app.h"

#include <stdlib.h>
#include <unistd.h>

#define HOST "localhost"
#define OTHER "other.localhost"

static struct lws_vhost *
vhost(const char *name, uint64_t options)
{
	struct lws_context_creation_info info = app_vhost_info(name);

	info.options |= options;

	return app_vhost(&info);
}

/* The same in all but name: lws has one SSL_CTX for them */
static void
vhosts_do_not_share(void)
{
	struct lws_vhost *one, *two;

	app_context();
	one = vhost("one", 0);
	two = vhost("two", 0);
	CHECK(app_connect(one, HOST, 0) == FULL);
	CHECK(app_connect(one, HOST, 0) == app_again());
	CHECK(app_connect(two, HOST, 0) == FULL);
	CHECK(app_connect(two, HOST, 0) == app_again());
	CHECK(app_connect(one, HOST, 0) == app_again());
	app_context_destroy();
}

static void
a_disabled_vhost_does_not_resume(void)
{
	struct lws_vhost *off, *on;

	app_context();
	off = vhost("off", LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE);
	on = vhost("on", 0);
	CHECK(app_connect(off, HOST, 0) == FULL);
	CHECK(app_connect(off, HOST, 0) == FULL);
	CHECK(app_connect(on, HOST, 0) == FULL);
	CHECK(app_connect(on, HOST, 0) == app_again());
	CHECK(app_connect(off, HOST, 0) == FULL);
	app_context_destroy();
}

static void
a_destroyed_vhost_takes_its_sessions_with_it(void)
{
	struct lws_vhost *one, *two;

	app_context();
	one = vhost("one", 0);
	two = vhost("two", 0);
	CHECK(app_connect(one, HOST, 0) == FULL);
	CHECK(app_connect(two, HOST, 0) == FULL);
	lws_vhost_destroy(one);
	CHECK(app_connect(two, HOST, 0) == app_again());
	one = vhost("one", 0);
	CHECK(app_connect(one, HOST, 0) == FULL);
	CHECK(app_connect(one, HOST, 0) == app_again());
	app_context_destroy();
}

static void
contexts_do_not_share(void)
{
	struct lws_context *first;
	struct lws_vhost *one, *two;
	int port;

	app_context();
	first = app.context;
	port = app.port;
	one = vhost("one", 0);
	CHECK(app_connect(one, HOST, 0) == FULL);

	app_context();
	two = vhost("one", 0);
	CHECK(app_connect(two, HOST, 0) == FULL);
	CHECK(app_connect(two, HOST, 0) == app_again());
	app_context_destroy();

	app.context = first;
	app.port = port;
	CHECK(app_connect(one, HOST, 0) == app_again());
	app_context_destroy();
}

#if defined(LWS_WITH_TLS_SESSIONS)
/* Of two vhosts that share an SSL_CTX, whichever was made first */
static void
each_vhost_has_its_timeout(uint32_t first, uint32_t second)
{
	struct lws_context_creation_info info = app_vhost_info("first");
	struct lws_vhost *one, *two;

	app_context();
	info.tls_session_timeout = first;
	one = app_vhost(&info);
	info.vhost_name = "second";
	info.tls_session_timeout = second;
	two = app_vhost(&info);

	CHECK(app_connect(one, HOST, 0) == FULL);
	CHECK(app_connect(two, HOST, 0) == FULL);
	sleep(3);
	CHECK(app_connect(one, HOST, 0) == (first ? FULL : app_again()));
	CHECK(app_connect(two, HOST, 0) == (second ? FULL : app_again()));
	CHECK(app_connect(one, HOST, 0) == app_again());
	CHECK(app_connect(two, HOST, 0) == app_again());
	app_context_destroy();
}
#endif

/* limit: endpoints, 0 for the default of ten; with `by_info` in the struct, else it is set outside */
static void
a_vhost_has_its_limit(uint32_t limit, int by_info)
{
	struct lws_context_creation_info info = app_vhost_info("limited");
	struct lws_vhost *vh;

	app_context();
#if defined(LWS_WITH_TLS_SESSIONS)
	if (by_info)
		info.tls_session_cache_max = limit;
#else
	(void)by_info;
#endif
	vh = app_vhost(&info);
	CHECK(app_connect(vh, HOST, 0) == FULL);
	CHECK(app_connect(vh, OTHER, 0) == FULL);
	CHECK(app_connect(vh, OTHER, 0) == app_again());
	CHECK(app_connect(vh, HOST, 0) == (limit == 1 ? FULL : app_again()));
	app_context_destroy();
}

int
main(int argc, const char **argv)
{
	const char *limit = lws_cmdline_option(argc, argv, "--limit");
	/* of vhosts that share an SSL_CTX, one that it was not compiled for tells the preload library less */
	int other_version = !!lws_cmdline_option(argc, argv, "--other-version");
	int leaks = !!lws_cmdline_option(argc, argv, "--leaks"); /* are looked for */

	app_init(argc, argv);

	if (limit) {
		a_vhost_has_its_limit((uint32_t)atoi(limit), 0);
		return 0;
	}

	vhosts_do_not_share();
#if !defined(LWS_WITH_TLS_SESSIONS)
	/* this libwebsockets' own API does not have the option */
	if (!other_version)
#endif
		a_disabled_vhost_does_not_resume();
	a_destroyed_vhost_takes_its_sessions_with_it();
	/* of two contexts, 4.1.6 itself leaks the SSL_CTXs of the first */
	if (!leaks || LWS_LIBRARY_VERSION_NUMBER >= 4003000)
		contexts_do_not_share();
	a_vhost_has_its_limit(0, 0);
#if defined(LWS_WITH_TLS_SESSIONS)
	a_vhost_has_its_limit(1, 1);
	a_vhost_has_its_limit(2, 1);
	if (!other_version) {
		each_vhost_has_its_timeout(0, 2);
		each_vhost_has_its_timeout(2, 0);
	} else {
		each_vhost_has_its_timeout(2, 2);
	}
#endif

	return 0;
}
