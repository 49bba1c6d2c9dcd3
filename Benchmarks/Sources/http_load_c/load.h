// SPDX-License-Identifier: MIT

// The parts of the load generator for HTTP: answers and their check (answer.c), connections
// (connection.c), the phases of a run (main.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
    uint16_t port;
    uint32_t connections;
    uint32_t pipeline;
    uint64_t requests;
    uint64_t rate;
    uint64_t warmup;
    uint64_t nanoseconds;
    bool is_idle;
    bool is_controlled;
};

/// A connection: requests that wait to be sent, those whose answers are due, and the bytes of an
/// answer that has not come whole.
struct connection {
    int fd;
    bool is_full;
    uint32_t unsent;
    uint32_t due;
    /// Answers in the open loop that is under way.
    uint64_t answered;
    /// How much of the first unsent request has left.
    size_t within;
    char *held;
    size_t held_count;
};

extern struct options options;

// answer.c
/// Checks the answer that begins there: its size, or 0 if it has not come whole. Ends the program
/// if it is not what a server must answer.
size_t answer_check(const char *bytes, size_t count);

// connection.c
void connections_open(void);
void connections_close(void);
/// Asks so many times more.
void connection_ask(uint32_t index, uint32_t count);
/// Counts answers of an open loop; returns how many there were before.
uint64_t connection_count(uint32_t index, uint32_t count);
/// Waits for events and calls `completed` with every connection that has had answers.
void connections_turn(int timeout_milliseconds, void (*completed)(uint32_t index, uint32_t count));
