#!/usr/bin/env bash
# Runs the tests, lints included.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What a contributor needs before each commit, and all there are, in the order they run in
usual_steps=(lint rust c demo)
all_steps=(lint deps rust c demo bench fuzz clang boringssl tsan asan soak valgrind trixie sid
	experimental boringssl-today aws-lc mbedtls mbedtls-trixie mbedtls-sid foreign)

usage() {
	cat <<'TEXT'
usage: scripts/test.sh [--all] [--no-skip] [--verbose] [STEP...]

Runs the steps lint, rust, c and demo, all steps with --all, or only those named:

  lint      cargo fmt and clippy, rustdoc's warnings, shellcheck
  deps      licences and sources of all crates that the library is built from
  rust      cargo test
  c         the C tests, against nginx too, and the installed package
  demo      scripts/demo.sh, against its own server and with bad arguments
  bench     scripts/bench.sh --check: instructions of the hot paths
  fuzz      the fuzz targets over their corpus, and inputs made up from a fixed seed
  clang     the C code and the header's tests compiled by clang
  boringssl all of it with BoringSSL: lints, cargo test, demo, C tests, some under valgrind
  tsan      threads under ThreadSanitizer, where a nightly toolchain is installed
  asan      the C tests under AddressSanitizer and UndefinedBehaviorSanitizer
  soak      eight threads for a minute, or for LWS_TLS_SESSIONS_SOAK_SECONDS; as long eight
            processes that share a store and are killed
  valgrind  the C tests under valgrind
  trixie    the C tests on Debian 13, with OpenSSL 3.5 and libwebsockets 4.3
  sid       the C tests on Debian sid, with OpenSSL 3.6 or what it has by now
  experimental  the C tests with the OpenSSL of Debian's experimental, 4.0 or what it has by now
  boringssl-today  the C tests with BoringSSL as the crate boring-sys carries it
  aws-lc    the C tests with AWS-LC as the crate aws-lc-sys carries it
  mbedtls   the mbedTLS backend: all C tests and the package, some under valgrind, the demo
  mbedtls-trixie  the same tests on Debian 13, with mbedTLS 3.6
  mbedtls-sid  and on Debian sid, with the newest mbedTLS that it has
  foreign   Python's and Perl's own tests of TLS, with all their SSL_CTXs attached

  --all      run all steps
  --no-skip  a step that cannot run here has failed
  --verbose  show what the steps print; else it is shown where one fails
  --help     show this

What a step prints is in build/test-logs too. A step that cannot run here is skipped, and named
with its reason in the end. As root, what is missing of Debian's packages is installed; otherwise
it is named.
TEXT
}

# About how many minutes a step takes on two idle cores, the first time
declare -A minutes=([lint]=1 [deps]=1 [rust]=1 [c]=3 [demo]=1 [bench]=1 [fuzz]=1 [clang]=1
	[boringssl]=2 [tsan]=1 [asan]=1 [soak]=1 [valgrind]=4 [trixie]=3 [mbedtls]=1 [mbedtls-trixie]=1
	[sid]=3 [experimental]=3 [boringssl-today]=3 [aws-lc]=3 [mbedtls-sid]=1 [foreign]=1)

all=
no_skip=
verbose=
steps=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit
		;;
	--all) all=1 ;;
	--no-skip) no_skip=1 ;;
	--verbose) verbose=1 ;;
	-*) usage_error "unknown option: $1" ;;
	*)
		[[ " ${all_steps[*]} " == *" $1 "* ]] ||
			usage_error "unknown step: $1 (there are: ${all_steps[*]})"
		steps+=("$1")
		;;
	esac
	shift
done
[ -z "$all" ] || [ "${#steps[@]}" -eq 0 ] || usage_error "--all, and steps by name: ${steps[*]}"
[ -z "$all" ] || steps=("${all_steps[@]}")
[ "${#steps[@]}" -gt 0 ] || steps=("${usual_steps[@]}")

jobs=$(nproc)
cd "$root"

# One place for all that cargo builds, whoever calls it
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export CARGO_TARGET_DIR

# How a step ends that cannot run here: with the reason as its last line
skipped=77
left_out=78

# Ends the step, which runs in a shell of its own
skip() {
	echo "$*"
	exit $skipped
}

