#include "heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>

/* glibc's own, which ours stand in front of for all libraries of the process */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static atomic_long in_use;

long heap_in_use(void)
{
	return in_use;
}

static long taken(void *block)
{
	return block ? (long)(malloc_usable_size(block) + sizeof(size_t)) : 0;
}

static void *counted(void *block)
{
	in_use += taken(block);

	return block;
}

void *malloc(size_t size)
{
	return counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return counted(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
	long before = taken(block);
	void *moved = __libc_realloc(block, size);

	if (moved || !size)
		in_use -= before;

	return counted(moved);
}

void *memalign(size_t alignment, size_t size)
{
	return counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	*block = memalign(alignment, size);

	return *block ? 0 : ENOMEM;
}

void free(void *block)
{
	in_use -= taken(block);
	__libc_free(block);
}
