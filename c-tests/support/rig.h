/*
 * A server, a vhost, and a client that is attached to it: where most cases begin.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_RIG_H
#define LWS_TLS_SESSIONS_TESTS_RIG_H

#include "client.h"
#include "observe.h"

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

#define RIG_VISIT(rig, expected)	CHECK_VISIT((rig)->client, &(rig)->dial, expected)

/* rig_visit_host() - a visit to the server under another name */
int rig_visit_host(const struct rig *rig, const char *host);

static const int tls_versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

const char *version_name(int version);

/* for (...) over TLS 1.2 and 1.3, with the context set */
#define FOR_EACH_VERSION(version)					\
	for (size_t version##_n = 0;					\
	     version##_n < ARRAY_SIZE(tls_versions) &&			\
	     (version = tls_versions[version##_n],			\
	      check_context("%s", version_name(version)), true);	\
	     version##_n++)

#endif
