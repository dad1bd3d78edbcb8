#!/usr/bin/env bash
# A program is built with what pkg-config says of the installed package.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

command -v pkg-config >/dev/null || skip "there is no pkg-config"
temporary=$(mktemp -d)
lib=$WORK_DIR/installed/$LIBDIR
export PKG_CONFIG_PATH=$lib/pkgconfig

expect_equal "$(pkg-config --modversion lws-tls-sessions)" "$VERSION" "pkg-config's version"

if [ "$BACKEND" = mbedtls ]; then
	# mbedTLS 2 has no pkg-config files
	tls=() tls_libs=(-lmbedtls -lmbedx509 -lmbedcrypto)
else
	tls=(libssl) tls_libs=()
fi
read -ra cflags < <(pkg-config --cflags lws-tls-sessions "${tls[@]}")
read -ra libs < <(pkg-config --libs lws-tls-sessions "${tls[@]}")
libs+=("${tls_libs[@]}")
read -ra static_libs < <(pkg-config --libs --static lws-tls-sessions |
	sed 's/-llws_tls_sessions/-l:liblws_tls_sessions.a/')
source=$SOURCE_DIR/c-tests/package/consumer/main.c

"$CC" "${cflags[@]}" "$source" -o "$temporary/shared" "${libs[@]}"
expect_equal "$(LD_LIBRARY_PATH=$lib "$temporary/shared")" "$VERSION" "what the program with the shared library prints"
"$CC" "${cflags[@]}" "$source" -o "$temporary/static" "${static_libs[@]}"
expect_equal "$("$temporary/static")" "$VERSION" "what the program with the static library prints"
