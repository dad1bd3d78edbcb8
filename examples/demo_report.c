/*
 * lws-tls-sessions demo: what is printed
 *
 * SPDX-License-Identifier: MIT
 */

#include "demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BAR_WIDTH	50

const char *demo_protocol_name(enum demo_protocol protocol)
{
	return protocol == DEMO_TLS_1_2 ? "TLS 1.2" : "TLS 1.3";
}

void demo_report_progress(enum demo_protocol protocol, const char *mode, const struct demo_run *run)
{
	unsigned int done = run->full + run->resumed;
	int terminal = isatty(STDOUT_FILENO);

	if (run->quiet)
		return;
	/* a terminal's line is written over and over; elsewhere a line at each quarter will do */
	if (!terminal && done * 4 / run->connections == (done - 1) * 4 / run->connections)
		return;
	printf("%s%s, %-10s %u of %u connections, %u resumed%s", terminal ? "\r" : "",
	       demo_protocol_name(protocol), mode, done, run->connections,
	       run->resumed, terminal && done < run->connections ? "" : "\n");
	fflush(stdout);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* 0 where there is nothing */
static double median_ms(double *us, unsigned int count)
{
	if (!count)
		return 0;
	qsort(us, count, sizeof(*us), compare);
	return (us[(count - 1) / 2] + us[count / 2]) / 2 / 1e3;
}

static const char *cell(char *buf, size_t len, const char *format, double value)
{
	if (value > 0)
		snprintf(buf, len, format, value);
	else
		snprintf(buf, len, "-");
	return buf;
}

static void table_row(const char *protocol, const char *cache, struct demo_run *run,
		      double full_ms_before)
{
	double full = median_ms(run->full_us, run->full);
	double resumed = median_ms(run->resumed_us, run->resumed);
	char full_cell[32], resumed_cell[32], faster_cell[32];

	printf("%-9s %-6s %6u %8u   %12s %12s   %8s\n", protocol, cache, run->full, run->resumed,
	       cell(full_cell, sizeof(full_cell), "%.2f ms", full),
	       cell(resumed_cell, sizeof(resumed_cell), "%.2f ms", resumed),
	       cell(faster_cell, sizeof(faster_cell), "%.1f x",
		    resumed > 0 ? full_ms_before / resumed : 0));
}

static void bar(const char *protocol, const char *what, double ms, double longest)
{
	int width = (int)(ms / longest * BAR_WIDTH + 0.5);
	int i;

	if (!(ms > 0))
		return;
	printf("%-9s %-8s ", protocol, what);
	for (i = 0; i < (width ? width : 1); i++)
		putchar('#');
	printf(" %.2f ms\n", ms);
}

void demo_report(struct demo_result results[DEMO_PROTOCOLS], struct demo_result *processes)
{
	double full[DEMO_PROTOCOLS], resumed[DEMO_PROTOCOLS], longest = 0;
	int i, newest = 0;

	for (i = 0; i < DEMO_PROTOCOLS; i++) {
		full[i] = median_ms(results[i].off.full_us, results[i].off.full);
		resumed[i] = median_ms(results[i].on.resumed_us, results[i].on.resumed);
		longest = full[i] > longest ? full[i] : longest;
		longest = resumed[i] > longest ? resumed[i] : longest;
	}
	if (!(longest > 0))
		return;

	puts("\n                   Handshakes         Median time of one, client side\n"
	     "Protocol  Cache    full  resumed           full      resumed     Faster");
	for (i = 0; i < DEMO_PROTOCOLS; i++) {
		if (!(full[i] > 0))
			continue;
		table_row(demo_protocol_name(i), "off", &results[i].off, full[i]);
		table_row(demo_protocol_name(i), "on", &results[i].on, full[i]);
		newest = i;
	}
	/* the cache is on in these, too, and of no use to a process that has but one connection */
	if (processes->off.full) {
		double alone = median_ms(processes->off.full_us, processes->off.full);

		table_row(demo_protocol_name(newest), "proc.", &processes->off, alone);
		table_row(demo_protocol_name(newest), "store", &processes->on, alone);
	}

	puts("");
	for (i = 0; i < DEMO_PROTOCOLS; i++) {
		bar(demo_protocol_name(i), "full", full[i], longest);
		bar(demo_protocol_name(i), "resumed", resumed[i], longest);
	}
	puts("\nFaster: the median without the cache over the median of a resumed handshake.\n"
	     "proc., store: a process for each connection, without a store and with one.\n");
}
