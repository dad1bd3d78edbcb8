/*
 * Several tickets (TLS 1.3): which goes first, how often one is used, how many
 * are kept. RFC 8446 C.4: clients SHOULD NOT reuse a ticket.
 */

#include <pthread.h>

#include "rig.h"

#define SINGLE_USE	LWS_TLS_SESSION_OPTION_SINGLE_USE

/* A first visit that leaves so many tickets; later ones bring none. */
static void rig_up_tickets(struct rig *rig, unsigned int tickets, uint64_t options)
{
	RIG_UP(rig, .server = { .version = TLS1_3_VERSION, .resumption = TICKETS,
				.tickets = tickets },
	       .vhost = { .options = options });
	RIG_VISIT(rig, MISS);
	server_set_tickets(rig->server, 0);
}

static void so_many_tickets_so_many_offers(void)
{
	unsigned int tickets, n, earlier;
	uint64_t offered[4];
	struct rig rig;

	for (tickets = 1; tickets <= 4; tickets++) {
		check_context("%u tickets", tickets);
		rig_up_tickets(&rig, tickets, SINGLE_USE);

		for (n = 0; n < tickets; n++) {
			RIG_VISIT(&rig, RESUMED);
			offered[n] = server_seen(rig.server).ticket;
			for (earlier = 0; earlier < n; earlier++)
				CHECK(offered[n] != offered[earlier]);
		}
		CHECK_INT(stats_of(rig.vh).sessions, 0);
		RIG_VISIT(&rig, SPENT);
		RIG_VISIT(&rig, SPENT);
		CHECK_INT(server_seen(rig.server).offers, tickets);
		CHECK_STATS(rig.vh, .entries = 1, .handshakes = tickets + 3,
			    .offered = tickets, .resumed = tickets, .missed = 3,
			    .stored = tickets);

		/* until there are new ones */
		server_set_tickets(rig.server, 1);
		RIG_VISIT(&rig, SPENT);
		RIG_VISIT(&rig, RESUMED);
		rig_down(&rig);
	}
}

static void nine_of_nine_with_a_new_ticket_each_time(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_3_VERSION },
	       .vhost = { .options = SINGLE_USE });
	RIG_VISIT(&rig, MISS);
	CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
	rig_down(&rig);
}

static void tls12_sessions_are_shared_all_the_same(void)
{
	struct rig rig;

	RIG_UP(&rig, .server = { .version = TLS1_2_VERSION },
	       .vhost = { .options = SINGLE_USE });
	RIG_VISIT(&rig, MISS);
	CHECK_INT(visits(rig.client, &rig.dial, 9), 9);
	CHECK_INT(stats_of(rig.vh).stored, 1);
	rig_down(&rig);
}

/* Fresh tickets go first, newest first; then the newest serves again and again. */
static void never_offered_ones_first(void)
{
	uint64_t offered[6];
	struct rig rig;
	int n;

	rig_up_tickets(&rig, 3, 0);
	for (n = 0; n < 6; n++) {
		RIG_VISIT(&rig, RESUMED);
		offered[n] = server_seen(rig.server).ticket;
	}
	CHECK(offered[0] != offered[1]);
	CHECK(offered[1] != offered[2]);
	CHECK(offered[2] != offered[0]);
	CHECK(offered[3] == offered[0]);
	CHECK(offered[4] == offered[0]);
	CHECK(offered[5] == offered[0]);

	/* a fresh one again */
	server_set_tickets(rig.server, 1);
	RIG_VISIT(&rig, RESUMED);
	RIG_VISIT(&rig, RESUMED);
	CHECK(server_seen(rig.server).ticket != offered[0]);
	rig_down(&rig);
}

static void four_are_kept(void)
{
	struct rig rig;

	rig_up_tickets(&rig, 6, 0);
	CHECK_STATS(rig.vh, .entries = 1, .sessions = 4, .handshakes = 1, .missed = 1,
		    .stored = 6, .replaced = 2);
	CHECK_INT(first_entry_of(rig.vh).sessions, 4);
	rig_down(&rig);
}

struct racer {
	struct rig	*rig;
	pthread_t	thread;
	int		outcome;
};

static pthread_barrier_t start;

static void *race(void *arg)
{
	struct racer *racer = arg;
	/* without the server: it is not alone with us */
	struct dial dial = { .port = server_port(racer->rig->server) };

	pthread_barrier_wait(&start);
	racer->outcome = visit(racer->rig->client, &dial);

	return NULL;
}

/* Many threads and few tickets: each is taken once. */
static void the_take_is_atomic(void)
{
	struct racer racers[12];
	unsigned int resumed;
	struct rig rig;
	size_t n;
	int round;

	for (round = 0; round < 5; round++) {
		rig_up_tickets(&rig, 4, SINGLE_USE);
		pthread_barrier_init(&start, NULL, ARRAY_SIZE(racers));
		for (n = 0; n < ARRAY_SIZE(racers); n++) {
			racers[n].rig = &rig;
			REQUIRE(!pthread_create(&racers[n].thread, NULL, race, &racers[n]));
		}

		resumed = 0;
		for (n = 0; n < ARRAY_SIZE(racers); n++) {
			pthread_join(racers[n].thread, NULL);
			if (racers[n].outcome == LWS_TLS_SESSION_OUTCOME_RESUMED)
				resumed++;
			else
				CHECK_OUTCOME(racers[n].outcome, SPENT);
		}
		CHECK_INT(resumed, 4);
		CHECK_INT(server_seen(rig.server).offers, 4);
		CHECK_INT(server_seen(rig.server).resumed, 4);
		pthread_barrier_destroy(&start);
		rig_down(&rig);
	}
}

TEST_PROGRAM(
	CASE_IF(client_speaks_tls13, so_many_tickets_so_many_offers),
	CASE_IF(client_speaks_tls13, nine_of_nine_with_a_new_ticket_each_time),
	CASE(tls12_sessions_are_shared_all_the_same),
	CASE_IF(client_speaks_tls13, never_offered_ones_first),
	CASE_IF(client_speaks_tls13, four_are_kept),
	CASE_IF(client_speaks_tls13, the_take_is_atomic))
