#!/usr/bin/env bash
# Installs, with DESTDIR and without, checks what is there, and moves it to where the tests
# of its users find it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

first=$WORK_DIR/installed-first
moved=$WORK_DIR/installed
staged=$WORK_DIR/staged
rm -rf "$first" "$moved" "$staged"

"$CMAKE" --install "$BUILD_DIR" --prefix "$first" >/dev/null
DESTDIR=$staged "$CMAKE" --install "$BUILD_DIR" --prefix /usr >/dev/null

listing() {
	(cd "$1" && find . ! -type d | LC_ALL=C sort)
}

expect_equal "$(listing "$staged/usr")" "$(listing "$first")" "the files under DESTDIR"
expect_equal "$(ls "$staged")" usr "the folders under DESTDIR"

for file in \
	include/lws-tls-sessions.h \
	"$LIBDIR/lib$NAME.a" \
	"$LIBDIR/lib$NAME.so.$VERSION" \
	"$LIBDIR/pkgconfig/$PC_NAME.pc" \
	"$LIBDIR/cmake/lws_tls_sessions/lws_tls_sessions-config.cmake" \
	"$LIBDIR/cmake/lws_tls_sessions/lws_tls_sessions-$COMPONENT.cmake" \
	"$LIBDIR/cmake/lws_tls_sessions/lws_tls_sessions-config-version.cmake"; do
	[ -f "$first/$file" ] || fail "not installed: $file"
done
soname=lib$NAME.so.${VERSION%%.*}
expect_equal "$(readlink "$first/$LIBDIR/$soname")" "lib$NAME.so.$VERSION" "the link $soname"
expect_equal "$(readlink "$first/$LIBDIR/lib$NAME.so")" "$soname" "the link without a version"

# but for where BoringSSL is, which has no place of its own
if grep -rIE "$first|$BUILD_DIR|$SOURCE_DIR" "$first" | grep -v "$(dirname "${TLS_DIR:-nosuchdir/lib}")"; then
	fail "the files above name a path of this machine"
fi

mv "$first" "$moved"
