/* What it calls of namesake.c has to come there */

struct lws_context *
lws_create_context(const void *info);

int
lws_tls_session_is_reused(void *wsi);

int
main(void)
{
	int number = 42;

	return lws_create_context(&number) != (struct lws_context *)&number ||
	       lws_tls_session_is_reused(&number) != 42;
}
