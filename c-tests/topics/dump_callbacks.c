/*
 * The callbacks of saving and loading: what they are given, what they may do,
 * and what becomes of what they return.
 */

#include <stdio.h>
#include <stdlib.h>

#include "blob.h"
#include "rig.h"

struct expected {
	struct lws_context	*cx;
	char			tag[LWS_SESSION_TAG_LEN];
	unsigned int		calls;
	int			result;
};

static int check_save(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct expected *expected = info->opaque;

	CHECK(cx == expected->cx);
	CHECK_STR(info->tag, expected->tag);
	CHECK(info->blob);
	CHECK(info->blob_len > 0 && info->blob_len <= 65536);
	expected->calls++;

	return expected->result;
}

static int check_load(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct expected *expected = info->opaque;

	CHECK(cx == expected->cx);
	CHECK_STR(info->tag, expected->tag);
	CHECK(!info->blob);
	CHECK_INT(info->blob_len, 0);
	expected->calls++;

	return expected->result;
}

static void what_callbacks_are_given(void)
{
	int some_context;
	struct expected expected = { .cx = (struct lws_context *)&some_context };
	uint16_t port;
	struct rig rig;

	log_capture(LLL_ERR | LLL_WARN);
	RIG_UP(&rig, .server = { .version = client_newest() },
	       .vhost = { .context = expected.cx, .vhost_name = "saved" });
	port = server_port(rig.server);
	snprintf(expected.tag, sizeof(expected.tag), "saved_" HOST "_%u", port);

	/* nothing to save yet */
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, check_save, &expected), 1);
	CHECK_INT(expected.calls, 0);
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, check_load, &expected), 1);
	CHECK_INT(expected.calls, 1);
	CHECK_INT(stats_of(rig.vh).load_refused, 1);

	RIG_VISIT(&rig, MISS);
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, check_save, &expected), 0);
	CHECK_INT(expected.calls, 2);
	/* however the host is written */
	CHECK_INT(lws_tls_session_dump_save(rig.vh, "LOCALHOST.", port, check_save,
					    &expected), 0);
	CHECK_INT(expected.calls, 3);
	/* another port is another endpoint */
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port ^ 1, check_save,
					    &expected), 1);
	CHECK_INT(expected.calls, 3);
	CHECK_INT(stats_of(rig.vh).saved, 2);
	rig_down(&rig);
	log_release();
}

static void callbacks_that_fail(void)
{
	struct expected expected = { .result = 1 };
	uint16_t port;
	struct rig rig;

	log_capture(LLL_ERR | LLL_WARN);
	RIG_UP(&rig, .server = { .version = client_newest() });
	port = server_port(rig.server);
	snprintf(expected.tag, sizeof(expected.tag), "default_" HOST "_%u", port);

	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, check_load, &expected), 1);
	RIG_VISIT(&rig, MISS);
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, check_save, &expected), 1);
	CHECK_INT(expected.calls, 2);
	CHECK_INT(stats_of(rig.vh).saved, 0);
	CHECK_INT(stats_of(rig.vh).loaded, 0);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
	log_release();
}

/* A failing callback's blob is freed too: leak checkers look at this one. */
static int fail_with_a_blob(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;
	info->blob_len = 1000;
	info->blob = calloc(1, info->blob_len);

	return -1;
}

static int say_yes_without_a_blob(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;
	info->blob_len = info->opaque ? 1000 : 0;

	return 0;
}

static void loads_without_a_session(void)
{
	uint16_t port;
	struct rig rig;

	log_capture(LLL_WARN);
	RIG_UP(&rig, .server = { .version = client_newest() });
	port = server_port(rig.server);
	/* what the callback refuses the library does not */
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, fail_with_a_blob, NULL), 1);
	CHECK_STATS(rig.vh, .load_refused = 0);
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, say_yes_without_a_blob,
					    NULL), 1);
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, say_yes_without_a_blob,
					    &rig), 1);
	CHECK_STATS(rig.vh, .load_refused = 2);
	CHECK_INT(log_lines(), 3);
	RIG_VISIT(&rig, MISS);
	rig_down(&rig);
	log_release();
}

struct call_back {
	struct rig	*rig;
	struct blob	blob;
	unsigned int	calls;
};

