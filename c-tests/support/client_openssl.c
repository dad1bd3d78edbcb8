#include "client_openssl.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

struct client {
	SSL_CTX		*ctx;
};

struct conn {
	SSL		*ssl;
	struct dial	dial;
	int		fd;
};

bool client_speaks(int version)
{
	return version == TLS1_2_VERSION || version == TLS1_3_VERSION;
}

bool client_attaches(void)
{
	return true;
}

struct client *client_new(const struct client_config *config)
{
	return client_of_method(config->any_role ? TLS_method() : TLS_client_method(), config);
}

struct client *client_of_method(const SSL_METHOD *method, const struct client_config *config)
{
	const struct cert *trust = config->trust ? config->trust : pki()->root;
	struct client *client = calloc(1, sizeof(*client));

	REQUIRE(client);
	client->ctx = SSL_CTX_new(method);
	REQUIRE(client->ctx);
	/* BoringSSL's methods fix the version by these */
	if (method == TLS_method() || method == TLS_client_method()) {
		REQUIRE(SSL_CTX_set_min_proto_version(client->ctx, config->version));
		REQUIRE(SSL_CTX_set_max_proto_version(client->ctx, config->version));
	}
	/* the random session id would look like an offer to the server */
	SSL_CTX_clear_options(client->ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	REQUIRE(X509_STORE_add_cert(SSL_CTX_get_cert_store(client->ctx), trust->x509));
	if (!config->lax)
		SSL_CTX_set_verify(client->ctx, SSL_VERIFY_PEER, NULL);
	if (config->identity)
		cert_use(client->ctx, config->identity);
	if (config->lifetime)
		SSL_CTX_set_timeout(client->ctx, config->lifetime);
	if (config->vh)
		client_attach(client, config->vh);

	return client;
}

void client_free(struct client *client)
{
	SSL_CTX_free(client->ctx);
	free(client);
}

void client_attach(struct client *client, struct lws_vhost *vh)
{
	REQUIRE(!lws_tls_session_vhost_attach(vh, client->ctx));
}

long client_default_lifetime(int version)
{
#ifdef OPENSSL_IS_BORINGSSL
	if (version == TLS1_3_VERSION)
		return SSL_DEFAULT_SESSION_PSK_DHE_TIMEOUT;
#endif
	(void)version;

	return 7200;
}

bool client_saves_peer(int version)
{
	(void)version;

	return true;
}

static void expect_peer(SSL *ssl, const struct dial *dial)
{
	const char *host = dial->host ? dial->host : HOST;

	if (dial->ip) {
		REQUIRE(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), dial->ip));
		return;
	}

	REQUIRE(SSL_set_tlsext_host_name(ssl, host));
	REQUIRE(SSL_set1_host(ssl, host));
}

static void create_wsi(struct conn *conn)
{
	const struct dial *dial = &conn->dial;
	const char *host = dial->endpoint_host;
	uint16_t port = dial->endpoint_port;

	if (!host)
		host = dial->ip ? dial->ip : dial->host ? dial->host : HOST;
	if (!port)
		port = dial->server ? server_port(dial->server) : dial->port;

	REQUIRE(lws_tls_session_wsi_create(dial->vh, conn->ssl, host, port));
}

struct conn *conn_new(struct client *client, const struct dial *dial)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	REQUIRE(conn);
	conn->dial = *dial;
	conn->fd = dial->server ? server_connect(dial->server) : tcp_connect(dial->port);
	REQUIRE(conn->fd >= 0);

	conn->ssl = SSL_new(client->ctx);
	REQUIRE(conn->ssl);
	SSL_set_connect_state(conn->ssl);
	expect_peer(conn->ssl, dial);
	if (dial->identity) {
		REQUIRE(SSL_use_certificate(conn->ssl, dial->identity->x509) == 1);
		REQUIRE(SSL_use_PrivateKey(conn->ssl, dial->identity->key) == 1);
	}

	if (dial->memory)
		SSL_set_bio(conn->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	else
		REQUIRE(SSL_set_fd(conn->ssl, conn->fd));
	if (dial->nonblocking)
		REQUIRE(!fcntl(conn->fd, F_SETFL, O_NONBLOCK));
	if (dial->vh)
		create_wsi(conn);
	if (dial->tune)
		dial->tune(conn);

	return conn;
}

/* Sends what TLS has written into the memory BIO. */
static void flush_memory(struct conn *conn)
{
	char buf[4096];
	int len;

	while ((len = BIO_read(SSL_get_wbio(conn->ssl), buf, sizeof(buf))) > 0)
		(void)!send(conn->fd, buf, (size_t)len, MSG_NOSIGNAL);
}

