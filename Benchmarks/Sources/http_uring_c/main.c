// SPDX-License-Identifier: MIT

// An HTTP server on io_uring(7), one thread, that can answer one request: the bar for a server in
// any language. Multishot accept and receive into a ring of provided buffers, one send for all
// requests that came together, one system call a turn.

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "contender.h"
#include "http.h"

static const char help[] =
    "usage: http_uring_c [--port N] [--corrupt N]\n"
    "An HTTP server on io_uring, one thread: answers GET /hello with 'Hello, World!'. Prints\n"
    "'listening on 127.0.0.1:PORT'; SIGTERM ends it.\n"
    "  --port N     port; 0, the default, takes a free one\n"
    "  --corrupt N  spoils the body of answer N\n";

struct connection *connections;
uint64_t connection_limit;
uint64_t total_requests;
uint64_t corrupt;
static uint64_t total_connections;

static struct io_uring_buf_ring *shared;
static char *memory;
static int unpublished;

static void give(uint16_t buffer) {
    io_uring_buf_ring_add(shared, memory + (size_t)buffer * BUFFER_SIZE, BUFFER_SIZE, buffer,
                          io_uring_buf_ring_mask(BUFFER_COUNT), unpublished++);
}

static void publish(void) {
    if (unpublished == 0) return;
    io_uring_buf_ring_advance(shared, unpublished);
    unpublished = 0;
}

static void open_buffers(void) {
    size_t size = (size_t)BUFFER_COUNT * BUFFER_SIZE;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shared = mmap(NULL, BUFFER_COUNT * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || shared == MAP_FAILED) contender_fail("buffers");
    io_uring_buf_ring_init(shared);
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)shared,
        .ring_entries = BUFFER_COUNT,
    };
    int result = io_uring_register_buf_ring(&ring, &registration, 0);
    if (result != 0) ring_fail("registering a buffer ring", result);
    for (uint32_t buffer = 0; buffer < BUFFER_COUNT; buffer++) give((uint16_t)buffer);
    publish();
}

static void accepted(int listener, int result, uint32_t flags) {
    if (ring_is_accepted(result, connection_limit)) {
        total_connections++;
        connection_open(result);
    }
    if (!(flags & IORING_CQE_F_MORE)) ring_accept(listener, ring_tag(ACCEPT, listener));
}

static void received(int fd, int result, uint32_t flags) {
    if (!(flags & IORING_CQE_F_BUFFER)) {
        connection_received(fd, result, flags, NULL);
        return;
    }
    uint16_t buffer = (uint16_t)(flags >> IORING_CQE_BUFFER_SHIFT);
    connection_received(fd, result, flags, memory + (size_t)buffer * BUFFER_SIZE);
    give(buffer);
}

/// One completion; false if it was the signal to end.
static bool dispatch(const struct io_uring_cqe *cqe) {
    int fd = (int)(uint32_t)cqe->user_data;
    switch ((enum operation)(cqe->user_data >> 32)) {
        case RECEIVE: received(fd, cqe->res, cqe->flags); break;
        case SEND: connection_sent(fd, cqe->res); break;
        case ACCEPT: accepted(fd, cqe->res, cqe->flags); break;
        case SIGNAL: return false;
    }
    return true;
}

static void run(void) {
    bool is_running = true;
    while (is_running) {  // Ends with a signal.
        ring_wait();
        answer_refresh();
        struct io_uring_cqe *cqe;
        unsigned head, count = 0;
        io_uring_for_each_cqe(&ring, head, cqe) {
            is_running = dispatch(cqe) && is_running;
            count++;
        }
        io_uring_cq_advance(&ring, count);
        publish();
    }
}

int main(int argc, char **argv) {
    contender_check(argc, argv, "--port --corrupt", "--help", help);
    uint16_t port = (uint16_t)contender_number(argc, argv, "--port", 0, 0, 65535);
    corrupt = contender_number(argc, argv, "--corrupt", 0, 1, UINT32_MAX);
    connection_limit = contender_raise_descriptors();
    connections = calloc(connection_limit, sizeof *connections);
    if (connections == NULL) contender_fail("calloc");
    int signals = contender_signals();
    ring_open();
    open_buffers();
    int listener = contender_listen(port);
    ring_watch(signals, ring_tag(SIGNAL, signals));
    ring_accept(listener, ring_tag(ACCEPT, listener));
    run();
    printf("total connections=%llu requests=%llu\n", (unsigned long long)total_connections,
           (unsigned long long)total_requests);
    fflush(stdout);
    return 0;
}
