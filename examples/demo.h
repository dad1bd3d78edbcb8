/*
 * lws-tls-sessions demo: what its parts share
 *
 * SPDX-License-Identifier: MIT
 */

#ifndef DEMO_H
#define DEMO_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

enum demo_protocol { DEMO_TLS_1_2, DEMO_TLS_1_3, DEMO_PROTOCOLS };

/** struct demo_target - the server to connect to */
struct demo_target {
	char		host[256];	/**< name or address, without brackets */
	uint16_t	port;
	const char	*ca_file;	/**< NULL: the system's certificates */
	X509		*ca;		/**< trusted instead of ca_file, if not NULL */
	int		speaks_first;	/**< the server sends a byte after the handshake */
	int		allow_tickets;	/**< for TLS 1.2 too */
	const char	*store;		/**< a store behind the cache; NULL: none */
};

/** struct demo_run - a number of connections, one after the other */
struct demo_run {
	unsigned int	connections;	/**< how many to make */
	unsigned int	full;		/**< made so far, with a full handshake */
	unsigned int	resumed;	/**< made so far, resumed */
	double		*full_us;	/**< the time of each, microseconds */
	double		*resumed_us;
	char		error[512];	/**< why it stopped early, or "" */
	int		refused;	/**< it was the very first handshake that failed */
	int		quiet;		/**< no progress is shown */
};

/** struct demo_result - one protocol, without the cache and with it
 *
 * Or processes, without a store and with one.
 */
struct demo_result {
	struct demo_run	off, on;
};

/* demo_server.c */

struct demo_server;

/** demo_server_start() - a TLS server thread on 127.0.0.1
 *
 * \param target: is set to what a client needs to know to get there
 *
 * It has a certificate for "localhost" made on the spot. After each handshake it
 * sends one byte, and then waits for the client to hang up. Returns NULL on failure.
 */
struct demo_server *demo_server_start(struct demo_target *target);

void demo_server_stop(struct demo_server *server);

/* demo_client.c, or demo_client_mbedtls.c */

/** demo_client_run() - connect and hang up, run->connections times
 *
 * \param protocol: the only one that the client offers
 * \param cached: with this library, or without
 *
 * Returns 0, or -1 with run->error set.
 */
int demo_client_run(const struct demo_target *target, enum demo_protocol protocol, int cached,
		    struct demo_run *run);

/* demo_process.c */

/** demo_process_main() - to be called first: what to end with, or -1 where this is no such process */
int demo_process_main(int argc, char **argv);

/** demo_process_run() - as demo_client_run(), but each connection in a process of its own
 *
 * \param store: the URL of their store; NULL: none
 * \param ca_file: what they trust; NULL: the system's certificates
 */
int demo_process_run(const struct demo_target *target, enum demo_protocol protocol, const char *store,
		     const char *ca_file, struct demo_run *run);

/** demo_write_ca() - write target->ca to a file that processes can read; 0, or -1 */
int demo_write_ca(const struct demo_target *target, const char *path);

/* demo_net.c */

#define DEMO_PATIENCE_S		10	/**< with a server that does not answer */
#define DEMO_REPLY_WAIT_S	2	/**< with one that has nothing to say after the handshake */

/** DEMO_REQUEST - what a server that waits for its client is asked, as a web server would be */
#define DEMO_REQUEST	"HEAD / HTTP/1.1\r\nHost: demo.invalid\r\nConnection: close\r\n\r\n"

double demo_now_us(void);
void demo_set_timeout(int fd, int option, int seconds);

/** demo_connect() - a socket that is connected; -1 with error set where that fails */
int demo_connect(const struct demo_target *target, char *error, size_t error_len);

/* demo_report.c */

const char *demo_protocol_name(enum demo_protocol protocol);

/** demo_report_progress() - called after each connection */
void demo_report_progress(enum demo_protocol protocol, const char *mode, const struct demo_run *run);

/** demo_report() - the table and the bars
 *
 * \param processes: of the newest protocol that the server speaks
 */
void demo_report(struct demo_result results[DEMO_PROTOCOLS], struct demo_result *processes);

#endif
