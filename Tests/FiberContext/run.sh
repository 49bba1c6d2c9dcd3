#!/usr/bin/env bash
# Builds CFiberContext with the program of this folder for x86-64 and for AArch64, runs both (the second by qemu-user),
# and then requires that the program notices each instruction of the switch that a copy lacks. `./dev fibers` calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."

room=Sources/CFiberContext
here=Tests/FiberContext
out=.build-fibers
flags=(-O2 -Wall -Wextra -Werror -Wno-unused-command-line-argument -fomit-frame-pointer
    -fasynchronous-unwind-tables -I "$room/include")
rm -rf "$out"

fail() {
    printf 'fibers: %s\n' "$*" >&2
    exit 1
}
[ "$(uname -m)" = x86_64 ] || fail "this check knows how to run AArch64 on x86-64, not the other way round"

# compile ARGUMENT…, run PROGRAM: for $architecture
compile() {
    case $architecture in
    x86_64) clang "${flags[@]}" "$@" -pthread -lm ;;
    aarch64) clang --target=aarch64-linux-gnu -fuse-ld=lld -static "${flags[@]}" "$@" -lm ;;
    esac
}
run() {
    case $architecture in
    x86_64) timeout 10 "$1" ;;
    aarch64) timeout 10 qemu-aarch64 "$1" ;;
    esac
}

# Faults of a context switch: "LINE<tab>WHAT STANDS THERE INSTEAD". Each instruction is missing once; where one saves or
# restores registers, each register is forgotten, and the stack pointer moves as before.
list_faults() {
    awk '
        function half(from, offset) { printf "%d\t%s %s, [sp, #%d]\n", NR, from, which, offset }
        $1 == ".cfi_undefined" && $2 == "x30" { print NR "\t"; next }
        !/^ / || $1 ~ /^(\.|ud2|brk)/ { next }
        $1 == "pushq" { print NR "\tsubq $8, %rsp"; next }
        $1 == "popq" { print NR "\taddq $8, %rsp"; next }
        $1 ~ /^(stp|ldp)$/ {
            one = $1 == "stp" ? "str" : "ldr"
            offset = substr($5, 2) + 0
            which = substr($2, 1, length($2) - 1); half(one, offset)
            which = substr($3, 1, length($3) - 1); half(one, offset + 8)
            next
        }
        { print NR "\t" }
    ' "$1"
}

# require_notice WHAT OBJECT…: the program of these objects must not end well
require_notice() {
    local what=$1
    shift
    compile "$@" -o "$folder/planted"
    ! run "$folder/planted" >"$folder/planted.txt" 2>&1 || fail "$architecture: not noticed: $what"
}

# Each fault of the switch, and some of how a stack is prepared.
plant_faults() {
    local line instead count=0 source=$room/context_$architecture.S
    while IFS=$'\t' read -r line instead; do
        sed "${line}s/.*/        $instead/" "$source" >"$folder/planted.S"
        compile -c "$folder/planted.S" -o "$folder/planted.o"
        require_notice "line $line, '$(sed -n "${line}s/^ *//p" "$source")' become '$instead'" \
            "$folder/planted.o" "$folder/fiber.o" "$folder/program.o" "$folder/registers.o"
        count=$((count + 1))
    done < <(list_faults "$source")
    [ $count -ge 17 ] || fail "only $count faults were planted in $source"
    while read -r instead; do
        sed "$instead" "$room/fiber.c" >"$folder/planted.c"
        ! cmp -s "$room/fiber.c" "$folder/planted.c" || fail "nothing to replace: $instead"
        compile -c "$folder/planted.c" -o "$folder/planted.o"
        require_notice "$instead" \
            "$folder/planted.o" "$folder/context.o" "$folder/program.o" "$folder/registers.o"
        count=$((count + 1))
    done <<'FAULTS'
s/FIRST_FRAME_WORDS = 25/FIRST_FRAME_WORDS = 26/;s/FIRST_FRAME_WORDS = 24/FIRST_FRAME_WORDS = 23/
/memset(frame, 0/d
/memset(fiber->accesses/d
/swift_task_enterThreadLocalContext(fiber->accesses)/d
/swift_task_exitThreadLocalContext(fiber->accesses)/d
s/mprotect(mapping, page, PROT_NONE) != 0/false/
FAULTS
    printf '  %d faults planted, each noticed\n' "$count"
}

for architecture in x86_64 aarch64; do
    folder=$out/$architecture
    mkdir -p "$folder"
    compile -c "$room/context_$architecture.S" -o "$folder/context.o"
    compile -c "$room/fiber.c" -o "$folder/fiber.o"
    compile -c "$here/main.c" -o "$folder/program.o"
    compile -c "$here/registers_$architecture.S" -o "$folder/registers.o"
    compile "$folder"/{context,fiber,program,registers}.o -o "$folder/program"
    run "$folder/program" || fail "$architecture: status $?"
    printf '%s: fibers keep what they promise\n' "$architecture"
    plant_faults
done
