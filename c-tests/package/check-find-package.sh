#!/usr/bin/env bash
# A project finds the installed package by find_package(), and links to it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

build=$WORK_DIR/find-package
rm -rf "$build"
configure=("$CMAKE" -S "$SOURCE_DIR/c-tests/package/consumer" -B "$build"
	-DCMAKE_PREFIX_PATH="$WORK_DIR/installed" -DCOMPONENT="$COMPONENT")

expect_status 0 "${configure[@]}" -DWANTED_VERSION="$VERSION"
expect_status 0 "$CMAKE" --build "$build"
expect_equal "$("$build/shared")" "$VERSION" "what the program with the shared library prints"
expect_equal "$("$build/static")" "$VERSION" "what the program with the static library prints"
expect_text "lib$NAME.so.0" "$(readelf --dynamic "$build/shared")"
[[ $(readelf --dynamic "$build/static") != *liblws_tls_sessions* ]] || fail "the static program needs the shared library"

# a version that this one is not compatible with
expect_status 1 "${configure[@]}" -DWANTED_VERSION="$((${VERSION%%.*} + 1)).0"
expect_text 'lws_tls_sessions' "$output"

# a TLS library that no build is installed for
other=mbedtls
[ "$COMPONENT" != mbedtls ] || other=boringssl
rm -rf "$build"
expect_status 1 "${configure[@]}" -DCOMPONENT="$other"
expect_text "no build for $other is installed in" "$output"
