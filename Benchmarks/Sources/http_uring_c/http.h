// SPDX-License-Identifier: MIT

// The parts of the HTTP server on io_uring: the answer and its date (answer.c), connections
// (connection.c), the ring and its receive buffers (main.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring.h"

enum {
    /// Answers that wait on one connection; who asks for more without reading is cut off.
    ANSWERS_SIZE = 32768,
    /// The longest head that is read.
    HEAD_MAX = 8192,
    BUFFER_COUNT = 128,
    BUFFER_SIZE = 16384,
};

enum operation { ACCEPT, RECEIVE, SEND, SIGNAL };

/// Bytes of answers, from a list of blocks that are free: an idle connection has none.
struct block {
    struct block *next;
    uint32_t start;
    uint32_t count;
    char bytes[ANSWERS_SIZE];
};

/// A connection, in the array at its descriptor's number.
struct connection {
    struct block *sending;
    struct block *waiting;
    /// The beginning of a head that has not come whole.
    char *held;
    uint32_t held_count;
    bool is_receiving;
    bool is_ended;
};

extern struct connection *connections;
extern uint64_t connection_limit;
extern uint64_t total_requests;
/// The number of the answer whose body is spoilt; 0 spoils none.
extern uint64_t corrupt;

// answer.c
/// Once a turn: makes the answer anew when a second has passed.
void answer_refresh(void);
/// The answer to a head, which ends with its empty line.
const char *answer_to(const char *head, size_t size, size_t *count);

// connection.c
void connection_open(int fd);
/// Takes bytes, which the caller takes back at once; NULL if none came.
void connection_received(int fd, int result, uint32_t flags, const char *bytes);
void connection_sent(int fd, int result);
