// SPDX-License-Identifier: MIT

// Load for HTTPS servers, by OpenSSL: connections that ask for one path again and again, or that
// come for one request each, with a full or a resumed handshake. The length of every answer is
// checked, and whether a handshake was of the kind that was asked for.

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contender.h"
#include "tls_load.h"

static const char help[] =
    "usage: tls_load_c --port N [--connections N] [--path P] [--body N] [--handshakes KIND]\n"
    "                  [--milliseconds T | --requests N] [--warmup N] [--idle] [--controlled]\n"
    "Asks an HTTPS server on 127.0.0.1 for a path, checks answers, prints one line of results.\n"
    "  --connections N    connections (64)\n"
    "  --path P           what is asked for (/hello)\n"
    "  --body N           how many bytes it has (13)\n"
    "  --handshakes KIND  once: a connection stays; full, resumed: one request on each (once)\n"
    "  --milliseconds T   how long (1000)\n"
    "  --requests N       exactly so many requests instead\n"
    "  --warmup N         requests before it counts (one for each connection)\n"
    "  --idle             one request on each connection, then nothing for the time given\n"
    "  --pipeline 1       no other depth\n"
    "  --controlled       print 'ready' after the warm-up and wait for a line; wait for another\n"
    "                     before closing\n";

struct options options;

static void read_options(int argc, char **argv) {
    contender_check(argc, argv,
                    "--port --connections --path --body --handshakes --milliseconds --requests "
                    "--warmup --pipeline",
                    "--idle --controlled --help", help);
    uint64_t most = UINT64_MAX >> 25;
    options.port = (uint16_t)contender_number(argc, argv, "--port", 0, 1, 65535);
    options.connections = (uint32_t)contender_number(argc, argv, "--connections", 64, 1, 10000);
    options.path = contender_text(argc, argv, "--path", "/hello");
    options.body_size = contender_number(argc, argv, "--body", 13, 0, 1u << 30);
    options.requests = contender_number(argc, argv, "--requests", 0, 1, most);
    options.warmup = contender_number(argc, argv, "--warmup", options.connections, 0, most);
    options.nanoseconds = 1000000 * contender_number(argc, argv, "--milliseconds", 1000, 1,
                                                     86400000);
    contender_number(argc, argv, "--pipeline", 1, 1, 1);
    options.is_idle = contender_flag(argc, argv, "--idle");
    options.is_controlled = contender_flag(argc, argv, "--controlled");
    const char *kind = contender_text(argc, argv, "--handshakes", "once");
    options.comes_for_one = strcmp(kind, "once") != 0;
    options.resumes = strcmp(kind, "resumed") == 0;
    if (options.port == 0 || (options.comes_for_one && !options.resumes &&
                              strcmp(kind, "full") != 0)) {
        contender_complain("--port is missing, or --handshakes is another word; see --help");
        exit(2);
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    contender_raise_descriptors();
    connections_open();
    connections_run(options.warmup, 0);
    if (options.is_controlled) {
        printf("ready\n");
        fflush(stdout);
        contender_await_line();
    }
    uint64_t cpu = contender_cpu_precise();
    uint64_t start = contender_now();
    uint64_t done = 0;
    if (options.is_idle) {
        usleep((useconds_t)(options.nanoseconds / 1000));
    } else if (options.requests > 0) {
        done = connections_run(options.requests, 0);
    } else {
        done = connections_run(UINT64_MAX, options.nanoseconds);
    }
    printf("result requests=%llu nanoseconds=%llu cpu_ns=%llu total_requests=%llu"
           " connections=%llu\n",
           (unsigned long long)done, (unsigned long long)(contender_now() - start),
           (unsigned long long)(contender_cpu_precise() - cpu),
           (unsigned long long)connections_answered(), (unsigned long long)connections_opened());
    fflush(stdout);
    if (options.is_controlled) contender_await_line();
    connections_close();
    return 0;
}
