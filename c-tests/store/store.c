/*
 * A store behind a vhost's cache: what reaches it, what is refused, what others
 * can see of it.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "tempdir.h"
#include "worker.h"

#define SINGLE_USE	LWS_TLS_SESSION_OPTION_SINGLE_USE

/* A rig with a store of its own in a directory of that name. */
static void rig_up_store(struct rig *rig, const char *name, int version, uint64_t options)
{
	RIG_UP(rig, .server = { .version = version, .resumption = SESSION_IDS,
				.remembers = true },
	       .vhost = { .options = options });
	CHECK_INT(lws_tls_session_vhost_store(rig->vh, store_url(name, "")), 0);
}

static void a_second_vhost_resumes(void)
{
	struct rig rig;
	struct lws_vhost *vh;
	struct client *client;
	const struct way *way;
	char name[32];

	FOR_EACH_WAY(way) {
		snprintf(name, sizeof(name), "second-%d", (int)(way - ways));
		rig_up_way(&rig, way);
		CHECK_INT(lws_tls_session_vhost_store(rig.vh, store_url(name, "")), 0);
		RIG_VISIT(&rig, MISS);
		CHECK(stats_of(rig.vh).store_puts > 0);
		CHECK_INT(stats_of(rig.vh).store_misses, 1);

		vh = lws_tls_session_vhost_create(
			&(struct lws_tls_session_vhost_info){ .options = way->options });
		CHECK_INT(lws_tls_session_vhost_store(vh, store_url(name, "")), 0);
		client = client_new(&(struct client_config){
			.vh = vh,
			.tickets = way->options & LWS_TLS_SESSION_OPTION_ALLOW_TICKETS });
		CHECK_VISIT(client, &rig.dial, RESUMED);
		CHECK_INT(stats_of(vh).store_hits, 1);
		CHECK_INT(stats_of(vh).store_errors, 0);
		CHECK_INT(visits(client, &rig.dial, 9), 9);
		client_free(client);
		lws_tls_session_vh_destroy(vh);
		rig_down(&rig);
		CHECK(store_files(name, NULL) > 0);
	}
}

/* Of TLS 1.3 one record is taken, but the last; of TLS 1.2 all is copied. */
static void tickets_are_taken_but_the_last(void)
{
	struct rig rig;

	rig_up_store(&rig, "taken", TLS1_3_VERSION, 0);
	RIG_VISIT(&rig, MISS);
	server_set_tickets(rig.server, 0);
	CHECK_INT(store_files("taken", NULL), 2);
	CHECK_JOB("RESUMED", .store = store_url("taken", ""), .port = server_port(rig.server));
	CHECK_INT(store_files("taken", NULL), 1);
	CHECK_JOB("RESUMED", .store = store_url("taken", ""), .port = server_port(rig.server));
	CHECK_JOB("RESUMED", .store = store_url("taken", ""), .port = server_port(rig.server));
	CHECK_INT(store_files("taken", NULL), 1);
	rig_down(&rig);
}

static void a_ticket_for_single_use_is_in_one_place(void)
{
	const char *url = store_url("single", "");
	struct rig rig;

	rig_up_store(&rig, "single", TLS1_3_VERSION, SINGLE_USE);
	RIG_VISIT(&rig, MISS);
	CHECK_INT(stats_of(rig.vh).sessions, 0);
	CHECK_INT(store_files("single", NULL), 2);
	server_set_tickets(rig.server, 0);
	CHECK_JOB("RESUMED", .store = url, .options = SINGLE_USE,
		  .port = server_port(rig.server));
	CHECK_INT(store_files("single", NULL), 1);
	RIG_VISIT(&rig, RESUMED);
	CHECK_INT(store_files("single", NULL), 0);
	CHECK_JOB("MISS", .store = url, .options = SINGLE_USE, .port = server_port(rig.server));
	RIG_VISIT(&rig, SPENT);
	CHECK_INT(server_seen(rig.server).repeated, 0);
	rig_down(&rig);
}

