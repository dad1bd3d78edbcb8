/*
 * A client on BoringSSL: two connections to a port on localhost, and a look at functions by the
 * names of libwebsockets' (namesake.c). No certificate is looked at.
 */

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct lws_context;

struct lws_context *
lws_create_context(const void *info);

static int
connect_once(SSL_CTX *ctx, int port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), ok = 0;
	SSL *ssl = SSL_new(ctx);

	if (ssl && !connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		SSL_set_fd(ssl, fd);
		SSL_set_tlsext_host_name(ssl, "localhost");
		ok = SSL_connect(ssl) == 1 && SSL_write(ssl, "GET / HTTP/1.0\r\n\r\n", 18) == 18;
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);

	return ok;
}

int
main(int argc, char **argv)
{
	int port = argc > 1 ? atoi(argv[1]) : 0, ok;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	ok = lws_create_context(&port) == (struct lws_context *)&port &&
	     connect_once(ctx, port) && connect_once(ctx, port);
	SSL_CTX_free(ctx);

	return !ok;
}
