/*
 * What the compiler of the Rust code calls, and older runtimes of
 * ThreadSanitizer do not have: their memcpy() and friends are watched as well.
 */

#include <string.h>

void *__tsan_memcpy(void *to, const void *from, size_t len);
void *__tsan_memmove(void *to, const void *from, size_t len);
void *__tsan_memset(void *to, int byte, size_t len);

__attribute__((weak)) void *__tsan_memcpy(void *to, const void *from, size_t len)
{
	return memcpy(to, from, len);
}

__attribute__((weak)) void *__tsan_memmove(void *to, const void *from, size_t len)
{
	return memmove(to, from, len);
}

__attribute__((weak)) void *__tsan_memset(void *to, int byte, size_t len)
{
	return memset(to, byte, len);
}