/* who would offer a ticket again is not shown it, though all the URLs are the same */
static void single_use_is_shared_with_its_like(void)
{
	const char *url = store_url("mixed", "?scope=mixed");
	struct rig rig;

	rig_up_store(&rig, "mixed-rig", TLS1_3_VERSION, 0);
#define CHECK_MIXED(expected, with)	\
	CHECK_JOB(expected, .store = url, .options = with, .port = server_port(rig.server))
	server_set_tickets(rig.server, 1);
	CHECK_MIXED("MISS", 0);
	CHECK_MIXED("MISS", SINGLE_USE);
	server_set_tickets(rig.server, 0);
	CHECK_MIXED("RESUMED", 0);
	CHECK_MIXED("RESUMED", SINGLE_USE);
	CHECK_MIXED("MISS", SINGLE_USE);
	CHECK_INT(server_seen(rig.server).repeated, 0);
	rig_down(&rig);
}

static void what_the_cache_drops_the_store_drops(void)
{
	struct conn *conn;
	struct rig rig;
	int version;
	char name[32];

	FOR_EACH_VERSION(version) {
		snprintf(name, sizeof(name), "drops-%d", version);
		rig_up_store(&rig, name, version, 0);
		RIG_VISIT(&rig, MISS);
		CHECK(store_files(name, NULL) > 0);

		/* the server does not know it any more; what it gives instead is kept */
		server_forget(rig.server);
		if (version == TLS1_3_VERSION)
			server_set_tickets(rig.server, 1);
		CHECK_VISIT(rig.client, &rig.dial, DECLINED);
		CHECK_JOB("RESUMED", .store = store_url(name, ""), .version = version,
			  .port = server_port(rig.server));
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_INT(store_files(name, NULL), 0);

		/* a bad ending */
		RIG_VISIT(&rig, MISS);
		CHECK(store_files(name, NULL) > 0);
		conn = conn_open(rig.client, &rig.dial);
		conn_spoil(conn);
		CHECK(!conn_order(conn, "ticket"));
		conn_close(conn);
		CHECK_INT(store_files(name, NULL), 0);

		RIG_VISIT(&rig, MISS);
		CHECK_INT(rig_visit_host(&rig, HOST_A), LWS_TLS_SESSION_OUTCOME_MISS);
		CHECK_INT(lws_tls_session_forget(rig.vh, HOST, server_port(rig.server)), 0);
		CHECK(store_files(name, NULL) > 0);
		CHECK_JOB("MISS", .store = store_url(name, ""), .version = version,
			  .port = server_port(rig.server));
		CHECK_JOB("RESUMED", .store = store_url(name, ""), .version = version,
			  .host = HOST_A, .port = server_port(rig.server));

		/* what outlives the vhost */
		rig_down(&rig);
		CHECK(store_files(name, NULL) > 0);
	}
}

static void what_a_server_declines_goes(void)
{
	struct rig rig;

	rig_up_store(&rig, "declined", TLS1_3_VERSION, 0);
	RIG_VISIT(&rig, MISS);
	CHECK_INT(store_files("declined", NULL), 2);
	server_forget(rig.server);
	server_set_tickets(rig.server, 0);
	RIG_VISIT(&rig, DECLINED);
	CHECK_INT(store_files("declined", NULL), 1);
	RIG_VISIT(&rig, DECLINED);
	CHECK_INT(store_files("declined", NULL), 0);
	RIG_VISIT(&rig, MISS);
	rig_down(&rig);
}

/* A connection that began before forget() leaves nothing there either. */
static void what_was_forgotten_does_not_come_back(void)
{
	struct conn *conn;
	struct rig rig;

	rig_up_store(&rig, "forgotten", TLS1_3_VERSION, 0);
	conn = conn_new(rig.client, &rig.dial);
	CHECK(conn_handshake(conn));
	lws_tls_session_forget(rig.vh, HOST, server_port(rig.server));
	CHECK(conn_greet(conn));
	CHECK_INT(store_files("forgotten", NULL), 0);
	conn_close(conn);
	rig_down(&rig);
}

