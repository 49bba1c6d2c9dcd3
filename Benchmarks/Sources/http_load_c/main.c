// SPDX-License-Identifier: MIT

// Load for HTTP servers: keep-alive connections that ask for /hello again and again, each with a
// number of requests under way; or connections that ask once and wait. Every answer is checked.

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contender.h"
#include "load.h"

static const char help[] =
    "usage: http_load_c --port N [--connections N] [--pipeline D]\n"
    "                   [--seconds T | --milliseconds T | --requests N] [--warmup N]\n"
    "                   [--idle] [--controlled]\n"
    "Asks an HTTP server on 127.0.0.1 for /hello, checks the answers, prints one line of results.\n"
    "  --connections N   connections (64)\n"
    "  --pipeline D      requests under way on each connection (1)\n"
    "  --seconds T       how long (1); --milliseconds likewise\n"
    "  --requests N      exactly so many requests instead\n"
    "  --warmup N        requests before it counts (one for each connection and place in the\n"
    "                    pipeline)\n"
    "  --idle            one request on each connection, then nothing for the time given\n"
    "  --controlled      print 'ready' after the warm-up and wait for a line; wait for another\n"
    "                    before closing\n";

/// How long nothing may come back.
static const uint64_t patience = 10000000000ull;

struct options options;
static uint64_t remaining;
static uint64_t outstanding;
static uint64_t done;
static uint64_t total;
static uint64_t start_of_phase;

static void ask(uint32_t index, uint64_t count) {
    outstanding += count;
    remaining -= count;
    connection_ask(index, (uint32_t)count);
}

static void answered(uint32_t index, uint32_t count) {
    done += count;
    outstanding -= count;
    uint64_t next = count < remaining ? count : remaining;
    if (next > 0) ask(index, next);
}

/// A request follows its answer, until all were asked or the time is over.
static void run(uint64_t requests, uint64_t nanoseconds) {
    done = 0;
    remaining = requests;
    uint64_t last_progress = start_of_phase = contender_now();
    uint64_t deadline = nanoseconds > 0 ? start_of_phase + nanoseconds : UINT64_MAX;
    for (uint32_t index = 0; index < options.connections && remaining > 0; index++) {
        ask(index, options.pipeline < remaining ? options.pipeline : remaining);
    }
    while (outstanding > 0) {  // Ends: with the last answer, or when none comes for too long.
        uint64_t before = done;
        connections_turn(1000, answered);
        uint64_t now = contender_now();
        if (now >= deadline) remaining = 0;
        if (done != before) last_progress = now;
        if (now - last_progress > patience) {
            fprintf(stderr, "http_load: no answer for 10 seconds; %llu requests are under way\n",
                    (unsigned long long)outstanding);
            exit(1);
        }
    }
    total += done;
}

/// Waits for a line or the end of standard input.
static void await_line(void) {
    char byte = 0;
    while (byte != '\n') {  // Ends with the line.
        ssize_t count = read(STDIN_FILENO, &byte, 1);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) exit(count == 0 ? 0 : 1);
    }
}

static void read_options(int argc, char **argv) {
    contender_check(argc, argv,
                    "--port --connections --pipeline --seconds --milliseconds --requests --warmup",
                    "--idle --controlled --help", help);
    uint64_t most = UINT64_MAX >> 25;
    options.port = (uint16_t)contender_number(argc, argv, "--port", 0, 1, 65535);
    options.connections = (uint32_t)contender_number(argc, argv, "--connections", 64, 1, 10000);
    options.pipeline = (uint32_t)contender_number(argc, argv, "--pipeline", 1, 1, 128);
    options.requests = contender_number(argc, argv, "--requests", 0, 1, most);
    uint64_t seconds = contender_number(argc, argv, "--seconds", 1, 1, 86400);
    options.nanoseconds = 1000000 * contender_number(argc, argv, "--milliseconds", seconds * 1000,
                                                     1, 86400000);
    uint64_t places = (uint64_t)options.connections * options.pipeline;
    options.warmup = contender_number(argc, argv, "--warmup", places, 0, most);
    options.is_idle = contender_flag(argc, argv, "--idle");
    options.is_controlled = contender_flag(argc, argv, "--controlled");
    if (options.port == 0) {
        fprintf(stderr, "http_load: --port is missing; see --help\n");
        exit(2);
    }
}

static void run_measured(void) {
    if (options.is_idle) {
        run(0, 0);
        poll(NULL, 0, (int)(options.nanoseconds / 1000000));
    } else if (options.requests > 0) {
        run(options.requests, 0);
    } else {
        run(UINT64_MAX, options.nanoseconds);
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    uint64_t limit = contender_raise_descriptors();
    if (options.connections + 16 > limit) {
        fprintf(stderr, "http_load: %u connections need more descriptors than the limit of %llu\n",
                options.connections, (unsigned long long)limit);
        return 1;
    }
    connections_open();
    run(options.warmup, 0);
    if (options.is_controlled) {
        printf("ready\n");
        fflush(stdout);
        await_line();
    }
    uint64_t cpu = contender_cpu_precise();
    run_measured();
    printf("result requests=%llu nanoseconds=%llu cpu_ns=%llu total_requests=%llu"
           " connections=%u\n",
           (unsigned long long)done, (unsigned long long)(contender_now() - start_of_phase),
           (unsigned long long)(contender_cpu_precise() - cpu), (unsigned long long)total,
           options.connections);
    fflush(stdout);
    if (options.is_controlled) await_line();
    connections_close();
    return 0;
}
