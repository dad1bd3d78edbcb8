#include "stage.h"

#include "check.h"
#include "observe.h"
#include "pair.h"

SSL_CTX *stage_server(int version, const struct cert *cert)
{
	return pair_server_ctx(&(struct server_config){
		.version = version, .resumption = IDS_AND_TICKETS, .cert = cert });
}

void stage_up(struct stage *stage, int version, uint64_t options)
{
	struct pair pair;

	stage->server = stage_server(version, certs()->ecdsa);
	stage->ctx = trusting_ctx(TLS_client_method(), version);
	stage->vh = lws_tls_session_vhost_create(
		&(struct lws_tls_session_vhost_info){ .options = options });
	REQUIRE(stage->vh && !lws_tls_session_vhost_attach(stage->vh, stage->ctx));
	pair = pair_new(stage->ctx, stage->server, stage->vh);
	REQUIRE(pair_talk(&pair));
	pair_close(&pair);
	CHECK(stats_of(stage->vh).sessions > 0);
}

void stage_down(struct stage *stage)
{
	SSL_CTX_free(stage->ctx);
	SSL_CTX_free(stage->server);
	lws_tls_session_vh_destroy(stage->vh);
}

void expect_another_host(SSL *ssl)
{
	REQUIRE(SSL_set1_host(ssl, "another.example"));
}
