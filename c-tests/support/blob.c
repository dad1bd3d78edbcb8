#include "blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static int take(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct blob given = { info->blob, info->blob_len };

	(void)cx;
	/* the library's own is valid during the callback only */
	*(struct blob *)info->opaque = blob_copy(&given, given.len);

	return 0;
}

struct blob blob_save(struct lws_vhost *vh, const char *host, uint16_t port)
{
	struct blob blob = { 0 };

	CHECK_INT(lws_tls_session_dump_save(vh, host, port, take, &blob), 0);
	CHECK(blob.data && blob.len);

	return blob;
}

static int give(struct lws_context *cx, struct lws_tls_session_dump *info)
{
	struct blob *blob = info->opaque, copy = { 0 };

	(void)cx;
	if (blob->data)
		copy = blob_copy(blob, blob->len);
	info->blob = copy.data;
	info->blob_len = copy.len;

	return 0;
}

int blob_load(struct lws_vhost *vh, const char *host, uint16_t port,
	      const struct blob *blob)
{
	struct blob given = *blob;

	return lws_tls_session_dump_load(vh, host, port, give, &given);
}

struct blob blob_copy(const struct blob *blob, size_t len)
{
	struct blob copy = { malloc(len ? len : 1), len };

	REQUIRE(copy.data);
	memcpy(copy.data, blob->data, len);

	return copy;
}

void blob_free(struct blob *blob)
{
	free(blob->data);
	*blob = (struct blob){ 0 };
}

size_t blob_session_len(const struct blob *blob)
{
	const unsigned char *data = blob->data;
	size_t at;

#if defined(LWS_TLS_SESSIONS_MBEDTLS)
	/* "mbed", 10 bytes, a host name of so many bytes, and a session of so many bytes */
	REQUIRE(blob->len > 20 && !memcmp(data, "mbed", 4));
	at = 16 + ((size_t)data[14] << 8 | data[15]);
	REQUIRE(blob->len > at + 4);

	return at + 4 + ((size_t)data[at + 2] << 8 | data[at + 3]);
#else
	/* DER: a SEQUENCE with a length of two bytes, as all sessions with a certificate are */
	at = 4;
	REQUIRE(blob->len > at && data[0] == 0x30 && data[1] == 0x82);

	return at + ((size_t)data[2] << 8 | data[3]);
#endif
}

void blob_write(const struct blob *blob, const char *path)
{
	FILE *file = fopen(path, "wb");

	REQUIRE(file);
	REQUIRE(fwrite(blob->data, 1, blob->len, file) == blob->len);
	REQUIRE(!fclose(file));
}

struct blob blob_read(const char *path)
{
	struct blob blob = { malloc(65536), 0 };
	FILE *file = fopen(path, "rb");

	REQUIRE(blob.data);
	REQUIRE(file);
	blob.len = fread(blob.data, 1, 65536, file);
	REQUIRE(!fclose(file));

	return blob;
}
