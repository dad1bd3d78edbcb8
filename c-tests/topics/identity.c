/*
 * A session made under one client certificate never serves another, or none:
 * the server would take the client for somebody else.
 */

#include "rig.h"

enum { ALICE, BOB, NOBODY, PEOPLE };

static const char *const names[PEOPLE] = { "alice", "bob", "" };

static const struct cert *identity_of(int who)
{
	return who == ALICE ? pki()->alice : who == BOB ? pki()->bob : NULL;
}

static void check_server_sees(struct rig *rig, int who)
{
	CHECK_STR(server_seen(rig->server).client, names[who]);
}

static void rig_up_asking(struct rig *rig, int version)
{
	RIG_UP(rig, .server = { .version = version, .client_ca = pki()->root });
}

static void identities_of_connections_do_not_cross(void)
{
	struct rig rig;
	int version, round, who;

	FOR_EACH_VERSION(version) {
		rig_up_asking(&rig, version);
		for (round = 0; round < 3; round++)
			for (who = 0; who < PEOPLE; who++) {
				rig.dial.identity = identity_of(who);
				if (!round)
					RIG_VISIT(&rig, MISS);
				else
					RIG_VISIT(&rig, RESUMED);
				check_server_sees(&rig, who);
			}
		/* an endpoint with three identities takes three places */
		CHECK_INT(stats_of(rig.vh).entries, 3);
		CHECK_HOSTS(rig.vh, HOST " " HOST " " HOST);
		rig_down(&rig);
	}
}

static void identities_of_clients_do_not_cross(void)
{
	struct client *clients[PEOPLE];
	struct rig rig;
	int version, round, who;

	FOR_EACH_VERSION(version) {
		rig_up_asking(&rig, version);
		for (who = 0; who < PEOPLE; who++)
			clients[who] = client_new(&(struct client_config){
				.vh = rig.vh, .identity = identity_of(who) });

		for (round = 0; round < 2; round++)
			for (who = 0; who < PEOPLE; who++) {
				if (!round)
					CHECK_VISIT(clients[who], &rig.dial, MISS);
				else
					CHECK_VISIT(clients[who], &rig.dial, RESUMED);
				check_server_sees(&rig, who);
			}

		for (who = 0; who < PEOPLE; who++)
			client_free(clients[who]);
		rig_down(&rig);
	}
}

/* It is the certificate that counts, not where it was set. */
static void that_of_the_connection_goes_before_that_of_the_client(void)
{
	struct client *client;
	struct rig rig;
	int version;

	FOR_EACH_VERSION(version) {
		rig_up_asking(&rig, version);
		client = client_new(&(struct client_config){
			.vh = rig.vh, .identity = pki()->alice });
		CHECK_VISIT(client, &rig.dial, MISS);
		check_server_sees(&rig, ALICE);

		rig.dial.identity = pki()->bob;
		CHECK_VISIT(client, &rig.dial, MISS);
		check_server_sees(&rig, BOB);
		CHECK_VISIT(client, &rig.dial, RESUMED);
		check_server_sees(&rig, BOB);

		rig.dial.identity = pki()->alice;
		RIG_VISIT(&rig, RESUMED);
		check_server_sees(&rig, ALICE);
		client_free(client);
		rig_down(&rig);
	}
}

static void forget_forgets_all_of_them(void)
{
	struct rig rig;
	int who;

	rig_up_asking(&rig, client_newest());
	for (who = 0; who < PEOPLE; who++) {
		rig.dial.identity = identity_of(who);
		RIG_VISIT(&rig, MISS);
	}
	CHECK_INT(lws_tls_session_forget(rig.vh, HOST, server_port(rig.server)), 0);
	CHECK_INT(stats_of(rig.vh).entries, 0);
	for (who = 0; who < PEOPLE; who++) {
		rig.dial.identity = identity_of(who);
		RIG_VISIT(&rig, MISS);
		check_server_sees(&rig, who);
	}
	rig_down(&rig);
}

TEST_PROGRAM(
	CASE(identities_of_connections_do_not_cross),
	CASE(identities_of_clients_do_not_cross),
	CASE(that_of_the_connection_goes_before_that_of_the_client),
	CASE(forget_forgets_all_of_them))
