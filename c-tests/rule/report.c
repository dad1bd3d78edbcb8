#include "report.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "world.h"

#define WRITE(field, ...) \
	snprintf(report->fields[R_##field], sizeof(report->fields[0]), __VA_ARGS__)

static void write_end(char *text, size_t size, int end, unsigned long error)
{
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	if (end == 1)
		snprintf(text, size, "done");
	else
		snprintf(text, size, "failed (%d): %s", end, reason ? reason : "no reason");
}

static void write_certificate(char *text, size_t size, const X509 *x509)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len, n;
	char name[32] = "";

	if (!x509) {
		snprintf(text, size, "none");
		return;
	}
	X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, name, sizeof(name));
	if (X509_digest(x509, EVP_sha256(), digest, &len) != 1)
		len = 0;
	n = (unsigned int)snprintf(text, size, "%s ", name);
	for (unsigned int at = 0; at < len && at < 6; at++, n += 2)
		snprintf(text + n, size - n, "%02x", digest[at]);
}

static void write_chain(char *text, size_t size, const STACK_OF(X509) *chain)
{
	char one[64];
	size_t used;
	int n, count = chain ? (int)sk_X509_num(chain) : 0;

	snprintf(text, size, "%d:", count);
	for (n = 0; n < count; n++) {
		write_certificate(one, sizeof(one), sk_X509_value(chain, n));
		used = strlen(text);
		/* the last digits tell it */
		snprintf(text + used, size - used, " %s", strchr(one, ' ') ? strchr(one, ' ') + 7 : one);
	}
}

static void write_server(struct report *report, const struct link *link)
{
	const char *name = SSL_get_servername(link->server, TLSEXT_NAMETYPE_host_name);
	const char *psk = SSL_get_psk_identity(link->server), *srp = NULL;

#ifndef OPENSSL_IS_BORINGSSL
	srp = SSL_get_srp_username(link->server);
#endif
	/* with TLS 1.3 one may be offered, and a certificate be what counts */
	if (link->psk_identity[0] && (SSL_version(link->server) != TLS1_3_VERSION ||
				      SSL_session_reused(link->server)))
		psk = link->psk_identity;
	write_end(report->fields[R_SERVER_HANDSHAKE], sizeof(report->fields[0]),
		  link->handshake[1], link->error[1]);
	WRITE(SERVER_SNI, "%s", name ? name : "none");
	write_certificate(report->fields[R_SERVER_CLIENT], sizeof(report->fields[0]),
			  SSL_get0_peer_certificate(link->server));
	WRITE(SERVER_PSK, "%s, %s", psk ? psk : "none", srp ? srp : "none");
	WRITE(SERVER_EARLY, "%s", link->received_early ? "yes" : "no");
}

static void write_app(struct report *report, const struct link *link)
{
	SSL_SESSION *session = SSL_get_session(link->client);
	const unsigned char *context = NULL;
	unsigned int len = 0;

	if (session)
		context = SSL_SESSION_get0_id_context(session, &len);
	WRITE(SID, "%.*s", (int)len, len ? (const char *)context : "");
	WRITE(OPTIONS, "%llx", (unsigned long long)SSL_get_options(link->client));
	WRITE(VERIFY_MODE, "%x", (unsigned int)SSL_get_verify_mode(link->client));
	WRITE(INFO_CB, "%s", SSL_get_info_callback(link->client) ? "set" : "none");
	WRITE(CACHE_MODE, "%lx", (unsigned long)SSL_CTX_get_session_cache_mode(link->ctx));
	WRITE(CALLBACKS, "new %d, remove %d, get %d", !!SSL_CTX_sess_get_new_cb(link->ctx),
	      !!SSL_CTX_sess_get_remove_cb(link->ctx), !!SSL_CTX_sess_get_get_cb(link->ctx));
	WRITE(STARTS, "%u", link->handshake_starts);
	WRITE(NEW_SESSIONS, "%u", link->new_sessions);
	WRITE(OWN_RESUMED, "%s", !link->own ? "none" :
	      SSL_session_reused(link->client) ? "yes" : "no");
}

