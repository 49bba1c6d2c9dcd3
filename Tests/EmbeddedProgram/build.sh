#!/usr/bin/env bash
# Compiles the rooms named as arguments, lowest floor first, in Embedded mode; links and runs the program of this folder
# with them; then sees that the compiler still refuses what Embedded mode does not have. `./dev embedded` calls it.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=.build-embedded
rm -rf "$out"
mkdir -p "$out"

# The strict settings of the manifest: its upcoming features are read from it.
flags=(-enable-experimental-feature Embedded -wmo -O -swift-version 6 -package-name millrace
    -strict-memory-safety -warnings-as-errors -I "$out"
    -Xcc -fmodule-map-file=Sources/CLinuxShims/include/module.modulemap -Xcc -ISources/CLinuxShims/include
    -D TLS -Xcc -fmodule-map-file=Sources/CBearSSL/module.modulemap)
while read -r feature; do
    flags+=(-enable-upcoming-feature "$feature")
done < <(sed -n 's/.*enableUpcomingFeature("\([A-Za-z]*\)").*/\1/p' Package.swift)

# compile_room ROOM [MORE_SOURCES]: a module and an object file of that name
compile_room() {
    local room=$1
    local sources
    mapfile -t sources < <(find "Sources/$room" -name '*.swift' | sort)
    swiftc "${flags[@]}" -parse-as-library -module-name "$room" -emit-module \
        -emit-module-path "$out/$room.swiftmodule" -c "${sources[@]}" "${@:2}" -o "$out/$room.o"
}

users=(Tests/EmbeddedProgram/Support.swift)
for room in "$@"; do
    printf '%s\n' "$room"
    compile_room "$room"
    user=Tests/EmbeddedProgram/$room.swift
    if ! grep -q "^func use$room()" "$user"; then
        echo "embedded: $user must have a 'func use$room()' that uses the room" >&2
        exit 1
    fi
    users+=("$user")
    echo "use$room()" >>"$out/main.swift"
done
echo 'print("embedded: each room did its work")' >>"$out/main.swift"

for source in Sources/CLinuxShims/*.c; do
    clang -O2 -Wall -Werror -c "$source" -ISources/CLinuxShims/include -o "$out/$(basename "$source").o"
done
swiftc "${flags[@]}" -module-name EmbeddedProgram -c "$out/main.swift" "${users[@]}" -o "$out/main.o"
swiftc -enable-experimental-feature Embedded -wmo "$out"/*.o -lbearssl -o "$out/program"
timeout 60 "$out/program"

if ldd "$out/program" | grep -i swift || nm -u "$out/program" | grep -E ' _?swift_| \$s'; then
    echo "embedded: the program needs Swift's run-time libraries" >&2
    exit 1
fi
echo "$(stat -c %s "$out/program") bytes, no Swift run-time library"

# A check that cannot fail checks nothing: an existential must be refused.
planted="$out/Planted.swift"
cat >"$planted" <<'SWIFT'
public protocol Planted { func number() -> Int }
public func planted(_ value: any Planted) -> Int { value.number() }
SWIFT
if compile_room "$1" "$planted" 2>"$out/planted.txt"; then
    echo "embedded: an existential got through: Embedded mode is not in force" >&2
    exit 1
fi
if ! grep -q "protocol type 'any Planted' in embedded Swift" "$out/planted.txt"; then
    cat "$out/planted.txt" >&2
    exit 1
fi
echo "a planted existential is refused"
