/*
 * Checks, and the runner of a test program.
 *
 * A check that fails prints where, what and the values, cleans up what would
 * outlive the process and ends it with status 1.  It may run on any thread.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_CHECK_H
#define LWS_TLS_SESSIONS_TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))

#define CHECK(expr)			check_true(!!(expr), #expr, __FILE__, __LINE__)
#define CHECK_INT(actual, expected)	check_int((long long)(actual), \
						  (long long)(expected), #actual, \
						  __FILE__, __LINE__)
#define CHECK_RANGE(actual, low, high)	check_range((long long)(actual), (long long)(low), \
						    (long long)(high), #actual, \
						    __FILE__, __LINE__)
#define CHECK_STR(actual, expected)	check_str(actual, expected, #actual, __FILE__, __LINE__)
/* for what the test itself needs, an allocation or a socket: not counted as an assertion */
#define REQUIRE(expr)			((expr) ? (void)0 : \
					 check_broken(#expr, __FILE__, __LINE__))

void check_true(bool ok, const char *expr, const char *file, int line);
void check_int(long long actual, long long expected, const char *expr,
	       const char *file, int line);
void check_range(long long actual, long long low, long long high,
		 const char *expr, const char *file, int line);
void check_str(const char *actual, const char *expected, const char *expr,
	       const char *file, int line);
void check_broken(const char *expr, const char *file, int line);

/* check_fail() - what every failing check ends in: never returns */
void check_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));

/*
 * check_context() - says which row of a table the thread is in
 *
 * The text is printed with a check that fails, until another replaces it.
 */
void check_context(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

struct test_case {
	const char	*name;
	void		(*run)(void);
	bool		(*applies)(void);	/* NULL: always */
};

#define CASE(function)			{ #function, function, NULL }
/* one that not every TLS library has what it takes for */
#define CASE_IF(applies, function)	{ #function, function, applies }

/* a case that is there with OpenSSL alone */
#ifdef OPENSSL_IS_BORINGSSL
#define OPENSSL_CASE(function)		{ #function, NULL, NULL }
#define OPENSSL_CASE_IF(applies, function)	OPENSSL_CASE(function)
#else
#define OPENSSL_CASE(function)		CASE(function)
#define OPENSSL_CASE_IF(applies, function)	CASE_IF(applies, function)
#endif

/* a case whose children allocate: ASan's malloc() may be locked in them, and stays so */
#define FORKING_CASE(function)		CASE_IF(malloc_survives_fork, function)

bool malloc_survives_fork(void);

#define EXIT_SKIPPED			77 /* ctest's SKIP_RETURN_CODE */

/*
 * test_main() - runs the cases, or those whose names are given as arguments
 *
 * A case without a single assertion fails.  Returns the program's status.
 */
int test_main(int argc, char **argv, const struct test_case *cases, size_t count);

/* test_skip() - what main() returns where the program cannot run here, with the reason */
int test_skip(const char *reason);

/* test_is_chosen() - no name after argv[0], or this one */
bool test_is_chosen(const char *name, int argc, char **argv);

/* a program of cases and nothing else */
#define TEST_PROGRAM(...)						\
	int main(int argc, char **argv)					\
	{								\
		static const struct test_case cases[] = { __VA_ARGS__ };	\
									\
		return test_main(argc, argv, cases, ARRAY_SIZE(cases));	\
	}

#endif
