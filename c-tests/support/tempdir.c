#include "tempdir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

static char dir[64];

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;

	return remove(path);
}

static void remove_dir(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *temp_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (dir[0])
		return dir;

	snprintf(dir, sizeof(dir), "%.32s/lws-tls-sessions-XXXXXX", tmp ? tmp : "/tmp");
	REQUIRE(mkdtemp(dir));
	atexit(remove_dir);
	at_quick_exit(remove_dir);

	return dir;
}

const char *temp_path(const char *name)
{
	static char paths[4][128];
	static unsigned int next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", temp_dir(), name);

	return path;
}
