/*
 * Many reconnects begun at once, after one handshake: how many of them resume?
 */

#include <stdio.h>
#include <stdlib.h>

#include <lws-tls-sessions.h>

#include "peers.h"

#define MOST	64

int main(int argc, char **argv)
{
	struct peers_config config = { .version = bench_version(argv) };
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	struct conn conns[MOST];
	struct peers peers;
	int i, resumed = 0;

	(void)argc;
	peers_up(&peers, &config);
	NEED(!lws_tls_session_vhost_attach(vh, peers.client));
	NEED(!conn_open(&conns[0], &peers, NULL, false));
	conn_close(&conns[0], false);

	for (i = 0; i < MOST; i++)
		conn_begin(&conns[i], &peers, NULL, false);
	for (i = 0; i < MOST; i++)
		resumed += conn_finish(&conns[i], false);
	for (i = 0; i < MOST; i++)
		conn_close(&conns[i], false);
	printf("begun\t%d\nresumed\t%d\n", MOST, resumed);

	lws_tls_session_vh_destroy(vh);
	peers_down(&peers);

	return 0;
}
