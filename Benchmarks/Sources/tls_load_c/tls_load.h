// SPDX-License-Identifier: MIT

// The parts of the load generator for HTTPS: connections (connection.c), the run (main.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
    uint16_t port;
    uint32_t connections;
    const char *path;
    uint64_t body_size;
    uint64_t requests;
    uint64_t warmup;
    uint64_t nanoseconds;
    bool comes_for_one;
    bool resumes;
    bool is_idle;
    bool is_controlled;
};

extern struct options options;

/// Makes room for the connections; each is opened with its first request.
void connections_open(void);
void connections_close(void);
/// Asks so many times, or until the time is over (zero: no limit); returns how many were answered.
uint64_t connections_run(uint64_t requests, uint64_t nanoseconds);
/// Answers so far.
uint64_t connections_answered(void);
/// Connections so far.
uint64_t connections_opened(void);
