/*
 * Vhosts keep their sessions to themselves.
 */

#include "rig.h"

static struct lws_vhost *make_vhost(const char *name, uint64_t options)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(
		&(struct lws_tls_session_vhost_info){ .vhost_name = name,
						      .options = options });

	REQUIRE(vh);

	return vh;
}

static void all_defaults(void)
{
	struct lws_vhost *vh = lws_tls_session_vhost_create(NULL);
	struct client *client;
	struct rig rig;

	CHECK(vh);
	RIG_UP(&rig, .server = { .version = client_newest() });
	client = client_new(&(struct client_config){ .vh = vh });
	CHECK_VISIT(client, &rig.dial, MISS);
	CHECK_INT(visits(client, &rig.dial, 9), 9);
	client_free(client);
	lws_tls_session_vh_destroy(vh);
	rig_down(&rig);
}

static void unknown_options_are_ignored(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = client_newest() },
	       .vhost = { .options = (1ull << 1) | (1ull << 38) | (1ull << 40) | (1ull << 63) });
	RIG_VISIT(&rig, MISS);
	RIG_VISIT(&rig, RESUMED);
	rig_down(&rig);
}

static int not_to_be_called(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	(void)cx;
	(void)info;
	CHECK(!"the callback is called");

	return 1;
}

/* Nothing is stored, offered, saved or loaded. */
static void a_disabled_vhost(void)
{
	uint16_t port;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .vhost = { .options = LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE });
		port = server_port(rig.server);

		if (client_attaches()) {
			/* attaching to it did nothing */
			RIG_VISIT(&rig, NONE);
			RIG_VISIT(&rig, NONE);
		}

		rig.dial.vh = rig.vh;
		RIG_VISIT(&rig, DISABLED);
		RIG_VISIT(&rig, DISABLED);
		CHECK_INT(server_seen(rig.server).offers, 0);

		CHECK_INT(lws_tls_session_dump_save(rig.vh, HOST, port, not_to_be_called,
						    NULL), 1);
		CHECK_INT(lws_tls_session_dump_load(rig.vh, HOST, port, not_to_be_called,
						    NULL), 1);
		CHECK_INT(lws_tls_session_forget(rig.vh, HOST, port), 1);
		CHECK_INT(lws_tls_session_service(rig.vh), -1);
		CHECK_HOSTS(rig.vh, "");
		CHECK_INT(stats_of(rig.vh).stored, 0);
		CHECK_INT(stats_of(rig.vh).offered, 0);
		rig_down(&rig);
	}
}

/* An SSL_CTX of one vhost serves a connection of another that is disabled. */
static void a_disabled_vhost_on_a_shared_client(void)
{
	struct lws_vhost *disabled = make_vhost("disabled",
					LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE);
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		rig.dial.vh = disabled;
		RIG_VISIT(&rig, DISABLED);
		CHECK_INT(stats_of(disabled).stored, 0);
		rig.dial.vh = rig.vh;
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
	lws_tls_session_vh_destroy(disabled);
}

static void two_vhosts_with_a_client_each(void)
{
	struct lws_vhost *other;
	struct client *client;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		/* not even if they have one name */
		other = make_vhost(NULL, 0);
		client = client_new(&(struct client_config){ .vh = other });

		RIG_VISIT(&rig, MISS);
		CHECK_VISIT(client, &rig.dial, MISS);
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		CHECK_INT(visits(client, &rig.dial, 9), 9);

		lws_tls_session_vhost_flush(rig.vh);
		CHECK_VISIT(client, &rig.dial, RESUMED);
		RIG_VISIT(&rig, MISS);
		client_free(client);
		lws_tls_session_vh_destroy(other);
		rig_down(&rig);
	}
}

/* Then the connection must say whose it is. */
static void two_vhosts_on_one_client(void)
{
	struct lws_vhost *other;
	struct dial other_dial;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		other = make_vhost("other", 0);
		client_attach(rig.client, other);
		RIG_VISIT(&rig, NO_VHOST);
		RIG_VISIT(&rig, NO_VHOST);
		CHECK_INT(server_seen(rig.server).offers, 0);

		other_dial = rig.dial;
		other_dial.vh = other;
		rig.dial.vh = rig.vh;
		RIG_VISIT(&rig, MISS);
		CHECK_VISIT(rig.client, &other_dial, MISS);
		CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
		CHECK_INT(visits(rig.client, &other_dial, 9), 9);

		lws_tls_session_vhost_flush(other);
		RIG_VISIT(&rig, RESUMED);
		CHECK_VISIT(rig.client, &other_dial, MISS);
		lws_tls_session_vh_destroy(other);
		rig_down(&rig);
	}
}

static void attached_twice_is_attached_once(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		client_attach(rig.client, rig.vh);
		client_attach(rig.client, rig.vh);
		RIG_VISIT(&rig, MISS);
		CHECK_INT(stats_of(rig.vh).stored, version == TLS1_2_VERSION ? 1 : 2);
		RIG_VISIT(&rig, RESUMED);
		CHECK_INT(stats_of(rig.vh).handshakes, 2);
		rig_down(&rig);
	}
}

static void one_vhost_on_two_clients(void)
{
	struct client *client;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		client = client_new(&(struct client_config){ .vh = rig.vh });
		RIG_VISIT(&rig, MISS);
		CHECK_VISIT(client, &rig.dial, RESUMED);
		/* nor does it need the client that its session came from */
		client_free(rig.client);
		rig.client = client;
		CHECK_INT(visits(client, &rig.dial, 9), 9);
		rig_down(&rig);
	}
}

/* A vhost takes its sessions with it; one made anew starts empty. */
static void a_destroyed_vhost(void)
{
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version },
		       .vhost = { .vhost_name = "phoenix" });
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		lws_tls_session_vh_destroy(rig.vh);
		CHECK_INT(server_seen(rig.server).offers, 1);

		rig.vh = make_vhost("phoenix", 0);
		CHECK_HOSTS(rig.vh, "");
		rig.dial.vh = rig.vh;
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

/* Its clients go on, without the library. */
static void the_clients_of_a_destroyed_vhost(void)
{
	struct rig rig;
	int version, outcome, n;

	FOR_EACH_VERSION(version) {
		RIG_UP(&rig, .server = { .version = version });
		RIG_VISIT(&rig, MISS);
		lws_tls_session_vh_destroy(rig.vh);
		for (n = 0; n < 3; n++) {
			outcome = visit(rig.client, &rig.dial);
			CHECK(outcome == LWS_TLS_SESSION_OUTCOME_NO_VHOST ||
			      outcome == LWS_TLS_SESSION_OUTCOME_NONE);
		}
		CHECK_INT(server_seen(rig.server).offers, 0);

		rig.vh = make_vhost(NULL, 0);
		client_attach(rig.client, rig.vh);
		RIG_VISIT(&rig, MISS);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	CASE(all_defaults),
	CASE(unknown_options_are_ignored),
	CASE(a_disabled_vhost),
	CASE(a_disabled_vhost_on_a_shared_client),
	CASE(two_vhosts_with_a_client_each),
	CASE_IF(client_attaches, two_vhosts_on_one_client),
	CASE(attached_twice_is_attached_once),
	CASE(one_vhost_on_two_clients),
	CASE(a_destroyed_vhost),
	CASE(the_clients_of_a_destroyed_vhost))
