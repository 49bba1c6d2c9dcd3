// SPDX-License-Identifier: MIT

// Load for HTTP servers: keep-alive connections that ask for /hello again and again, each with a
// number of requests under way, or at a rate; or connections that ask once and wait. Every answer
// is checked.

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
    "                   [--seconds T | --milliseconds T | --requests N] [--rate R]\n"
    "                   [--warmup N] [--idle] [--controlled]\n"
    "Asks an HTTP server on 127.0.0.1 for /hello, checks the answers, prints one line of results.\n"
    "  --connections N   connections (64)\n"
    "  --pipeline D      requests under way on each connection (1)\n"
    "  --seconds T       how long (1); --milliseconds likewise\n"
    "  --requests N      exactly so many requests instead\n"
    "  --rate R          open loop: R requests a second; p50, p90, p99, p99.9 and maximum\n"
    "                    count from when a request was due\n"
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
static uint64_t last_progress;

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

static void check_progress(uint64_t now, uint64_t before) {
    if (done != before) last_progress = now;
    if (now - last_progress > patience) {
        fprintf(stderr, "http_load: no answer for 10 seconds; %llu requests are under way\n",
                (unsigned long long)outstanding);
        exit(1);
    }
}

/// A request follows its answer, until all were asked or the time is over.
static void run(uint64_t requests, uint64_t nanoseconds) {
    done = 0;
    remaining = requests;
    start_of_phase = last_progress = contender_now();
    uint64_t deadline = nanoseconds > 0 ? start_of_phase + nanoseconds : UINT64_MAX;
    for (uint32_t index = 0; index < options.connections && remaining > 0; index++) {
        ask(index, options.pipeline < remaining ? options.pipeline : remaining);
    }
    while (outstanding > 0) {  // Ends: `check_progress` sees to it.
        uint64_t before = done;
        connections_turn(1000, answered);
        uint64_t now = contender_now();
        if (now >= deadline) remaining = 0;
        check_progress(now, before);
    }
    total += done;
}

static uint64_t due(uint64_t request) {
    return start_of_phase + (uint64_t)((double)request * 1e9 / (double)options.rate);
}

static void answered_late(uint32_t index, uint32_t count) {
    uint64_t now = contender_now();
    uint64_t first = connection_count(index, count);
    for (uint32_t turn = 0; turn < count; turn++) {
        uint64_t then = due((first + turn) * options.connections + index);
        contender_latency_add(now > then ? now - then : 0);
    }
    done += count;
    outstanding -= count;
}

/// Requests at a rate, whatever becomes of the earlier ones.
static void run_open(uint64_t requests) {
    done = 0;
    remaining = requests;
    start_of_phase = last_progress = contender_now();
    uint64_t next = 0;
    while (next < requests || outstanding > 0) {  // Ends: `check_progress` sees to it.
        uint64_t before = done;
        uint64_t now = contender_now();
        for (int burst = 0; burst < 64 && next < requests && due(next) <= now; burst++) {
            ask((uint32_t)(next++ % options.connections), 1);
        }
        connections_turn(0, answered_late);
        check_progress(now, before);
    }
    total += done;
}

static void read_options(int argc, char **argv) {
    contender_check(argc, argv,
                    "--port --connections --pipeline --seconds --milliseconds --requests --rate "
                    "--warmup",
                    "--idle --controlled --help", help);
    uint64_t most = UINT64_MAX >> 25;
    options.port = (uint16_t)contender_number(argc, argv, "--port", 0, 1, 65535);
    options.connections = (uint32_t)contender_number(argc, argv, "--connections", 64, 1, 10000);
    options.pipeline = (uint32_t)contender_number(argc, argv, "--pipeline", 1, 1, 128);
    options.requests = contender_number(argc, argv, "--requests", 0, 1, most);
    options.rate = contender_number(argc, argv, "--rate", 0, 1, 10000000);
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
    } else if (options.rate > 0) {
        double count = (double)options.rate * (double)options.nanoseconds / 1e9;
        uint64_t requests = options.requests > 0 ? options.requests : (uint64_t)count;
        run_open(requests > 0 ? requests : 1);
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
        contender_await_line();
    }
    uint64_t cpu = contender_cpu_precise();
    run_measured();
    printf("result requests=%llu nanoseconds=%llu cpu_ns=%llu total_requests=%llu"
           " connections=%u",
           (unsigned long long)done, (unsigned long long)(contender_now() - start_of_phase),
           (unsigned long long)(contender_cpu_precise() - cpu), (unsigned long long)total,
           options.connections);
    if (options.rate > 0) contender_latency_print();
    printf("\n");
    fflush(stdout);
    if (options.is_controlled) contender_await_line();
    connections_close();
    return 0;
}
