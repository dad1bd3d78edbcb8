/*
 * Processes of their own, one after the other or at once, that connect to a
 * server and share what a store has. Each is the test program itself, run anew.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_WORKER_H
#define LWS_TLS_SESSIONS_TESTS_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "client.h"

/* how its connections are, for programs that have such; found by name */
struct worker_tune {
	const char	*name;
	void		(*tune)(struct conn *conn);
};

struct job {
	const char	*program;	/* NULL: this one */
	const char	*store;		/* the URL; NULL: none */
	const char	*host;		/* NULL: HOST */
	const char	*vhost;		/* its name; NULL: "default" */
	const struct cert *trust;	/* NULL: pki()->root */
	const char	*tune;		/* the name of one; NULL: none */
	uint64_t	options;
	int		version;
	unsigned int	visits;		/* 0: 1 */
	uint16_t	port;
	bool		http;		/* the server is nginx */
	bool		exits;		/* by _exit(), without a word to the library */
	bool		lax;
	bool		as_nobody;	/* becomes another user after the store is set */
	bool		quiet;		/* writes a dot per visit, and no outcome */
};

/* worker_start() - begins one; what it says comes from *out */
pid_t worker_start(const struct job *job, int *out);

/* worker_run() - its outcomes, with blanks between them; valid until the next call */
const char *worker_run(const struct job *job);
#define CHECK_JOB(expected, ...)	\
	CHECK_STR(worker_run(&(struct job){ __VA_ARGS__ }), expected)

/*
 * worker_main() - to be called first thing in main(): the status to end with, or
 * -1 where this is the test itself. The tunes end with one without a name.
 */
int worker_main(int argc, char **argv, const struct worker_tune *tunes);

#define STORE_TEST_PROGRAM(tunes, ...)					\
	int main(int argc, char **argv)					\
	{								\
		static const struct test_case cases[] = { __VA_ARGS__ };	\
		int status = worker_main(argc, argv, tunes);		\
									\
		return status >= 0 ? status :				\
		       test_main(argc, argv, cases, ARRAY_SIZE(cases));	\
	}

/* store_url() - that of a directory in temp_dir(), with parameters or ""; valid until the fourth
   call after this one */
const char *store_url(const char *name, const char *parameters);

/*
 * store_files() - calls for each file below a directory of temp_dir() that is not the key, or
 * for none where each is NULL; how many there are
 */
unsigned int store_files(const char *name, void (*each)(const char *path));

#endif
