#!/usr/bin/env bash
# Shows that the stress scenarios can see a missing edge: for each line of planted.txt, weakens the releasing side of
# that edge in a copy of the tree, and requires that ThreadSanitizer reports a data race. Builds at -O; what -O does not
# show is tried at -Onone too. `./dev stress --planted [NAME]` calls it.
set -euo pipefail
cd "$(dirname "$0")/.."

tree=.build-planted/tree
# How long a planted race may take to show, and how long nothing may happen without one.
seconds=3
control_seconds=1
logs=.build-planted/logs

wanted=${1:-}

# The lines of the table that were asked for.
lines() { awk -v name="$wanted" '!/^#/ && NF == 4 && index($1, name) > 0' StressTests/planted.txt; }

copy_tree() {
    rm -rf "$tree"
    mkdir -p "$tree" "$logs"
    for part in Package.swift Sources Tests StressTests Examples; do
        [ ! -e "$part" ] || cp -rp "$part" "$tree/"
    done
}

# build CONFIGURATION: the stress program of the copy, under ThreadSanitizer
build() {
    swift build --package-path "$tree" --scratch-path ".build-planted/$1" -c "$1" --sanitize thread --product stress \
        >"$logs/build.txt" 2>&1 || { cat "$logs/build.txt" >&2; return 1; }
}

# scenario CONFIGURATION SCENARIO LOG [SECONDS]: runs it; fails if it does
scenario() {
    TSAN_OPTIONS="halt_on_error=1 exitcode=66" timeout 60 \
        ".build-planted/$1/$1/stress" "$2" --seconds "${4:-$seconds}" --seed 1 >"$3" 2>&1
}

# races CONFIGURATION SCENARIO LOG: whether ThreadSanitizer reports a race, of plain accesses or of Swift's `inout` ones
races() {
    scenario "$@" || true
    grep -qE 'WARNING: ThreadSanitizer: (data|Swift access) race' "$3"
}

# A scenario that fails as it stands, by a race, a check or a trap, would hide what is planted: it must pass first.
control() {
    local scenario
    build release
    for scenario in $(lines | awk '{ print $4 }' | sort -u); do
        if ! scenario release "$scenario" "$logs/control-$scenario.txt" "$control_seconds"; then
            cat "$logs/control-$scenario.txt" >&2
            echo "planted: '$scenario' fails with nothing planted" >&2
            exit 1
        fi
    done
}

# weaken FILE TAG: the releasing side of an edge becomes relaxed, on the lines that carry its tag
weaken() {
    sed -i -E "/\/\/.*\b$2\b/ {
        s/\.acquiringAndReleasing/.acquiring/
        s/\.releasing/.relaxed/
        s/\.sequentiallyConsistent/.relaxed/
    }" "$tree/$1"
    ! cmp -s "$1" "$tree/$1"
}

# plant NAME FILE TAG SCENARIO
plant() {
    local verdict=missed configuration
    if ! weaken "$2" "$3"; then
        verdict="nothing to weaken"
    else
        for configuration in release debug; do
            build "$configuration" || { verdict="does not build"; break; }
            if races "$configuration" "$4" "$logs/$1-$configuration.txt"; then
                verdict="reported at $([ "$configuration" = release ] && echo -O || echo -Onone)"
                break
            fi
        done
    fi
    cp "$2" "$tree/$2"
    printf '%-32s %-52s %-4s %s\n' "$1" "$2" "$3" "$verdict"
    [[ $verdict == reported* ]]
}

copy_tree
control
count=0
missed=0
while read -r name file tag scenario <&3; do
    count=$((count + 1))
    plant "$name" "$file" "$tag" "$scenario" || missed=$((missed + 1))
done 3< <(lines)

echo "planted: $count races, $missed missed"
[ "$count" -gt 0 ] && [ "$missed" -eq 0 ]
