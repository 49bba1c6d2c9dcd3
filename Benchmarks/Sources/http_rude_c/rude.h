// SPDX-License-Identifier: MIT

// The parts of the clients that behave badly: one connection after the other (cycle.c), many at
// once (crowd.c), the phases of a run (main.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum manner {
    /// Half a head, and then nothing.
    HALF,
    /// A head that never ends, a byte at a time.
    DRIP,
    /// One request, and a large answer read a few bytes at a time.
    SIP,
    /// Connections that come and go.
    CYCLE,
};

struct options {
    uint16_t port;
    enum manner manner;
    uint32_t connections;
    uint64_t cycles;
    /// How often each connection of a crowd is looked at, in nanoseconds.
    uint64_t period;
};

/// What came of it.
struct counts {
    /// Connections that were opened.
    uint64_t opened;
    /// Those that the server ended, and those whose opening it refused.
    uint64_t ended;
    /// Whole answers to requests that were whole.
    uint64_t answers;
    /// Requests whose answers nobody waited for, and halves: they may have been answered.
    uint64_t unseen;
    /// Of the answers: 408 and 503.
    uint64_t late;
    uint64_t shed;
};

extern struct options options;
extern struct counts counts;

/// A connected, non-blocking socket; -1 if the server refuses.
int rude_connect(int receive_buffer);
/// Closes with a reset, which leaves no port behind that waits.
void rude_reset(int fd);
/// Whether a line has come on standard input, or its end.
bool rude_is_told(void);

// cycle.c
/// Opens and closes so many connections, one after the other, in four ways that take turns.
void cycle_run(uint64_t count);

// crowd.c
/// Opens the connections.
void crowd_open(void);
/// Looks at some of them: at each once in a period.
void crowd_turn(void);
void crowd_close(void);
