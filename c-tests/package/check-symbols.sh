#!/usr/bin/env bash
# The shared library exports what the header declares and nothing else, under its SONAME.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

library=$LIB_DIR/lib$NAME.so
soname=lib$NAME.so.${VERSION%%.*}

# libwebsockets' part is OpenSSL's
without=nosuchfunction
[ "$BACKEND" = openssl ] || without=_lws_
declared=$("$CC" -E -P ${DEFINITION:+"-D$DEFINITION"} "$SOURCE_DIR/include/lws-tls-sessions.h" |
	grep -oE '\<lws_[a-z0-9_]+\(' | tr -d '(' | grep -v "$without" | sort -u)
# each function has the version of the library's name; so has, absolute, the version itself
exported=$(nm -D --defined-only --format=posix "$library" | cut -d ' ' -f 1 | sort -u |
	grep -vxF "$soname" | sed "s/@@$soname\$//")
[ -n "$declared" ] || fail "no function found in the header"
expect_equal "$exported" "$declared" "what nm -D shows"

dynamic=$(readelf --dynamic --wide "$library")
expect_text "Library soname: [$soname]" "$dynamic"
expect_text NODELETE "$dynamic"
if [ "$BACKEND" = boringssl ] || [ "$BACKEND" = aws-lc ]; then
	# whose libraries have OpenSSL's names
	expect_text "RUNPATH) Library runpath: [$TLS_DIR]" "$(tr -s ' ' <<<"$dynamic")"
else
	[[ $dynamic != *RPATH* && $dynamic != *RUNPATH* ]] ||
		fail "the library has a run path: $dynamic"
fi
