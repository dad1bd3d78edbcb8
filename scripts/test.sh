#!/usr/bin/env bash
# Runs every test, lints included.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# In the order they run in. The last is what a user's build runs, so that all ends with
# ctest's summary of it
all_steps=(lint deps rust demo bench fuzz clang boringssl tsan asan soak valgrind trixie mbedtls
	mbedtls-trixie foreign c)

usage() {
	cat <<'TEXT'
usage: scripts/test.sh [--no-skip] [STEP...]

Runs every test, or only the steps named:

  lint      cargo fmt and clippy, rustdoc's warnings, shellcheck
  deps      licences and sources of all crates that the library is built from
  rust      cargo test
  demo      scripts/demo.sh, against its own server and with bad arguments
  bench     scripts/bench.sh --check: instructions of the hot paths
  fuzz      the fuzz targets over their corpus, and inputs made up from a fixed seed
  clang     the C code and the header's tests compiled by clang
  boringssl all of it with BoringSSL: lints, cargo test, demo, C tests, some under valgrind
  tsan      threads under ThreadSanitizer, where a nightly toolchain is installed
  asan      the C tests under AddressSanitizer and UndefinedBehaviorSanitizer
  soak      eight threads for a minute, or for LWS_TLS_SESSIONS_SOAK_SECONDS
  valgrind  the C tests under valgrind
  trixie    the C tests on Debian 13, with OpenSSL 3.5 and libwebsockets 4.3
  mbedtls   the mbedTLS backend: all C tests and the package, some under valgrind, the demo
  mbedtls-trixie  the same tests on Debian 13, with mbedTLS 3.6
  foreign   Python's and Perl's own tests of TLS, with all their SSL_CTXs attached
  c         the C tests, against nginx too, and the installed package

  --no-skip  a step that cannot run here is an error
  --help     show this

A step that cannot run here is reported as SKIPPED, with the reason. As root, what is
missing of Debian's packages is installed; otherwise it is named.
TEXT
}

no_skip=
steps=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit
		;;
	--no-skip) no_skip=1 ;;
	-*) usage_error "unknown option: $1" ;;
	*)
		[[ " ${all_steps[*]} " == *" $1 "* ]] ||
			usage_error "unknown step: $1 (there are: ${all_steps[*]})"
		steps+=("$1")
		;;
	esac
	shift
done
[ "${#steps[@]}" -gt 0 ] || steps=("${all_steps[@]}")

jobs=$(nproc)
cd "$root"

# One place for all that cargo builds, whoever calls it
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export CARGO_TARGET_DIR

# Ends the step, which runs in a shell of its own
skip() {
	echo "SKIPPED $step: $*"
	[ -z "$no_skip" ] || die "step $step was skipped, and --no-skip was given"
	exit 0
}

# For what needs more than Debian and a stable toolchain have
leave_out() {
	echo "LEFT OUT $step: $*"
	exit 0
}

# For what only this step needs
step_needs() {
	try_packages "$@" ||
		skip "missing $(missing_packages "$@" | xargs). As root: $(install_command "$(missing_packages "$@" | xargs)")"
}

# Configures and builds all in build/$1, from preset $2. What follows goes to cmake
build_in() {
	local name=$1 preset=$2
	shift 2
	cmake --preset "$preset" -B "build/$name" \
		-DLWS_TLS_SESSIONS_CARGO_TARGET_DIR="$CARGO_TARGET_DIR" "$@"
	cmake --build "build/$name" --parallel "$jobs"
}

run_ctest() {
	local name=$1
	shift
	ctest --test-dir "build/$name" --output-on-failure --parallel "$jobs" "$@"
}

# The package tests are about the build and what it installs, whatever the C tests run under
c_tests_only=(--label-exclude 'package')

step_lint() {
	{ cargo clippy --version && cargo fmt --version; } >/dev/null 2>&1 ||
		skip "missing clippy or rustfmt. To install them: rustup component add clippy rustfmt"
	step_needs shellcheck
	cargo fmt --all --check
	(cd fuzz && cargo fmt --check)
	cargo fmt --manifest-path benches/cache/Cargo.toml --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps
	shellcheck scripts/*.sh c-tests/*/*.sh .ci/run
}