/* A server hangs up on what it is offered, in whichever process: the next one offers nothing. */
static void what_keeps_handshakes_from_ending_goes(void)
{
	struct rig rig, other;
	int version;
	char name[32];

	FOR_EACH_VERSION(version) {
		snprintf(name, sizeof(name), "unanswered-%x", version);
		rig_up_store(&rig, name, version, 0);
		server_set_tickets(rig.server, 1);
		RIG_VISIT(&rig, MISS);
		other = rig;
		other.vh = lws_tls_session_vhost_create(NULL);
		CHECK_INT(lws_tls_session_vhost_store(other.vh, store_url(name, "")), 0);
		other.client = client_new(&(struct client_config){ .vh = other.vh });
		server_refuse(rig.server, REFUSE_RESET);
		CHECK_FAILS(other.client, &other.dial);
		CHECK_INT(stats_of(other.vh).store_hits, 1);
		client_free(other.client);
		lws_tls_session_vh_destroy(other.vh);
		CHECK_JOB("MISS", .store = store_url(name, ""), .version = version,
			  .port = server_port(rig.server));
		rig_down(&rig);
	}
}

static const char *telling[4];
static unsigned char leaf[64];

/* Whether a file, or its name, has these bytes. */
static void check_tells_nothing(const char *path)
{
	static char bytes[1 << 17];
	FILE *file = fopen(path, "r");
	struct stat stat;
	size_t len, n;

	REQUIRE(file);
	len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	CHECK(len > 0);
	for (n = 0; n < ARRAY_SIZE(telling); n++) {
		CHECK(!strstr(path + strlen(temp_dir()), telling[n]));
		CHECK(!memmem(bytes, len, telling[n], strlen(telling[n])));
	}
	CHECK(!memmem(bytes, len, leaf, sizeof(leaf)));
	CHECK(!lstat(path, &stat));
	CHECK_INT(stat.st_mode & 07777, 0600);
}

static void check_dirs(const char *path)
{
	char dir[512], *slash;
	struct stat stat;

	snprintf(dir, sizeof(dir), "%s", path);
	while ((slash = strrchr(dir, '/')) && strlen(dir) > strlen(temp_path("nothing"))) {
		*slash = '\0';
		CHECK(!lstat(dir, &stat));
		CHECK_INT(stat.st_mode & 07777, 0700);
	}
}

static void nothing_is_told(void)
{
	unsigned char *der = NULL;
	struct stat stat;
	struct rig rig;
	int version, len;

	len = i2d_X509(pki()->server->x509, &der);
	REQUIRE(len > 200);
	memcpy(leaf, der + 100, sizeof(leaf));
	OPENSSL_free(der);
	telling[0] = HOST;
	telling[1] = "sessions.test";
	telling[2] = "server";
	telling[3] = "default";
	FOR_EACH_VERSION(version) {
		rig_up_store(&rig, "nothing", version, 0);
		RIG_VISIT(&rig, MISS);
		CHECK_INT(rig_visit_host(&rig, HOST_A), LWS_TLS_SESSION_OUTCOME_MISS);
		CHECK(store_files("nothing", check_tells_nothing) >= 2);
		store_files("nothing", check_dirs);
		CHECK(!lstat(temp_path("nothing/key"), &stat));
		CHECK_INT(stat.st_mode & 07777, 0600);
		lws_tls_session_vhost_flush(rig.vh);
		rig_down(&rig);
	}
}

