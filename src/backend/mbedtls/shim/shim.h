/*
 * What ffi.rs mirrors: the few functions between the library and mbedTLS. They are compiled
 * against the headers that are installed, so sizes and members are theirs.
 */

#ifndef LTS_MBEDTLS_SHIM_H
#define LTS_MBEDTLS_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <mbedtls/ssl.h>

/* bytes that somebody else owns */
struct lts_bytes {
	const unsigned char	*data;
	size_t			len;
};

/* takes bytes; they are valid during the call */
typedef void (*lts_take_t)(void *to, const unsigned char *data, size_t len);

/* a session, seen; the pointers are valid as long as it is not changed */
struct lts_session {
	struct lts_bytes	secret;		/* the master secret, or the resumption key */
	struct lts_bytes	ticket;
	struct lts_bytes	id;
	struct lts_bytes	certificate;	/* the peer's own, where it is kept */
	struct lts_bytes	hostname;	/* that the ticket is for, in TLS 1.3 */
	int64_t			age;		/* ms since the ticket came; -1: not known */
	uint32_t		version;	/* as in the protocol; 0: it does not tell */
	uint32_t		ciphersuite;
	uint32_t		verify_result;
	uint32_t		lifetime;	/* the server's hint for its ticket, s */
	uint32_t		kex_modes;	/* those a TLS 1.3 ticket may be used in */
	uint8_t			encrypt_then_mac;
	uint8_t			trunc_hmac;
};

/* what a connection is configured to do */
struct lts_config {
	uintptr_t		address;
	uintptr_t		f_vrfy;		/* the app's verify callback */
	uintptr_t		p_vrfy;		/* and what it is called with */
	uint32_t		min_version;
	uint32_t		max_version;
	uint32_t		kex_modes;	/* of TLS 1.3 */
	uint8_t			verifies;	/* looks at the peer's certificate at all */
	uint8_t			must_verify;
	uint8_t			tickets;	/* asks for those of TLS 1.2 */
	uint8_t			takes_tickets;	/* those of TLS 1.3 */
	uint8_t			extended_ms;
	uint8_t			encrypt_then_mac;
	uint8_t			trunc_hmac;
	uint8_t			mfl_code;
	uint8_t			psk;		/* has a pre-shared key of its own */
};

/* how far a connection is */
#define LTS_NEW			0	/* its first handshake has not begun */
#define LTS_SHAKING		1
#define LTS_OVER		2	/* its handshake is over */

/* connections; all but lts_is_client() only for those that are clients */
int lts_is_client(const mbedtls_ssl_context *ssl);	/* of TLS over a stream */
int lts_progress(const mbedtls_ssl_context *ssl);
uint32_t lts_version(const mbedtls_ssl_context *ssl);
int lts_alert(const mbedtls_ssl_context *ssl);		/* one has ended it */
int lts_is_tls_error(int ret);				/* of the session, not of the network */
void lts_config(const mbedtls_ssl_context *ssl, struct lts_config *config);
int lts_takes_cipher(const mbedtls_ssl_context *ssl, uint32_t ciphersuite, uint32_t version);
int lts_is_hostname(const mbedtls_ssl_context *ssl, const unsigned char *name, size_t len);
void lts_ciphers(const mbedtls_ssl_context *ssl, lts_take_t take, void *to);	/* in order, 2 bytes each */
void lts_hostname(const mbedtls_ssl_context *ssl, lts_take_t take, void *to);	/* the SNI name */

/* the client certificates that it may show; 0 where that cannot be told */
int lts_identity(const mbedtls_ssl_context *ssl, lts_take_t take, void *to);

/* the groups, signature algorithms and sizes of keys that it takes */
void lts_algorithms(const mbedtls_ssl_context *ssl, lts_take_t take, void *to);

/* what verifying depends on; 0 where that cannot be told */
int lts_terms(const mbedtls_ssl_context *ssl, lts_take_t take, void *to);

/*
 * lts_verify() - verifies a chain as a full handshake would, without the app's callback
 *
 * Returns 0 and the result, with when the certificates it rests on are valid, in s since
 * 1970; else it cannot be told.
 */
int lts_verify(const mbedtls_ssl_context *ssl, const struct lts_bytes *chain, size_t count,
	       uint32_t *result, int64_t *not_before, int64_t *not_after);

/* the session that is set on a connection, or that it has; 0: there is none */
int lts_session_of(const mbedtls_ssl_context *ssl, struct lts_session *seen);

/* the peer's certificates, one by one; 0: there are none */
int lts_peer_chain(const mbedtls_ssl_context *ssl, lts_take_t take, void *to);

/*
 * lts_hide_peer() - takes the certificate off a TLS 1.3 session that is set on a connection
 *
 * One that was got from a connection has it, one that was loaded has not. With it, what a
 * resumption leaves could not be told from what a full handshake leaves.
 */
void lts_hide_peer(mbedtls_ssl_context *ssl, lts_take_t take, void *to);

/* has a resumed connection show the chain that its session was made with */
void lts_show_chain(mbedtls_ssl_context *ssl, const struct lts_bytes *chain, size_t count);

/*
 * lts_save() - the session of an established connection, without its host name
 *
 * Returns the bytes that takes; 0 where it fails. Nothing is written where they exceed len.
 */
size_t lts_save(const mbedtls_ssl_context *ssl, int without_ticket, unsigned char *buf,
		size_t len);

/* sessions of our own */
mbedtls_ssl_session *lts_load(const unsigned char *buf, size_t len);
void lts_free(mbedtls_ssl_session *session);
void lts_see(const mbedtls_ssl_session *session, struct lts_session *seen);

/* sets one on a connection; age is that of its ticket now, in ms; 1: it is set */
int lts_offer(mbedtls_ssl_context *ssl, mbedtls_ssl_session *session,
	      const unsigned char *hostname, size_t hostname_len, int64_t age);

/* until when a certificate is valid, in s since 1970; 0: it cannot be told */
int lts_not_after(const unsigned char *der, size_t len, int64_t *not_after);

#endif
