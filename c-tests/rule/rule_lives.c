/*
 * What the app frees, unloads or takes away while the library has sessions:
 * an OSSL_LIB_CTX, a trust store with a method of a plugin's, a plugin's
 * callback; and stores that are none, or have a function of the app's.
 */

#include <dlfcn.h>

#include <openssl/err.h>

#include "certs.h"
#include "client_openssl.h"
#include "observe.h"
#include "pair.h"
#include "rig.h"
#include "stage.h"

static bool connects(SSL_CTX *ctx, struct stage *stage, bool *resumed)
{
	struct pair pair = pair_new(ctx, stage->server, stage->vh);
	bool ok;

	SSL_set_verify(pair.client, SSL_VERIFY_PEER, SSL_CTX_get_verify_callback(ctx));
	ok = pair_talk(&pair);
	*resumed = SSL_session_reused(pair.client);
	if (ok)
		pair_close(&pair);
	else
		pair_drop(&pair);

	return ok;
}

/* a copy of the root that belongs to lib */
static void trust_root(SSL_CTX *ctx, OSSL_LIB_CTX *lib)
{
	X509 *root = X509_new_ex(lib, NULL);
	unsigned char *der = NULL;
	const unsigned char *at;
	int len = i2d_X509(certs()->root->x509, &der);

	at = der;
	REQUIRE(root && len > 0 && d2i_X509(&root, &at, len));
	REQUIRE(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root));
	X509_free(root);
	OPENSSL_free(der);
}

/* What belongs to it is not kept beyond it. */
static void an_ossl_lib_ctx_that_is_freed(void)
{
	OSSL_LIB_CTX *lib;
	struct stage stage;
	bool resumed;
	int version;
	SSL_CTX *ctx;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		lws_tls_session_vhost_flush(stage.vh);
		lib = OSSL_LIB_CTX_new();
		ctx = SSL_CTX_new_ex(lib, NULL, TLS_client_method());
		REQUIRE(lib && ctx);
		trust_root(ctx, lib);
		REQUIRE(!lws_tls_session_vhost_attach(stage.vh, ctx));
		CHECK(connects(ctx, &stage, &resumed));
		CHECK(!resumed);
		CHECK(connects(ctx, &stage, &resumed));
		CHECK(resumed);
		SSL_CTX_free(ctx);
		OSSL_LIB_CTX_free(lib);
		CHECK(connects(stage.ctx, &stage, &resumed));
		CHECK(resumed);
		stage_down(&stage);
	}
}

static int find_nothing(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
			X509_OBJECT *object)
{
	(void)lookup;
	(void)type;
	(void)name;
	(void)object;

	return 0;
}

static bool is_freed;

static void note_freed(X509_LOOKUP *lookup)
{
	(void)lookup;
	is_freed = true;
}

/* It goes with its SSL_CTX: its methods may be those of a plugin that is unloaded. */
static void a_trust_store_that_is_freed(void)
{
	X509_LOOKUP_METHOD *method;
	struct stage stage;
	bool resumed;
	int version;
	SSL_CTX *ctx;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		ctx = trusting_ctx(TLS_client_method(), version);
		method = X509_LOOKUP_meth_new("test");
		REQUIRE(method && X509_LOOKUP_meth_set_free(method, note_freed));
		REQUIRE(X509_LOOKUP_meth_set_get_by_subject(method,
			(X509_LOOKUP_get_by_subject_fn)find_nothing));
		REQUIRE(X509_STORE_add_lookup(SSL_CTX_get_cert_store(ctx), method));
		REQUIRE(!lws_tls_session_vhost_attach(stage.vh, ctx));
		CHECK(connects(ctx, &stage, &resumed));
		CHECK(connects(ctx, &stage, &resumed));
		CHECK(resumed);
		is_freed = false;
		SSL_CTX_free(ctx);
		CHECK(is_freed);
		X509_LOOKUP_meth_free(method);
		stage_down(&stage);
	}
}

/* OpenSSL verifies nothing then, and says so. */
static void an_ssl_ctx_without_a_store(void)
{
	struct stage stage;
	struct pair pair;
	int version, n;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		lws_tls_session_vhost_flush(stage.vh);
		SSL_CTX_set_cert_store(stage.ctx, NULL);
		for (n = 0; n < 3; n++) {
			pair = pair_new(stage.ctx, stage.server, stage.vh);
			SSL_set_verify(pair.client, SSL_VERIFY_NONE, NULL);
			CHECK(pair_talk(&pair));
			CHECK_INT(SSL_get_verify_result(pair.client),
				  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
			pair_close(&pair);
		}
		stage_down(&stage);
	}
}

static int cleanups;

static int clean_up(X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());

	/* in a handshake there always is one */
	cleanups += SSL_is_server(ssl) == 0;

	return 1;
}

static void a_store_with_a_cleanup(void)
{
	struct stage stage;
	bool resumed;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		lws_tls_session_vhost_flush(stage.vh);
		X509_STORE_set_cleanup(SSL_CTX_get_cert_store(stage.ctx), clean_up);
		cleanups = 0;
		CHECK(connects(stage.ctx, &stage, &resumed));
		CHECK(connects(stage.ctx, &stage, &resumed));
		CHECK(cleanups > 0);
		stage_down(&stage);
	}
}

static void verify_by_plugin(SSL_CTX *ctx, const char *path, void **plugin)
{
	SSL_verify_cb verify;

	*plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	REQUIRE(*plugin);
	/* as POSIX has it: a pointer to data is one to a function all the same */
	*(void **)&verify = dlsym(*plugin, "verify");
	REQUIRE(verify);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, verify);
}

/* A plugin that takes the place of another may have its callback at the same address. */
static void a_verify_callback_of_a_plugin_that_is_replaced(void)
{
	struct stage stage;
	bool resumed;
	void *plugin;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		lws_tls_session_vhost_flush(stage.vh);
		verify_by_plugin(stage.ctx, ACCEPTING_PLUGIN, &plugin);
		CHECK(connects(stage.ctx, &stage, &resumed));
		CHECK(connects(stage.ctx, &stage, &resumed));
		CHECK(resumed);
		dlclose(plugin);
		verify_by_plugin(stage.ctx, REFUSING_PLUGIN, &plugin);
		CHECK(!connects(stage.ctx, &stage, &resumed));
		dlclose(plugin);
		stage_down(&stage);
	}
}

TEST_PROGRAM(
	CASE(an_ossl_lib_ctx_that_is_freed),
	CASE(a_trust_store_that_is_freed),
	CASE(an_ssl_ctx_without_a_store),
	CASE(a_store_with_a_cleanup),
	CASE(a_verify_callback_of_a_plugin_that_is_replaced))
