#!/usr/bin/env bash
# Looks for bytes for which HTTP1Codec breaks one of the properties in Tests/HTTP1Properties: libFuzzer and
# AddressSanitizer, both from the Swift toolchain. `./dev fuzz` calls it.
#
#   fuzz.sh [--seconds S]    start from the checked-in corpus and what earlier runs found; S seconds of CPU time
#                            (default 60)
#   fuzz.sh --planted [NAME] plant each fault of planted.txt in a copy of the sources: the fuzzer must find it
set -euo pipefail
cd "$(dirname "$0")/../.."

out=.build-fuzz
corpus=Tests/HTTP1Properties/Corpus
flags=(-O -wmo -swift-version 6 -package-name millrace -strict-memory-safety -warnings-as-errors -parse-as-library
    -sanitize=fuzzer,address)
while read -r feature; do
    flags+=(-enable-upcoming-feature "$feature")
done < <(sed -n 's/.*enableUpcomingFeature("\([A-Za-z]*\)").*/\1/p' Package.swift)
# libFuzzer writes the input of a crash only if Swift's own handler does not take the signal.
export SWIFT_BACKTRACE=enable=no

# build FOLDER SOURCES: the fuzzer in FOLDER, with the codec of SOURCES
build() {
    mkdir -p "$1"
    compile "$1" HTTP1Codec "$2"
    [ -e "$1/HTTP1Properties.o" ] || compile "$1" HTTP1Properties Tests/HTTP1Properties
    [ -e "$1/HTTP1Fuzz.o" ] || compile "$1" HTTP1Fuzz Tests/HTTP1Fuzz
    swiftc -use-ld=lld -sanitize=fuzzer,address "$1"/*.o -o "$1/fuzz"
}

# compile FOLDER MODULE SOURCES
compile() {
    local sources
    mapfile -t sources < <(find "$3" -name '*.swift' | sort)
    swiftc "${flags[@]}" -I "$1" -module-name "$2" -emit-module -emit-module-path "$1/$2.swiftmodule" \
        -c "${sources[@]}" -o "$1/$2.o"
}

# search SECONDS: of CPU time, in rounds; who stops the fuzzer for a while, or gives it little of a CPU, loses nothing
search() {
    local wanted=$1 used=0 runs=0 edges=0 log=$out/log.txt round
    rm -rf "$out/program"
    build "$out/program" Sources/HTTP1Codec
    mkdir -p "$out/found" "$out/crashes"
    while awk "BEGIN { exit !($used < $wanted) }"; do
        round=$(awk "BEGIN { rest = $wanted - $used; print (rest > 300 ? 300 : int(rest + 1)) }")
        search_once "$round" "$log" "$out/cpu.txt" || return 1
        used=$(awk "{ print \$1 + \$2 + $used }" "$out/cpu.txt")
        runs=$((runs + $(awk '/^Done/ { print $2 }' "$log")))
        edges=$(awk '/cov:/ { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) } END { print edges }' "$log")
        echo "fuzz: $runs runs, $edges edges, ${used%.*} s of CPU time"
    done
    echo "fuzz: nothing found in $runs runs and $used s of CPU time; $edges edges were reached"
}

# search_once SECONDS LOG CPU: for so many seconds by the clock; writes the CPU time taken
search_once() {
    local TIMEFORMAT='%U %S'
    { time "$out/program/fuzz" -max_total_time="$1" -max_len=2000 -artifact_prefix="$out/crashes/" \
        "$out/found" "$corpus" >"$2" 2>&1; } 2>"$3" && return 0
    grep -E 'Fatal error|ERROR: |Test unit written' "$2" >&2
    echo "fuzz: mend it, and keep the input in $corpus" >&2
    return 1
}

# The lines of the table that were asked for: name|file|sed expression
lines() { grep -v '^#' Tests/HTTP1Fuzz/planted.txt | awk -F'|' -v name="$wanted" 'NF == 3 && index($1, name) > 0'; }

# plant NAME FILE EXPRESSION
plant() {
    local verdict=missed log="$out/planted/$1.txt"
    rm -rf "$out/planted/sources"
    cp -r Sources/HTTP1Codec "$out/planted/sources"
    sed -i -E "$3" "$out/planted/sources/$2"
    if cmp -s "Sources/HTTP1Codec/$2" "$out/planted/sources/$2"; then
        verdict="nothing to change"
    elif ! build "$out/planted/program" "$out/planted/sources" >"$log" 2>&1; then
        verdict="does not build"
    elif ! "$out/planted/program/fuzz" -runs=3000000 -max_len=500 -seed=1 -artifact_prefix="$out/planted/" \
        "$(mktemp -d "$out/planted/corpus.XXXX")" "$corpus" >"$log" 2>&1; then
        verdict="found: $(grep -m1 -oE 'Fatal error: .{1,40}|AddressSanitizer: [a-z-]+' "$log" || echo unknown)"
    fi
    printf '%-16s %-24s %s\n' "$1" "$2" "$verdict"
    [[ $verdict == found* ]]
}

plant_all() {
    local count=0 missed=0 name file expression
    rm -rf "$out/planted"
    mkdir -p "$out/planted"
    while IFS='|' read -r name file expression <&3; do
        count=$((count + 1))
        plant "$name" "$file" "$expression" || missed=$((missed + 1))
    done 3< <(lines)
    echo "planted: $count faults, $missed missed"
    [ "$count" -gt 0 ] && [ "$missed" -eq 0 ]
}

seconds=60
case "${1:-}" in
    --planted)
        wanted=${2:-}
        plant_all
        ;;
    --seconds) search "${2:?how many seconds?}" ;;
    '') search "$seconds" ;;
    *)
        echo "usage: fuzz.sh [--seconds S] | --planted [NAME]" >&2
        exit 2
        ;;
esac
