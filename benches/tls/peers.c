#include "peers.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "pki.h"

struct pki_pair {
	struct cert	*root;
	struct cert	*intermediate;
	struct cert	*leaf;
};

void bench_broken(const char *expr, const char *file, int line)
{
	fprintf(stderr, "%s:%d: the bench needs %s\n", file, line, expr);
	ERR_print_errors_fp(stderr);
	exit(EXIT_FAILURE);
}

bool bench_flag(char **argv, const char *name)
{
	return bench_value(argv, name, NULL);
}

const char *bench_value(char **argv, const char *name, const char *otherwise)
{
	for (argv++; *argv; argv++)
		if (!strncmp(*argv, "--", 2) && !strcmp(*argv + 2, name))
			return argv[1] ? argv[1] : "";

	return otherwise;
}

int bench_version(char **argv)
{
	return !strcmp(bench_value(argv, "tls", "1.3"), "1.2") ? TLS1_2_VERSION : TLS1_3_VERSION;
}

double bench_microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);

	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *times, int count)
{
	qsort(times, (size_t)count, sizeof(double), compare);

	return times[count / 2];
}

static struct pki_pair *make_pki(bool rsa)
{
	struct pki_pair *pki = calloc(1, sizeof(*pki));

	NEED(pki);
	pki->root = cert_make(&(struct cert_request){
		.name = "root", .ca = true, .rsa = rsa });
	pki->intermediate = cert_make(&(struct cert_request){
		.name = "intermediate", .ca = true, .rsa = rsa, .issuer = pki->root });
	pki->leaf = cert_make(&(struct cert_request){
		.name = "server", .rsa = rsa, .issuer = pki->intermediate,
		.alt_names = "DNS:" PEER_NAME ",DNS:*.bench.test" });

	return pki;
}

static void listen_on_any(struct peers *peers)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peers->listener = socket(AF_INET, SOCK_STREAM, 0);
	NEED(peers->listener >= 0);
	NEED(!bind(peers->listener, (struct sockaddr *)&address, sizeof(address)));
	NEED(!listen(peers->listener, 1024));
	NEED(!getsockname(peers->listener, (struct sockaddr *)&address, &len));
	peers->port = ntohs(address.sin_port);
}

void peers_up(struct peers *peers, const struct peers_config *config)
{
	peers->name = PEER_NAME;
	peers->pki = make_pki(config->rsa);
	listen_on_any(peers);

	peers->server = SSL_CTX_new(TLS_server_method());
	NEED(peers->server);
	cert_use(peers->server, peers->pki->leaf);
	NEED(SSL_CTX_set_min_proto_version(peers->server, config->version));
	NEED(SSL_CTX_set_max_proto_version(peers->server, config->version));
	if (config->tickets)
		NEED(SSL_CTX_set_num_tickets(peers->server, (size_t)config->tickets));

	peers->client = SSL_CTX_new(TLS_client_method());
	NEED(peers->client);
	SSL_CTX_set_verify(peers->client, SSL_VERIFY_PEER, NULL);
	NEED(X509_STORE_add_cert(SSL_CTX_get_cert_store(peers->client),
				 peers->pki->root->x509));
	/* as the library has it unless told otherwise, so that by hand it is the same handshake */
	if (config->version == TLS1_2_VERSION)
		SSL_CTX_set_options(peers->client, SSL_OP_NO_TICKET);
}

void peers_down(struct peers *peers)
{
	SSL_CTX_free(peers->client);
	SSL_CTX_free(peers->server);
	close(peers->listener);
	cert_free(peers->pki->leaf);
	cert_free(peers->pki->intermediate);
	cert_free(peers->pki->root);
	free(peers->pki);
}

