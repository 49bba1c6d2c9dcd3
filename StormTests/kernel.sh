#!/usr/bin/env bash
# Runs the storms on this system's kernel, over io_uring and over epoll, each in a network namespace of its own in which
# packets are lost, answered by resets, or held back by a rate limit, until the network becomes well after eight
# seconds. `./dev storm-network [STORM]` calls it with the program and, perhaps, the name of a storm.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$PWD/$1
wanted=${2:-}
seeds=16
logs=.build-storm-network

# What goes wrong; both directions of a connection pass through `input`, so that a chance counts twice.
declare -A faults=(
    [loss]='numgen random mod 1000 < 15 counter name hits drop'
    [resets]='tcp flags & (syn | fin | rst) == 0 numgen random mod 1000 < 4 counter name hits reject with tcp reset'
    [rate]='counter name hits'
)
# The client and streams through TLS send less than the others.
declare -A rates=([client]=500kbit [tls]=4mbit)
rate() { echo "tbf rate ${rates[$1]:-16mbit} burst 16kb latency 20ms"; }
# What tbf has held back is lost with it, so it is asked first.
# shellcheck disable=SC2016
heal='nft flush chain inet storm input; ! tc qdisc show dev lo | grep -q tbf || {
    tc -s qdisc show dev lo >"$held"; tc qdisc del dev lo root; }'

# inside FAULT STORM BACKEND: in the namespace; fails if nothing went wrong on the network.
inside() {
    local hits
    ip link set lo up
    nft -f - <<NFT
table inet storm {
    counter hits { }
    chain input {
        type filter hook input priority 0
        iif lo meta l4proto tcp ${faults[$1]}
    }
}
NFT
    # shellcheck disable=SC2046,SC2064
    [ "$1" != rate ] || tc qdisc add dev lo root $(rate "$2")
    held=$(mktemp)
    trap "rm -f '$held'" EXIT
    held=$held "$program" "$2" --kernel "$3" --seeds 1..$seeds --heal "$heal"
    if [ "$1" = rate ]; then
        hits=$(sed -n 's/.*overlimits \([0-9]*\) .*/\1/p' "$held")
    else
        hits=$(nft list counter inet storm hits | sed -n 's/.*packets \([0-9]*\) .*/\1/p')
    fi
    echo "    $hits packets were hit"
    [ "${hits:-0}" -gt 0 ]
}
if [ "${MILLRACE_STORM_INSIDE:-}" ]; then
    # shellcheck disable=SC2086
    inside $MILLRACE_STORM_INSIDE
    exit
fi

rm -rf "$logs"
mkdir -p "$logs"
failures=0
count=0
processes=()
for fault in loss resets rate; do
    for storm in $("$program" --list | cut -f1); do
        [[ $storm == *$wanted* ]] || continue
        for backend in io_uring epoll; do
            log=$logs/$fault-$storm-$backend.txt
            MILLRACE_STORM_INSIDE="$fault $storm $backend" \
                timeout --kill-after 5 240 unshare --net "$0" "$1" >"$log" 2>&1 &
            processes+=("$! $log")
        done
    done
done
for entry in ${processes[@]+"${processes[@]}"}; do
    read -r process log <<<"$entry"
    name=$(basename "$log" .txt)
    if wait "$process"; then
        printf '%-24s %s, %s\n' "$name" "$(sed -n 's/^ *//; /completions in/p' "$log" | tail -1)" \
            "$(sed -n 's/^ *//; /were hit/p' "$log")"
    else
        printf '%-24s FAILED\n' "$name"
        cat "$log"
        failures=$((failures + 1))
    fi
    count=$((count + 1))
done
if [ "$count" = 0 ]; then echo "storm-network: no storm is called '$wanted'" >&2; exit 2; fi
if [ "$failures" != 0 ]; then echo "storm-network: $failures of $count FAILED" >&2; exit 1; fi
echo "storm-network: $count runs of $seeds seeds, all held"