/* Does with the vhost all that one can, from inside a callback. */
static void use_library(struct call_back *call_back)
{
	struct rig *rig = call_back->rig;
	uint16_t port = server_port(rig->server);

	CHECK_OUTCOME(rig_visit_host(rig, HOST_B), MISS);
	CHECK_OUTCOME(rig_visit_host(rig, HOST_B), RESUMED);
	CHECK_INT(lws_tls_session_forget(rig->vh, HOST_B, port), 0);
	lws_tls_session_cache(rig->vh, 3000);
	lws_tls_session_service(NULL);
	CHECK_INT(stats_of(rig->vh).entries, 1 - call_back->calls);
	lws_tls_session_vhost_flush(rig->vh);
	call_back->calls++;
}

static int save_and_call_back(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct call_back *call_back = info->opaque;
	struct blob given = { info->blob, info->blob_len };

	(void)cx;
	use_library(call_back);
	/* still valid, though the session is gone */
	call_back->blob = blob_copy(&given, given.len);

	return 0;
}

static int load_and_call_back(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct call_back *call_back = info->opaque;

	(void)cx;
	use_library(call_back);
	info->blob = call_back->blob.data;
	info->blob_len = call_back->blob.len;

	return 0;
}

static void callbacks_may_call_the_library(void)
{
	struct call_back call_back = { 0 };
	uint16_t port;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		port = server_port(rig.server);
		call_back = (struct call_back){ .rig = &rig };
		RIG_VISIT(&rig, MISS);
		CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, save_and_call_back,
						    &call_back), 0);
		RIG_VISIT(&rig, MISS);
		lws_tls_session_vhost_flush(rig.vh);
		CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, load_and_call_back,
						    &call_back), 0);
		CHECK_INT(call_back.calls, 2);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

/* The endpoint is served by the time that the callback has its blob. */
static int visit_and_load(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct call_back *call_back = info->opaque;
	struct rig *rig = call_back->rig;

	(void)cx;
	RIG_VISIT(rig, MISS);
	info->blob = call_back->blob.data;
	info->blob_len = call_back->blob.len;
	call_back->calls++;

	return 0;
}

static void a_session_that_comes_meanwhile_stays(void)
{
	struct call_back call_back = { 0 };
	uint16_t port;
	struct rig rig;

	log_capture(LLL_WARN);
	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION });
	port = server_port(rig.server);
	call_back.rig = &rig;
	RIG_VISIT(&rig, MISS);
	call_back.blob = blob_save(rig.vh, HOST, port);
	lws_tls_session_vhost_flush(rig.vh);
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, visit_and_load,
					    &call_back), 1);
	CHECK_INT(call_back.calls, 1);
	CHECK_STATS(rig.vh, .entries = 1, .sessions = 1, .handshakes = 2, .missed = 2,
		    .stored = 2, .saved = 1, .load_refused = 1);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
	log_release();
}

/* Even so much. */
static int destroy_vhost(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct call_back *call_back = info->opaque;

	(void)cx;
	lws_tls_session_vh_destroy(call_back->rig->vh);
	if (!info->blob) {
		info->blob = call_back->blob.data;
		info->blob_len = call_back->blob.len;
	}
	call_back->calls++;

	return 0;
}

static void callbacks_may_destroy_the_vhost(void)
{
	struct call_back call_back = { 0 };
	uint16_t port;
	struct rig rig;

	log_capture(LLL_ERR | LLL_WARN);
	RIG_UP(&rig, .server = { .version = client_newest() });
	port = server_port(rig.server);
	call_back.rig = &rig;
	RIG_VISIT(&rig, MISS);
	call_back.blob = blob_save(rig.vh, HOST, port);
	CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, destroy_vhost, &call_back), 0);

	rig.vh = lws_tls_session_vhost_create(NULL);
	CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, destroy_vhost, &call_back), 1);
	CHECK_INT(call_back.calls, 2);
	rig.vh = lws_tls_session_vhost_create(NULL);
	CHECK_HOSTS(rig.vh, "");
	rig_down(&rig);
	log_release();
}

TEST_PROGRAM(
	CASE(what_callbacks_are_given),
	CASE(callbacks_that_fail),
	CASE(loads_without_a_session),
	CASE(callbacks_may_call_the_library),
	CASE(a_session_that_comes_meanwhile_stays),
	CASE(callbacks_may_destroy_the_vhost))
