/*
 * Time as the tests want it: a program that calls one of these has its own
 * clock_gettime(), gettimeofday() and time(), which the library and the TLS
 * library find first.  The offsets add up until clock_reset().
 */

#ifndef LWS_TLS_SESSIONS_TESTS_CLOCK_H
#define LWS_TLS_SESSIONS_TESTS_CLOCK_H

/* clock_pass() - so many seconds go by */
void clock_pass(long seconds);

/* clock_set_wall() - somebody sets the wall clock, CLOCK_REALTIME, forward or back */
void clock_set_wall(long seconds);

/* clock_boot_pass() - the wall clock stands still, CLOCK_BOOTTIME goes on */
void clock_boot_pass(long seconds);

void clock_reset(void);

#endif
