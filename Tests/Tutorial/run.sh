#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Makes the package of docs/tutorial-http.md out of its blocks, tests it, and uses it as its text says.
#
#     Tests/Tutorial/run.sh [FOLDER]

set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-.build-tutorial}
program=
server=

fail() {
    echo "tutorial: $*" >&2
    exit 1
}

finish() { [ -z "$program" ] || kill -KILL "$program" 2>/dev/null || true; }
trap finish EXIT

# Each block goes into the file that the comment before it names.
extract() {
    awk -v folder="$folder/hello" '
        /^<!-- file: .* -->$/ { file = folder "/" $3; next }
        /^```/ && writing { close(file); file = ""; writing = 0; next }
        /^```/ && file != "" { writing = 1; printf "" > file; count++; next }
        writing { print >> file }
        END { if (count != 4) { print "tutorial: " count " blocks, 4 expected" > "/dev/stderr"; exit 1 } }
    ' docs/tutorial-http.md
}

# The answer's body must be the second argument.
expect() {
    local answer
    answer=$(curl --silent --show-error --max-time 10 "${@:3}" "http://$server$1") || fail "$1 is not answered"
    [ "$answer" = "$2" ] || fail "$1 answered '$answer' instead of '$2'"
}

mkdir -p "$folder/hello/Sources/hello" "$folder/hello/Tests/helloTests"
ln -sfn "$PWD" "$folder/millrace"
extract
swift test --package-path "$folder/hello" --scratch-path "$folder/build"
stdbuf --output=L "$folder/build/debug/hello" 0 >"$folder/output" &
program=$!
for _ in $(seq 100); do
    server=$(sed -n 's/^listening on //p' "$folder/output")
    [ -z "$server" ] || break
    sleep 0.1
done
[ -n "$server" ] || fail "the program does not listen"
expect /hello 'Hello, World!'
expect /greetings/Ada 'Hello, Ada!'
expect /sum 3 --data-binary $'1\n2\n'
kill -INT "$program"
wait "$program" || fail "the program ended with status $?"
program=
grep -q '^3 answers$' "$folder/output" || fail "the program did not say what it has done"
echo "tutorial: 4 blocks compiled, tested and used"
