#include "worker.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tempdir.h"

#define NOBODY		65534
#define TIMEOUT_SECS	120

/* what a job is told by: words of its command line, in this order */
enum { WORKER = 1, STORE, HOST_NAME, VHOST, TRUST, TUNE, OPTIONS, VERSION, VISITS, PORT, FLAGS,
       WORDS };

static bool is_set(const struct job *job, char flag)
{
	switch (flag) {
	case 'h':
		return job->http;
	case 'e':
		return job->exits;
	case 'l':
		return job->lax;
	case 'n':
		return job->as_nobody;
	default:
		return job->quiet;
	}
}

/* One request, as any client makes it. */
static bool fetch(struct conn *conn)
{
	char line[128] = "";

	if (!conn_handshake(conn) || !conn_send(conn, "GET / HTTP/1.0\r\n\r\n"))
		return false;
	while (strncmp(line, "reused: ", 8))
		if (!conn_read_line(conn, line, sizeof(line)))
			return false;

	return true;
}

static int visit_nginx(struct client *client, const struct dial *dial)
{
	struct conn *conn = conn_new(client, dial);
	bool ok = fetch(conn);
	int outcome = ok ? lws_tls_session_outcome(conn_wsi(conn)) : -1;

	conn_close(conn);

	return outcome;
}

static void say(const char *text)
{
	REQUIRE(write(STDOUT_FILENO, text, strlen(text)) == (ssize_t)strlen(text));
}

int worker_main(int argc, char **argv, const struct worker_tune *tunes)
{
	struct lws_tls_session_vhost_info info = { 0 };
	struct client_config config = { 0 };
	struct dial dial = { 0 };
	unsigned long n, visits;
	struct client *client;
	struct cert *trust;
	int outcome;

	if (argc != WORDS || strcmp(argv[WORKER], "worker"))
		return -1;

	signal(SIGPIPE, SIG_IGN);
	alarm(TIMEOUT_SECS);
	info.options = strtoull(argv[OPTIONS], NULL, 10);
	info.vhost_name = argv[VHOST];
	config.vh = lws_tls_session_vhost_create(&info);
	REQUIRE(config.vh);
	if (argv[STORE][0])
		REQUIRE(!lws_tls_session_vhost_store(config.vh, argv[STORE]));
	if (strchr(argv[FLAGS], 'n'))
		REQUIRE(!setgid(NOBODY) && !setuid(NOBODY));
	if (strchr(argv[FLAGS], 'n') || strchr(argv[FLAGS], 'q'))
		lws_tls_session_set_log_level(LLL_ERR, NULL);
	trust = cert_read(argv[TRUST]);
	config.trust = trust;
	config.version = atoi(argv[VERSION]);
	config.lax = strchr(argv[FLAGS], 'l');
	config.tickets = info.options & LWS_TLS_SESSION_OPTION_ALLOW_TICKETS;
	client = client_new(&config);
	dial.port = (uint16_t)atoi(argv[PORT]);
	dial.host = argv[HOST_NAME];
	for (; argv[TUNE][0] && tunes->name; tunes++)
		if (!strcmp(tunes->name, argv[TUNE]))
			dial.tune = tunes->tune;
	REQUIRE(!argv[TUNE][0] || dial.tune);

	visits = strtoul(argv[VISITS], NULL, 10);
	for (n = 0; n < visits; n++) {
		outcome = strchr(argv[FLAGS], 'h') ? visit_nginx(client, &dial) :
						     visit(client, &dial);
		if (strchr(argv[FLAGS], 'q')) {
			if (outcome < 0)
				_exit(EXIT_FAILURE);
			say(".");
			continue;
		}
		say(n ? " " : "");
		say(outcome_or_failure(outcome));
	}
	if (strchr(argv[FLAGS], 'e'))
		_exit(EXIT_SUCCESS);
	client_free(client);
	cert_free(trust);
	lws_tls_session_vh_destroy(config.vh);

	return EXIT_SUCCESS;
}

/* The file that a new process reads whom to trust from. */
static const char *write_trust(const struct cert *trust)
{
	static unsigned int next;
	char name[32];

	snprintf(name, sizeof(name), "trust-%u.pem", next++ % 16);
	cert_write(trust, temp_path(name), temp_path("unused-key.pem"));

	return temp_path(name);
}

pid_t worker_start(const struct job *job, int *out)
{
	static char self[PATH_MAX];
	char options[24], version[12], visits[12], port[8], flags[8] = "", *words[WORDS + 1];
	const char *flag, *all = "helnq";
	const struct cert *trust = job->trust ? job->trust : pki()->root;
	size_t len = 0;
	int ends[2];
	pid_t child;

	REQUIRE(self[0] || readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	for (flag = all; *flag; flag++)
		if (is_set(job, *flag))
			flags[len++] = *flag;
	snprintf(options, sizeof(options), "%llu", (unsigned long long)job->options);
	snprintf(version, sizeof(version), "%d", job->version);
	snprintf(visits, sizeof(visits), "%u", job->visits ? job->visits : 1);
	snprintf(port, sizeof(port), "%u", job->port);
	words[0] = (char *)(uintptr_t)(job->program ? job->program : self);
	words[WORKER] = (char *)(uintptr_t)"worker";
	words[STORE] = (char *)(uintptr_t)(job->store ? job->store : "");
	words[HOST_NAME] = (char *)(uintptr_t)(job->host ? job->host : HOST);
	words[VHOST] = (char *)(uintptr_t)(job->vhost ? job->vhost : "default");
	words[TRUST] = (char *)(uintptr_t)write_trust(trust);
	words[TUNE] = (char *)(uintptr_t)(job->tune ? job->tune : "");
	words[OPTIONS] = options;
	words[VERSION] = version;
	words[VISITS] = visits;
	words[PORT] = port;
	words[FLAGS] = flags;
	words[WORDS] = NULL;

	REQUIRE(!pipe(ends));
	child = fork();
	REQUIRE(child >= 0);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execv(words[0], words);
		_exit(127);
	}
	close(ends[1]);
	*out = ends[0];

	return child;
}

const char *worker_run(const struct job *job)
{
	static char said[1024];
	size_t len = 0;
	int out, status;
	ssize_t count;
	pid_t child = worker_start(job, &out);

	while ((count = read(out, said + len, sizeof(said) - 1 - len)) > 0 ||
	       (count < 0 && errno == EINTR))
		len += count > 0 ? (size_t)count : 0;
	said[len] = '\0';
	close(out);
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);

	return said;
}

const char *store_url(const char *name, const char *parameters)
{
	static char urls[4][256];
	static unsigned int next;
	char *url = urls[next++ % ARRAY_SIZE(urls)];

	snprintf(url, sizeof(urls[0]), "file:%s%s", temp_path(name), parameters);

	return url;
}

static void (*on_file)(const char *path);
static unsigned int files;

static int look(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	if (type == FTW_D || type == FTW_DNR || !strcmp(path + ftw->base, "key"))
		return 0;
	files++;
	if (on_file)
		on_file(path);

	return 0;
}

unsigned int store_files(const char *name, void (*each)(const char *path))
{
	on_file = each;
	files = 0;
	nftw(temp_path(name), look, 16, FTW_PHYS);

	return files;
}
