/*
 * Debian's static libwebsockets is not for shared libraries: its code wants these near. With
 * copies of its own, which nobody else sees, it can be one.
 */

#include <dlfcn.h>

#define NEAR(_name) extern void *_name __attribute__((visibility("hidden"))); void *_name

NEAR(stdin);
NEAR(stdout);
NEAR(stderr);
NEAR(environ);

__attribute__((constructor)) static void
copy(void)
{
	void **there;

	if ((there = dlsym(RTLD_DEFAULT, "stdin")))
		stdin = *there;
	if ((there = dlsym(RTLD_DEFAULT, "stdout")))
		stdout = *there;
	if ((there = dlsym(RTLD_DEFAULT, "stderr")))
		stderr = *there;
	if ((there = dlsym(RTLD_DEFAULT, "environ")))
		environ = *there;
}
