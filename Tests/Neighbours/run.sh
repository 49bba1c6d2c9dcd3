#!/usr/bin/env bash
# Runs example_http_server behind and under other programs, plain and by TLS: nginx and HAProxy as proxies that keep
# their connections, wrk, ab, curl, openssl and Go as clients, Chromium as a browser, testssl and sslyze as scanners.
# Prints "ok NAME" or "not ok NAME" for each, and how many are well.
#
#     Tests/Neighbours/run.sh FOLDER_OF_THE_PROGRAMS [ARGUMENT…]
#
# ARGUMENT…s go to the server. NEIGHBOURS names the programs, the usual ones without it; one that is not installed is
# not ok.
# With SCREENSHOT=FILE the page is photographed there.
set -uo pipefail
programs=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
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
    [[ " ${NEIGHBOURS:-nginx haproxy wrk ab curl openssl chromium} " == *" $1 "* ]] || return 1
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

fetch() { curl -q --cacert "$work/cert.pem" --noproxy '*' --max-time 30 -sS "$@"; }

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
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
"$programs/example_http_server" --root "$work" --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 \
    --cert "$work/cert.pem" --key "$work/key.pem" "$@" >"$work/server.out" 2>"$work/server.err" &
pids+=($!)
for turn in $(seq 100); do
    [ "$(grep -c '^listening' "$work/server.out")" = 2 ] && break
    sleep 0.1
done
link=$(sed -n 's/^listening on \(http:.*\)/\1/p' "$work/server.out")
port=$(sed 's|.*:\([0-9]*\)/|\1|' <<<"$link")
tls=$(sed -n 's/^listening on https:.*:\([0-9]*\)\//\1/p' "$work/server.out")
secure="https://localhost:$tls"

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
    second=$(free_port)
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
    upstream secure { server 127.0.0.1:$tls; keepalive 8; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering off;
    proxy_ssl_verify on;
    proxy_ssl_name localhost;
    proxy_ssl_server_name on;
    proxy_ssl_trusted_certificate $work/cert.pem;
    server {
        listen 127.0.0.1:$front;
        location / { proxy_pass http://server; }
    }
    server {
        listen 127.0.0.1:$second;
        location / { proxy_pass https://secure; }
    }
}
EOF
    nginx -c "$work/nginx.conf" -e "$work/nginx.err" >"$work/nginx.out" 2>&1 &
    pids+=($!)
    compare nginx "http://127.0.0.1:$front"
    compare nginx-tls "http://127.0.0.1:$second"
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
    code=0
    wrk -t1 -c64 -d2 "https://127.0.0.1:$tls/hello" >"$work/wrk.out" 2>&1 || code=1
    grep -qE 'Socket errors|Non-2xx' "$work/wrk.out" && code=1
    grep -q 'Requests/sec' "$work/wrk.out" || code=1
    report wrk-tls $code
fi

if wants ab; then
    code=0
    ab -q -k -c 32 -n 5000 "${link}hello" >"$work/ab.out" 2>&1 || code=1
    grep -q '^Failed requests: *0$' "$work/ab.out" || code=1
    grep -q '^Keep-Alive requests: *5000$' "$work/ab.out" || code=1
    ab -q -c 32 -n 2000 "${link}hello" >"$work/ab.out" 2>&1 || code=1
    grep -q '^Failed requests: *0$' "$work/ab.out" || code=1
    report ab $code
    code=0
    for option in -k -q; do
        ab -q $option -c 16 -n 1000 "https://127.0.0.1:$tls/hello" >"$work/ab.out" 2>&1 || code=1
        grep -q '^Failed requests: *0$' "$work/ab.out" || code=1
    done
    report ab-tls $code
fi

if wants curl; then compare curl "$secure"; fi

# Handshakes by the openssl command: resumption, and what must be refused.
if wants openssl; then
    code=0
    client() { # client WORDS ARGUMENT…: whether the output has the words.
        timeout 20 openssl s_client -connect "127.0.0.1:$tls" -servername localhost -CAfile "$work/cert.pem" \
            "${@:2}" >"$work/client.log" 2>&1
        grep -qi -- "$1" "$work/client.log" && return
        echo "openssl ${*:2}: no '$1'" >>"$work/client.out"
        code=1
    }
    get='GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    client 'Hello, World!' -verify_return_error -ign_eof < <(printf "$get")
    client 'Verify return code: 0' -ign_eof -sess_out "$work/session" < <(printf "$get")
    client 'Reused, TLSv1.2' -ign_eof -sess_in "$work/session" < <(printf "$get")
    client 'no renegotiation' -tls1_2 < <(sleep 1; echo R; sleep 1)
    for version in -tls1 -tls1_1 -tls1_3; do client alert $version -cipher ALL:@SECLEVEL=0 </dev/null; done
    for suite in AES128-SHA AES128-GCM-SHA256 ECDHE-ECDSA-AES128-SHA ADH-AES128-GCM-SHA256; do
        client 'handshake failure' -tls1_2 -cipher "$suite:@SECLEVEL=0" </dev/null
    done
    report openssl $code
fi

if wants go; then
    mkdir "$work/go"
    cp "$(dirname "$0")/client.go" "$work/go/"
    (cd "$work/go" && HOME=$work/go GO111MODULE=off go run client.go "$secure" "$work/cert.pem") >"$work/go.out" 2>&1
    report go $?
fi

# What scanners find beyond TLS 1.2 alone, no extended master secret, and a certificate that nobody trusts.
if wants testssl; then
    testssl --quiet --color 0 --warnings off -oj "$work/testssl.json" "127.0.0.1:$tls" >"$work/testssl.log" 2>&1
    python3 "$here/findings.py" testssl "$work/testssl.json" >"$work/testssl.out"
    report testssl $?
fi

if wants sslyze; then
    sslyze --json_out "$work/sslyze.json" "localhost:$tls" >"$work/sslyze.log" 2>&1
    python3 "$here/findings.py" sslyze "$work/sslyze.json" >"$work/sslyze.out"
    report sslyze $?
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
    timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-proxy-server \
        --user-data-dir="$work/chromium" --ignore-certificate-errors --timeout=3000 --dump-dom \
        "$secure/hello" >"$work/chromium-tls.log" 2>&1
    grep -q 'Hello, World!' "$work/chromium-tls.log"
    report chromium-tls $?
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
