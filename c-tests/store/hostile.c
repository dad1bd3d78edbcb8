/*
 * Stores that others had their hands in, and that are full, read-only, not the
 * user's any more, or gone: no connection fails, and nothing is resumed that must
 * not be.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"
#include "tempdir.h"
#include "worker.h"

#define STORE		"hostile"

static struct server *server;
static int version;

static void begin(int of)
{
	version = of;
	server = server_start(&(struct server_config){ .version = of, .resumption = TICKETS });
}

static void end(void)
{
	server_stop(server);
}

static uint64_t options(void)
{
	return version == TLS1_2_VERSION ? LWS_TLS_SESSION_OPTION_ALLOW_TICKETS : 0;
}

#define CHECK_PROCESS(expected, ...)					\
	CHECK_JOB(expected, .port = server_port(server), .version = version,	\
		  .options = options(), __VA_ARGS__)

static void flip(const char *path)
{
	int fd = open(path, O_RDWR);
	struct stat stat;
	char byte;
	off_t at;

	REQUIRE(fd >= 0 && !fstat(fd, &stat) && stat.st_size > 0);
	at = rand() % stat.st_size;
	REQUIRE(pread(fd, &byte, 1, at) == 1);
	byte = (char)(byte ^ 1 << rand() % 8);
	REQUIRE(pwrite(fd, &byte, 1, at) == 1);
	close(fd);
}

static void cut(const char *path)
{
	struct stat stat;

	REQUIRE(!lstat(path, &stat) && !truncate(path, rand() % stat.st_size));
}

static void empty(const char *path)
{
	REQUIRE(!truncate(path, 0));
}

static void lengthen(const char *path)
{
	struct stat stat;

	REQUIRE(!lstat(path, &stat) && !truncate(path, stat.st_size + 1 + rand() % 100000));
}

static void fill_with_noise(const char *path)
{
	FILE *file = fopen(path, "w");
	int n;

	REQUIRE(file);
	for (n = 0; n < 3000; n++)
		putc(rand(), file);
	REQUIRE(!fclose(file));
}

static void make_link(const char *path)
{
	REQUIRE(!unlink(path) && !symlink("/etc/passwd", path));
}

static void make_dangling(const char *path)
{
	REQUIRE(!unlink(path) && !symlink("nowhere", path));
}

static void make_directory(const char *path)
{
	REQUIRE(!unlink(path) && !mkdir(path, 0700));
}

static void make_pipe(const char *path)
{
	REQUIRE(!unlink(path) && !mkfifo(path, 0600));
}

/* the same record, by a link: what was moved away and is still its own */
static void make_link_to_itself(const char *path)
{
	const char *moved = temp_path("moved");

	REQUIRE(!rename(path, moved) && !symlink(moved, path));
}

static void files_that_are_not_what_they_were(void)
{
	static void (*const changes[])(const char *path) = {
		flip, cut, empty, lengthen, fill_with_noise, make_link, make_dangling,
		make_directory, make_pipe, make_link_to_itself,
	};
	size_t n;
	int of;

	srand(1);
	FOR_EACH_VERSION(of) {
		begin(of);
		for (n = 0; n < ARRAY_SIZE(changes) * 3; n++) {
			const char *url = store_url(STORE, "");

			check_context("TLS %x, change %d", of, (int)(n / 3));
			CHECK_PROCESS(n && n % 3 == 2 ? "RESUMED" : "MISS", .store = url);
			CHECK(store_files(STORE, changes[n / 3]) > 0);
			CHECK_PROCESS("MISS", .store = url);
			CHECK_PROCESS("RESUMED", .store = url);
			if (n % 3 != 1)
				store_files(STORE, (void (*)(const char *))(uintptr_t)unlink);
		}
		end();
	}
}

static char paths[16][512];
static unsigned int count;

static void note(const char *path)
{
	REQUIRE(count < ARRAY_SIZE(paths));
	snprintf(paths[count++], sizeof(paths[0]), "%s", path);
}

static unsigned int note_all(const char *name)
{
	count = 0;

	return store_files(name, note);
}

static void copy_over(const char *from, const char *to)
{
	static char bytes[1 << 17];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_TRUNC | O_CREAT, 0600);
	ssize_t len = read(in, bytes, sizeof(bytes));

	REQUIRE(in >= 0 && out >= 0 && len > 0 && write(out, bytes, (size_t)len) == len);
	close(in);
	close(out);
}

static char strange[512];

