/*
 * The one rule, row by row: a connection with the library reports what the same
 * connection reports without it.
 *
 *   test-rule			all rows
 *   test-rule NAME...		these
 *   test-rule 'first: ...'	a scenario that is no row
 *   test-rule --but-objects ...	without a look at the app's SSL and SSL_CTX
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "rows.h"
#include "world.h"

static const struct row {
	const char	*name, *text;
} rows[] = {
#define ROW(name, text) { #name, text },
	BROKEN_ROWS(ROW)
	RESUMING_ROWS(ROW)
#undef ROW
};

static unsigned int failed, ran;

static void run(const char *name, const char *text)
{
	struct scenario scenario;
	const char *difference;

	ran++;
	if (!scenario_read(&scenario, text)) {
		failed++;
		return;
	}
	if (!scenario_is_possible(&scenario)) {
		printf("skipped %s: not with this TLS library\n", name);
		return;
	}
	difference = scenario_compare(&scenario);
	failed += !!difference;
	printf("%s %s (%s)\n", difference ? "FAILED" : "ok", name,
	       scenario_resumed() ? "resumed" : "in full");
	if (difference)
		printf("  %s%s\n", text, difference[0] == '\n' ? difference : "");
	if (difference && difference[0] != '\n')
		printf("  %s\n", difference);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	size_t n;
	int at;

	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && !strcmp(argv[1], "--but-objects")) {
		report_skips_objects = true;
		argc--, argv++;
	}
	for (at = 1; at < argc; at++)
		if (strchr(argv[at], ':'))
			run("scenario", argv[at]);
	for (n = 0; n < ARRAY_SIZE(rows); n++)
		if (test_is_chosen(rows[n].name, argc, argv))
			run(rows[n].name, rows[n].text);
	if (!ran)
		fprintf(stderr, "no such row\n");
	printf("%u of %u failed\n", failed, ran);

	return failed || !ran;
}
