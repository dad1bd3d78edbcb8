/*
 * What an app can see of a connection, in words, field by field.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_REPORT_H
#define LWS_TLS_SESSIONS_TESTS_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#define REPORT_FIELDS(FIELD)			\
	FIELD(HANDSHAKE, "handshake")		\
	FIELD(GREETING, "greeting")		\
	FIELD(VERSION, "version")		\
	FIELD(CIPHER, "cipher")			\
	FIELD(GROUP, "group")			\
	FIELD(PEER, "peer certificate")		\
	FIELD(CHAIN, "peer chain")		\
	FIELD(VERIFY_RESULT, "verify result")	\
	FIELD(ALPN_CHOSEN, "ALPN")		\
	FIELD(SERVER_NAME, "SNI at the client")	\
	FIELD(EMS, "extended master secret")	\
	FIELD(OCSP_STAPLE, "OCSP staple")	\
	FIELD(DANE_DEPTH, "DANE depth")		\
	FIELD(EARLY_DATA, "early data")		\
	FIELD(QUEUE, "error queue")		\
	FIELD(OPTIONS, "SSL's options")		\
	FIELD(VERIFY_MODE, "SSL's verify mode")	\
	FIELD(SID, "session's ID context")	\
	FIELD(INFO_CB, "SSL's info callback")	\
	FIELD(CACHE_MODE, "SSL_CTX's cache mode") \
	FIELD(CALLBACKS, "SSL_CTX's callbacks")	\
	FIELD(STARTS, "handshake starts seen")	\
	FIELD(NEW_SESSIONS, "new sessions")	\
	FIELD(OWN_RESUMED, "own session resumed") \
	FIELD(SERVER_HANDSHAKE, "server: handshake") \
	FIELD(SERVER_SNI, "server: SNI")	\
	FIELD(SERVER_CLIENT, "server: client certificate") \
	FIELD(SERVER_PSK, "server: PSK or SRP identity") \
	FIELD(SERVER_EARLY, "server: early data")

#define FIELD_ID(id, name) R_##id,
enum { REPORT_FIELDS(FIELD_ID) REPORT_FIELD_COUNT };
#undef FIELD_ID

struct report {
	char	fields[REPORT_FIELD_COUNT][96];
	bool	is_made;
	bool	is_up;
	bool	is_resumed;
	bool	is_tls13;
	bool	is_own;			/* a session that the app had set is what may have resumed */
	bool	is_loaded;		/* after a load */
	bool	is_told;		/* wsi_create() may put its info callback on the SSL */
};

struct link;

void report_write(struct report *report, const struct link *link);

/* the app's objects are not compared: what else goes wrong is to be seen */
extern bool report_skips_objects;

/* report_compare() - false where a field differs that may not, which is told in text */
bool report_compare(const struct report *with, const struct report *without, char *text,
		    size_t size);

#endif
