/*
 * What an endpoint takes of the heap: with its session loaded and unused; and
 * with sessions in use, kept by the library or as copies in an array.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lws-tls-sessions.h>

#include "heap.h"
#include "peers.h"

static const char usage[] =
	"usage: memory --mode MODE [--tls 1.2|1.3] [--endpoints N] [--tickets N] [--reconnects N]\n"
	"\n"
	"  loaded    by lws_tls_session_dump_load()\n"
	"  used      as loaded, and each has been connected to since\n"
	"  copies    each session that came is copied into an array\n"
	"  attached  each session that came is in the library's cache\n"
	"\n"
	"prints the bytes per endpoint, and of loaded sessions the bytes of each blob\n";

/* bare DER, which loads for any endpoint */
struct blob {
	unsigned char	*der;
	int		len;
};

static int give(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	const struct blob *blob = info->opaque;

	(void)cx;
	info->blob = malloc((size_t)blob->len);
	NEED(info->blob);
	memcpy(info->blob, blob->der, (size_t)blob->len);
	info->blob_len = (size_t)blob->len;

	return 0;
}

static SSL_SESSION **copies;
static int copied, most_copies;

static int keep_copy(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	if (copied < most_copies)
		copies[copied++] = SSL_SESSION_dup(session);

	return 0;
}

static void visit(struct peers *peers, int host)
{
	char name[HOST_SIZE];
	struct conn conn;

	snprintf(name, sizeof(name), HOST_FORMAT, host);
	peers->name = name;
	conn_open(&conn, peers, NULL, false);
	conn_close(&conn, false);
}

static struct blob session_der(struct peers *peers)
{
	struct blob blob = { 0 };

	most_copies = 1;
	copies = calloc(1, sizeof(*copies));
	SSL_CTX_set_session_cache_mode(peers->client, SSL_SESS_CACHE_CLIENT |
						      SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(peers->client, keep_copy);
	visit(peers, 999999);
	NEED(copied);
	blob.len = i2d_SSL_SESSION(copies[0], &blob.der);
	NEED(blob.len > 0);
	SSL_SESSION_free(copies[0]);
	SSL_CTX_sess_set_new_cb(peers->client, NULL);

	return blob;
}

int main(int argc, char **argv)
{
	int endpoints = atoi(bench_value(argv, "endpoints", "200")), i, n;
	int reconnects = atoi(bench_value(argv, "reconnects", "0"));
	const char *mode = bench_value(argv, "mode", "");
	struct peers_config config = {
		.version = bench_version(argv),
		.tickets = atoi(bench_value(argv, "tickets", "1")),
	};
	struct lws_tls_session_vhost_info info = {
		.tls_session_cache_max = (uint32_t)endpoints + 1,
	};
	bool by_hand = !strcmp(mode, "copies");
	bool loaded = !strcmp(mode, "loaded"), used = !strcmp(mode, "used");
	struct lws_vhost *vh;
	struct peers peers;
	struct blob blob;
	long before;

	if (argc < 3 || endpoints < 1 ||
	    (!by_hand && !loaded && !used && strcmp(mode, "attached"))) {
		fputs(usage, stderr);
		return 2;
	}
	peers_up(&peers, &config);
	blob = session_der(&peers);
	vh = lws_tls_session_vhost_create(&info);
	if (by_hand) {
		most_copies = endpoints * config.tickets;
		copies = calloc((size_t)most_copies, sizeof(*copies));
		copied = 0;
		NEED(copies);
		SSL_CTX_sess_set_new_cb(peers.client, keep_copy);
	} else {
		NEED(!lws_tls_session_vhost_attach(vh, peers.client));
	}

	/* what comes with the first one is not an endpoint's */
	if (!by_hand && !loaded && !used) {
		visit(&peers, 999998);
		lws_tls_session_vhost_flush(vh);
	}
	before = heap_in_use();
	for (i = 0; i < endpoints; i++) {
		char name[HOST_SIZE];

		snprintf(name, sizeof(name), HOST_FORMAT, i);
		if (loaded || used)
			NEED(!lws_tls_session_dump_load(vh, name, peers.port, give, &blob));
		if (!loaded)
			for (n = 0; n < 1 + (used ? 0 : reconnects); n++)
				visit(&peers, i);
	}
	if (by_hand)
		NEED(copied == most_copies);
	printf("bytes\t%.1f\n", (double)(heap_in_use() - before) / endpoints);
	if (loaded || used)
		printf("blob\t%d\n", blob.len);

	return 0;
}
