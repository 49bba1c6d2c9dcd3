#!/usr/bin/env bash
# Shows that the stress scenarios can see a missing edge: for each line of planted.txt, weakens the releasing side of
# that edge in a copy of the tree, and requires that ThreadSanitizer reports a data race. Builds at -O; what -O does not
# show is tried at -Onone too. Edges that no scenario shares are weakened together, a round of them in one build; with
# --each, one by one. Two copies build beside each other; then everything runs alone, because races show when threads
# meet. `./dev stress --planted [--each] [NAME]` calls it. The program with nothing planted stays in `programs/control`.
set -euo pipefail
cd "$(dirname "$0")/.."

work=.build-planted
# How long a planted race may take to show, which ends with its report, and how long nothing may happen without one.
seconds=20
control_seconds=1
logs=$work/logs
programs=$work/programs

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

# copy_tree COPY
copy_tree() {
    rm -rf "$work/$1/tree"
    mkdir -p "$work/$1/tree"
    for part in Package.swift Sources Tests StressTests StormTests Examples; do
        [ ! -e "$part" ] || cp -rp "$part" "$work/$1/tree/"
    done
}

# build COPY CONFIGURATION PROGRAM: the stress program of the copy, under ThreadSanitizer
build() {
    swift build --package-path "$work/$1/tree" --scratch-path "$work/$1" -c "$2" --sanitize thread --product stress \
        </dev/null >"$logs/build-$1.txt" 2>&1 || { cat "$logs/build-$1.txt" >&2; return 1; }
    cp "$work/$1/$2/stress" "$programs/$3"
}

# scenario PROGRAM SCENARIO LOG [SECONDS]: runs it; fails if it does
scenario() {
    TSAN_OPTIONS="halt_on_error=1 exitcode=66 suppressions=StressTests/suppressions.txt" timeout 60 \
        "$programs/$1" "$2" --seconds "${4:-$seconds}" --seed 1 >"$3" 2>&1
}

# races PROGRAM SCENARIO LOG: whether ThreadSanitizer reports a race, of plain accesses or of Swift's `inout` ones
races() {
    [ -x "$programs/$1" ] || { echo "planted: '$1' was not built" >&2; exit 1; }
    scenario "$@" || true
    grep -qE 'WARNING: ThreadSanitizer: (data|Swift access) race' "$3"
}

# A scenario that fails as it stands, by a race, a check or a trap, would hide what is planted: it must pass first.
control() {
    local scenario
    for scenario in $(lines | awk '{ print $4 }' | sort -u); do
        if ! scenario control "$scenario" "$logs/control-$scenario.txt" "$control_seconds"; then
            cat "$logs/control-$scenario.txt" >&2
            echo "planted: '$scenario' fails with nothing planted" >&2
            exit 1
        fi
    done
}

# weaken COPY FILE TAG: the releasing side of an edge becomes relaxed, on the lines that carry its tag
weaken() {
    sed -i -E "/\/\/.*\b$3\b/ {
        s/\.acquiringAndReleasing/.acquiring/
        s/\.releasing/.relaxed/
        s/\.sequentiallyConsistent/.relaxed/
    }" "$work/$1/tree/$2"
    ! cmp -s "$2" "$work/$1/tree/$2"
}

# The lines of a round, without its number.
lines_of() { awk -v round="$1" '$1 == round' "$logs/rounds.txt" | cut -d ' ' -f 2-; }

# build_round COPY ROUND [CONFIGURATION]: with the edges of the round weakened
build_round() {
    local file tag weakened=()
    while read -r _ file tag _; do
        cmp -s "$file" "$work/$1/tree/$file" || continue
        if weaken "$1" "$file" "$tag"; then weakened+=("$file"); else echo "$file $tag" >>"$logs/unchanged.txt"; fi
    done < <(lines_of "$2")
    build "$1" "${3:-release}" "${3:-release}-$2" || { echo "planted: a weakened edge does not build" >&2; exit 1; }
    for file in ${weakened[@]+"${weakened[@]}"}; do cp "$file" "$work/$1/tree/$file"; done
}

# build_rounds COPY: those of the rounds that are this copy's, each into a program of its own
build_rounds() {
    local round
    copy_tree "$1"
    [ "$1" != a ] || build a release control
    while read -r round; do
        # The copy with the control has a build more to make.
        if [ $((round % 2)) = "$([ "$1" = a ] && echo 0 || echo 1)" ]; then build_round "$1" "$round"; fi
    done < <(cut -d ' ' -f 1 "$logs/rounds.txt" | uniq)
}

# report NAME FILE TAG VERDICT
report() {
    printf '%-32s %-52s %-4s %s\n' "$@"
    count=$((count + 1))
    [[ $4 == reported* ]] || missed=$((missed + 1))
}

# try_round ROUND: runs the scenarios of its edges, first at -O
try_round() {
    local name file tag scenario open=() still configuration entry
    while read -r name file tag scenario; do
        if grep -qxF "$file $tag" "$logs/unchanged.txt"; then
            report "$name" "$file" "$tag" "nothing to weaken"
        else
            open+=("$name $file $tag $scenario")
        fi
    done < <(lines_of "$1")
    for configuration in release debug; do
        [ ${#open[@]} -gt 0 ] || break
        [ "$configuration" = release ] || build_round a "$1" debug
        still=()
        for entry in "${open[@]}"; do
            read -r name file tag scenario <<<"$entry"
            if races "$configuration-$1" "$scenario" "$logs/$name-$configuration.txt"; then
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
}

rm -rf "$programs"
mkdir -p "$logs" "$programs"
rounds >"$logs/rounds.txt"
: >"$logs/unchanged.txt"
set -m # A process group each, which an interrupt can end.
build_rounds a &
first=$!
build_rounds b &
second=$!
set +m
# shellcheck disable=SC2064
trap "kill -- -$first -$second 2>/dev/null; exit 130" INT TERM
status=0
wait "$first" || status=$?
wait "$second" || status=$?
trap - INT TERM
[ "$status" = 0 ] || exit 1
control
count=0
missed=0
for round in $(cut -d ' ' -f 1 "$logs/rounds.txt" | uniq); do try_round "$round"; done

echo "planted: $count races in $(cut -d ' ' -f 1 "$logs/rounds.txt" | uniq | wc -l) builds, $missed missed"
[ "$count" -gt 0 ] && [ "$missed" -eq 0 ]
