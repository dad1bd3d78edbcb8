/*
 * Both worlds, and what is not the same in them.
 */

#include <stdio.h>
#include <string.h>

#include <lws-tls-sessions.h>

#include "world.h"

#define IS(term, value)		term_is(world->scenario, PAIR, term, value)

static void world_free(struct world *world)
{
	unsigned int n;

	if (world->vh)
		lws_tls_session_vh_destroy(world->vh);
	for (n = 0; n < world->saved_count; n++)
		blob_free(&world->saved[n].blob);
	for (n = 0; n < world->kept_count; n++)
		SSL_SESSION_free(world->kept[n]);
	for (n = 0; n <= LATER; n++)
		SSL_CTX_free(world->ctxs[n]);
}

void world_run(struct world *world, const struct scenario *scenario, bool with_library)
{
	int section;

	memset(world, 0, sizeof(*world));
	world->scenario = scenario;
	if (with_library)
		world->vh = world_vhost(world);
	for (section = FIRST; section <= LATER; section++) {
		if (!scenario->made[section])
			continue;
		if (section == LATER && with_library && !IS(P_LOAD, "no"))
			world_save(world);
		make_connection(world, (enum section)section);
	}
	world_free(world);
}

static bool has_resumed;

bool scenario_resumed(void)
{
	return has_resumed;
}

/*
 * A server that resumes what another has given out is, to TLS, the same peer: it knows the
 * secret. Then that one's full handshake is what counts.
 */
static bool agrees_with_the_other_server(const struct scenario *scenario, int section,
					 const struct report *with)
{
	static struct world other;
	struct scenario changed = *scenario;
	bool has_been_there = false;
	char differences[1024];
	int n;

	for (n = FIRST; n < section; n++)
		has_been_there |= scenario->made[n] &&
				  scenario->terms[n][AT] != scenario->terms[section][AT];
	if (!with->is_resumed || !has_been_there ||
	    scenario->terms[SERVER_A][S_KEYS] != scenario->terms[SERVER_B][S_KEYS])
		return false;
	changed.terms[section][AT] = !changed.terms[section][AT];
	world_run(&other, &changed, false);

	return report_compare(with, &other.reports[section], differences, sizeof(differences));
}

const char *scenario_compare(const struct scenario *scenario)
{
	static const char *const names[] = { "first", "second", "third", "later" };
	static char text[4096];
	static struct world with, without;
	char differences[1024];
	size_t used = 0;
	int section;

	world_run(&without, scenario, false);
	world_run(&with, scenario, true);
	has_resumed = with.reports[LATER].is_resumed && !with.reports[LATER].is_own;
	for (section = FIRST; section <= LATER; section++)
		if (scenario->made[section] &&
		    !report_compare(&with.reports[section], &without.reports[section], differences,
				    sizeof(differences)) && used < sizeof(text) &&
		    !agrees_with_the_other_server(scenario, section, &with.reports[section]))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "\n  %s%s%s",
				names[section],
				with.reports[section].is_resumed ? " (resumed):" : ":", differences);
	if (used)
		return text;
	if (term_is(scenario, PAIR, P_MUST, "resume") && !has_resumed)
		return "it does not resume";
	if (term_is(scenario, PAIR, P_MUST, "full") && has_resumed)
		return "it resumes";

	return NULL;
}
