/*
 * Saved sessions, in memory and in files.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_BLOB_H
#define LWS_TLS_SESSIONS_TESTS_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include <lws-tls-sessions.h>

struct blob {
	unsigned char	*data;		/* NULL: there is none */
	size_t		len;
};

/* blob_save() - the session that the vhost has for an endpoint; there must be one */
struct blob blob_save(struct lws_vhost *vh, const char *host, uint16_t port);

/* blob_load() - what lws_tls_session_dump_load() returns for it */
int blob_load(struct lws_vhost *vh, const char *host, uint16_t port,
	      const struct blob *blob);

struct blob blob_copy(const struct blob *blob, size_t len);	/* of so many bytes of it */
void blob_free(struct blob *blob);

/* blob_session_len() - how much of it is the TLS library's own */
size_t blob_session_len(const struct blob *blob);

void blob_write(const struct blob *blob, const char *path);
struct blob blob_read(const char *path);

#endif
