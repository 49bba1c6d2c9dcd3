// SPDX-License-Identifier: MIT

// What the contenders on io_uring(7) share: the ring, and the operations that every server has.
#pragma once

#include <poll.h>
#include <sys/select.h>

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

extern struct io_uring ring;

/// Sets the ring up, for one thread.
void ring_open(void);
/// Ends the program, saying what failed; `result` is the negative errno.
_Noreturn void ring_fail(const char *what, int result);
/// Submits, and waits for one completion.
void ring_wait(void);
/// Accepts again and again, with that tag, until a completion says that there are no more.
void ring_accept(int listener, uint64_t tag);
/// Waits for a signal, with that tag.
void ring_watch(int signals, uint64_t tag);
/// Whether an accept has brought a descriptor below the limit; another is closed.
bool ring_is_accepted(int result, uint64_t limit);

/// What a completion belongs to: a kind of operation, and a descriptor.
static inline uint64_t ring_tag(unsigned operation, int fd) {
    return (uint64_t)operation << 32 | (uint32_t)fd;
}

/// A free submission entry; submits when the queue is full.
static inline struct io_uring_sqe *next_sqe(void) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    while (sqe == NULL) {  // Ends: submitting empties the queue.
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    return sqe;
}