void report_write(struct report *report, const struct link *link)
{
	SSL *client = link->client;
	const char *name = SSL_get_servername(client, TLSEXT_NAMETYPE_host_name);
	const unsigned char *alpn = NULL;
	unsigned int alpn_len = 0;

	report->is_made = true;
	report->is_up = link->handshake[0] == 1;
	report->is_resumed = SSL_session_reused(client);
	report->is_tls13 = SSL_version(client) == TLS1_3_VERSION;
	report->is_own = link->own;
	report->is_told = !link_is(link, WSI, "none");
	write_end(report->fields[R_HANDSHAKE], sizeof(report->fields[0]), link->handshake[0],
		  link->error[0]);
	write_end(report->fields[R_GREETING], sizeof(report->fields[0]), link->greeted,
		  link->greeting_error);
	WRITE(VERSION, "%s", SSL_get_version(client));
	WRITE(CIPHER, "%s", SSL_get_cipher_name(client));
#ifndef OPENSSL_IS_BORINGSSL
	WRITE(GROUP, "%ld", report->is_up ? (long)SSL_get_negotiated_group(client) : 0L);
	WRITE(EARLY_DATA, "%d, %s", SSL_get_early_data_status(client),
	      link->sent_early ? "sent" : "not sent");
	WRITE(DANE_DEPTH, "%d", SSL_get0_dane_authority(client, NULL, NULL));
	{
		const unsigned char *staple = NULL;
		long len = SSL_get_tlsext_status_ocsp_resp(client, &staple);

		WRITE(OCSP_STAPLE, "%ld", staple ? len : 0);
	}
#endif
	write_certificate(report->fields[R_PEER], sizeof(report->fields[0]),
			  SSL_get0_peer_certificate(client));
	write_chain(report->fields[R_CHAIN], sizeof(report->fields[0]),
		    SSL_get_peer_cert_chain(client));
	WRITE(VERIFY_RESULT, "%ld", SSL_get_verify_result(client));
	SSL_get0_alpn_selected(client, &alpn, &alpn_len);
	WRITE(ALPN_CHOSEN, "%.*s", (int)alpn_len, alpn_len ? (const char *)alpn : "");
	WRITE(SERVER_NAME, "%s", name ? name : "none");
	WRITE(EMS, "%ld", report->is_up ? (long)SSL_get_extms_support(client) : 0L);
	WRITE(QUEUE, "%lx", (unsigned long)ERR_peek_error());
	write_app(report, link);
	write_server(report, link);
}

bool report_skips_objects;

static const char *const names[] = {
#define FIELD_NAME(id, name) name,
	REPORT_FIELDS(FIELD_NAME)
#undef FIELD_NAME
};

/* What cannot be the same where a session has resumed: see the header of each. */
static bool may_differ(int field, const struct report *with)
{
	if (field == R_INFO_CB && with->is_told)
		return true;
	if (report_skips_objects && (field == R_OPTIONS || field == R_CACHE_MODE ||
				     field == R_CALLBACKS || field == R_INFO_CB))
		return true;
#ifdef OPENSSL_IS_BORINGSSL	/* only its new-session callback tells of tickets of TLS 1.3 */
	if (field == R_CACHE_MODE || field == R_CALLBACKS || field == R_NEW_SESSIONS)
		return true;
#endif
	/* a handshake that fails leaves what it began with: that of a session that was offered */
	if (!with->is_up && (field == R_CIPHER || field == R_PEER || field == R_CHAIN ||
			     field == R_SERVER_NAME || field == R_SID))
		return true;
	if (!with->is_resumed)
		return false;

	switch (field) {
	case R_GROUP:		/* TLS 1.2 exchanges no keys */
		return !with->is_tls13;
	case R_CHAIN:		/* it is not in what OpenSSL saves */
		return with->is_loaded;
	case R_NEW_SESSIONS:	/* a resumption brings one ticket, an ID none */
		return true;
	}

	return false;
}

bool report_compare(const struct report *with, const struct report *without, char *text,
		    size_t size)
{
	size_t used = 0;
	int field;

	text[0] = '\0';
	for (field = 0; field < REPORT_FIELD_COUNT; field++) {
		const char *here = with->fields[field], *there = without->fields[field];
#ifdef OPENSSL_IS_BORINGSSL	/* one that was set after attach() is: see the docs */
		bool is_called = false;
#else
		bool is_called = strcmp(here, "0") && !strcmp(there, "0");
#endif

		if (!strcmp(here, there))
			continue;
		/* but where a callback was never called it is not called */
		if (may_differ(field, with) && !(field == R_NEW_SESSIONS && is_called))
			continue;
		if (used < size)
			used += (size_t)snprintf(text + used, size - used,
						 "\n    %s: with \"%s\", without \"%s\"",
						 names[field], here, there);
	}

	return !used;
}
