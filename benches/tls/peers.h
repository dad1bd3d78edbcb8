/*
 * A client and a server in one thread, over TCP on 127.0.0.1: so the client's
 * instructions can be counted without the server's.
 *
 * What the client does is in measured_client(), and nothing else is: callgrind
 * is told to collect only there, from bench_begin() on.
 */

#ifndef LWS_TLS_SESSIONS_BENCH_PEERS_H
#define LWS_TLS_SESSIONS_BENCH_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#define PEER_NAME	"localhost"

/* the server is also any name of this form */
#define HOST_FORMAT	"host-%06d.bench.test"
#define HOST_SIZE	sizeof("host--2147483648.bench.test")

struct peers {
	SSL_CTX		*client;
	SSL_CTX		*server;
	int		listener;
	uint16_t	port;
	const char	*name;	/* whom clients ask for; at first PEER_NAME */
	struct pki_pair	*pki;
};

struct peers_config {
	int	version;	/* TLS1_2_VERSION or TLS1_3_VERSION */
	bool	rsa;		/* RSA-2048, else P-256 */
	int	tickets;	/* TLS 1.3: how many the server sends; 0: its default, 2 */
};

void peers_up(struct peers *peers, const struct peers_config *config);
void peers_down(struct peers *peers);

struct conn {
	SSL	*client;
	SSL	*server;
	int	client_fd;
	int	server_fd;
};

/* what a mode does to each SSL before its handshake; may be NULL */
typedef void (*prepare_t)(SSL *ssl);

/*
 * conn_open() - connects, up to the end of the handshake and the first byte from
 * the server, with which TLS 1.3 tickets come
 *
 * Returns whether it resumed.
 */
bool conn_open(struct conn *conn, const struct peers *peers, prepare_t prepare, bool measured);
void conn_close(struct conn *conn, bool measured);

/* the parts of conn_open(), for connections that overlap */
void conn_begin(struct conn *conn, const struct peers *peers, prepare_t prepare, bool measured);
bool conn_finish(struct conn *conn, bool measured);

/* the counting begins */
void bench_begin(void);

/* ends the program where the bench itself does not work */
#define NEED(expr)	((expr) ? (void)0 : bench_broken(#expr, __FILE__, __LINE__))
void bench_broken(const char *expr, const char *file, int line) __attribute__((noreturn));

/* bench_flag() - whether --NAME is among the arguments; bench_value() - what follows it */
bool bench_flag(char **argv, const char *name);
const char *bench_value(char **argv, const char *name, const char *otherwise);
int bench_version(char **argv);

/* bench_microseconds() - by a clock that only goes on; bench_median() - of times, which it sorts */
double bench_microseconds(void);
double bench_median(double *times, int count);

#endif
