/* relink.c for projects that are all in C++ */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "relink.c"
