/*
 * A server, a vhost, and a client that is attached to it: where most cases begin.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_RIG_H
#define LWS_TLS_SESSIONS_TESTS_RIG_H

#include "client.h"
#include "observe.h"

struct way;

struct rig_config {
	struct server_config			server;
	struct lws_tls_session_vhost_info	vhost;
	struct client_config			client;	/* .vh is the rig's own */
};

struct rig {
	struct server		*server;
	struct lws_vhost	*vh;
	struct client		*client;
	struct dial		dial;		/* to the server as HOST */
};

void rig_up(struct rig *rig, const struct rig_config *config);
void rig_down(struct rig *rig);

#define RIG_UP(rig, ...)	rig_up(rig, &(struct rig_config){ __VA_ARGS__ })

/* rig_up_way() - with such a server and vhost, and nothing else */
void rig_up_way(struct rig *rig, const struct way *way);

#define RIG_VISIT(rig, expected)	CHECK_VISIT((rig)->client, &(rig)->dial, expected)

/* rig_visit_host() - a visit to the server under another name */
int rig_visit_host(const struct rig *rig, const char *host);

/* the ways that servers let clients resume in, and what the vhost needs for it */
struct way {
	const char		*name;
	int			version;
	enum resumption		resumption;
	uint64_t		options;
};

extern const struct way ways[];	/* ends with one without a name */

#define FOR_EACH_WAY(way)						\
	for (way = ways; way->name && (check_context("%s", way->name), true); way++) \
		if (client_speaks(way->version))

static const int tls_versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

const char *version_name(int version);

/* for (...) over TLS 1.2 and 1.3, as far as the client speaks them, with the context set */
#define FOR_EACH_VERSION(version)					\
	for (size_t version##_n = 0;					\
	     version##_n < ARRAY_SIZE(tls_versions) &&			\
	     (version = tls_versions[version##_n],			\
	      check_context("%s", version_name(version)), true);	\
	     version##_n++)						\
		if (client_speaks(version))

#endif
