/*
 * What a vhost holds and counts, and what the library logs.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_OBSERVE_H
#define LWS_TLS_SESSIONS_TESTS_OBSERVE_H

#include <stdbool.h>

#include <lws-tls-sessions.h>

/* CHECK_STATS() - all counters at once; those that are not named are 0 */
#define CHECK_STATS(vh, ...)						\
	check_stats(vh, &(struct lws_tls_session_stats){ __VA_ARGS__ },	\
		    __FILE__, __LINE__)

void check_stats(struct lws_vhost *vh, const struct lws_tls_session_stats *expected,
		 const char *file, int line);

struct lws_tls_session_stats stats_of(struct lws_vhost *vh);

/* CHECK_HOSTS() - the hosts of a vhost's endpoints, most recently used first: "a b c" */
#define CHECK_HOSTS(vh, expected)	CHECK_STR(hosts_of(vh), expected)

const char *hosts_of(struct lws_vhost *vh);	/* valid until the next call */

/* first_entry_of() - what lws_tls_session_foreach() tells of the most recently used endpoint */
struct lws_tls_session_entry first_entry_of(struct lws_vhost *vh);

/* count_entry() - for lws_tls_session_foreach(): adds 1 to the int that opq points to */
int count_entry(struct lws_vhost *vh, const struct lws_tls_session_entry *entry, void *opq);

/* log_capture() - lines of these levels are kept from now on instead of printed */
void log_capture(int levels);
void log_release(void);			/* as the library does by itself */
void log_clear(void);
unsigned int log_lines(void);
bool log_has(const char *part);
/* log_all() - what was captured, a line each; valid until the next line */
const char *log_all(void);

#endif
