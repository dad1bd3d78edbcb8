/*
 * liblws_tls_sessions_preload.so: which TLS library another library would get, without loading it.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NOLOAD */
#endif

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload.h"

/* A file that is mapped, and what of it has been found */
struct file {
	const char *start;
	size_t len;
	const ElfW(Phdr) *segments;
	size_t segment_count;
};

static const void *
at(const struct file *file, uint64_t offset, uint64_t len)
{
	if (offset > file->len || len > file->len - offset || offset % sizeof(void *))
		return NULL;

	return file->start + offset;
}

static int
find_segments(struct file *file)
{
	const ElfW(Ehdr) *header = at(file, 0, sizeof(*header));
	const int class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;

	if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) ||
	    header->e_ident[EI_CLASS] != class || header->e_phentsize != sizeof(ElfW(Phdr)))
		return 0;
	file->segment_count = header->e_phnum;
	file->segments = at(file, header->e_phoff, file->segment_count * sizeof(ElfW(Phdr)));

	return !!file->segments;
}

/* The string at an offset in the table that will be at an address */
static const char *
string(const struct file *file, uint64_t table, uint64_t offset)
{
	const ElfW(Phdr) *segment = file->segments, *end = segment + file->segment_count;
	uint64_t place;

	for (; segment < end; segment++) {
		if (segment->p_type != PT_LOAD || table < segment->p_vaddr ||
		    table - segment->p_vaddr >= segment->p_filesz)
			continue;
		place = table - segment->p_vaddr + segment->p_offset;
		if (place >= file->len || offset >= file->len - place)
			return NULL;
		place += offset;

		return memchr(file->start + place, 0, file->len - place) ? file->start + place :
									   NULL;
	}

	return NULL;
}

/* Whether a library of that name is loaded, and has the function under that name */
static int
has_function(const char *library, const char *name, const void *function)
{
	void *object = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
	int has;

	if (!object)
		return 0;
	has = dlsym(object, name) == function;
	dlclose(object);

	return has;
}

static int
needs(const struct file *file, const char *name, const void *function)
{
	const ElfW(Phdr) *segment = file->segments, *end = segment + file->segment_count;
	const ElfW(Dyn) *first, *entry, *last;
	uint64_t table = 0;
	const char *needed;

	while (segment < end && segment->p_type != PT_DYNAMIC)
		segment++;
	if (segment == end)
		return 0;
	first = at(file, segment->p_offset, segment->p_filesz);
	if (!first)
		return 0;
	last = first + segment->p_filesz / sizeof(*first);

	for (entry = first; entry < last && entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == DT_STRTAB)
			table = entry->d_un.d_ptr;
	for (entry = first; entry < last && entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag != DT_NEEDED)
			continue;
		needed = string(file, table, entry->d_un.d_val);
		if (needed && has_function(needed, name, function))
			return 1;
	}

	return 0;
}

int
preload_would_get(const char *path, const char *name, const void *function)
{
	struct file file = { NULL, 0, NULL, 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC), would = 0;
	struct stat status;
	void *map;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &status) && status.st_size > 0) {
		file.len = (size_t)status.st_size;
		map = mmap(NULL, file.len, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			file.start = map;
			would = find_segments(&file) && needs(&file, name, function);
			munmap(map, file.len);
		}
	}
	close(fd);

	return would;
}
