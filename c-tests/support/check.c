#include "check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *case_name = "";
static _Thread_local char context[160];
static atomic_uint assertions;

void check_fail(const char *file, int line, const char *format, ...)
{
	va_list ap;

	flockfile(stderr);
	fprintf(stderr, "%s:%d: %s: ", file, line, case_name);
	if (context[0])
		fprintf(stderr, "[%s] ", context);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	funlockfile(stderr);
	fflush(stdout);

	/*
	 * Other threads may be busy: run only what registered itself with
	 * at_quick_exit(), children and temporary directories.
	 */
	quick_exit(EXIT_FAILURE);
}

void check_broken(const char *expr, const char *file, int line)
{
	check_fail(file, line, "the test needs %s", expr);
}

void check_true(bool ok, const char *expr, const char *file, int line)
{
	atomic_fetch_add(&assertions, 1);
	if (!ok)
		check_fail(file, line, "%s is false", expr);
}

void check_int(long long actual, long long expected, const char *expr,
	       const char *file, int line)
{
	atomic_fetch_add(&assertions, 1);
	if (actual != expected)
		check_fail(file, line, "%s is %lld, expected %lld", expr,
			   actual, expected);
}

void check_range(long long actual, long long low, long long high,
		 const char *expr, const char *file, int line)
{
	atomic_fetch_add(&assertions, 1);
	if (actual < low || actual > high)
		check_fail(file, line, "%s is %lld, expected %lld to %lld",
			   expr, actual, low, high);
}

void check_str(const char *actual, const char *expected, const char *expr,
	       const char *file, int line)
{
	atomic_fetch_add(&assertions, 1);
	if (!actual || strcmp(actual, expected))
		check_fail(file, line, "%s is \"%s\", expected \"%s\"", expr,
			   actual ? actual : "(null)", expected);
}

void check_context(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(context, sizeof(context), format, ap);
	va_end(ap);
}

bool test_is_chosen(const char *name, int argc, char **argv)
{
	int n;

	for (n = 1; n < argc; n++)
		if (!strcmp(argv[n], name))
			return true;

	return argc < 2;
}

bool malloc_survives_fork(void)
{
#ifdef __SANITIZE_ADDRESS__
	return false;
#else
	return true;
#endif
}

int test_main(int argc, char **argv, const struct test_case *cases, size_t count)
{
	unsigned int before, run = 0;
	size_t n;

	/* peers hang up on us all the time */
	signal(SIGPIPE, SIG_IGN);

	for (n = 0; n < count; n++) {
		if (!test_is_chosen(cases[n].name, argc, argv))
			continue;

		run++;
		if (!cases[n].run || (cases[n].applies && !cases[n].applies())) {
			printf("skipped %s: not with this TLS library, not under ASan, or not on this machine\n",
			       cases[n].name);
			continue;
		}
		case_name = cases[n].name;
		context[0] = '\0';
		before = atomic_load(&assertions);
		cases[n].run();
		if (atomic_load(&assertions) == before)
			check_fail(__FILE__, __LINE__, "asserts nothing");

		printf("ok %s (%u assertions)\n", cases[n].name,
		       atomic_load(&assertions) - before);
		fflush(stdout);
	}

	if (!run) {
		fprintf(stderr, "no such case\n");
		return EXIT_FAILURE;
	}

	return EXIT_SUCCESS;
}

int test_skip(const char *reason)
{
	printf("skipped: %s\n", reason);

	return EXIT_SKIPPED;
}
