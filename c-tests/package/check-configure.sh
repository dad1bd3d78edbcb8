#!/usr/bin/env bash
# CMake's build types map to cargo's profiles; a backend that there is not is refused by name.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

temporary=$(mktemp -d)

expect_status 1 "$CMAKE" -S "$SOURCE_DIR" -B "$temporary/backend" -DLWS_TLS_SESSIONS_BACKEND=nosuchtls
expect_text 'LWS_TLS_SESSIONS_BACKEND is "nosuchtls"; it can be: openssl' "$output"

for pair in Debug=dev Release=release RelWithDebInfo=release MinSizeRel=release =release; do
	build=$temporary/type-${pair%=*}
	"$CMAKE" -S "$SOURCE_DIR" -B "$build" -G 'Unix Makefiles' -DCMAKE_BUILD_TYPE="${pair%=*}" \
		-DLWS_TLS_SESSIONS_BUILD_TESTS=OFF >/dev/null
	expect_text "--profile ${pair#*=} " "$(grep -rh 'cargo build' "$build/CMakeFiles")"
done
