/*
 * Apps that make no vhost: libwebsockets makes one within lws_create_context(), by its own call of
 * lws_create_vhost(), which cannot be seen where it is linked with -Bsymbolic-functions. And what
 * contexts leave behind that come and go.
 */

#include "app.h"

#define HOST "localhost"
#define OTHER "other.localhost"

static void
the_default_vhost_resumes(void)
{
	struct lws_context_creation_info info = app_vhost_info(NULL);
	struct lws_vhost *vh;

	app_context_with_default(&info);
	CHECK(app_connect(NULL, HOST, 0) == FULL);
	CHECK(app_connect(NULL, HOST, 0) == app_again());
	/* another one, which has the same SSL_CTX, does not share its sessions */
	info.vhost_name = "another";
	vh = app_vhost(&info);
	CHECK(app_connect(vh, HOST, 0) == FULL);
	CHECK(app_connect(vh, HOST, 0) == app_again());
	app_context_destroy();
}

static void
a_named_default_vhost_resumes(void)
{
	struct lws_context_creation_info info = app_vhost_info("named");

	app_context_with_default(&info);
	CHECK(app_connect(NULL, HOST, 0) == FULL);
	CHECK(app_connect(NULL, HOST, 0) == app_again());
	app_context_destroy();
}

static void
a_disabled_default_vhost_does_not_resume(void)
{
	struct lws_context_creation_info info = app_vhost_info(NULL);

	struct lws_context_creation_info failing = app_vhost_info("failing");

	info.options |= LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE;
	app_context_with_default(&info);
	/* what cannot be made says nothing of the context's own vhost */
	failing.client_ssl_cert_filepath = "/no/such/file";
	CHECK(!lws_create_vhost(app.context, &failing));
	CHECK(app_connect(NULL, HOST, 0) == FULL);
	CHECK(app_connect(NULL, HOST, 0) == FULL);
	app_context_destroy();
}

#if defined(LWS_WITH_TLS_SESSIONS)
static void
the_default_vhost_has_its_limit(void)
{
	struct lws_context_creation_info info = app_vhost_info(NULL);

	info.tls_session_cache_max = 1;
	app_context_with_default(&info);
	CHECK(app_connect(NULL, HOST, 0) == FULL);
	CHECK(app_connect(NULL, OTHER, 0) == FULL);
	CHECK(app_connect(NULL, OTHER, 0) == app_again());
	CHECK(app_connect(NULL, HOST, 0) == FULL);
	app_context_destroy();
}
#endif

/* Also where the next context and its vhost have the addresses of the last */
static void
a_context_takes_its_sessions_with_it(void)
{
	struct lws_context_creation_info info = app_vhost_info(NULL);
	int n;

	for (n = 0; n < 5; n++) {
		app_context_with_default(&info);
		CHECK(app_connect(NULL, HOST, 0) == FULL);
		CHECK(app_connect(NULL, HOST, 0) == app_again());
		app_context_destroy();
	}
}

/* Slots of ex_data are never given back, and SSL_new() goes through all */
static void
contexts_take_no_slots(void)
{
	struct lws_context_creation_info info = app_vhost_info(NULL);
	const int contexts = 10;
	/* before 4.3 libwebsockets itself takes one each with each context */
	const int its_own = LWS_LIBRARY_VERSION_NUMBER < 4003000 ? contexts : 0;
	int ssl = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	int ssl_ctx = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	int n;

	for (n = 0; n < contexts; n++) {
		app_context_with_default(&info);
		app_context_destroy();
	}
	CHECK(SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL) == ssl + 1 + its_own);
	CHECK(SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL) == ssl_ctx + 1 + its_own);
}

int
main(int argc, const char **argv)
{
	app_init(argc, argv);
	the_default_vhost_resumes();
	a_named_default_vhost_resumes();
	a_disabled_default_vhost_does_not_resume();
#if defined(LWS_WITH_TLS_SESSIONS)
	the_default_vhost_has_its_limit();
#endif
	/* of two contexts, 4.1.6 itself leaks the SSL_CTXs of the first */
	if (!lws_cmdline_option(argc, argv, "--leaks") || LWS_LIBRARY_VERSION_NUMBER >= 4003000) {
		a_context_takes_its_sessions_with_it();
		contexts_take_no_slots();
	}

	return 0;
}
