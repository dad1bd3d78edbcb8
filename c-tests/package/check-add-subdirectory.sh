#!/usr/bin/env bash
# A project takes the source tree in by add_subdirectory().
# $1: the build type, and $2: the folder where cargo has built for that already
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

build=$WORK_DIR/add-subdirectory
rm -rf "$build"
expect_status 0 "$CMAKE" -S "$SOURCE_DIR/c-tests/package/consumer" -B "$build" \
	-DLWS_TLS_SESSIONS_SOURCE="$SOURCE_DIR" -DCMAKE_BUILD_TYPE="$1" \
	-DLWS_TLS_SESSIONS_CARGO_TARGET_DIR="$2"
expect_status 0 "$CMAKE" --build "$build"
expect_equal "$("$build/shared")" "$VERSION" "what the program with the shared library prints"
expect_equal "$("$build/static")" "$VERSION" "what the program with the static library prints"
for folder in examples c-tests; do
	[ ! -e "$build/lws-tls-sessions/$folder" ] || fail "$folder is built where it was not asked for"
done
