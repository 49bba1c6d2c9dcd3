// SPDX-License-Identifier: MIT

// An echo server on io_uring(7), one thread: the bar that an event loop in any language has to
// meet. Multishot accept and receive into a ring of provided buffers, sends straight out of them,
// one system call a turn.

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contender.h"
#include "echo.h"

static const char help[] =
    "usage: echo_uring_c [--port N] [--buffers N] [--buffer BYTES] [--incremental | --bundle]\n"
    "                    [--direct]\n"
    "An echo server on io_uring, one thread. Prints 'listening on 127.0.0.1:PORT'; SIGTERM ends\n"
    "it.\n"
    "  --port N        port; 0, the default, takes a free one\n"
    "  --buffers N     receive buffers, a power of two (128)\n"
    "  --buffer BYTES  the size of each (16384)\n"
    "  --incremental   the kernel fills a buffer over many receives (Linux 6.12)\n"
    "  --bundle        one completion for several buffers (Linux 6.10)\n"
    "  --direct        send(2) at once; the ring sends only what would wait\n";

struct options options;
struct connection *connections;
uint64_t connection_limit;
uint64_t total_bytes;
static uint64_t total_connections;

static void accepted(int listener, int result, uint32_t flags) {
    if (ring_is_accepted(result, connection_limit)) {
        total_connections++;
        connection_open(result);
    }
    if (!(flags & IORING_CQE_F_MORE)) ring_accept(listener, ring_tag(ACCEPT, listener));
}

/// One completion; false if it was the signal to end.
static bool dispatch(const struct io_uring_cqe *cqe) {
    int fd = (int)(uint32_t)cqe->user_data;
    switch ((enum operation)(cqe->user_data >> 32)) {
        case RECEIVE: connection_received(fd, cqe->res, cqe->flags); break;
        case SEND: connection_sent(fd, cqe->res); break;
        case ACCEPT: accepted(fd, cqe->res, cqe->flags); break;
        case CANCEL: break;  // What it cancelled, or did not find, completes by itself.
        case SIGNAL: return false;
    }
    return true;
}

/// Submits and waits for a completion; with hungry connections only for a while.
static void wait_for_completions(void) {
    if (!connections_are_starved()) {
        ring_wait();
        return;
    }
    struct __kernel_timespec limit = {.tv_nsec = DRY_NANOSECONDS};
    struct io_uring_cqe *cqe;
    int result = io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &limit, NULL);
    if (result == -ETIME) connections_spill();
}

static void run(void) {
    bool is_running = true;
    while (is_running) {  // Ends with a signal.
        wait_for_completions();
        struct io_uring_cqe *cqe;
        unsigned head, count = 0;
        io_uring_for_each_cqe(&ring, head, cqe) {
            is_running = dispatch(cqe) && is_running;
            count++;
        }
        io_uring_cq_advance(&ring, count);
        buffers_publish();
        if (connections_are_starved()) connections_feed();
    }
}

int main(int argc, char **argv) {
    contender_check(argc, argv, "--port --buffers --buffer",
                    "--incremental --bundle --direct --help", help);
    uint16_t port = (uint16_t)contender_number(argc, argv, "--port", 0, 0, 65535);
    options.buffer_count = (uint32_t)contender_number(argc, argv, "--buffers", 128, 1, 32768);
    options.buffer_size = (uint32_t)contender_number(argc, argv, "--buffer", 16384, 1, 1 << 24);
    options.is_incremental = contender_flag(argc, argv, "--incremental");
    options.is_bundling = contender_flag(argc, argv, "--bundle");
    options.is_direct = contender_flag(argc, argv, "--direct");
    bool is_power = (options.buffer_count & (options.buffer_count - 1)) == 0;
    if (!is_power || (options.is_incremental && options.is_bundling)) {
        fprintf(stderr, "echo_uring_c: %s\n",
                is_power ? "--incremental and --bundle exclude each other"
                         : "--buffers takes a power of two");
        return 2;
    }
    connection_limit = contender_raise_descriptors();
    connections = calloc(connection_limit, sizeof *connections);
    if (connections == NULL) contender_fail("calloc");
    int signals = contender_signals();
    ring_open();
    buffers_open();
    int listener = contender_listen(port);
    ring_watch(signals, ring_tag(SIGNAL, signals));
    ring_accept(listener, ring_tag(ACCEPT, listener));
    run();
    contender_totals(total_connections, total_bytes, 0);
    return 0;
}
