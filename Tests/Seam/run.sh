#!/usr/bin/env bash
# Compares the machine code of the primitives, as a release build ships them, with that of a copy out of which the seam
# was taken (strip.pl): every function of the client in this folder and of the rooms below it, instruction by
# instruction. Then plants differences and requires that each is reported. `./dev seam` calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=$PWD/.build-seam
rooms=(AtomicSupport Channels ConcurrentQueues DrainAllocators MemoryReclamation ObjectPools TimerWheels WaitPrimitives)
rm -rf "$out"
mkdir -p "$out"

fail() {
    printf 'seam: %s\n' "$*" >&2
    exit 1
}

# copy_tree TREE: the package without what was built of it
copy_tree() {
    mkdir -p "$1"
    cp -rp Package.swift Sources Tests Examples StressTests StormTests "$1/"
}

# compile TREE NAME: builds the client and writes NAME.txt, one line "ROOM FUNCTION: INSTRUCTION" each
compile() {
    swift build -c release -debug-info-format none --package-path "$1/Tests/Seam" --scratch-path "$out/build-$2" \
        --target SeamClient >"$out/$2.log" 2>&1 || {
        cat "$out/$2.log"
        fail "$2 does not build"
    }
    disassemble "$out/build-$2/release" >"$out/$2.txt"
}

# disassemble FOLDER: without addresses of instructions; a target inside a function remains as "<name+offset>". What the
# linker will fill in is a line of its own.
disassemble() {
    local room objects
    for room in SeamClient "${rooms[@]}"; do
        # The cells are the seam; what uses them has them inlined.
        mapfile -t objects < <(ls "$1/$room.build"/*.o | grep -v '/SharedCell')
        objdump -dr --no-show-raw-insn "${objects[@]}" | awk -v room="$room" '
            /^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3); next }
            !/^ *[0-9a-f]+:\t/ && !/^\t+[0-9a-f]+: R_/ { next }
            {
                sub(/^[ \t]*[0-9a-f]+:[ \t]*/, "")
                sub(/[0-9a-f]+ </, "<")
                print room, name ": " $0
            }'
    done | sed 's/13AtomicSupport10SharedCellV/Sp/g' | LC_ALL=C sort -s -t: -k1,1  # a cell's type, in functions' names
}

# compare NAME: status 1, and a report, if the code is not that of the tree without the seam
compare() {
    local names
    ! cmp -s "$out/stripped.txt" "$out/$1.txt" || return 0
    # The client's named functions first.
    mapfile -t names < <(diff "$out/stripped.txt" "$out/$1.txt" | sed -n 's/^[<>] \([^:]*\): .*/\1/p' | sort -u |
        sed 's/^SeamClient seam_/ &/' | sort | sed 's/^ //')
    printf 'seam: %d functions differ:\n' ${#names[@]}
    printf '  %s\n' "${names[@]:0:40}" | swift demangle --simplified
    printf 'seam: the first of them, without the seam (-) and in %s (+):\n' "$1"
    diff -U4 <(grep -F "${names[0]}: " "$out/stripped.txt" | sed 's/.*: //') \
        <(grep -F "${names[0]}: " "$out/$1.txt" | sed 's/.*: //') | tail -n +3 | head -60
    return 1
}

# require_names: each function that the client names is there, with some code
require_names() {
    local name count=0
    for name in $(sed -n 's/^@_silgen_name("\(.*\)")$/\1/p' Tests/Seam/Sources/SeamClient/*.swift); do
        [ "$(grep -c "^SeamClient $name: " "$out/stripped.txt")" -ge 3 ] || fail "$name is not in the machine code"
        count=$((count + 1))
    done
    [ $count -ge 35 ] || fail "the client names only $count functions"
    printf '%d named operations in %d functions, %d instructions\n' "$count" \
        "$(cut -d: -f1 "$out/stripped.txt" | sort -u | wc -l)" "$(grep -vc ': R_' "$out/stripped.txt")"
}

# In a folder whose name is as long as that of the stripped copy: some code has the length of its file's path in it.
copy_tree "$out/released"
compile "$out/released" shipped
! compgen -G "$out/build-shipped/release/ModelChecking.build/*.o" || fail "a release build compiles ModelChecking"

copy_tree "$out/stripped"
(
    cd "$out/stripped"
    rm Sources/AtomicSupport/{Seam,SharedCell,SharedCell+Model}.swift
    # An import that a file does not need would be an error.
    sed -i '/treatAllWarnings/d' Package.swift Tests/Seam/Package.swift
    sources=(Tests/Seam/Sources/SeamClient/*.swift)
    for room in "${rooms[@]}"; do sources+=("Sources/$room"/*.swift); done
    perl Tests/Seam/strip.pl "${sources[@]}"
    ! grep -n '#if.*Model\|SharedCell(\|@_exported\|import ModelChecking' "${sources[@]}" ||
        fail "the seam is still there"
)
compile "$out/stripped" stripped
require_names
compare shipped || fail "release code is not the same with and without the seam"
printf 'the same with and without the seam\n'

# plant NAME FILE FUNCTION FROM TO: a line of AtomicSupport is changed in a copy, and the function must be reported
plant() {
    local name=$1 file=$out/planted/Sources/AtomicSupport/$2 function=$3 from=$4 to=$5
    cp -p "$file" "$out/original"
    FROM=$from TO=$to perl -0pi -e 's/\Q$ENV{FROM}\E/$ENV{TO}/ or die "not found: $ENV{FROM}\n"' "$file"
    compile "$out/planted" planted
    if compare planted >"$out/planted.report" || ! grep -q "$function" "$out/planted.report"; then
        cat "$out/planted.report"
        fail "the planted '$name' was not reported in $function"
    fi
    printf '  %s: reported in %s and others\n' "$name" "$function"
    mv "$out/original" "$file"
}

printf 'planted differences\n'
copy_tree "$out/planted"
sed -i '2s/.*/public import CLinuxShims/' "$out/planted/Sources/AtomicSupport/SharedCell.swift"
sed -i '/treatAllWarnings/d' "$out/planted/Package.swift"
plant 'cell with one instruction more' SharedCell.swift seam_ring_pop_object \
    'unsafe address.move()' 'millrace_spin_hint()
            return unsafe address.move()'
plant 'question whether this is a model' ThreadIndex.swift seam_pool_acquire \
    'let index = millrace_thread_index()' 'if millrace_monotonic_nanoseconds() == 0 { return 0 }
        let index = millrace_thread_index()'
plant 'atomic of our own' Seam.swift seam_ring_push '#else' '#else
    extension Atomic where Value == UInt64 {
        @inlinable @inline(__always)
        public func load(ordering: AtomicLoadOrdering) -> UInt64 {
            wrappingAdd(0, ordering: .relaxed).newValue
        }
    }'
