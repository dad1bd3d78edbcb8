#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define MAX_VALUES	16

struct term {
	const char	*name;
	const char	*values;
	unsigned int	weight;
};

#define TERM(id, name, values, weight) { name, values, weight },
static const struct term connection_terms[] = { CONNECTION_TERMS(TERM) };
static const struct term server_terms[] = { SERVER_TERMS(TERM) };
static const struct term pair_terms[] = { PAIR_TERMS(TERM) };
#undef TERM

static const struct {
	const char		*name;
	const struct term	*terms;
	unsigned int		count;
} sections[SECTION_COUNT] = {
	[FIRST] = { "first", connection_terms, CONNECTION_TERM_COUNT },
	[SECOND] = { "second", connection_terms, CONNECTION_TERM_COUNT },
	[THIRD] = { "third", connection_terms, CONNECTION_TERM_COUNT },
	[LATER] = { "later", connection_terms, CONNECTION_TERM_COUNT },
	[SERVER_A] = { "a", server_terms, SERVER_TERM_COUNT },
	[SERVER_B] = { "b", server_terms, SERVER_TERM_COUNT },
	[PAIR] = { "pair", pair_terms, PAIR_TERM_COUNT },
};

_Static_assert(CONNECTION_TERM_COUNT <= MAX_TERMS, "room for the terms of a connection");

/* The number of a word in a list, or -1. */
static int find_word(const char *list, const char *word, size_t len)
{
	int at = 0;

	for (;; at++) {
		size_t its = strcspn(list, " ");

		if (its == len && !memcmp(list, word, len))
			return at;
		list += its;
		if (!*list)
			return -1;
		list++;
	}
}

static const char *nth_word(const char *list, int n, int *len)
{
	for (; n > 0; n--)
		list += strcspn(list, " ") + 1;
	*len = (int)strcspn(list, " ");

	return list;
}

static bool read_term(struct scenario *scenario, enum section section, const char *word, size_t len)
{
	const char *equals = memchr(word, '=', len);
	unsigned int term;
	int value;

	for (term = 0; equals && term < sections[section].count; term++) {
		const struct term *its = &sections[section].terms[term];

		if (strlen(its->name) != (size_t)(equals - word) ||
		    memcmp(its->name, word, (size_t)(equals - word)))
			continue;
		value = find_word(its->values, equals + 1, len - (size_t)(equals + 1 - word));
		if (value < 0)
			break;
		scenario->terms[section][term] = (signed char)value;
		return true;
	}
	fprintf(stderr, "\"%.*s\" is none of \"%s\"'s terms\n", (int)len, word,
		sections[section].name);

	return false;
}

bool scenario_read(struct scenario *scenario, const char *text)
{
	int section = -1;

	memset(scenario, 0, sizeof(*scenario));
	scenario->made[FIRST] = scenario->made[LATER] = true;
	for (;;) {
		size_t len;

		text += strspn(text, " |\n\t");
		len = strcspn(text, " |\n\t");
		if (!len)
			return true;
		if (text[len - 1] == ':') {
			for (section = 0; section < SECTION_COUNT; section++)
				if (strlen(sections[section].name) == len - 1 &&
				    !memcmp(sections[section].name, text, len - 1))
					break;
			if (section == SECTION_COUNT) {
				fprintf(stderr, "\"%.*s\" is no part of a scenario\n", (int)len,
					text);
				return false;
			}
			if (section <= LATER)
				scenario->made[section] = true;
		} else if (section < 0) {
			fprintf(stderr, "\"%.*s\" is in no part of a scenario\n", (int)len, text);
			return false;
		} else if (!read_term(scenario, (enum section)section, text, len)) {
			return false;
		}
		text += len;
	}
}

void scenario_write(const struct scenario *scenario, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");
	bool is_first = true;
	int section, len;
	unsigned int term;

	REQUIRE(out);
	for (section = 0; section < SECTION_COUNT; section++) {
		bool is_named = (section == SECOND || section == THIRD) && scenario->made[section];

		if (section <= LATER && !scenario->made[section])
			continue;
		for (term = 0; term < sections[section].count; term++)
			is_named |= scenario->terms[section][term] != 0;
		if (!is_named)
			continue;
		fprintf(out, "%s%s:", is_first ? "" : " | ", sections[section].name);
		is_first = false;
		for (term = 0; term < sections[section].count; term++) {
			int value = scenario->terms[section][term];
			const char *word = nth_word(sections[section].terms[term].values, value, &len);

			if (value)
				fprintf(out, " %s=%.*s", sections[section].terms[term].name, len,
					word);
		}
	}
	if (is_first)
		fputs("first:", out);
	fclose(out);
	text[size - 1] = '\0';
}

