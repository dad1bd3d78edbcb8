#!/usr/bin/env bash
# The shared library exports what the header declares and nothing else, under its SONAME.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

library=$LIB_DIR/liblws_tls_sessions.so

declared=$("$CC" -E -P ${DEFINITION:+"-D$DEFINITION"} "$SOURCE_DIR/include/lws-tls-sessions.h" |
	grep -oE '\<lws_[a-z0-9_]+\(' | tr -d '(' | sort -u)
exported=$(nm -D --defined-only --format=posix "$library" | cut -d ' ' -f 1 | sort -u)
[ -n "$declared" ] || fail "no function found in the header"
expect_equal "$exported" "$declared" "what nm -D shows"

dynamic=$(readelf --dynamic --wide "$library")
expect_text "Library soname: [liblws_tls_sessions.so.${VERSION%%.*}]" "$dynamic"
expect_text NODELETE "$dynamic"
[[ $dynamic != *RPATH* && $dynamic != *RUNPATH* ]] || fail "the library has a run path: $dynamic"