# For what needs more than Debian and a stable toolchain have: no failure with --no-skip
leave_out() {
	echo "$*"
	exit $left_out
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
	local licences='MIT|Apache-2\.0|Apache-2\.0 WITH LLVM-exception|Zlib|BSD-[23]-Clause|Unicode-3\.0' wrong
	if cargo deny --version >/dev/null 2>&1; then
		cargo deny --offline check licenses bans sources
	fi
	wrong=$(cargo tree --locked --edges normal,build --prefix none --format '{p}|{l}' |
		sed 's/ (\*)$//' | sort -u |
		grep -vE "\|($licences)(( OR | AND |/)($licences))*$" || true)
	[ -z "$wrong" ] || die "licences that nobody has agreed to: $wrong"
	wrong=$(grep '^source = ' Cargo.lock fuzz/Cargo.lock scripts/tls-libraries/Cargo.lock |
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
	run_ctest boringssl-valgrind --tests-regex '^(boringssl|silenced|callbacks|contexts|dump|identity|single_use|unsuitable)$'
	c-tests/package/check-demo.sh scripts/demo.sh --backend boringssl
}

step_asan() {
	build_in asan asan
	run_ctest asan "${c_tests_only[@]}"
}

step_soak() {
	build_in dev dev
	build/dev/c-tests/soak "${LWS_TLS_SESSIONS_SOAK_SECONDS:-60}"
	LWS_TLS_SESSIONS_KILL_SECONDS=${LWS_TLS_SESSIONS_SOAK_SECONDS:-60} \
		build/dev/c-tests/test-killing
}

step_valgrind() {
	step_needs valgrind
	build_in valgrind dev -DLWS_TLS_SESSIONS_VALGRIND=ON
	run_ctest valgrind "${c_tests_only[@]}"
}

# Makes a root of a Debian suite where there is none, and sets in_root, which runs commands in it
need_root() {
	local suite=$1 status=0
	step_needs debootstrap
	scripts/debian-root.sh make "$suite" "build/$suite-root" || status=$?
	[ $status != 77 ] || skip "no root of Debian $suite can be made: $(tail -n 1 "$logs/$step.log")"
	[ $status = 0 ]
	in_root=(scripts/debian-root.sh run "build/$suite-root")
	# the crates come from this machine's cargo
	cargo fetch --locked
}

# As build_in and run_ctest, in a root, where other libraries are
build_in_root() {
	local name=$1
	shift
	"${in_root[@]}" cmake --preset dev -B "build/$name" "$@"
	"${in_root[@]}" cmake --build "build/$name" --parallel "$jobs"
}

run_ctest_in_root() {
	local name=$1
	shift
	"${in_root[@]}" ctest --test-dir "build/$name" --output-on-failure --parallel "$jobs" "$@"
}

# What is shown of a step that has passed: $1 has the versions that the archive had
tested_with() {
	echo "tested with: $*"
}

openssl_in_root() {
	tested_with "$("${in_root[@]}" openssl version | cut -d ' ' -f 1-2)"
}

mbedtls_in_root() {
	# shellcheck disable=SC2016 # dpkg-query expands it
	tested_with "mbedTLS $("${in_root[@]}" dpkg-query --show --showformat '${Version}' libmbedtls-dev)"
}

step_trixie() {
	need_root trixie
	build_in_root trixie
	run_ctest_in_root trixie
	# lws's own memory, too: the apps under valgrind
	build_in_root trixie-valgrind -DLWS_TLS_SESSIONS_VALGRIND=ON \
		-DLWS_TLS_SESSIONS_CARGO_TARGET_DIR="$PWD/build/trixie/cargo"
	run_ctest_in_root trixie-valgrind --label-regex '^lws$'
	openssl_in_root
}

step_sid() {
	need_root sid
	build_in_root sid
	run_ctest_in_root sid
	openssl_in_root
}

step_experimental() {
	need_root experimental
	build_in_root experimental
	run_ctest_in_root experimental
	openssl_in_root
}

# The C tests with a TLS library of scripts/tls-library.sh. $1: its backend; $2: the prefix of the
# variables that tell where it is
run_with_tls_library() {
	local backend=$1 status=0 dir
	local crate=(--locked --no-default-features --features "$backend")
	dir=$(scripts/tls-library.sh "$backend") || status=$?
	[ $status != 77 ] || skip "the source of $backend cannot be had"
	[ $status = 0 ]
	export "$2_ROOT=$dir"
	cargo clippy "${crate[@]}" --all-targets -- -D warnings
	cargo test "${crate[@]}" --lib
	build_in "$step" dev -DLWS_TLS_SESSIONS_BACKEND="$backend"
	run_ctest "$step"
	tested_with "$(basename "$dir")"
}

step_boringssl-today() {
	run_with_tls_library boringssl BORINGSSL
}

step_aws-lc() {
	run_with_tls_library aws-lc AWSLC
}

step_mbedtls() {
	step_needs libmbedtls-dev openssl
	cargo clippy --locked --no-default-features --features mbedtls --all-targets -- -D warnings
	cargo test --locked --no-default-features --features mbedtls --lib
	build_in mbedtls dev -DLWS_TLS_SESSIONS_BACKEND=mbedtls -DLWS_TLS_SESSIONS_VALGRIND=OFF
	run_ctest mbedtls
	c-tests/package/check-demo.sh scripts/demo.sh --backend mbedtls
	step_needs valgrind
	build_in mbedtls dev -DLWS_TLS_SESSIONS_BACKEND=mbedtls -DLWS_TLS_SESSIONS_VALGRIND=ON
	run_ctest mbedtls --label-regex '^(mbedtls|topic)$' \
		--tests-regex '^(calls|dump|identity|poll|unsuitable|verify)$'
}

step_mbedtls-trixie() {
	need_root trixie
	build_in_root mbedtls-trixie -DLWS_TLS_SESSIONS_BACKEND=mbedtls
	run_ctest_in_root mbedtls-trixie
	mbedtls_in_root
}

step_mbedtls-sid() {
	need_root sid
	build_in_root mbedtls-sid -DLWS_TLS_SESSIONS_BACKEND=mbedtls
	run_ctest_in_root mbedtls-sid
	mbedtls_in_root
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
	local dir
	# for the test of builds that stand side by side; it is not made for that alone
	for dir in build/tls/aws-lc-*; do
		[ ! -e "$dir/.complete" ] || export AWSLC_ROOT=$PWD/$dir
	done
	build_in dev dev
	run_ctest dev
}

describe() {
	usage | sed -n "s/^  $1  *//p" | head -n 1
}

logs=build/test-logs
mkdir -p "$logs"

# run STEP: its output goes to a log; the exit status is the step's
run() {
	step=$1
	(
		set -e
		"step_$step"
	) 2>&1 | if [ -n "$verbose" ]; then tee "$logs/$step.log"; else cat >"$logs/$step.log"; fi
	return "${PIPESTATUS[0]}"
}

need_build_tools openssl
# Without these some C tests skip themselves, and the summary says which
for_all_tests=(g++ libwebsockets-dev netbase nginx-light openssl)
try_packages "${for_all_tests[@]}" ||
	echo "Some C tests will be skipped. As root: $(install_command "${for_all_tests[@]}")"

passed=0
failed=()
not_run=()
number=0
for step in "${steps[@]}"; do
	number=$((number + 1))
	printf '%d of %d: %s: %s, about %d min\n' "$number" "${#steps[@]}" "$step" \
		"$(describe "$step")" "${minutes[$step]}"
	started=$SECONDS
	# not "run ... ||": bash would then go on after a command that fails
	set +e
	run "$step"
	status=$?
	set -e
	reason=$(tail -n 1 "$logs/$step.log")
	if [ $status = 0 ]; then
		passed=$((passed + 1))
		printf '  passed (%d s)%s\n' $((SECONDS - started)) \
			"$(sed -n 's/^tested with: /, with /p' "$logs/$step.log")"
		# tests of the step that have skipped themselves
		while read -r test; do
			not_run+=("$step: $test")
		done < <(sed -n 's/^.*Test *#[0-9]*: \([^ ]*\) .*\*\*\*Skipped.*/\1/p' "$logs/$step.log" | sort -u)
	elif [ $status = $left_out ] || { [ $status = $skipped ] && [ -z "$no_skip" ]; }; then
		not_run+=("$step: $reason")
		printf '  skipped: %s\n' "$reason"
	else
		failed+=("$step")
		[ -n "$verbose" ] || cat "$logs/$step.log"
		[ $status != $skipped ] || echo "skipped, and --no-skip was given"
		printf '  FAILED (%d s); to run it alone: %s %s\n' $((SECONDS - started)) "$program" "$step"
	fi
done

printf '\n'
[ "${#not_run[@]}" = 0 ] || printf 'skipped %s\n' "${not_run[@]}"
[ "${#failed[@]}" = 0 ] || printf 'failed  %s\n' "${failed[@]}"
printf '%d passed, %d failed, %d skipped (%d s)\n' \
	"$passed" "${#failed[@]}" "${#not_run[@]}" $SECONDS
[ "${#failed[@]}" = 0 ]