# deny.toml says the same to cargo-deny, which knows more, and is used where it is installed.
# Its check of advisories needs their database, and so a network: "cargo deny check advisories"
step_deps() {
	local licences='MIT|Apache-2\.0|Zlib|BSD-[23]-Clause|Unicode-3\.0' wrong
	if cargo deny --version >/dev/null 2>&1; then
		cargo deny --offline check licenses bans sources
	fi
	wrong=$(cargo tree --locked --edges normal,build --prefix none --format '{p}|{l}' |
		sed 's/ (\*)$//' | sort -u |
		grep -vE "\|($licences)(( OR | AND |/)($licences))*$" || true)
	[ -z "$wrong" ] || die "licences that nobody has agreed to: $wrong"
	wrong=$(grep '^source = ' Cargo.lock fuzz/Cargo.lock |
		grep -v '"registry+https://github.com/rust-lang/crates.io-index"' || true)
	[ -z "$wrong" ] || die "crates from elsewhere than crates.io: $wrong"
	echo "$(grep -c '^checksum = ' Cargo.lock) crates from crates.io, all with a checksum"
}

step_rust() {
	cargo test --locked
}

step_demo() {
	step_needs openssl
	c-tests/package/check-demo.sh scripts/demo.sh
}

step_bench() {
	step_needs valgrind
	cargo clippy --locked --manifest-path benches/cache/Cargo.toml --all-targets -- -D warnings
	scripts/bench.sh --check
}

step_fuzz() {
	local target
	local -A iterations=([blob]=3000 [api]=1500 [server]=500)
	(cd fuzz && cargo build --locked --release --bin replay)
	for target in blob api server; do
		"$CARGO_TARGET_DIR/release/replay" "$target" "${iterations[$target]}" 1
	done
}

# Both languages are built for it, by hand: the standard library that comes with the toolchain
# is not, and cargo needs a target to leave build scripts alone
step_tsan() {
	local host build=$PWD/build/tsan
	local support=(blob check client client_openssl observe pki server server_tls tsan)
	support=("${support[@]/#/c-tests/support/}")
	cargo +nightly --version >/dev/null 2>&1 || leave_out "there is no nightly toolchain"
	step_needs clang
	host=$(rustc -vV | sed -n 's/^host: //p')
	mkdir -p "$build"
	RUSTFLAGS='-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer' \
		cargo +nightly build --locked --lib --target "$host" --target-dir "$build/cargo"
	cp "$build/cargo/$host/debug/liblws_tls_sessions.so" "$build/liblws_tls_sessions.so.0"
	clang -g -O1 -fsanitize=thread -rdynamic -D_GNU_SOURCE -DOPENSSL_API_COMPAT=0x30000000L \
		-Iinclude -Ic-tests/support "${support[@]/%/.c}" c-tests/soak.c \
		-o "$build/soak" "$build/liblws_tls_sessions.so.0" -lssl -lcrypto -lpthread
	TSAN_OPTIONS="suppressions=$PWD/c-tests/support/tsan.supp" \
		LD_LIBRARY_PATH=$build "$build/soak" 15 1
}

step_clang() {
	step_needs clang
	build_in clang dev -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
	run_ctest clang --label-regex '^header$'
}

# The two have the same symbols: nothing here links to OpenSSL, too. Under valgrind, what is
# BoringSSL's own: the other code has been there with OpenSSL
step_boringssl() {
	local crate=(--locked --no-default-features --features boringssl)
	step_needs android-libboringssl-dev openssl valgrind
	cargo clippy "${crate[@]}" --all-targets -- -D warnings
	cargo test "${crate[@]}"
	build_in boringssl dev -DLWS_TLS_SESSIONS_BACKEND=boringssl
	run_ctest boringssl
	build_in boringssl-valgrind dev -DLWS_TLS_SESSIONS_BACKEND=boringssl \
		-DLWS_TLS_SESSIONS_VALGRIND=ON
	run_ctest boringssl-valgrind --tests-regex '^(boringssl|polled|callbacks|contexts|dump|identity|single_use|unsuitable)$'
	c-tests/package/check-demo.sh scripts/demo.sh --backend boringssl
}

step_asan() {
	build_in asan asan
	run_ctest asan "${c_tests_only[@]}"
}

step_soak() {
	build_in dev dev
	build/dev/c-tests/soak "${LWS_TLS_SESSIONS_SOAK_SECONDS:-60}"
}