static void check_refused(struct lws_vhost *vh, const char *url, const char *says)
{
	check_context("%s", url ? url : "NULL");
	log_capture(LLL_ERR | LLL_WARN);
	CHECK_INT(lws_tls_session_vhost_store(vh, url), -1);
	CHECK_INT(log_lines(), 1);
	CHECK(log_has("lws_tls_session_vhost_store: "));
	CHECK(log_has(says));
	log_release();
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(temp_path(name), "w");

	REQUIRE(file && fputs(text, file) >= 0 && !fclose(file));
	REQUIRE(!chmod(temp_path(name), mode));
}

#define KEY	"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n"

static void what_is_not_safe_is_refused(void)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL),
		*off = lws_tls_session_vhost_create(&(struct lws_tls_session_vhost_info){
			.options = LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE });
	char key[300];
	struct stat stat;

	REQUIRE(!mkdir(temp_path("open"), 0700) && !chmod(temp_path("open"), 0770));
	REQUIRE(!symlink("/tmp", temp_path("link")));
	write_file("key-open", KEY, 0644);
	write_file("key-none", "\n", 0600);
	write_file("key-short", "0011\n", 0600);
	write_file("key-good", KEY, 0600);

	check_refused(NULL, "file:/x", "NULL vhost");
	check_refused(vh, NULL, "url is NULL");
	check_refused(vh, "", "no scheme");
	check_refused(vh, "memcached://host", "\"memcached:\"");
	check_refused(vh, "file:relative", "\"relative\" is relative");
	check_refused(vh, store_url("refused", "?size=3"), "\"size\"");
	check_refused(vh, store_url("refused", "?max=none"), "\"max\" cannot be \"none\"");
	check_refused(vh, store_url("refused", "?tickets=0"), "\"tickets\"");
	check_refused(vh, store_url("open", ""), "others can write");
	check_refused(vh, store_url("link", ""), "not a directory, or a link");
	check_refused(vh, store_url("key-good", ""), "not a directory");
	check_refused(vh, store_url("no-parent/tls", ""), "no-parent/tls: ");
	check_refused(vh, "file:/proc/tls", "/proc/tls: ");
	snprintf(key, sizeof(key), "?key=%s", temp_path("key-open"));
	check_refused(vh, store_url("refused", key), "others can read");
	snprintf(key, sizeof(key), "?key=%s", temp_path("key-none"));
	check_refused(vh, store_url("refused", key), "no key");
	snprintf(key, sizeof(key), "?key=%s", temp_path("key-short"));
	check_refused(vh, store_url("refused", key), "line 1");
	snprintf(key, sizeof(key), "?key=%s", temp_path("key-missing"));
	check_refused(vh, store_url("refused", key), "key-missing: ");
	if (!getuid()) {
		REQUIRE(!mkdir(temp_path("others"), 0700));
		REQUIRE(!chown(temp_path("others"), 65534, 65534));
		check_refused(vh, store_url("others", ""), "another user");
	} else
		printf("skipped: a directory of another user's: needs root\n");
	check_refused(off, store_url("refused", "?size=3"), "\"size\"");

	check_context("good ones");
	CHECK_INT(stats_of(vh).store_errors, 0);
	snprintf(key, sizeof(key), "?key=%s&scope=app%%20one&max=5", temp_path("key-good"));
	CHECK_INT(lws_tls_session_vhost_store(vh, store_url("good", key)), 0);
	CHECK(lstat(temp_path("good/key"), &stat));
	CHECK_INT(lws_tls_session_vhost_store(off, store_url("off", "")), 0);
	CHECK(lstat(temp_path("off"), &stat));
	lws_tls_session_vh_destroy(vh);
	lws_tls_session_vh_destroy(off);
}