static void replace_by_strange(const char *path)
{
	copy_over(strange, path);
}

/* Records that are sound, but of another name, key or scope. */
static void records_of_others(void)
{
	const struct {
		const char	*name;
		const char	*parameters;
		const char	*host;
		bool		other_key;
	} others[] = {
		{ "another name", "", HOST_A, false },
		{ "another scope", "?scope=other", NULL, false },
		{ "another key", "", NULL, true },
	};
	char name[32];
	size_t n;
	int of;

	FOR_EACH_VERSION(of) {
		begin(of);
		for (n = 0; n < ARRAY_SIZE(others); n++) {
			check_context("TLS %x, %s", of, others[n].name);
			snprintf(name, sizeof(name), "own-%x-%d", of, (int)n);
			CHECK_PROCESS("MISS", .store = store_url(name, ""));
			snprintf(name, sizeof(name), "others-%x-%d", of, (int)n);
			if (!others[n].other_key) {
				char key[128], own[128];

				REQUIRE(!mkdir(temp_path(name), 0700));
				snprintf(key, sizeof(key), "others-%x-%d/key", of, (int)n);
				snprintf(own, sizeof(own), "own-%x-%d/key", of, (int)n);
				copy_over(temp_path(own), temp_path(key));
			}
			CHECK_PROCESS("MISS", .store = store_url(name, others[n].parameters),
				      .host = others[n].host);
			CHECK(note_all(name) > 0);
			memcpy(strange, paths[0], sizeof(strange));
			snprintf(name, sizeof(name), "own-%x-%d", of, (int)n);
			CHECK(store_files(name, replace_by_strange) > 0);
			CHECK_PROCESS("MISS", .store = store_url(name, ""));
			CHECK_PROCESS("RESUMED", .store = store_url(name, ""));
		}
		end();
	}
}

/* Directories that are something else, at each level. */
static void directories_that_are_not_what_they_were(void)
{
	int of, level, kind, n;
	char name[32], dir[512];

	FOR_EACH_VERSION(of) {
		begin(of);
		for (level = 1; level <= 3; level++)
			for (kind = 0; kind < 4; kind++) {
				const char *url;

				check_context("TLS %x, level %d, kind %d", of, level, kind);
				snprintf(name, sizeof(name), "dirs-%x-%d-%d", of, level, kind);
				url = store_url(name, "");
				CHECK_PROCESS("MISS", .store = url);
				CHECK(note_all(name) > 0);
				memcpy(dir, paths[0], sizeof(dir));
				for (n = 0; n < level; n++)
					*strrchr(dir, '/') = '\0';
				snprintf(name, sizeof(name), "away-%x-%d-%d", of, level, kind);
				REQUIRE(!rename(dir, temp_path(name)));
				if (kind == 0)
					REQUIRE(!symlink(temp_path(name), dir));
				else if (kind == 1)
					REQUIRE(close(open(dir, O_CREAT | O_WRONLY, 0600)) == 0);
				else if (kind == 2)
					REQUIRE(!mkfifo(dir, 0600));
				CHECK_PROCESS("MISS", .store = url);
				CHECK_PROCESS("RESUMED", .store = url);
			}
		end();
	}
}

/* A process whose directory goes while it runs; and which comes back. */
static void the_directory_goes(void)
{
	struct rig rig;
	int of;

	FOR_EACH_VERSION(of) {
		RIG_UP(&rig, .server = { .version = of });
		CHECK_INT(lws_tls_session_vhost_store(rig.vh, store_url("going", "")), 0);
		REQUIRE(!rename(temp_path("going"), temp_path(of == TLS1_2_VERSION ? "gone-2" :
								   "gone-3")));
		log_capture(LLL_ERR | LLL_WARN);
		RIG_VISIT(&rig, MISS);
		CHECK(stats_of(rig.vh).store_errors > 0);
		CHECK_INT(log_lines(), 1);
		CHECK_INT(visits(rig.client, &rig.dial, 5), 5);
		CHECK_INT(log_lines(), 1);
		log_release();
		rig_down(&rig);
	}
}

static bool is_root(void)
{
	return !getuid();
}

/* Of another user by now, as a program that gives its rights up too late. */
static void not_the_users_any_more(void)
{
	int of;

	FOR_EACH_VERSION(of) {
		begin(of);
		REQUIRE(!chmod(temp_dir(), 0755));
		CHECK_PROCESS("MISS", .store = store_url("rights", ""));
		CHECK_PROCESS("MISS RESUMED RESUMED", .store = store_url("rights", ""),
			      .as_nobody = true, .visits = 3);
		CHECK_PROCESS("RESUMED", .store = store_url("rights", ""));
		end();
		lws_tls_session_set_log_level(LLL_ERR | LLL_WARN, NULL);
	}
}

