// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include "ring.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contender.h"

struct io_uring ring;

_Noreturn void ring_fail(const char *what, int result) {
    errno = -result;
    contender_fail(what);
}

void ring_open(void) {
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = 16384,
    };
    int result = io_uring_queue_init_params(2048, &ring, &parameters);
    if (result != 0) ring_fail("io_uring_queue_init", result);
    // Saves the look-up of the ring's descriptor in each call; older kernels do without.
    io_uring_register_ring_fd(&ring);
}

void ring_wait(void) {
    int result = io_uring_submit_and_wait(&ring, 1);
    if (result < 0 && result != -EINTR) ring_fail("io_uring_enter", result);
}

void ring_accept(int listener, uint64_t tag) {
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = tag;
}

void ring_watch(int signals, uint64_t tag) {
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_poll_add(sqe, signals, POLLIN);
    sqe->user_data = tag;
}

bool ring_is_accepted(int result, uint64_t limit) {
    if (result < 0 && result != -ECONNABORTED) ring_fail("accept", result);
    if (result < 0) return false;
    if ((uint64_t)result < limit) return true;
    close(result);
    return false;
}
