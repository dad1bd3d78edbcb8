# What the scripts here share: running the tests of another project without the library and
# with it, and comparing what each test came to. To be sourced, by bash.
# shellcheck shell=bash

foreign=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../scripts/lib.sh
. "$foreign/../../scripts/lib.sh"
program=c-tests/foreign/$(basename "$0")

# Takes the build folder, the only argument but --help. $1: the script's usage
read_arguments() {
	local usage=$1
	shift
	case ${1:-} in
	-h | --help)
		printf '%s\n' "$usage"
		exit
		;;
	-*) usage_error "unknown option: $1" ;;
	esac
	[ $# -le 1 ] || usage_error "too many arguments: $*"
	build=${1:-build/dev}
	attach=$build/c-tests/foreign/libforeign_attach.so
	[ -e "$attach" ] || die "no $attach: build the target foreign_attach first"
	build=$(realpath "$build")
	attach=$(realpath "$attach")
	work=$build/foreign/$(basename "$0" .sh)
	mkdir -p "$work"
}

# Puts the upstream source of a Debian source package in $build/foreign/PACKAGE, as apt-get finds
# it on the mirrors that this machine installs from. apt's own configuration stays as it is
fetch_source() {
	local package=$1 dir=$build/foreign/$1 apt=$build/foreign/apt
	local keys=/usr/share/keyrings/debian-archive-keyring.gpg options
	[ ! -e "$dir/.complete" ] || return 0
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/$package"
	# shellcheck disable=SC2016 # apt-get puts the values there
	apt-get indextargets --format "deb-src [signed-by=$keys]"' $(REPO_URI) $(CODENAME) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' | sort -u >"$apt/sources.list"
	options=(-qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache")
	[ -s "$apt/sources.list" ] &&
		apt-get "${options[@]}" update &&
		(cd "$apt/$package" &&
			apt-get "${options[@]}" source --download-only --tar-only "$package") || return 1
	rm -rf "$dir"
	mkdir -p "$dir"
	tar --extract --strip-components=1 --directory "$dir" --file "$apt/$package"/*.orig.tar.[gx]z
	touch "$dir/.complete"
}

# Exits with status 77 where that cannot be had
need_source() {
	fetch_source "$1" || {
		echo "$program: skipped: apt-get cannot fetch the source package $1" >&2
		exit 77
	}
}

# Runs a command with the library. $1: where it tells what it did; $2...: settings that attach.c
# tells of, and the command
with_library() {
	local statistics=$1
	shift
	env FOREIGN_STATISTICS="$statistics" FOREIGN_OPTIONS=allow-tickets LD_PRELOAD="$attach" "$@"
}

# Fails if the library was not at work. $1: what to call the run, $2: its statistics; $3...:
# counters that may not be zero
expect_at_work() {
	local run=$1 statistics=$2 counter sum
	shift 2
	[ -s "$statistics" ] || die "$run: nothing was attached to the library"
	awk -v run="$run" '
		{
			for (i = 1; i < NF; i += 2) {
				if (!($i in sum)) order[++n] = $i
				sum[$i] += $(i + 1)
			}
		}
		END {
			line = run ": "
			for (i = 1; i <= n; i++) line = line (i == 1 ? "" : ", ") order[i] " " sum[order[i]]
			print line
		}' "$statistics"
	for counter; do
		sum=$(awk -v counter="$counter" '{ for (i = 1; i < NF; i += 2) if ($i == counter) sum += $(i + 1) }
			END { print sum + 0 }' "$statistics")
		[ "$sum" -gt 0 ] || die "$run: $counter is 0: the library was not at work"
	done
}

# Prints the tests whose outcomes are not the same, as "TEST: OUTCOME without the library,
# OUTCOME with it". Each file has lines of a test's name, a tab, its outcome
differences() {
	awk -F '\t' 'FNR == NR { without[$1] = $2; next }
		{ with[$1] = $2 }
		END {
			for (test in without) if (!(test in with)) with[test] = "absent"
			for (test in with) {
				if (!(test in without)) without[test] = "absent"
				if (with[test] != without[test])
					printf "%s: %s without the library, %s with it\n", test, without[test], with[test]
			}
		}' "$1" "$2" | LC_ALL=C sort
}

# Compares two runs, and repeats them where a test came to something else: what the library
# changes, it changes again. $1: what to call the runs; $2: a command that, with "without" or "with" for
# an argument, prints the outcomes; $3...: tests that may differ, as patterns of grep -E
compare() {
	local run=$1 outcomes=$2 round differing known count
	shift 2
	known=$(printf '|^%s: ' "$@")
	for round in 1 2; do
		# both at once: they wait more than they compute
		"$outcomes" without >"$work/$run.without" &
		"$outcomes" with >"$work/$run.with"
		wait $!
		count=$(wc -l <"$work/$run.without")
		[ "$count" -gt 0 ] || die "$run: no test was run"
		differences "$work/$run.without" "$work/$run.with" >"$work/$run.all"
		grep -vE "${known#|}" "$work/$run.all" >"$work/$run.differing.$round" || true
		[ -s "$work/$run.differing.$round" ] || break
	done
	if [ $round = 2 ]; then
		cat "$work/$run.differing.1"
		differing=$(LC_ALL=C comm -12 "$work/$run.differing.1" "$work/$run.differing.2")
		[ -z "$differing" ] || die "$run: tests differ with the library, twice: 
$differing"
		echo "$run: the above differed once, not twice: chance"
	fi
	grep -E "${known#|}" "$work/$run.all" | sed 's/$/ (known, see the script)/' || true
	echo "$run: $count outcomes, the same with the library"
}
