#!/usr/bin/env bash
# Measures, and writes one report.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

all_parts=(connections memory load bursts counts threads store cache)

usage() {
	cat <<'TEXT'
usage: scripts/bench.sh [--docs] [PART...]
       scripts/bench.sh --check | --renew

Measures all, or only the parts named, in less than ten minutes on an idle machine of two
cores, and writes build/bench/report.md with its plots:

  connections  full, resumed by hand, by the library: instructions and time
  memory       heap per endpoint
  load         loading saved sessions, beside d2i_SSL_SESSION()
  bursts       64 reconnects begun at once
  counts       instructions of the cache, by size
  threads      what two threads reach
  store        files behind the cache, beside the same steps by hand, by size; a process's
               first connection
  cache        times of the cache and of others, by size

  --docs       put the report into docs/performance.md
  --check      only compare what the library itself executes on its hot paths with
               benches/baseline.tsv: an error if it is over 10 % more, or less
  --renew      write that file
  --help       show this

Instructions are counted by valgrind's callgrind: they are the same in each run.
TEXT
}

mode=report
docs=
parts=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit
		;;
	--docs) docs=1 ;;
	--check) mode=check ;;
	--renew) mode=renew ;;
	-*) usage_error "unknown option: $1" ;;
	*)
		[[ " ${all_parts[*]} " == *" $1 "* ]] ||
			usage_error "unknown part: $1 (there are: ${all_parts[*]})"
		parts+=("$1")
		;;
	esac
	shift
done
[ "${#parts[@]}" -gt 0 ] || parts=("${all_parts[@]}")

cd "$root"
out=build/bench
figures=$out/figures.tsv
baseline=benches/baseline.tsv
crate=benches/cache/Cargo.toml
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export CARGO_TARGET_DIR

need_build_tools openssl
need_packages valgrind

# What these build is in $out/benches/tls and $CARGO_TARGET_DIR/release
build_connections() {
	if ! {
		cmake --preset release -B "$out" -DLWS_TLS_SESSIONS_BUILD_BENCHES=ON \
			-DLWS_TLS_SESSIONS_CARGO_TARGET_DIR="$CARGO_TARGET_DIR" &&
			cmake --build "$out" --parallel "$(nproc)"
	} >"$out/build.log" 2>&1; then
		cat "$out/build.log"
		die "the benches do not build"
	fi
}

build_counts() {
	cargo build --quiet --locked --release --manifest-path "$crate" \
		--no-default-features --bin counts --bin report
}

# figure NAME VALUE
figure() {
	printf '%s\t%s\n' "$1" "$2" >>"$figures"
}

# Lines of "name<TAB>value", each name prefixed
figures_of() {
	local prefix=$1 name value
	while IFS=$'\t' read -r name value; do
		figure "$prefix.$name" "$value"
	done
}

# counted PREFIX COUNT FUNCTION COMMAND...: what callgrind counts within FUNCTION, by object,
# a COUNTth of it
counted() {
	local prefix=$1 count=$2 function=$3
	shift 3
	valgrind --tool=callgrind --callgrind-out-file="$out/callgrind.out" \
		--toggle-collect="$function" --zero-before=bench_begin "$@" >"$out/callgrind.log" 2>&1 || {
		cat "$out/callgrind.log"
		die "$* failed"
	}
	awk -v count="$count" -f benches/callgrind.awk "$out/callgrind.out" | figures_of "$prefix"
}

# handshake TLS KEY KIND [OPTION...]
handshake() {
	local tls=$1 key=$2 kind=$3
	counted "client.$tls.$key.$kind" 20 'measured_client' \
		"$out/benches/tls/bench-handshake" --mode "$kind" --tls "$tls" --key "$key" --count 20 \
		"${@:4}"
}

part_connections() {
	local tls key kind
	for tls in 1.2 1.3; do
		for key in p256 rsa; do
			for kind in full hand copies attached first second; do
				handshake $tls $key $kind
			done
			counted "verify.$tls.$key" 20 X509_verify_cert "$out/benches/tls/bench-handshake" \
				--mode full --tls $tls --key $key --count 20
			figure "verify.$tls.$key" "$(value "verify.$tls.$key.all")"
			"$out/benches/tls/bench-handshake" --time --tls $tls --key $key --count 1000 |
				figures_of "time.$tls.$key"
		done
	done
}

part_memory() {
	local bench=$out/benches/tls/bench-memory tls kind tickets all
	for tls in 1.2 1.3; do
		for kind in loaded used; do
			"$bench" --mode $kind --tls $tls --endpoints 1000 | figures_of "memory.$tls.$kind"
			figure "memory.$tls.$kind" "$(value "memory.$tls.$kind.bytes")"
		done
		all=(1)
		[ $tls = 1.2 ] || all=(1 2 4)
		for tickets in "${all[@]}"; do
			for kind in copies attached; do
				figure "memory.$tls.$kind.$tickets" \
					"$("$bench" --mode $kind --tls $tls --tickets "$tickets" | cut -f 2)"
			done
		done
		figure "memory.$tls.reused" \
			"$("$bench" --mode attached --tls $tls --reconnects 1 | cut -f 2)"
	done
}

part_load() {
	local bench=$out/benches/tls/bench-load key kind
	for key in p256 rsa; do
		for kind in load d2i; do
			counted "load.$key.$kind" 20 'measured_*' "$bench" --mode $kind --key $key --count 21
		done
		"$bench" --time --key $key --count 200 | figures_of "load.$key.time"
	done
}

part_bursts() {
	local tls
	for tls in 1.2 1.3; do
		"$out/benches/tls/bench-burst" --tls $tls | figures_of "burst.$tls"
	done
}

