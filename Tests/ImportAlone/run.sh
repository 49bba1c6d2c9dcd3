#!/usr/bin/env bash
# Takes each product that is named as an argument alone, from a package outside the tree, where git may not clone,
# pkg-config finds nothing and no cache helps; builds and runs a few lines that use it. `./dev alone` calls it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
[ $# -gt 0 ] || exit 2

outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
mkdir -p "$outside/Sources/Outside"

export GIT_ALLOW_PROTOCOL=none GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_TERMINAL_PROMPT=0
export PKG_CONFIG_PATH=/nonexistent PKG_CONFIG_LIBDIR=/nonexistent
common=(--package-path "$outside" --cache-path "$outside/cache" --disable-dependency-cache)

fail() {
    printf 'alone: %s\n' "$*" >&2
    exit 1
}

# The README's smallest program: its second block of Swift.
readme_program() {
    awk '/^```/ { inside = ($0 == "```swift"); blocks += inside; next } inside && blocks == 2' "$tree/README.md"
}

# take PRODUCT SOURCE: builds and runs a package that has this product as its only dependency
take() {
    local product=$1 source=$2
    [ -s "$source" ] || fail "$source is missing: ten lines that use $product"
    sed -e "s|@TREE@|$tree|" -e "s|@PRODUCT@|$product|" "$here/Package.swift.template" >"$outside/Package.swift"
    cp "$source" "$outside/Sources/Outside/main.swift"
    # Two sources within one tick of the clock look like one to the build.
    rm -rf "$outside"/.build/*/debug/Outside.build

    if ! swift build "${common[@]}" -q >"$outside/log" 2>&1; then
        cat "$outside/log" >&2
        fail "$product does not build alone"
    fi
    grep -i 'pkg-config\|warning: ' "$outside/log" && fail "$product asks for a system library or warns"
    timeout 60 "$outside/.build/debug/Outside"

    local graph
    graph=$(swift package "${common[@]}" show-dependencies --format flatlist 2>/dev/null)
    [ "$(wc -l <<<"$graph")" = 1 ] || fail "$product brings packages along: $graph"
    for folder in checkouts repositories; do
        [ -z "$(ls -A "$outside/.build/$folder" 2>/dev/null)" ] || fail "$product made git clone into $folder"
    done
    [ ! -e "$outside/Package.resolved" ] || grep -q '"pins" : \[ *\]' <(tr -d '\n' <"$outside/Package.resolved") ||
        fail "$product pins versions: $(cat "$outside/Package.resolved")"
}

for product in "$@"; do
    take "$product" "$here/$product.swift"
    if [ "$product" = ConcurrentQueues ]; then
        readme_program >"$outside/readme.swift"
        take "$product" "$outside/readme.swift"
    fi
done
echo "alone: $# products, no clone, no system library"