static void connect_sockets(struct conn *conn, const struct peers *peers)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(peers->port) };
	struct linger reset = { .l_onoff = 1 };	/* leaves no TIME_WAIT behind */
	int at_once = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	conn->client_fd = socket(AF_INET, SOCK_STREAM, 0);
	NEED(conn->client_fd >= 0);
	NEED(!connect(conn->client_fd, (struct sockaddr *)&address, sizeof(address)));
	conn->server_fd = accept(peers->listener, NULL, NULL);
	NEED(conn->server_fd >= 0);
	NEED(!fcntl(conn->client_fd, F_SETFL, O_NONBLOCK));
	NEED(!fcntl(conn->server_fd, F_SETFL, O_NONBLOCK));
	NEED(!setsockopt(conn->client_fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)));
	NEED(!setsockopt(conn->client_fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once)));
	NEED(!setsockopt(conn->server_fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once)));
}

enum step {
	BEGIN,
	HANDSHAKE,
	READ,
	END,
};

static int client(struct conn *conn, enum step step, const struct peers *peers, prepare_t prepare)
{
	char byte;

	switch (step) {
	case BEGIN:
		conn->client = SSL_new(peers->client);
		NEED(conn->client);
		SSL_set_tlsext_host_name(conn->client, peers->name);
		SSL_set1_host(conn->client, peers->name);
		SSL_set_fd(conn->client, conn->client_fd);
		if (prepare)
			prepare(conn->client);
		return 0;
	case HANDSHAKE:
		return SSL_connect(conn->client);
	case READ:
		return SSL_read(conn->client, &byte, 1);
	case END:
		SSL_shutdown(conn->client);
		SSL_free(conn->client);
		return 0;
	}

	return -1;
}

__attribute__((noinline))
int measured_client(struct conn *conn, enum step step, const struct peers *peers,
	prepare_t prepare)
{
	int result = client(conn, step, peers, prepare);

	__asm__ volatile("" ::: "memory");	/* a call, not a jump: callgrind sees its end */

	return result;
}

__attribute__((noinline))
int unmeasured_client(struct conn *conn, enum step step, const struct peers *peers,
	prepare_t prepare)
{
	return client(conn, step, peers, prepare);
}

__attribute__((noinline))
void bench_begin(void)
{
	__asm__ volatile("" ::: "memory");
}

typedef int (*client_t)(struct conn *conn, enum step step, const struct peers *peers,
	prepare_t prepare);

static client_t client_of(bool measured)
{
	return measured ? measured_client : unmeasured_client;
}

void conn_begin(struct conn *conn, const struct peers *peers, prepare_t prepare, bool measured)
{
	client_t run = client_of(measured);

	connect_sockets(conn, peers);
	conn->server = SSL_new(peers->server);
	NEED(conn->server);
	SSL_set_fd(conn->server, conn->server_fd);
	run(conn, BEGIN, peers, prepare);
	NEED(run(conn, HANDSHAKE, NULL, NULL) != 1);
}

/* until there is something to read: no turn is for nothing, and none is counted */
static void wait_for(int fd)
{
	NEED(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 10000) == 1);
}

bool conn_finish(struct conn *conn, bool measured)
{
	client_t run = client_of(measured);
	bool client_done = false, server_done = false;

	while (!client_done || !server_done) {
		if (!server_done) {
			wait_for(conn->server_fd);
			server_done = SSL_accept(conn->server) == 1;
		}
		if (!client_done) {
			wait_for(conn->client_fd);
			client_done = run(conn, HANDSHAKE, NULL, NULL) == 1;
		}
	}
	NEED(SSL_write(conn->server, "!", 1) == 1);
	do
		wait_for(conn->client_fd);
	while (run(conn, READ, NULL, NULL) != 1);

	return SSL_session_reused(conn->client);
}

bool conn_open(struct conn *conn, const struct peers *peers, prepare_t prepare, bool measured)
{
	conn_begin(conn, peers, prepare, measured);

	return conn_finish(conn, measured);
}

void conn_close(struct conn *conn, bool measured)
{
	/* both have sent their close_notify: a server would else forget the session */
	SSL_shutdown(conn->server);
	client_of(measured)(conn, END, NULL, NULL);
	SSL_free(conn->server);
	close(conn->client_fd);
	close(conn->server_fd);
}
