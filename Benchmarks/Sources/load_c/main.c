// SPDX-License-Identifier: MIT

// Load for echo servers: closed loop (a request follows its answer), open loop (requests at a
// rate, latency counted from when each should have been sent), idle connections, stopped readers.
// Every byte that comes back is checked.

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contender.h"
#include "load.h"

static const char help[] =
    "usage: load_c --port N [--connections N] [--bytes S] [--pipeline D]\n"
    "              [--seconds T | --milliseconds T | --requests N] [--rate R] [--warmup N]\n"
    "              [--stopped K] [--idle] [--controlled]\n"
    "Loads an echo server on 127.0.0.1, checks what comes back, and prints one line of results.\n"
    "  --connections N   connections (64)\n"
    "  --bytes S         size of a message, at least 8 (64)\n"
    "  --pipeline D      messages under way on each connection (1)\n"
    "  --seconds T       how long (1); --milliseconds likewise\n"
    "  --requests N      exactly so many requests instead\n"
    "  --rate R          open loop: R requests a second; p50, p90, p99, p99.9 and maximum\n"
    "                    count from when a request was due\n"
    "  --warmup N        requests before it counts (one for each connection and place in the\n"
    "                    pipeline)\n"
    "  --stopped K       K of the connections send without end and never read\n"
    "  --idle            one request on each connection, then nothing for the time given\n"
    "  --controlled      print 'ready' after the warm-up and wait for a line; wait for another\n"
    "                    before closing\n";

/// How long nothing may come back.
static const uint64_t patience = 10000000000ull;

struct options options;
static uint64_t remaining;
static uint64_t outstanding;
static uint64_t done;
static uint64_t deadline;
static uint64_t start_of_phase;
static uint64_t last_progress;

static uint32_t active(void) { return options.connections - options.stopped; }

static void ask(uint32_t index, uint64_t count) {
    struct connection *connection = connection_at(index);
    connection->target += count * options.bytes;
    outstanding += count;
    remaining -= count;
    connection_send(index);
}

static void answered(uint32_t index, uint64_t count) {
    done += count;
    outstanding -= count;
    uint64_t next = count < remaining ? count : remaining;
    if (next > 0) ask(index, next);
}

static void check_progress(uint64_t now, uint64_t before) {
    if (done != before) last_progress = now;
    if (now - last_progress > patience) {
        fprintf(stderr, "load: no answer for 10 seconds; %llu requests are under way\n",
                (unsigned long long)outstanding);
        exit(1);
    }
}

static void begin_phase(void) {
    done = 0;
    start_of_phase = last_progress = contender_now();
}

/// A request follows its answer, until all were asked or the time is over.
static void run_closed(uint64_t requests, uint64_t nanoseconds) {
    begin_phase();
    remaining = requests;
    deadline = nanoseconds > 0 ? start_of_phase + nanoseconds : UINT64_MAX;
    for (uint64_t place = 0; place < options.pipeline; place++) {
        for (uint32_t index = options.stopped; index < options.connections; index++) {
            if (remaining > 0) ask(index, 1);
        }
    }
    while (outstanding > 0) {  // Ends: `check_progress` sees to it.
        uint64_t before = done;
        connections_turn(1000, answered);
        uint64_t now = contender_now();
        if (now >= deadline) remaining = 0;
        check_progress(now, before);
    }
}

static uint64_t due(uint64_t request) {
    return start_of_phase + (uint64_t)((double)request * 1e9 / (double)options.rate);
}

static void answered_late(uint32_t index, uint64_t count) {
    struct connection *connection = connection_at(index);
    uint64_t now = contender_now();
    uint64_t first = connection->message - count - connection->first;
    for (uint64_t turn = 0; turn < count; turn++) {
        uint64_t request = (first + turn) * active() + (index - options.stopped);
        uint64_t then = due(request);
        contender_latency_add(now > then ? now - then : 0);
    }
    done += count;
    outstanding -= count;
}

