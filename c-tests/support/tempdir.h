/*
 * A directory for files of the test, gone when the program ends, however it does.
 */

#ifndef LWS_TLS_SESSIONS_TESTS_TEMPDIR_H
#define LWS_TLS_SESSIONS_TESTS_TEMPDIR_H

/* temp_dir() - its path, made at the first call */
const char *temp_dir(void);

/* temp_path() - of a file in it; valid until the fourth call after this one */
const char *temp_path(const char *name);

#endif
