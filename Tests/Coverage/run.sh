#!/usr/bin/env bash
# Which lines of client, pool logic, loop and kernel backends no test reaches: runs the tests of these rooms, the
# examples' tests and the storms with counters, and lists what stays at zero. `./dev coverage` calls it with the traits
# of a full build and a filter for the tests. Each line needs a reason in reasons.txt (FILE, then a part of the line,
# then why); a line without one makes it fail, and so does a reason that is about no line.
set -euo pipefail
cd "$(dirname "$0")/../.."
traits=$1
filter=$2
out=.build-coverage
rooms='Sources/(ConnectionPools|EventLoops|AsyncRuntime|Networking)/'
mkdir -p "$out/raw"
rm -f "$out"/raw/*

swift build --build-tests --enable-code-coverage --traits "$traits" --scratch-path "$out" -q
bin=$(swift build --show-bin-path --traits "$traits" --scratch-path "$out")
# The storms first: they take less time, and a failure of theirs shows early.
SWIFT_DETERMINISTIC_HASHING=1 LLVM_PROFILE_FILE="$out/raw/storms.profraw" "$bin/simulate" --seeds 1..60 |
    grep -E '^simulate:|FAILED'
swift test --skip-build --enable-code-coverage --traits "$traits" --scratch-path "$out" --filter "$filter" 2>&1 |
    tail -3
# The toolchain's own: a distribution's are of another version.
PATH=$(dirname "$(readlink -f "$(command -v swift)")"):$PATH
llvm-profdata merge -sparse "$out/raw/storms.profraw" "$bin/codecov/default.profdata" -o "$out/all.profdata"
tests=$(find "$bin" -maxdepth 1 -name '*PackageTests.xctest' | head -1)
mapfile -t sources < <(git -c safe.directory='*' ls-files 'Sources/*.swift' | grep -E "$rooms")

llvm-cov report "$tests" -object "$bin/simulate" -instr-profile "$out/all.profdata" "${sources[@]}" 2>/dev/null |
    tail -1
llvm-cov export -format=lcov "$tests" -object "$bin/simulate" -instr-profile "$out/all.profdata" \
    "${sources[@]}" 2>/dev/null >"$out/all.lcov"
perl Tests/Coverage/uncovered.pl "$out/all.lcov" Tests/Coverage/reasons.txt
