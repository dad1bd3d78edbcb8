#!/usr/bin/env bash
# A project takes the source tree in by add_subdirectory().
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

build=$WORK_DIR/add-subdirectory
rm -rf "$build"
# where cargo has built for that type already, which saves time
expect_status 0 "$CMAKE" -S "$SOURCE_DIR/c-tests/package/consumer" -B "$build" \
	-DLWS_TLS_SESSIONS_SOURCE="$SOURCE_DIR" -DCMAKE_BUILD_TYPE="$BUILD_TYPE" \
	-DLWS_TLS_SESSIONS_BACKEND="$BACKEND" -DCOMPONENT="$COMPONENT" \
	-DLWS_TLS_SESSIONS_CARGO_TARGET_DIR="$CARGO_DIR"
expect_status 0 "$CMAKE" --build "$build"
expect_equal "$("$build/shared")" "$VERSION" "what the program with the shared library prints"
expect_equal "$("$build/static")" "$VERSION" "what the program with the static library prints"
for folder in examples c-tests; do
	[ ! -e "$build/lws-tls-sessions/$folder" ] || fail "$folder is built where it was not asked for"
done