step_valgrind() {
	step_needs valgrind
	build_in valgrind dev -DLWS_TLS_SESSIONS_VALGRIND=ON
	run_ctest valgrind "${c_tests_only[@]}"
}

step_trixie() {
	step_needs debootstrap
	local status=0 in_root=(scripts/debian-root.sh run build/trixie-root)
	scripts/debian-root.sh make trixie build/trixie-root || status=$?
	[ $status != 77 ] || skip "no Debian 13 root can be made, see above"
	[ $status = 0 ]
	"${in_root[@]}" cmake --preset dev -B build/trixie
	"${in_root[@]}" cmake --build build/trixie --parallel "$jobs"
	"${in_root[@]}" ctest --test-dir build/trixie --output-on-failure --parallel "$jobs"
	# lws's own memory, too: the apps under valgrind
	"${in_root[@]}" cmake --preset dev -B build/trixie-valgrind -DLWS_TLS_SESSIONS_VALGRIND=ON \
		-DLWS_TLS_SESSIONS_CARGO_TARGET_DIR="$PWD/build/trixie/cargo"
	"${in_root[@]}" cmake --build build/trixie-valgrind --parallel "$jobs"
	"${in_root[@]}" ctest --test-dir build/trixie-valgrind --output-on-failure --parallel "$jobs" \
		--label-regex '^lws$'
}

step_mbedtls() {
	step_needs libmbedtls-dev openssl
	cargo clippy --locked --no-default-features --features mbedtls --lib -- -D warnings
	build_in mbedtls dev -DLWS_TLS_SESSIONS_BACKEND=mbedtls
	run_ctest mbedtls
	c-tests/package/check-demo.sh scripts/demo.sh --backend mbedtls
	step_needs valgrind
	build_in mbedtls dev -DLWS_TLS_SESSIONS_BACKEND=mbedtls -DLWS_TLS_SESSIONS_VALGRIND=ON
	run_ctest mbedtls --label-regex '^(mbedtls|topic)$' \
		--tests-regex '^(calls|dump|identity|poll|unsuitable|verify)$'
}

step_mbedtls-trixie() {
	step_needs debootstrap
	local status=0 in_root=(scripts/debian-root.sh run build/trixie-root)
	scripts/debian-root.sh make trixie build/trixie-root || status=$?
	[ $status != 77 ] || skip "no Debian 13 root can be made, see above"
	[ $status = 0 ]
	# the crates come from this machine's cargo
	cargo fetch --locked
	"${in_root[@]}" cmake --preset dev -B build/mbedtls-trixie -DLWS_TLS_SESSIONS_BACKEND=mbedtls
	"${in_root[@]}" cmake --build build/mbedtls-trixie --parallel "$jobs"
	"${in_root[@]}" ctest --test-dir build/mbedtls-trixie --output-on-failure --parallel "$jobs"
}

# A program that cannot tell whether the library is there; OpenSSL's own tests, which take long to
# build, are run by hand: c-tests/foreign/openssl.sh --help
step_foreign() {
	local status=0
	step_needs python3 libio-socket-ssl-perl
	step_needs "$(testsuite_package)"
	build_in dev dev
	c-tests/foreign/python.sh build/dev
	c-tests/foreign/perl.sh build/dev || status=$?
	[ $status != 77 ] || leave_out "Debian's source packages of Perl's tests cannot be had"
	[ $status = 0 ]
}

step_c() {
	build_in dev dev
	run_ctest dev
}

describe() {
	usage | sed -n "s/^  $1  *//p" | head -n 1
}

need_build_tools openssl
# Without these some C tests skip themselves, and ctest's summary says which
for_all_tests=(g++ libwebsockets-dev netbase nginx-light openssl)
try_packages "${for_all_tests[@]}" ||
	echo "Some C tests will be skipped. As root: $(install_command "${for_all_tests[@]}")"

for step in "${steps[@]}"; do
	printf '\n== %s: %s (at %d s) ==\n\n' "$step" "$(describe "$step")" $SECONDS
	# not "( ... ) || ...": bash would then go on after a command that fails
	set +e
	(
		set -e
		"step_$step"
	)
	status=$?
	set -e
	[ $status = 0 ] || die "step $step failed; to run it alone: $program $step"
done
