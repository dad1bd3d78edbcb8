#!/usr/bin/env bash
# A program is built with what pkg-config says of the installed package.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

command -v pkg-config >/dev/null || skip "there is no pkg-config"
temporary=$(mktemp -d)
lib=$WORK_DIR/installed/$LIBDIR
export PKG_CONFIG_PATH=$lib/pkgconfig

expect_equal "$(pkg-config --modversion "$PC_NAME")" "$VERSION" "pkg-config's version"

# OpenSSL has modules of its own, the others are brought along
tls=()
[ "$BACKEND" != openssl ] || tls=(libssl)
read -ra cflags < <(pkg-config --cflags "$PC_NAME" "${tls[@]}")
read -ra libs < <(pkg-config --libs "$PC_NAME" "${tls[@]}")
read -ra static_libs < <(pkg-config --libs --static "$PC_NAME" |
	sed "s/-l$NAME /-l:lib$NAME.a /")
source=$SOURCE_DIR/c-tests/package/consumer/main.c

"$CC" "${cflags[@]}" "$source" -o "$temporary/shared" "${libs[@]}"
expect_equal "$(LD_LIBRARY_PATH=$lib "$temporary/shared")" "$VERSION" "what the program with the shared library prints"
[[ ${static_libs[*]} == *"-l:lib$NAME.a "* ]] || fail "no library in: ${static_libs[*]}"
"$CC" "${cflags[@]}" "$source" -o "$temporary/static" "${static_libs[@]}"
expect_equal "$("$temporary/static")" "$VERSION" "what the program with the static library prints"