static bool fill_memory(struct conn *conn)
{
	char buf[4096];
	ssize_t len = recv(conn->fd, buf, sizeof(buf), 0);

	return len > 0 && BIO_write(SSL_get_rbio(conn->ssl), buf, (int)len) == len;
}

/*
 * Called with what an SSL function returned: does what it waits for, and says
 * whether it is worth calling again.
 */
static bool again(struct conn *conn, int ret)
{
	struct pollfd wait = { .fd = conn->fd };
	int error = SSL_get_error(conn->ssl, ret);

	if (conn->dial.memory) {
		flush_memory(conn);
		return error == SSL_ERROR_WANT_READ && fill_memory(conn);
	}

	if (!conn->dial.nonblocking)
		return false;

	if (error == SSL_ERROR_WANT_READ)
		wait.events = POLLIN;
	else if (error == SSL_ERROR_WANT_WRITE)
		wait.events = POLLOUT;

	return wait.events && poll(&wait, 1, 30000) == 1;
}

void conn_start(struct conn *conn)
{
	int ret = SSL_do_handshake(conn->ssl);

	REQUIRE(SSL_get_error(conn->ssl, ret) == SSL_ERROR_WANT_READ);
}

bool conn_handshake(struct conn *conn)
{
	int ret;

	do
		ret = SSL_do_handshake(conn->ssl);
	while (again(conn, ret));

	return ret == 1;
}

bool conn_read_byte(struct conn *conn, char *byte)
{
	int ret;

	do
		ret = SSL_read(conn->ssl, byte, 1);
	while (ret <= 0 && again(conn, ret));

	return ret > 0;
}

bool conn_send(struct conn *conn, const char *text)
{
	int len = (int)strlen(text), ret;

	do
		ret = SSL_write(conn->ssl, text, len);
	while (again(conn, ret));

	return ret == len;
}

void conn_spoil(struct conn *conn)
{
	static const unsigned char record[5 + 64] = { 0x17, 0x03, 0x03, 0x00, 64 };

	REQUIRE(send(conn->fd, record, sizeof(record), MSG_NOSIGNAL) == sizeof(record));
}

void conn_fall_silent(struct conn *conn)
{
	REQUIRE(!shutdown(conn->fd, SHUT_WR));
}

bool conn_resumed(struct conn *conn)
{
	return SSL_session_reused(conn->ssl);
}

struct lws *conn_wsi(struct conn *conn)
{
	return lws_tls_session_wsi(conn->ssl);
}

void conn_close(struct conn *conn)
{
	char byte;
	int ret;

	if (conn->dial.waits) {
		do
			ret = SSL_read(conn->ssl, &byte, 1);
		while (ret > 0 || again(conn, ret));
	}

	if (!conn->dial.silent) {
		ret = SSL_shutdown(conn->ssl);
		if (conn->dial.memory)
			flush_memory(conn);
	}

	conn_drop(conn);
}

void conn_drop(struct conn *conn)
{
	close(conn->fd);
	SSL_free(conn->ssl);
	/* what a failed connection left is nothing to the next one */
	ERR_clear_error();
	free(conn);
}

SSL_CTX *client_ctx(struct client *client)
{
	return client->ctx;
}

SSL *conn_ssl(struct conn *conn)
{
	return conn->ssl;
}

const struct dial *conn_dial(const struct conn *conn)
{
	return &conn->dial;
}

struct blob blob_by_hand(struct server *server, int version)
{
	struct client *client = client_new(&(struct client_config){ .version = version,
								    .tickets = true });
	struct conn *conn = conn_open(client, &(struct dial){ .server = server });
	SSL_SESSION *session = SSL_get1_session(conn_ssl(conn));
	int len = i2d_SSL_SESSION(session, NULL);
	struct blob blob = { malloc(len > 0 ? (size_t)len : 1), (size_t)len };
	unsigned char *at = blob.data;

	REQUIRE(len > 0 && blob.data);
	REQUIRE(i2d_SSL_SESSION(session, &at) == len);
	SSL_SESSION_free(session);
	conn_close(conn);
	client_free(client);

	return blob;
}

void *unnamed(const char *function)
{
	void *found = dlsym(RTLD_DEFAULT, function);

	REQUIRE(found);

	return found;
}

int security_allow(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other,
		   void *ex)
{
	(void)ssl;
	(void)ctx;
	(void)op;
	(void)bits;
	(void)nid;
	(void)other;
	(void)ex;

	return 1;
}

int verify_pass(int ok, X509_STORE_CTX *ctx)
{
	(void)ctx;

	return ok;
}

int verify_force(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);

	return 1;
}

int verify_refuse(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);

	return 0;
}