static bool mounted;

static void unmount(void)
{
	umount2(temp_path("disk"), MNT_DETACH);
}

/* A small disk of our own; not where the machine does not let us. */
static bool may_mount(void)
{
	if (mounted)
		return true;
	if (getuid() || unshare(CLONE_NEWNS) ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, "") ||
	    mkdir(temp_path("disk"), 0700) ||
	    mount("tmpfs", temp_path("disk"), "tmpfs", 0, "size=256k,mode=0700"))
		return false;
	mounted = true;
	atexit(unmount);
	at_quick_exit(unmount);

	return true;
}

/* Writes until nothing more can be written. */
static void fill(void)
{
	static const char block[4096];
	int fd = open(temp_path("disk/full"), O_CREAT | O_WRONLY | O_APPEND, 0600);

	REQUIRE(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static void a_full_disk(void)
{
	int of;

	FOR_EACH_VERSION(of) {
		const char *url = store_url("disk/tls", of == TLS1_2_VERSION ? "?scope=2" :
									      "?scope=3");

		begin(of);
		CHECK_PROCESS("MISS", .store = url);
		CHECK_PROCESS("RESUMED", .store = url);
		fill();
		/* what is there is used, what comes is not kept */
		CHECK_PROCESS("RESUMED RESUMED RESUMED", .store = url, .visits = 3, .quiet = false);
		CHECK_PROCESS("MISS RESUMED", .store = url, .host = HOST_A, .visits = 2);
		CHECK_PROCESS("MISS", .store = url, .host = HOST_A);
		REQUIRE(!unlink(temp_path("disk/full")));
		CHECK_PROCESS("MISS", .store = url, .host = HOST_A);
		CHECK_PROCESS("RESUMED", .store = url, .host = HOST_A);
		CHECK_PROCESS("RESUMED", .store = url);
		end();
	}
}

static void a_disk_that_cannot_be_written(void)
{
	int of;

	FOR_EACH_VERSION(of) {
		const char *url = store_url("disk/tls", of == TLS1_2_VERSION ? "?scope=r2" :
									      "?scope=r3");

		begin(of);
		CHECK_PROCESS("MISS", .store = url);
		REQUIRE(!mount("tmpfs", temp_path("disk"), "tmpfs", MS_REMOUNT | MS_RDONLY,
			       "size=256k"));
		CHECK_PROCESS("RESUMED RESUMED", .store = url, .visits = 2);
		CHECK_PROCESS("RESUMED", .store = url);
		CHECK_PROCESS("MISS RESUMED", .store = url, .host = HOST_A, .visits = 2);
		REQUIRE(!mount("tmpfs", temp_path("disk"), "tmpfs", MS_REMOUNT, "size=256k"));
		CHECK_PROCESS("MISS", .store = url, .host = HOST_A);
		CHECK_PROCESS("RESUMED", .store = url, .host = HOST_A);
		end();
	}
}

static void so_many_endpoints(void)
{
	int of, n;
	char host[64];

	FOR_EACH_VERSION(of) {
		const char *url = store_url("quota", of == TLS1_2_VERSION ? "?scope=2&max=3" :
									    "?scope=3&max=3");
		unsigned int before = store_files("quota", NULL);

		begin(of);
		for (n = 0; n < 8; n++) {
			snprintf(host, sizeof(host), "h%d%s", n, DOMAIN);
			CHECK_PROCESS("MISS", .store = url, .host = host);
			CHECK_PROCESS("RESUMED", .store = url, .host = host);
		}
		CHECK_PROCESS("RESUMED", .store = url, .host = host);
		CHECK_PROCESS("MISS", .store = url, .host = "h0" DOMAIN);
		/* four tickets each, at most */
		CHECK(store_files("quota", NULL) - before <= 12);
		end();
	}
}

STORE_TEST_PROGRAM(NULL,
	CASE(files_that_are_not_what_they_were),
	CASE(records_of_others),
	CASE(directories_that_are_not_what_they_were),
	CASE(the_directory_goes),
	CASE(so_many_endpoints),
	CASE_IF(is_root, not_the_users_any_more),
	CASE_IF(may_mount, a_full_disk),
	CASE_IF(may_mount, a_disk_that_cannot_be_written))
