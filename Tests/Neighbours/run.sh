#!/usr/bin/env bash
# Runs example_http_server behind and under other programs: nginx and HAProxy as proxies that keep their connections,
# wrk and ab as clients, Chromium as a browser. Prints "ok NAME" or "not ok NAME" for each, and how many are well.
#
#     Tests/Neighbours/run.sh FOLDER_OF_THE_PROGRAMS [ARGUMENT…]
#
# ARGUMENT…s go to the server. NEIGHBOURS names the programs, all without it; one that is not installed is not ok.
# With SCREENSHOT=FILE the page is photographed there.
set -uo pipefail
programs=$1
shift
work=$(mktemp -d /tmp/millrace-neighbours-XXXXXX)
pids=()
passed=0
failed=0

finish() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT
chmod 755 "$work" # nginx gives its rights up.

report() { # report NAME CODE
    if [ "$2" = 0 ]; then
        echo "ok $1"
        passed=$((passed + 1))
    else
        echo "not ok $1"
        failed=$((failed + 1))
    fi
}

# Whether a program was asked for and is there.
wants() {
    [[ " ${NEIGHBOURS:-nginx haproxy wrk ab chromium} " == *" $1 "* ]] || return 1
    command -v "$1" >/dev/null && return 0
    report "$1: not installed" 1
    return 1
}

free_port() {
    local port
    for port in $(shuf -i 20000-32000 -n 50); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || {
            echo "$port"
            return
        }
    done
}

fetch() { curl -q --noproxy '*' --max-time 30 -sS "$@"; }

until_served() { # until_served URL
    local turn
    for turn in $(seq 100); do
        fetch -o /dev/null "$1" 2>/dev/null && return 0
        sleep 0.1
    done
    return 1
}

head -c 3000000 /dev/urandom >"$work/large.bin"
head -c 900000 /dev/urandom >"$work/upload.bin"
"$programs/example_http_server" --root "$work" "$@" >"$work/server.out" 2>"$work/server.err" &
pids+=($!)
for turn in $(seq 100); do
    grep -q '^listening' "$work/server.out" && break
    sleep 0.1
done
link=$(sed -n 's/^listening on //p' "$work/server.out")
port=$(sed 's|.*:\([0-9]*\)/|\1|' <<<"$link")

# What comes through a proxy must be what the server says itself.
compare() { # compare NAME URL
    local name=$1 url=$2 code=0 turn
    expect() { # expect WHAT COMMAND…
        "${@:2}" && return
        echo "$name: $1" >&2
        code=1
    }
    expect "no answer" until_served "$url/hello"
    for turn in $(seq 200); do echo "url=$url/hello"; done >"$work/many"
    fetch -K "$work/many" >"$work/out"
    expect "200 answers" [ "$(wc -c <"$work/out")" = 2600 ]
    fetch -o "$work/out" "$url/files/large.bin"
    expect "a file" cmp -s "$work/out" "$work/large.bin"
    fetch -o "$work/out" -r 1000000-1999999 "$url/files/large.bin"
    expect "a range" cmp -s "$work/out" <(tail -c +1000001 "$work/large.bin" | head -c 1000000)
    fetch -o "$work/out" --data-binary "@$work/upload.bin" "$url/echo"
    expect "an upload" cmp -s "$work/out" "$work/upload.bin"
    fetch -o "$work/out" -H 'Transfer-Encoding: chunked' --data-binary "@$work/upload.bin" "$url/echo"
    expect "an upload in chunks" cmp -s "$work/out" "$work/upload.bin"
    expect "405" [ "$(fetch -o /dev/null -w '%{http_code}' -X PUT "$url/hello")" = 405 ]
    expect "404" [ "$(fetch -o /dev/null -w '%{http_code}' "$url/missing")" = 404 ]
    fetch -I "$url/files/large.bin" >"$work/out"
    expect "HEAD" grep -qi '^content-length: 3000000' "$work/out"
    fetch --max-time 2 "$url/events" >"$work/out" 2>/dev/null
    expect "events" grep -q '^data: {' "$work/out"
    report "$name" $code
}

if wants nginx; then
    front=$(free_port)
    cat >"$work/nginx.conf" <<EOF
worker_processes 1;
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.err;
events {}
http {
    access_log off;
    client_max_body_size 10m;
    client_body_temp_path $work/nginx-body;
    proxy_temp_path $work/nginx-proxy;
    fastcgi_temp_path $work/nginx-fastcgi;
    uwsgi_temp_path $work/nginx-uwsgi;
    scgi_temp_path $work/nginx-scgi;
    upstream server { server 127.0.0.1:$port; keepalive 8; }
    server {
        listen 127.0.0.1:$front;
        location / {
            proxy_pass http://server;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }
    }
}
EOF
    nginx -c "$work/nginx.conf" -e "$work/nginx.err" >"$work/nginx.out" 2>&1 &
    pids+=($!)
    compare nginx "http://127.0.0.1:$front"
fi

if wants haproxy; then
    front=$(free_port)
    cat >"$work/haproxy.cfg" <<EOF
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    http-reuse always
frontend front
    bind 127.0.0.1:$front
    default_backend server
backend server
    server one 127.0.0.1:$port check inter 2s
    option httpchk GET /healthz
EOF
    haproxy -db -f "$work/haproxy.cfg" >"$work/haproxy.out" 2>&1 &
    pids+=($!)
    compare haproxy "http://127.0.0.1:$front"
fi

if wants wrk; then
    wrk -t1 -c64 -d2 "${link}hello" >"$work/wrk.out" 2>&1
    code=$?
    grep -qE 'Socket errors|Non-2xx' "$work/wrk.out" && code=1
    grep -q 'Requests/sec' "$work/wrk.out" || code=1
    report wrk $code
fi

if wants ab; then
    code=0
    ab -q -k -c 32 -n 5000 "${link}hello" >"$work/ab.out" 2>&1 || code=1
    grep -q '^Failed requests: *0$' "$work/ab.out" || code=1
    grep -q '^Keep-Alive requests: *5000$' "$work/ab.out" || code=1
    ab -q -c 32 -n 2000 "${link}hello" >"$work/ab.out" 2>&1 || code=1
    grep -q '^Failed requests: *0$' "$work/ab.out" || code=1
    report ab $code
fi

if wants chromium; then
    # The page's events never end, so the browser is told when to take its picture.
    timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-proxy-server \
        --user-data-dir="$work/chromium" --timeout=3000 --window-size=900,900 \
        --screenshot="$work/page.png" "$link" >"$work/chromium.out" 2>&1
    code=$?
    [ "$(head -c 8 "$work/page.png" 2>/dev/null | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || code=1
    [ -z "${SCREENSHOT:-}" ] || cp "$work/page.png" "$SCREENSHOT"
    report chromium $code
fi

# The server must still be there, and end as it should.
server=${pids[0]}
kill -INT "$server"
wait "$server"
report server $?
pids=("${pids[@]:1}")
[ "$failed" = 0 ] || cat "$work"/*.err "$work"/*.out >&2
echo "$passed checks passed, $failed failed"
[ "$failed" = 0 ]
