/*
 * The app saves all that its vhost has, and loads it into another one.
 */

#include <stdio.h>

#include <lws-tls-sessions.h>

#include "check.h"
#include "world.h"

#define IS(term, value)		term_is(world->scenario, PAIR, term, value)

struct lws_vhost *world_vhost(const struct world *world)
{
	uint64_t options = (IS(P_TICKETS, "yes") ? LWS_TLS_SESSION_OPTION_ALLOW_TICKETS : 0) |
			   (IS(P_SINGLE, "yes") ? LWS_TLS_SESSION_OPTION_SINGLE_USE : 0) |
			   (IS(P_TRUST, "yes") ? LWS_TLS_SESSION_OPTION_TRUST_VERIFY_CALLBACK : 0);
	struct lws_vhost *vh = lws_tls_session_vhost_create(
		&(struct lws_tls_session_vhost_info){ .options = options });

	REQUIRE(vh);

	return vh;
}

static int note_endpoint(struct lws_vhost *vh, const struct lws_tls_session_entry *entry, void *opq)
{
	struct world *world = opq;
	struct saved *saved = &world->saved[world->saved_count];

	(void)vh;
	if (world->saved_count == MAX_SAVED)
		return 1;
	snprintf(saved->host, sizeof(saved->host), "%s", entry->host);
	saved->port = entry->port;
	world->saved_count++;

	return 0;
}

static int take(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct blob *blob = info->opaque, lent = { info->blob, info->blob_len };

	(void)cx;
	*blob = blob_copy(&lent, lent.len);

	return 0;
}

void world_save(struct world *world)
{
	struct lws_vhost *next = world_vhost(world);
	unsigned int n;

	lws_tls_session_foreach(world->vh, note_endpoint, world);
	for (n = 0; n < world->saved_count; n++) {
		struct saved *saved = &world->saved[n];

		/* it has none for a client certificate that is not the SSL_CTX's */
		if (lws_tls_session_dump_save(world->vh, saved->host, saved->port, take,
					      &saved->blob))
			continue;
		if (saved->blob.data && IS(P_LOAD, "bare"))
			saved->blob.len = blob_session_len(&saved->blob);
	}
	lws_tls_session_vh_destroy(world->vh);
	world->vh = next;
	world->is_loaded = true;
}

void world_load(struct world *world)
{
	unsigned int n;

	/* it may refuse */
	for (n = 0; n < world->saved_count; n++)
		if (world->saved[n].blob.data)
			blob_load(world->vh, world->saved[n].host, world->saved[n].port,
				  &world->saved[n].blob);
}
