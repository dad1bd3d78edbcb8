/*
 * A program that has libwebsockets only with a plugin that it loads: the first argument, a
 * library with a function plugin_main(), which gets all arguments.
 */

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

int
main(int argc, const char **argv)
{
	void *plugin = argc > 1 ? dlopen(argv[argc - 1], RTLD_NOW | RTLD_LOCAL) : NULL;
	int (*run)(int argc, const char **argv);

	if (!plugin) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	run = (int (*)(int, const char **))(uintptr_t)dlsym(plugin, "plugin_main");

	return run ? run(argc, argv) : 1;
}
