/*
 * Blobs that cannot be allocated are an error, and no more. (Rust's own small
 * allocations end the process where there is no memory, as everywhere.)
 */

#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "rig.h"

#define LARGE	600	/* blobs and what they are made from are */

#if !defined(__SANITIZE_ADDRESS__)
#define HAS_OWN_MALLOC	1

extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *old, size_t size);

/* how many large allocations of this thread succeed before one fails; 0: all do */
static __thread unsigned int fail_after;

static bool fails(size_t size)
{
	return fail_after && size >= LARGE && !--fail_after;
}

void *malloc(size_t size)
{
	return fails(size) ? NULL : __libc_malloc(size);
}

void *realloc(void *old, size_t size)
{
	return fails(size) ? NULL : __libc_realloc(old, size);
}

#else
#define HAS_OWN_MALLOC	0
#define __libc_malloc	malloc

static __thread unsigned int fail_after;
#endif

static int accept_blob(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;
	CHECK(info->blob_len > LARGE);

	return 0;
}

static int give_blob(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	const struct blob *blob = info->opaque;

	(void)cx;
	info->blob = __libc_malloc(blob->len);
	REQUIRE(info->blob);
	memcpy(info->blob, blob->data, blob->len);
	info->blob_len = blob->len;

	return 0;
}

enum { SAVE, LOAD };

static int dump(struct rig *rig, int direction, struct blob *blob)
{
	uint16_t port = server_port(rig->server);

	if (direction == SAVE)
		return lws_tls_session_dump_save(rig->vh, HOST, port, accept_blob, NULL);

	return lws_tls_session_dump_load(rig->vh, HOST, port, give_blob, blob);
}

/*
 * Fails the first large allocation, the second ... until it fails none.
 * Returns how often that was an error: OpenSSL can do without some.
 */
static unsigned int failures(struct rig *rig, int direction, struct blob *blob)
{
	unsigned int n, failed = 0;
	int ret;

	for (n = 1; n < 1000; n++) {
		fail_after = n;
		ret = dump(rig, direction, blob);
		if (fail_after)
			break;
		CHECK_RANGE(ret, 0, 1);
		failed += ret;
		if (!ret && direction == LOAD)
			lws_tls_session_vhost_flush(rig->vh);
	}
	fail_after = 0;
	CHECK_INT(ret, 0);

	return failed;
}

static void blobs_that_cannot_be_allocated(void)
{
	struct rig rig;
	struct blob blob;
	int version;

	log_capture(LLL_WARN);
	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		CHECK(failures(&rig, SAVE, NULL) >= 2);
		blob = blob_save(rig.vh, HOST, server_port(rig.server));
		lws_tls_session_vhost_flush(rig.vh);
		CHECK(failures(&rig, LOAD, &blob) >= 1);
		RIG_VISIT(&rig, RESUMED);
		CHECK(log_has("memory"));
		blob_free(&blob);
		rig_down(&rig);
	}
	log_release();
}

static const struct test_case cases[] = { CASE(blobs_that_cannot_be_allocated) };

int main(int argc, char **argv)
{
	const char *preload = getenv("LD_PRELOAD");

	/* sanitizers and valgrind have a malloc() of their own */
	if (!HAS_OWN_MALLOC || (preload && strstr(preload, "vgpreload")))
		return test_skip("malloc() is somebody else's");

	return test_main(argc, argv, cases, ARRAY_SIZE(cases));
}
