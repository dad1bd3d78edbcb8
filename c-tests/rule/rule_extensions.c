/*
 * Extensions that no getter tells, in a program that names their setter: a
 * server may compare them with the session, and abort.
 */

#include "certs.h"
#include "observe.h"
#include "pair.h"
#include "rig.h"
#include "stage.h"

/* RFC 6066 4: a session without a limit, and a connection that asks for one */
static void a_limit_on_a_later_connection(void)
{
	struct stage stage;
	struct pair pair;
	int version;

	FOR_EACH_VERSION(version) {
		stage_up(&stage, version, 0);
		pair = pair_new(stage.ctx, stage.server, stage.vh);
		REQUIRE(SSL_set_tlsext_max_fragment_length(pair.client,
							   TLSEXT_max_fragment_length_1024));
		CHECK(pair_talk(&pair));
		CHECK_INT(pair_outcome(&pair), LWS_TLS_SESSION_OUTCOME_UNSUITABLE);
		pair_close(&pair);
		stage_down(&stage);
	}
}

TEST_PROGRAM(
	CASE(a_limit_on_a_later_connection))
