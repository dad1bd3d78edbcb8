/*
 * Random scenarios: what a table does not think of.
 *
 *   test-rule_random [--pairs N] [--seed S] [--but-objects]
 *
 * The scenarios of the seeds S, S+1, ..., so that "--pairs 1 --seed X" is the one
 * of seed X. What fails is made smaller, term by term, for as long as it fails, and
 * printed as a row of the table; "test-rule 'that text'" runs it alone.
 */

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "world.h"

#define MAX_SHOWN	60
#define MAX_SHRUNK	2000

static uint64_t state;

/* splitmix64 */
static unsigned int random_below(unsigned int limit)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;

	return (unsigned int)((z ^ (z >> 31)) >> 32) % limit;
}

static bool one_in(unsigned int n)
{
	return !random_below(n);
}

/* Another value of a term that is chosen by its weight. */
static void deviate(struct scenario *scenario, enum section section)
{
	unsigned int term, weights = 0, at, values;

	for (term = 0; term < term_count(section); term++)
		weights += term_weight(section, (int)term);
	at = random_below(weights);
	for (term = 0; at >= term_weight(section, (int)term); term++)
		at -= term_weight(section, (int)term);
	values = term_values(section, (int)term);
	/* as often back to the default as away from it */
	if (scenario->terms[section][term] && one_in(2))
		scenario->terms[section][term] = 0;
	else
		scenario->terms[section][term] = (signed char)random_below(values);
}

/* Another value of one of what a connection expects of its peer. */
static void expect_otherwise(struct scenario *scenario, enum section section)
{
	int term = VERIFY + (int)random_below(OCSP - VERIFY + 1);

	scenario->terms[section][term] = (signed char)random_below(term_values(section, term));
}

static void deviate_times(struct scenario *scenario, enum section section, unsigned int times)
{
	while (times--)
		deviate(scenario, section);
}

static void copy_terms(struct scenario *scenario, enum section to, enum section from)
{
	memcpy(scenario->terms[to], scenario->terms[from], sizeof(scenario->terms[to]));
}

#define IS(section, term, value)	term_is(scenario, section, term, value)

/* for the text of a term */
static void set(struct scenario *scenario, enum section section, int term, const char *value)
{
	unsigned int n;

	for (n = 0; n < term_values(section, term); n++) {
		scenario->terms[section][term] = (signed char)n;
		if (IS(section, term, value))
			return;
	}
	REQUIRE(!"a value of that term");
}

static void set_all(struct scenario *scenario, int term, const char *value)
{
	int section;

	for (section = FIRST; section <= LATER; section++)
		set(scenario, (enum section)section, term, value);
}

/* Terms that do nothing by themselves, with what it takes. */
static void combine(struct scenario *scenario)
{
	static const char *const psk[] = { "psk", "rsa-psk" }, *const srp[] = { "srp", "srp-rsa" };
	static const char *const who[] = { "alice", "bob", "wrong" };
	int section;

	switch (random_below(20)) {
	case 0: /* a PSK or a password */
	case 1:
		set_all(scenario, MAX, "1.2");
		set_all(scenario, CIPHERS, (one_in(2) ? psk : srp)[random_below(2)]);
		set(scenario, SERVER_A, S_PSK, "yes");
		set(scenario, SERVER_A, S_CERT, "rsa");
		for (section = FIRST; section <= LATER; section++) {
			set(scenario, (enum section)section, PSK12, who[random_below(2)]);
			set(scenario, (enum section)section, SRP, who[random_below(2)]);
		}
		set(scenario, LATER, PSK12, who[random_below(3)]);
		set(scenario, LATER, SRP, who[random_below(3)]);
		break;
	case 2:
		set(scenario, SERVER_A, S_PSK, "yes");
		set(scenario, SERVER_B, S_PSK, "yes");
		/* the cipher that the PSK is for */
		set_all(scenario, SUITES, "aes128-first");
		set(scenario, one_in(2) ? FIRST : SECOND, PSK13, who[random_below(3)]);
		break;
	case 3: /* the app's own sessions */
	case 4:
		set_all(scenario, KEEP, "yes");
		set(scenario, SECOND, OWN, one_in(2) ? "first" : "last");
		set(scenario, LATER, OWN, one_in(2) ? "first" : "last");
		if (one_in(3))
			set(scenario, SERVER_A, S_EARLY, "yes");
		if (one_in(3))
			set_all(scenario, EARLY, "yes");
		break;
	case 5: /* late */
		set_all(scenario, KEEP, "yes");
		set(scenario, one_in(2) ? SECOND : THIRD, LATE, "own");
		break;
	case 6: /* lists of revoked certificates */
		set_all(scenario, STORE, "crl");
		set_all(scenario, FLAGS, one_in(2) ? "crl" : "crl-all");
		break;
	case 7: /* one SSL_CTX, of which a verdict is kept, and whose store changes */
		set(scenario, SECOND, CTX, "first");
		set(scenario, LATER, CTX, "first");
		deviate_times(scenario, LATER, 1);
		break;
	case 13: /* a verdict, and what it was for */
	case 14:
		scenario->made[SECOND] = true;
		if (one_in(2)) {
			set(scenario, SECOND, CTX, "first");
			set(scenario, LATER, CTX, "first");
		}
		expect_otherwise(scenario, LATER);
		break;
	case 15: /* roots that are trusted for something */
		set_all(scenario, STORE, one_in(2) ? "trusted-server" : "trusted-email");
		set_all(scenario, CTX, "first");
		set_all(scenario, TRUST, one_in(2) ? "server" : "email");
		set(scenario, LATER, TRUST, one_in(2) ? "server" : "email");
		break;
	case 16:
		set(scenario, SERVER_A, S_CERT, "policy");
		set_all(scenario, FLAGS, "policy");
		set_all(scenario, POLICY, "right");
		break;
	case 8: /* client certificates */
		set(scenario, SERVER_A, S_CLIENT, one_in(2) ? "ask" : "require");
		break;
	case 9: /* another server at that port */
		set(scenario, one_in(2) ? LATER : SECOND, AT, "b");
		deviate_times(scenario, SERVER_B, 1 + random_below(2));
		break;
	case 10:
		set(scenario, SERVER_A, S_CERT, "both");
		set_all(scenario, MAX, "1.2");
		break;
	case 11: /* small key exchanges */
		set_all(scenario, MAX, "1.2");
		set_all(scenario, CIPHERS, "dhe");
		set(scenario, SERVER_A, S_CERT, "rsa");
		set(scenario, SERVER_A, S_DH, "1024");
		set(scenario, FIRST, LEVEL, one_in(2) ? "0" : "1");
		break;
	case 12:
		set_all(scenario, SECURITY, "by-ex");
		break;
	default:
		break;
	}
}