static void keys_and_scopes_part(void)
{
	struct server *server = server_start(&(struct server_config){ .resumption = SESSION_IDS });
	uint16_t port = server_port(server);
	char key[300], both[300];

	write_file("key-1", KEY, 0600);
	write_file("key-2", "f0112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n",
		   0600);
	write_file("key-both", "f0112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n"
		   KEY, 0600);

	snprintf(key, sizeof(key), "?key=%s", temp_path("key-1"));
	CHECK_JOB("MISS", .store = store_url("keys", key), .port = port);
	CHECK_JOB("RESUMED", .store = store_url("keys", key), .port = port);
	snprintf(both, sizeof(both), "?key=%s", temp_path("key-2"));
	CHECK_JOB("MISS", .store = store_url("keys", both), .port = port);
	/* rotated: what was sealed with the old one opens */
	snprintf(both, sizeof(both), "?key=%s&scope=rotated", temp_path("key-1"));
	CHECK_JOB("MISS", .store = store_url("keys", both), .port = port);
	snprintf(both, sizeof(both), "?key=%s&scope=rotated", temp_path("key-both"));
	CHECK_JOB("RESUMED", .store = store_url("keys", both), .port = port);
	/* what came then is sealed with the new one; a session of TLS 1.2 serves until it expires */
	snprintf(both, sizeof(both), "?key=%s&scope=rotated", temp_path("key-2"));
	CHECK_JOB(client_speaks_tls13() ? "RESUMED" : "MISS", .store = store_url("keys", both), .port = port);

	snprintf(both, sizeof(both), "?key=%s&scope=other", temp_path("key-1"));
	CHECK_JOB("MISS", .store = store_url("keys", both), .port = port);
	CHECK_JOB("MISS", .store = store_url("keys", key), .vhost = "another", .port = port);
	CHECK_JOB("MISS", .store = store_url("keys", key), .host = HOST_A, .port = port);
	server_stop(server);
}

static void visit_in_child(struct rig *rig, bool single)
{
	struct dial dial = { .port = server_port(rig->server) };
	int done[2];
	pid_t child;
	char byte = 0;

	REQUIRE(!pipe(done));
	server_await_idle(rig->server);
	child = fork();
	REQUIRE(child >= 0);
	if (!child) {
		alarm(60);
		CHECK_VISIT(rig->client, &dial, RESUMED);
		CHECK_VISIT(rig->client, &dial, RESUMED);
		/* from the store: the parent's cache has none to inherit */
		CHECK_INT(stats_of(rig->vh).store_hits >= 1 || !single, 1);
		REQUIRE(write(done[1], "x", 1) == 1);
		raise(SIGKILL);
	}
	close(done[1]);
	CHECK_INT(read(done[0], &byte, 1), 1);
	close(done[0]);
	REQUIRE(waitpid(child, NULL, 0) == child);
}

static void parent_and_child_share_it(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		rig_up_store(&rig, version == TLS1_2_VERSION ? "fork-2" : "fork-3", version,
			     SINGLE_USE);
		RIG_VISIT(&rig, MISS);
		visit_in_child(&rig, version == TLS1_3_VERSION);
		RIG_VISIT(&rig, RESUMED);
		visit_in_child(&rig, version == TLS1_3_VERSION);
		RIG_VISIT(&rig, RESUMED);
		/* what the child has left, too */
		CHECK_INT(server_seen(rig.server).repeated, 0);
		rig_down(&rig);
	}
}

STORE_TEST_PROGRAM(NULL,
	CASE(a_second_vhost_resumes),
	CASE_IF(client_speaks_tls13, tickets_are_taken_but_the_last),
	CASE_IF(client_speaks_tls13, a_ticket_for_single_use_is_in_one_place),
	CASE_IF(client_speaks_tls13, single_use_is_shared_with_its_like),
	CASE(what_the_cache_drops_the_store_drops),
	CASE_IF(client_speaks_tls13, what_a_server_declines_goes),
	CASE_IF(client_speaks_tls13, what_was_forgotten_does_not_come_back),
	CASE(what_keeps_handshakes_from_ending_goes),
	CASE(nothing_is_told),
	CASE(what_is_not_safe_is_refused),
	CASE(keys_and_scopes_part),
	FORKING_CASE(parent_and_child_share_it))