/// Requests at a rate, whatever becomes of the earlier ones.
static void run_open(uint64_t requests) {
    begin_phase();
    for (uint32_t index = 0; index < options.connections; index++) {
        connection_at(index)->first = connection_at(index)->message;
    }
    remaining = requests;
    uint64_t next = 0;
    while (next < requests || outstanding > 0) {  // Ends: `check_progress` sees to it.
        uint64_t before = done;
        uint64_t now = contender_now();
        for (int burst = 0; burst < 64 && next < requests && due(next) <= now; burst++) {
            ask(options.stopped + (uint32_t)(next++ % active()), 1);
        }
        connections_turn(0, answered_late);
        check_progress(now, before);
    }
}

static void read_options(int argc, char **argv) {
    contender_check(argc, argv,
                    "--port --connections --bytes --pipeline --seconds --milliseconds --requests "
                    "--rate --warmup --stopped",
                    "--idle --controlled --help", help);
    uint64_t most = UINT64_MAX >> 25;
    options.port = (uint16_t)contender_number(argc, argv, "--port", 0, 1, 65535);
    options.connections = (uint32_t)contender_number(argc, argv, "--connections", 64, 1, 10000);
    options.bytes = contender_number(argc, argv, "--bytes", 64, 8, 1 << 24);
    options.pipeline = contender_number(argc, argv, "--pipeline", 1, 1, 65536);
    options.requests = contender_number(argc, argv, "--requests", 0, 1, most);
    options.rate = contender_number(argc, argv, "--rate", 0, 1, 100000000);
    uint64_t seconds = contender_number(argc, argv, "--seconds", 1, 1, 86400);
    options.nanoseconds = 1000000 * contender_number(argc, argv, "--milliseconds", seconds * 1000,
                                                     1, 86400000);
    options.stopped = (uint32_t)contender_number(argc, argv, "--stopped", 0, 0,
                                                 options.connections - 1);
    options.warmup = contender_number(argc, argv, "--warmup", active() * options.pipeline, 0, most);
    options.is_idle = contender_flag(argc, argv, "--idle");
    options.is_controlled = contender_flag(argc, argv, "--controlled");
    if (options.port == 0) {
        fprintf(stderr, "load: --port is missing; see --help\n");
        exit(2);
    }
}

static void report(uint64_t nanoseconds, uint64_t cpu) {
    uint64_t echoed, stopped;
    connections_totals(&echoed, &stopped);
    printf("result requests=%llu bytes=%llu nanoseconds=%llu cpu_ns=%llu total_bytes=%llu "
           "stopped_bytes=%llu connections=%u",
           (unsigned long long)done, (unsigned long long)(done * options.bytes),
           (unsigned long long)nanoseconds, (unsigned long long)cpu, (unsigned long long)echoed,
           (unsigned long long)stopped, options.connections);
    if (options.rate > 0) contender_latency_print();
    printf("\n");
    fflush(stdout);
}

static void run_measured(void) {
    if (options.is_idle) {
        begin_phase();
        poll(NULL, 0, (int)(options.nanoseconds / 1000000));
    } else if (options.rate > 0) {
        double count = (double)options.rate * (double)options.nanoseconds / 1e9;
        uint64_t requests = options.requests > 0 ? options.requests : (uint64_t)count;
        run_open(requests > 0 ? requests : 1);
    } else if (options.requests > 0) {
        run_closed(options.requests, 0);
    } else {
        run_closed(UINT64_MAX, options.nanoseconds);
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    uint64_t limit = contender_raise_descriptors();
    if (options.connections + 16 > limit) {
        fprintf(stderr, "load: %u connections need more descriptors than the limit of %llu\n",
                options.connections, (unsigned long long)limit);
        return 1;
    }
    messages_open(options.bytes);
    connections_open();
    run_closed(options.warmup, 0);
    if (options.is_controlled) {
        printf("ready\n");
        fflush(stdout);
        contender_await_line();
    }
    uint64_t cpu = contender_cpu_precise();
    run_measured();
    report(contender_now() - start_of_phase, contender_cpu_precise() - cpu);
    if (options.is_controlled) contender_await_line();
    connections_close();
    return 0;
}