/* One for all connections: the first that is not the default. */
static void same_in_all(struct scenario *scenario, int term)
{
	signed char value = 0;
	int section;

	for (section = FIRST; section <= LATER; section++)
		if (scenario->made[section] && !value)
			value = scenario->terms[section][term];
	for (section = FIRST; section <= LATER; section++)
		scenario->terms[section][term] = scenario->made[section] ? value : 0;
}

/* What docs/security.md says that nobody can see, and what the options say. */
static void keep_to_the_documented(struct scenario *scenario)
{
	bool has_own = false;
	int section;

	/* no getter */
	same_in_all(scenario, MFL);
	same_in_all(scenario, PSK13);
	same_in_all(scenario, PSK12);
	/* one that is first seen with TLS 1.3 */
	if (!IS(LATER, PSK13, "none") || !IS(LATER, PSK12, "none"))
		same_in_all(scenario, MAX);
	/* to load a session is to say that the callback would accept its peer */
	if (!IS(PAIR, P_LOAD, "no")) {
		same_in_all(scenario, VERIFY_CB);
		same_in_all(scenario, STORE_CB);
	}
	for (section = FIRST; section <= LATER; section++)
		if (scenario->made[section] &&
		    !strncmp(term_value(scenario, (enum section)section, CERT), "cert-cb", 7))
			break;
	if (section <= LATER)
		same_in_all(scenario, CERT);
	/* the app's own tickets of TLS 1.2 it gets where the vhost allows tickets */
	for (section = FIRST; section <= LATER; section++)
		has_own |= scenario->made[section] &&
			   (!IS((enum section)section, OWN, "no") ||
			    IS((enum section)section, LATE, "own"));
	/* of a bare one that it was made under the terms of the connections it is for */
	if (IS(PAIR, P_LOAD, "bare")) {
		same_in_all(scenario, CIPHERS);
		same_in_all(scenario, LEVEL);
		same_in_all(scenario, NO_EMS);
		same_in_all(scenario, NO_ETM);
		same_in_all(scenario, SUITE_B);
		same_in_all(scenario, LATE);
	}
	if (has_own) {
		set(scenario, PAIR, P_TICKETS, "yes");
		/* what it keeps of a server that takes another one's is that one's */
		same_in_all(scenario, AT);
	}
	set(scenario, PAIR, P_MUST, "nothing");
}

static void make_up(struct scenario *scenario, uint64_t seed)
{
	static const unsigned int few[] = { 0, 0, 1, 1, 2, 2, 3, 4 };
	int section;

	memset(scenario, 0, sizeof(*scenario));
	state = seed * 0xd1342543de82ef95 + 1;
	random_below(2);
	scenario->made[FIRST] = scenario->made[LATER] = true;
	scenario->made[SECOND] = one_in(2);
	scenario->made[THIRD] = scenario->made[SECOND] && one_in(3);

	deviate_times(scenario, SERVER_A, few[random_below(6)]);
	copy_terms(scenario, SERVER_B, SERVER_A);
	deviate_times(scenario, SERVER_B, few[random_below(8)]);
	deviate_times(scenario, FIRST, few[random_below(8)]);
	for (section = SECOND; section <= LATER; section++)
		copy_terms(scenario, (enum section)section, FIRST);
	combine(scenario);
	deviate_times(scenario, SECOND, one_in(2) ? 0 : random_below(3));
	deviate_times(scenario, THIRD, random_below(3));
	deviate_times(scenario, LATER, random_below(4));
	if (one_in(3))
		deviate_times(scenario, PAIR, 1 + random_below(2));
	for (section = SECOND; section <= THIRD; section++)
		if (!scenario->made[section])
			memset(scenario->terms[section], 0, sizeof(scenario->terms[section]));
	scenario_make_possible(scenario);
	keep_to_the_documented(scenario);
}