part_counts() {
	local operation endpoints
	for operation in hit miss store; do
		for endpoints in 10 100000; do
			counted "count.$operation.$endpoints" 1000 'measured_*' \
				"$CARGO_TARGET_DIR/release/counts" $operation $endpoints 1000
		done
	done
}

part_threads() {
	cargo build --quiet --locked --release --manifest-path "$crate" --bin threads
	"$CARGO_TARGET_DIR/release/threads" | figures_of threads
}

part_store() {
	local tls key kind dir
	cargo build --quiet --locked --release --manifest-path "$crate" \
		--no-default-features --bin store
	# 100,000 endpoints are 800 MB of small files: in memory, as in /run, if there is room
	dir=$(mktemp -d -p "${LWS_TLS_SESSIONS_BENCH_STORE:-/dev/shm}" || mktemp -d -p "$PWD/$out")
	"$CARGO_TARGET_DIR/release/store" "$dir/store" 2>"$out/store.log" | figures_of store
	for tls in 1.2 1.3; do
		for key in p256 rsa; do
			for kind in full attached; do
				[ -n "$(value "client.$tls.$key.$kind.all")" ] || handshake $tls $key $kind
			done
			handshake $tls $key stored --store "$dir/counted-$tls-$key"
			"$out/benches/tls/bench-handshake" --time --store "$dir/$tls-$key" \
				--tls $tls --key $key --count 500 | figures_of "stored.$tls.$key"
		done
	done
	figure meta.store "$(stat -f -c %T "$dir")"
	rm -rf "$dir"
}

part_cache() {
	local file name
	rm -rf "$CARGO_TARGET_DIR/criterion"
	cargo bench --quiet --locked --manifest-path "$crate" >"$out/criterion.log" 2>&1 || {
		cat "$out/criterion.log"
		die "the benches of the cache failed"
	}
	for file in "$CARGO_TARGET_DIR"/criterion/*/*/*/new/estimates.json; do
		name=${file#"$CARGO_TARGET_DIR/criterion/"}
		name=${name%/new/estimates.json}
		figure "cache.${name//\//.}" "$(sed 's/.*"median":{"confidence_interval":{[^}]*},"point_estimate":\([^,]*\),.*/\1/' "$file")"
	done
}

value() {
	awk -F '\t' -v name="$1" '$1 == name { value = $2 } END { print value }' "$figures"
}

meta() {
	figure meta.command "scripts/bench.sh ${parts[*]}"
	figure meta.date "$(date -u +%F)"
	figure meta.machine "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
	figure meta.system "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), Linux $(uname -r)"
	figure meta.openssl "$(pkg-config --modversion libssl)"
	figure meta.rustc "$(rustc --version)"
	figure meta.valgrind "$(valgrind --version)"
	figure meta.load "$(cut -d ' ' -f 1-3 /proc/loadavg) when it began"
}

# The library's own instructions on its hot paths, whatever OpenSSL and libc are; and with the
# OpenSSL of the baseline, what it has both execute, too
hot_paths() {
	local tls operation
	for tls in 1.2 1.3; do
		handshake $tls p256 hand
		handshake $tls p256 attached
		figure "own.resumed.$tls" "$(value "client.$tls.p256.attached.liblws_tls_sessions")"
		figure "overhead.resumed.$tls.openssl-$(pkg-config --modversion libssl | cut -d . -f 1-2)" \
			"$(($(value "client.$tls.p256.attached.all") - $(value "client.$tls.p256.hand.all")))"
	done
	handshake 1.3 p256 first
	figure own.first.1.3 "$(value client.1.3.p256.first.liblws_tls_sessions)"
	part_counts
	for operation in hit miss store; do
		figure "own.$operation.10" "$(value count.$operation.10.counts)"
		figure "own.$operation.100000" "$(value count.$operation.100000.counts)"
	done
	grep -E '^(own|overhead)\.' "$figures"
}

mkdir -p "$out"
: >"$figures"
case $mode in
check | renew)
	build_connections
	build_counts
	hot_paths >"$out/hot-paths.tsv"
	if [ $mode = renew ]; then
		cp "$out/hot-paths.tsv" "$baseline"
		exit
	fi
	awk -F '\t' '
		NR == FNR { baseline[$1] = $2; next }
		!($1 in baseline) { printf "       %-36s %8d  (no baseline)\n", $1, $2; next }
		{
			change = 100 * ($2 / baseline[$1] - 1)
			bad = change > 10 || change < -10
			printf "%-6s %-36s %8d  (%d, %+.1f %%)\n", bad ? "FAILED" : "ok", $1, $2, baseline[$1], change
			failed += bad
			compared++
		}
		END { exit failed || !compared }
	' "$baseline" "$out/hot-paths.tsv" ||
		die "instructions of hot paths differ from $baseline by more than 10 %.
If that is meant to be: scripts/bench.sh --renew"
	;;
report)
	meta
	build_connections
	build_counts
	for part in "${parts[@]}"; do
		echo "$part ..."
		"part_$part"
	done
	"$CARGO_TARGET_DIR/release/report" "$figures" "$out"
	echo "$out/report.md"
	if [ -n "$docs" ]; then
		mkdir -p docs/performance
		cp "$out"/performance/*.svg docs/performance/
		awk -v report="$out/report.md" '
			/<!-- the report ends -->/ { copying = 0 }
			!copying { print }
			/<!-- the report begins/ {
				copying = 1
				print ""
				while ((getline line < report) > 0)
					print line
				print ""
			}
		' docs/performance.md >"$out/performance.md"
		cp "$out/performance.md" docs/performance.md
	fi
	;;
esac
