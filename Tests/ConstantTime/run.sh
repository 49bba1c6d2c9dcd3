#!/usr/bin/env bash
# Checks on the machine code that no branch and no address of EllipticCurves depends on a secret, by valgrind; then
# plants such a dependence in copies of the room and requires a report for each. `./dev constant-time` calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=.build-constant-time
operations=(x25519-multiply x25519-key p256-base p256-multiply p256-add p256-add-two p256-sign)
rm -rf "$out"
mkdir -p "$out"

# build FOLDER SOURCES: the program over a copy of the room, optimised as in a release; without debug information,
# which valgrind 3.19 cannot read.
build() {
    local folder=$1 sources=$2 flags=(-O -wmo -swift-version 6 -strict-memory-safety -gnone)
    swiftc "${flags[@]}" -parse-as-library -module-name EllipticCurves -emit-module \
        -emit-module-path "$folder/EllipticCurves.swiftmodule" -c "$sources"/*.swift -o "$folder/EllipticCurves.o"
    swiftc "${flags[@]}" -I "$folder" -I Tests/ConstantTime/Memcheck Tests/ConstantTime/main.swift \
        "$folder/EllipticCurves.o" -o "$folder/program"
}

# check FOLDER OPERATION: status 0 if nothing depends on the secret, 9 if valgrind reports something
check() {
    timeout 120 valgrind -q --error-exitcode=9 --log-file="$1/$2.log" "$1/program" "$2" >"$1/$2.out"
}

printf 'the room itself\n'
build "$out" Sources/EllipticCurves
for operation in "${operations[@]}"; do
    check "$out" "$operation" || {
        cat "$out/$operation.log"
        echo "constant-time: $operation depends on its secret, see above" >&2
        exit 1
    }
    printf '  %s: no branch and no address depends on the secret\n' "$operation"
done

# plant NAME OPERATION FILE FROM TO: a line of the room is changed, and valgrind must report it
plant() {
    local name=$1 operation=$2 file=$3 from=$4 to=$5 folder=$out/planted-$1 status=0
    mkdir -p "$folder/sources"
    cp Sources/EllipticCurves/*.swift "$folder/sources/"
    FROM=$from TO=$to perl -0pi -e 's/\Q$ENV{FROM}\E/$ENV{TO}/ or die "not found: $ENV{FROM}\n"' \
        "$folder/sources/$file"
    build "$folder" "$folder/sources"
    check "$folder" "$operation" || status=$?
    if [ "$status" != 9 ] || ! grep -q 'uninitialised' "$folder/$operation.log"; then
        echo "constant-time: the planted '$name' was not reported (status $status)" >&2
        exit 1
    fi
    printf '  %s: reported\n' "$name"
}

printf 'planted dependences\n'
plant ladder-branch x25519-multiply X25519.swift \
    'difference.times(121665)' '(bit == 1 ? difference.times(121665) : difference.squared.squared)'
plant table-index x25519-key EdwardsTable.swift \
    'for index in 0..<EdwardsTable.groupSize {' \
    'for index in [Int(truncatingIfNeeded: digit.magnitude & 7)] {'
plant skipped-zero p256-multiply P256Point+Affine.swift \
    'let entry = multiples.entry(digit)' 'if digit.magnitude == 0 { continue }
            let entry = multiples.entry(digit)'
plant early-table p256-base P256Table.swift 'let digit = SignedDigit(scalar, place: group, width: P256Table.width)' \
    'let digit = SignedDigit(scalar, place: group, width: P256Table.width)
            if digit.magnitude == 0 { continue }'
