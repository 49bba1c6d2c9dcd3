// SPDX-License-Identifier: MIT

// The parts of the load generator: messages and their check (message.c), connections
// (connection.c), the phases of a run (main.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
    uint16_t port;
    uint32_t connections;
    uint32_t stopped;
    size_t bytes;
    uint64_t pipeline;
    uint64_t requests;
    uint64_t rate;
    uint64_t warmup;
    uint64_t nanoseconds;
    bool is_idle;
    bool is_controlled;
};

/// A connection and how far it is in the stream of messages that both of its directions carry.
struct connection {
    int fd;
    bool is_stopped;
    bool is_full;
    uint64_t target;
    uint64_t sent;
    uint64_t received;
    /// The same place as `received`: a message and a byte in it.
    uint64_t message;
    size_t within;
    /// The first message of the phase that is under way.
    uint64_t first;
};

extern struct options options;

// message.c
void messages_open(size_t bytes);
/// The bytes of a connection's stream from an offset on, in memory that the next call reuses.
const char *messages_at(uint32_t connection, uint64_t offset, uint64_t end, size_t *count);
/// Checks received bytes; returns how many messages they complete. Ends the program if a byte
/// differs.
uint64_t messages_check(uint32_t index, struct connection *connection, const char *bytes,
                        size_t count);

// connection.c
void connections_open(void);
void connections_close(void);
/// Sends until everything up to the target is out or the socket is full.
void connection_send(uint32_t index);
/// Waits for events (0 looks only) and calls `completed` with every connection that has completed
/// messages.
void connections_turn(int timeout_milliseconds, void (*completed)(uint32_t index, uint64_t count));
struct connection *connection_at(uint32_t index);
/// The bytes that all connections sent and got back, and those that stopped readers sent.
void connections_totals(uint64_t *echoed, uint64_t *stopped);
