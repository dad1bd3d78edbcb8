#include "observe.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define MEMBER(name)	{ #name, offsetof(struct lws_tls_session_stats, name) }

static const struct {
	const char	*name;
	size_t		offset;
} members[] = {
	MEMBER(entries), MEMBER(sessions), MEMBER(handshakes), MEMBER(offered),
	MEMBER(resumed), MEMBER(declined), MEMBER(missed), MEMBER(unsuitable),
	MEMBER(unverified), MEMBER(stored), MEMBER(replaced), MEMBER(evicted),
	MEMBER(expired), MEMBER(saved), MEMBER(loaded), MEMBER(load_refused),
	MEMBER(store_hits), MEMBER(store_misses), MEMBER(store_puts), MEMBER(store_errors),
};

static uint64_t member(const struct lws_tls_session_stats *stats, size_t n)
{
	return *(const uint64_t *)((const char *)stats + members[n].offset);
}

struct lws_tls_session_stats stats_of(struct lws_vhost *vh)
{
	struct lws_tls_session_stats stats;

	CHECK_INT(lws_tls_session_get_stats(vh, &stats, sizeof(stats)), 0);

	return stats;
}

void check_stats(struct lws_vhost *vh, const struct lws_tls_session_stats *expected,
		 const char *file, int line)
{
	struct lws_tls_session_stats actual = stats_of(vh);
	size_t n;

	for (n = 0; n < ARRAY_SIZE(members); n++)
		check_int((long long)member(&actual, n), (long long)member(expected, n),
			  members[n].name, file, line);
}

static char hosts[4096];

static int append_host(struct lws_vhost *vh, const struct lws_tls_session_entry *entry,
		       void *opq)
{
	size_t len = strlen(hosts);

	(void)vh;
	(void)opq;
	snprintf(hosts + len, sizeof(hosts) - len, len ? " %s" : "%s", entry->host);

	return 0;
}

const char *hosts_of(struct lws_vhost *vh)
{
	hosts[0] = '\0';
	CHECK_INT(lws_tls_session_foreach(vh, append_host, NULL), 0);

	return hosts;
}

int count_entry(struct lws_vhost *vh, const struct lws_tls_session_entry *entry, void *opq)
{
	(void)vh;
	(void)entry;
	++*(int *)opq;

	return 0;
}

static int take_entry(struct lws_vhost *vh, const struct lws_tls_session_entry *entry,
		      void *opq)
{
	(void)vh;
	*(struct lws_tls_session_entry *)opq = *entry;

	return 1;
}

struct lws_tls_session_entry first_entry_of(struct lws_vhost *vh)
{
	struct lws_tls_session_entry entry;

	CHECK_INT(lws_tls_session_foreach(vh, take_entry, &entry), 1);
	/* these were valid during the callback */
	entry.host = entry.tag = NULL;

	return entry;
}

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[16384];
static unsigned int log_count;

static void keep_line(int level, const char *line)
{
	size_t len;

	(void)level;
	pthread_mutex_lock(&log_lock);
	len = strlen(log_text);
	snprintf(log_text + len, sizeof(log_text) - len, "%s\n", line);
	log_count++;
	pthread_mutex_unlock(&log_lock);
}

void log_capture(int levels)
{
	log_clear();
	lws_tls_session_set_log_level(levels, keep_line);
}

void log_release(void)
{
	lws_tls_session_set_log_level(LLL_ERR | LLL_WARN | LLL_NOTICE, NULL);
}

void log_clear(void)
{
	pthread_mutex_lock(&log_lock);
	log_text[0] = '\0';
	log_count = 0;
	pthread_mutex_unlock(&log_lock);
}

unsigned int log_lines(void)
{
	unsigned int count;

	pthread_mutex_lock(&log_lock);
	count = log_count;
	pthread_mutex_unlock(&log_lock);

	return count;
}

bool log_has(const char *part)
{
	bool has;

	pthread_mutex_lock(&log_lock);
	has = strstr(log_text, part);
	pthread_mutex_unlock(&log_lock);

	return has;
}

const char *log_all(void)
{
	return log_text;
}
