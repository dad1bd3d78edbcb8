#include "rig.h"

const struct way ways[] = {
	{ "TLS 1.2, session IDs", TLS1_2_VERSION, SESSION_IDS, 0 },
	{ "TLS 1.2, tickets", TLS1_2_VERSION, TICKETS,
	  LWS_TLS_SESSION_OPTION_ALLOW_TICKETS },
	{ "TLS 1.2, session IDs where there were tickets", TLS1_2_VERSION,
	  IDS_AND_TICKETS, 0 },
	{ "TLS 1.2, tickets where there were session IDs", TLS1_2_VERSION,
	  IDS_AND_TICKETS, LWS_TLS_SESSION_OPTION_ALLOW_TICKETS },
	{ "TLS 1.3, stateful tickets", TLS1_3_VERSION, SESSION_IDS, 0 },
	{ "TLS 1.3, stateless tickets", TLS1_3_VERSION, TICKETS, 0 },
	{ 0 },
};

void rig_up(struct rig *rig, const struct rig_config *config)
{
	struct client_config client = config->client;

	rig->server = server_start(&config->server);
	rig->vh = lws_tls_session_vhost_create(&config->vhost);
	REQUIRE(rig->vh);
	client.vh = rig->vh;
	client.tickets = config->vhost.options & LWS_TLS_SESSION_OPTION_ALLOW_TICKETS;
	rig->client = client_new(&client);
	rig->dial = (struct dial){ .server = rig->server };
}

void rig_up_way(struct rig *rig, const struct way *way)
{
	RIG_UP(rig, .server = { .version = way->version, .resumption = way->resumption },
	       .vhost = { .options = way->options });
}

void rig_down(struct rig *rig)
{
	client_free(rig->client);
	lws_tls_session_vh_destroy(rig->vh);
	server_stop(rig->server);
}

int rig_visit_host(const struct rig *rig, const char *host)
{
	struct dial dial = rig->dial;

	dial.host = host;

	return visit(rig->client, &dial);
}

const char *version_name(int version)
{
	return version == TLS1_2_VERSION ? "TLS 1.2" : "TLS 1.3";
}
