#include "clock.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static atomic_long wall_offset, boot_offset;

void clock_pass(long seconds)
{
	clock_set_wall(seconds);
	clock_boot_pass(seconds);
}

void clock_set_wall(long seconds)
{
	atomic_fetch_add(&wall_offset, seconds);
}

void clock_boot_pass(long seconds)
{
	atomic_fetch_add(&boot_offset, seconds);
}

void clock_reset(void)
{
	atomic_store(&wall_offset, 0);
	atomic_store(&boot_offset, 0);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = (int)syscall(SYS_clock_gettime, id, now);

	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		now->tv_sec += atomic_load(&wall_offset);
	else if (id == CLOCK_BOOTTIME)
		now->tv_sec += atomic_load(&boot_offset);

	return ret;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;
	int ret = clock_gettime(CLOCK_REALTIME, &precise);

	(void)zone;
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;

	return ret;
}

time_t time(time_t *now)
{
	struct timespec precise;

	clock_gettime(CLOCK_REALTIME, &precise);
	if (now)
		*now = precise.tv_sec;

	return precise.tv_sec;
}