bool term_is(const struct scenario *scenario, enum section section, int term, const char *value)
{
	int at = find_word(sections[section].terms[term].values, value, strlen(value));

	REQUIRE(at >= 0);

	return scenario->terms[section][term] == at;
}

const char *term_value(const struct scenario *scenario, enum section section, int term)
{
	static _Thread_local char word[32];
	int len;
	const char *at = nth_word(sections[section].terms[term].values,
				  scenario->terms[section][term], &len);

	snprintf(word, sizeof(word), "%.*s", len, at);

	return word;
}

unsigned int term_count(enum section section)
{
	return sections[section].count;
}

unsigned int term_values(enum section section, int term)
{
	const char *list = sections[section].terms[term].values;
	unsigned int count = 1;

	for (; *list; list++)
		count += *list == ' ';

	return count;
}

unsigned int term_weight(enum section section, int term)
{
	return sections[section].terms[term].weight;
}

#ifdef OPENSSL_IS_BORINGSSL
/* of connections; where there are values, these */
static const struct {
	enum section	section;
	int		term;
	const char	*value;
} lacking[] = {
	{ FIRST, NO_EMS, NULL }, { FIRST, NO_ETM, NULL }, { FIRST, NO_DHE_KEX, NULL },
	{ FIRST, CIPHERS, "dhe" }, { FIRST, CIPHERS, "cbc" }, { FIRST, CIPHERS, "psk" },
	{ FIRST, CIPHERS, "rsa-psk" }, { FIRST, CIPHERS, "srp" }, { FIRST, CIPHERS, "srp-rsa" },
	{ FIRST, SUITES, NULL }, { FIRST, LEVEL, NULL }, { FIRST, SECURITY, NULL },
	{ FIRST, SECURITY_EX, NULL }, { FIRST, SUITE_B, NULL }, { FIRST, MFL, NULL },
	{ FIRST, AUTH_LEVEL, NULL }, { FIRST, INHERIT, NULL }, { FIRST, DANE, NULL },
	{ FIRST, CT, NULL }, { FIRST, OCSP, NULL }, { FIRST, PSK12, NULL }, { FIRST, PSK13, NULL },
	{ FIRST, SRP, NULL }, { FIRST, EARLY, NULL }, { FIRST, LATE, "level-4" },
	{ FIRST, CHANGE, "outdate" },
#ifdef WITHOUT_STORE_FUNCTIONS
	{ FIRST, CHANGE, "verify-function" }, { FIRST, TRUST, "ocsp" },
#endif
	/* nobody can see such a store */
#ifdef WITHOUT_STORE_CALLBACK_GETTER
	{ FIRST, STORE_CB, NULL },
#endif
	{ FIRST, STORE, "own-root" }, { FIRST, STORE, "own-stranger" }, { FIRST, LATE, "stranger" },
	/* one certificate each */
	{ SERVER_A, S_CERT, "both" }, { SERVER_A, S_PSK, NULL }, { SERVER_A, S_EARLY, NULL },
	{ SERVER_A, S_OCSP, NULL }, { SERVER_A, S_DH, NULL },
	/* those of TLS 1.3 are stateless, always */
	{ SERVER_A, S_RESUMES, "ids" },
};

void scenario_make_possible(struct scenario *scenario)
{
	int section;
	size_t n;

	for (section = FIRST; section <= SERVER_B; section++)
		for (n = 0; n < ARRAY_SIZE(lacking); n++)
			if ((lacking[n].section <= LATER) == (section <= LATER) &&
			    (!lacking[n].value || term_is(scenario, (enum section)section,
							  lacking[n].term, lacking[n].value)))
				scenario->terms[section][lacking[n].term] = 0;
}
#else
void scenario_make_possible(struct scenario *scenario)
{
	(void)scenario;
}
#endif

bool scenario_is_possible(const struct scenario *scenario)
{
	struct scenario possible = *scenario;

	scenario_make_possible(&possible);

	return !memcmp(&possible, scenario, sizeof(possible));
}
