#include "pair.h"

#include <openssl/err.h>

#include "server_private.h"

static int succeed(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;

	return SSL_CLIENT_HELLO_SUCCESS;
}

SSL_CTX *pair_server_ctx(const struct server_config *config)
{
	SSL_CTX *ctx = server_make_ctx(config);

	/* that of the server on threads looks for its own */
	SSL_CTX_set_client_hello_cb(ctx, succeed, NULL);

	return ctx;
}

void pair_server(struct pair *pair, SSL_CTX *server)
{
	BIO *ours, *theirs;

	REQUIRE(BIO_new_bio_pair(&ours, 1 << 17, &theirs, 1 << 17));
	pair->server = SSL_new(server);
	REQUIRE(pair->server);
	SSL_set_accept_state(pair->server);
	SSL_set_bio(pair->client, ours, ours);
	SSL_set_bio(pair->server, theirs, theirs);
}

struct pair pair_new(SSL_CTX *client, SSL_CTX *server, struct lws_vhost *vh)
{
	struct pair pair = { .client = SSL_new(client) };

	REQUIRE(pair.client);
	SSL_set_connect_state(pair.client);
	REQUIRE(SSL_set_tlsext_host_name(pair.client, HOST));
	REQUIRE(SSL_set1_host(pair.client, HOST));
	pair_server(&pair, server);
	if (vh)
		REQUIRE(lws_tls_session_wsi_create(vh, pair.client, HOST, PAIR_PORT));

	return pair;
}

static bool wants_more(SSL *ssl, int ret)
{
	int error = SSL_get_error(ssl, ret);

	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

bool pair_run(struct pair *pair)
{
	int rounds, client = 0, server = 0;

	/* a handshake takes few; where one end has failed, the other reads why */
	for (rounds = 0; rounds < 10; rounds++) {
		ERR_clear_error();
		client = SSL_do_handshake(pair->client);
		if (client != 1 && !wants_more(pair->client, client))
			rounds = 9;
		ERR_clear_error();
		server = SSL_do_handshake(pair->server);
		if (client == 1 && server == 1)
			break;
	}
	ERR_clear_error();

	return client == 1 && server == 1;
}

bool pair_greet(struct pair *pair)
{
	char byte = 0;

	return SSL_write(pair->server, "x", 1) == 1 &&
	       SSL_read(pair->client, &byte, 1) == 1 && byte == 'x';
}

bool pair_talk(struct pair *pair)
{
	bool ok = pair_run(pair) && pair_greet(pair);

	ERR_clear_error();

	return ok;
}

int pair_outcome(const struct pair *pair)
{
	struct lws *wsi = lws_tls_session_wsi(pair->client);

	return wsi ? lws_tls_session_outcome(wsi) : LWS_TLS_SESSION_OUTCOME_NONE;
}

void pair_close(struct pair *pair)
{
	SSL_shutdown(pair->client);
	SSL_shutdown(pair->server);
	pair_drop(pair);
}

void pair_drop(struct pair *pair)
{
	SSL_free(pair->client);
	SSL_free(pair->server);
	ERR_clear_error();
}
