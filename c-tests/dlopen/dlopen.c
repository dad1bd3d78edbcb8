/*
 * dlopen LIBRARY PLUGIN - a program that loads the library, and closes it while
 * contexts and connections live that have its callbacks; and a plugin, later,
 * that sets what the program does not
 */

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <lws-tls-sessions.h>

#define REQUIRE(expr)								\
	do {									\
		if (!(expr)) {							\
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expr);	\
			exit(1);						\
		}								\
	} while (0)

static struct lws_vhost *(*vhost_create)(const struct lws_tls_session_vhost_info *info);
static int (*vhost_attach)(struct lws_vhost *vh, SSL_CTX *ctx);
static struct lws *(*wsi_create)(struct lws_vhost *vh, SSL *ssl, const char *host,
				 uint16_t port);
static void (*vh_destroy)(struct lws_vhost *vh);

static void *symbol(void *library, const char *name)
{
	void *found = dlsym(library, name);

	if (!found)
		fprintf(stderr, "%s\n", dlerror());
	REQUIRE(found);

	return found;
}

static void *load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		fprintf(stderr, "%s\n", dlerror());
	REQUIRE(library);
	/* as POSIX has it: a pointer to data is one to a function all the same */
	*(void **)&vhost_create = symbol(library, "lws_tls_session_vhost_create");
	*(void **)&vhost_attach = symbol(library, "lws_tls_session_vhost_attach");
	*(void **)&vh_destroy = symbol(library, "lws_tls_session_vh_destroy");
	*(void **)&wsi_create = symbol(library, "lws_tls_session_wsi_create");

	return library;
}

static SSL_CTX *server_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();
	X509_NAME *name = X509_NAME_new();

	REQUIRE(ctx && key && x509 && name);
	REQUIRE(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					   (const unsigned char *)"test", -1, -1, 0));
	REQUIRE(X509_set_subject_name(x509, name) && X509_set_issuer_name(x509, name));
	X509_NAME_free(name);
	REQUIRE(X509_gmtime_adj(X509_getm_notBefore(x509), -60));
	REQUIRE(X509_gmtime_adj(X509_getm_notAfter(x509), 86400));
	REQUIRE(X509_set_pubkey(x509, key));
	REQUIRE(X509_sign(x509, key, EVP_sha256()));
	REQUIRE(SSL_CTX_use_certificate(ctx, x509) == 1);
	REQUIRE(SSL_CTX_use_PrivateKey(ctx, key) == 1);
	EVP_PKEY_free(key);
	X509_free(x509);

	return ctx;
}

/* Whether it resumed. */
static int connect_once(SSL_CTX *client_ctx, SSL_CTX *server_ctx, struct lws_vhost *vh)
{
	SSL *client = SSL_new(client_ctx), *server = SSL_new(server_ctx);
	BIO *ours, *theirs;
	int round, resumed;
	char byte;

	REQUIRE(client && server && BIO_new_bio_pair(&ours, 0, &theirs, 0));
	SSL_set_bio(client, ours, ours);
	SSL_set_bio(server, theirs, theirs);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	if (vh)
		REQUIRE(wsi_create(vh, client, "test", 443));
	for (round = 0; round < 8; round++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	REQUIRE(SSL_is_init_finished(client) && SSL_write(server, "x", 1) == 1);
	REQUIRE(SSL_read(client, &byte, 1) == 1);
	resumed = SSL_session_reused(client);
	SSL_shutdown(server);
	SSL_free(client);
	SSL_free(server);
	ERR_clear_error();

	return resumed;
}

static SSL_CTX *client, *server, *of_thread;
static struct lws_vhost *vh;

static void *connect_in_thread(void *arg)
{
	REQUIRE(connect_once(of_thread, server, vh));

	return arg;
}

void while_plugin_is_loaded(void);

/* called by its constructor, which waits for a connection of another thread's */
void while_plugin_is_loaded(void)
{
	pthread_t thread;

	if (!of_thread)
		return;
	REQUIRE(!pthread_create(&thread, NULL, connect_in_thread, NULL));
	pthread_join(thread, NULL);
}

/* A handshake that resumes a session of another session ID context fails. */
static void set_id_context_by_plugin(const char *path, SSL_CTX *ctx)
{
	int (*set)(SSL_CTX *ctx, const unsigned char *context, unsigned int len);
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	REQUIRE(plugin);
	*(void **)&set = symbol(plugin, "set_id_context");
	REQUIRE(set(ctx, (const unsigned char *)"later", 5));
}

int main(int argc, char **argv)
{
	int n, status;
	void *library;
	pid_t child;

	alarm(60);
	client = SSL_CTX_new(TLS_client_method());
	server = server_ctx();
	REQUIRE(argc == 3 && client);
	library = load(argv[1]);
	vh = vhost_create(NULL);
	REQUIRE(vh && !vhost_attach(vh, client));
	REQUIRE(!connect_once(client, server, vh));
	REQUIRE(connect_once(client, server, vh));

	/* twice, as if somebody else had it open too */
	REQUIRE(load(argv[1]) == library);
	REQUIRE(!dlclose(library) && !dlclose(library));
	/* its callbacks are still those of the SSL_CTX: they must still be there */
	for (n = 0; n < 3; n++)
		connect_once(client, server, NULL);

	library = load(argv[1]);
	REQUIRE(connect_once(client, server, vh));
	of_thread = SSL_CTX_new(TLS_client_method());
	REQUIRE(of_thread && !vhost_attach(vh, of_thread));
	/* the child of a process without threads, a daemon say, sees what it loads as well */
	child = fork();
	REQUIRE(child >= 0);
	if (!child) {
		SSL_CTX_free(of_thread);
		of_thread = NULL;
	}
	set_id_context_by_plugin(argv[2], client);
	REQUIRE(connect_once(client, server, vh));
	if (!child)
		_exit(0);
	REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status));
	vh_destroy(vh);
	dlclose(library);
	SSL_CTX_free(client);
	SSL_CTX_free(of_thread);
	SSL_CTX_free(server);
	printf("ok dlopen\n");

	return 0;
}
