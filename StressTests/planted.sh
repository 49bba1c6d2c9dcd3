#!/usr/bin/env bash
# Shows that the stress scenarios can see a missing edge: for each line of planted.txt, weakens the releasing side of
# that edge in a copy of the tree, and requires that ThreadSanitizer reports a data race. Builds at -O; what -O does not
# show is tried at -Onone too. Edges that no scenario shares are weakened together, a round of them in one build; with
# --each, one by one. `./dev stress --planted [--each] [NAME]` calls it.
set -euo pipefail
cd "$(dirname "$0")/.."

tree=.build-planted/tree
# How long a planted race may take to show, which ends with its report, and how long nothing may happen without one.
seconds=20
control_seconds=1
logs=.build-planted/logs

each=0
if [ "${1:-}" = --each ]; then each=1; shift; fi
wanted=${1:-}

# The lines of the table that were asked for.
lines() { awk -v name="$wanted" '!/^#/ && NF >= 4 && index($1, name) > 0' StressTests/planted.txt; }

# The same with the number of their round in front. Lines of one edge are of one round; what is marked as alone has a
# round to itself; else no two edges of a round are of one file, or of scenarios whose names begin with the same word.
rounds() {
    lines | awk -v each="$each" '
    {
        edge = $2 " " $3; family = $4; sub(/-.*/, "", family)
        if (!(edge in round)) {
            chosen = 0
            while (++chosen <= count) {
                if (each || $5 == "alone" || closed[chosen]) continue
                if (!((chosen, $2) in taken) && !((chosen, family) in taken)) break
            }
            if (chosen > count) { count = chosen; closed[chosen] = each || $5 == "alone" }
            round[edge] = chosen
        }
        taken[round[edge], $2] = taken[round[edge], family] = 1
        print round[edge], $1, $2, $3, $4
    }' | sort -s -n -k 1,1
}

copy_tree() {
    rm -rf "$tree"
    mkdir -p "$tree" "$logs"
    for part in Package.swift Sources Tests StressTests StormTests Examples; do
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
    TSAN_OPTIONS="halt_on_error=1 exitcode=66 suppressions=StressTests/suppressions.txt" timeout 60 \
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

# report NAME FILE TAG VERDICT
report() {
    printf '%-32s %-52s %-4s %s\n' "$@"
    count=$((count + 1))
    [[ $4 == reported* ]] || missed=$((missed + 1))
}

# plant ROUND: weakens its edges, and runs the scenarios of each
plant() {
    local name file tag scenario weakened=() open=() still=() configuration entry
    while read -r _ name file tag scenario; do
        if cmp -s "$file" "$tree/$file" && ! weaken "$file" "$tag"; then
            report "$name" "$file" "$tag" "nothing to weaken"
            continue
        fi
        weakened+=("$file")
        open+=("$name $file $tag $scenario")
    done < <(awk -v round="$1" '$1 == round' "$logs/rounds.txt")
    for configuration in release debug; do
        [ ${#open[@]} -gt 0 ] || break
        build "$configuration" || { echo "planted: a weakened edge does not build" >&2; exit 1; }
        still=()
        for entry in "${open[@]}"; do
            read -r name file tag scenario <<<"$entry"
            if races "$configuration" "$scenario" "$logs/$name-$configuration.txt"; then
                report "$name" "$file" "$tag" \
                    "reported at $([ "$configuration" = release ] && echo -O || echo -Onone)"
            else
                still+=("$entry")
            fi
        done
        open=(${still[@]+"${still[@]}"})
    done
    for entry in ${open[@]+"${open[@]}"}; do
        read -r name file tag scenario <<<"$entry"
        report "$name" "$file" "$tag" missed
    done
    for file in ${weakened[@]+"${weakened[@]}"}; do cp "$file" "$tree/$file"; done
}

copy_tree
control
rounds >"$logs/rounds.txt"
count=0
missed=0
for round in $(awk '{ print $1 }' "$logs/rounds.txt" | uniq); do plant "$round"; done

echo "planted: $count races in $(awk '{ print $1 }' "$logs/rounds.txt" | uniq | wc -l) builds, $missed missed"
[ "$count" -gt 0 ] && [ "$missed" -eq 0 ]