static bool fails(const struct scenario *scenario)
{
	struct scenario documented = *scenario;

	keep_to_the_documented(&documented);

	return !memcmp(&documented, scenario, sizeof(documented)) && scenario_compare(scenario);
}

/* Keeps the change where it fails as well. */
static bool try_change(struct scenario *scenario, const struct scenario *changed)
{
	if (!memcmp(scenario, changed, sizeof(*changed)) || !fails(changed))
		return false;
	*scenario = *changed;

	return true;
}

static bool drop_connection(struct scenario *scenario, enum section section)
{
	struct scenario changed = *scenario;

	if (!scenario->made[section])
		return false;
	changed.made[section] = false;
	memset(changed.terms[section], 0, sizeof(changed.terms[section]));

	return try_change(scenario, &changed);
}

static bool drop_term(struct scenario *scenario, int section, unsigned int term)
{
	struct scenario changed = *scenario;
	int other;

	if (!scenario->terms[section][term])
		return false;
	changed.terms[section][term] = 0;
	if (try_change(scenario, &changed))
		return true;
	/* of all connections at once, where they have it in common */
	for (other = FIRST; section <= LATER && other <= LATER; other++)
		changed.terms[other][term] = 0;

	return try_change(scenario, &changed);
}

static void make_smaller(struct scenario *scenario)
{
	bool is_smaller = true;
	unsigned int term;
	int section;

	while (is_smaller) {
		is_smaller = drop_connection(scenario, THIRD);
		is_smaller |= drop_connection(scenario, SECOND);
		for (section = FIRST; section < SECTION_COUNT; section++)
			for (term = 0; term < term_count((enum section)section); term++)
				is_smaller |= drop_term(scenario, section, term);
	}
}

static unsigned int pairs, resumed, failed, shown;
static struct {
	uint64_t	terms[3];	/* of connections, servers, the pair */
} shapes[MAX_SHOWN];

/* One of each kind will do: the same terms have something to do with it. */
static bool is_new_shape(const struct scenario *scenario)
{
	uint64_t terms[3] = { 0 };
	unsigned int term, n;
	int section;

	for (section = FIRST; section < SECTION_COUNT; section++)
		for (term = 0; term < term_count((enum section)section); term++)
			if (scenario->terms[section][term])
				terms[section == PAIR ? 2 : section > LATER] |= 1ull << term;
	for (n = 0; n < shown; n++)
		if (!memcmp(shapes[n].terms, terms, sizeof(terms)))
			return false;
	memcpy(shapes[shown++].terms, terms, sizeof(terms));

	return true;
}

static void show(struct scenario *scenario, uint64_t seed)
{
	const char *difference;
	char text[512];

	make_smaller(scenario);
	scenario_write(scenario, text, sizeof(text));
	if (!is_new_shape(scenario))
		return;
	difference = scenario_compare(scenario);
	printf("FAILED seed %llu: \"%s\"%s\n", (unsigned long long)seed, text,
	       difference ? difference : ": not each time");
}

static void try_seed(uint64_t seed)
{
	struct scenario scenario;
	const char *difference;

	make_up(&scenario, seed);
	difference = scenario_compare(&scenario);
	pairs++;
	resumed += scenario_resumed();
	if (difference) {
		failed++;
		if (shown < MAX_SHOWN && failed < MAX_SHRUNK)
			show(&scenario, seed);
	}
	if (!(pairs % 1000) || (difference && shown < MAX_SHOWN)) {
		if (!(pairs % 1000))
			printf("%u pairs, %u resumed, %u failed\n", pairs, resumed, failed);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	unsigned long count = 300, n;
	uint64_t seed = 1;
	int at;

	signal(SIGPIPE, SIG_IGN);
	for (at = 1; at < argc; at++) {
		if (!strcmp(argv[at], "--but-objects"))
			report_skips_objects = true;
		else if (!strcmp(argv[at], "--pairs") && at + 1 < argc)
			count = strtoul(argv[++at], NULL, 0);
		else if (!strcmp(argv[at], "--seed") && at + 1 < argc)
			seed = strtoull(argv[++at], NULL, 0);
		else
			return fprintf(stderr, "%s: what is %s?\n", argv[0], argv[at]), 2;
	}
	for (n = 0; n < count; n++)
		try_seed(seed + n);
	printf("%u pairs from seed %llu, %u resumed, %u failed\n", pairs, (unsigned long long)seed,
	       resumed, failed);

	return failed || !resumed;
}
