/*
 * Servers that an app of libwebsockets calls by their address. libwebsockets sends an IPv4 address as
 * SNI, as if it were a name. Of an IPv6 address it takes what is before the first colon, and sends no
 * SNI at all: the endpoint is the peer's address and port then.
 */

#include "app.h"

static void
an_ipv4_address_resumes(void)
{
	struct lws_context_creation_info info = app_vhost_info("ipv4");
	struct lws_vhost *vh;

	app_context();
	vh = app_vhost(&info);
	CHECK(app_connect(vh, "127.0.0.1", 0) == FULL);
	CHECK(app_connect(vh, "127.0.0.1", 0) == app_again());
	app_context_destroy();
}

#if defined(RELINKED)
static int
is_endpoint(struct lws_vhost *vh, const struct lws_tls_session_entry *entry, void *count)
{
	(void)vh;
	CHECK(!strcmp(entry->host, "127.0.0.1") && entry->port == app.port);
	++*(int *)count;

	return 0;
}
#endif

static void
an_address_without_sni_resumes(void)
{
	struct lws_context_creation_info info = app_vhost_info("ipv6");
	struct lws_vhost *vh;

	app_context();
	vh = app_vhost(&info);
	CHECK(app_connect(vh, "::1", 0) == FULL);
	CHECK(app_connect(vh, "::1", 0) == app_again());
#if defined(RELINKED)
	{
		int count = 0;

		lws_tls_session_foreach(vh, is_endpoint, &count);
		CHECK(count == 1);
	}
#endif
	/* the same port of the same machine under a name is another endpoint */
	CHECK(app_connect(vh, "localhost", 0) == FULL);
	app_context_destroy();
}

int
main(int argc, const char **argv)
{
	app_init(argc, argv);
	an_ipv4_address_resumes();
	an_address_without_sni_resumes();

	return 0;
}
