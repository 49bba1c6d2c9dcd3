// SPDX-License-Identifier: MIT

// The parts of the io_uring echo server: buffers (buffers.c), connections (connection.c), the ring
// (main.c).
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "ring.h"

enum {
    /// Names that liburing 2.3 lacks; the values are the kernel's.
    PBUF_RING_INC = 2,
    CQE_F_BUF_MORE = 1 << 4,
    RECVSEND_BUNDLE = 1 << 4,
    /// How many received pieces a connection may hold before its receive is cancelled.
    CREDIT = 16,
    /// How many pieces one send gathers.
    GATHER = 16,
    /// The number of no buffer: the piece lies in memory of its own.
    NO_BUFFER = 0xffff,
    /// How long all buffers may be held before pieces are copied out of them.
    DRY_NANOSECONDS = 20000000,
};

enum operation { ACCEPT, RECEIVE, SEND, CANCEL, SIGNAL };

struct options {
    uint32_t buffer_count;
    uint32_t buffer_size;
    bool is_incremental;
    bool is_bundling;
    bool is_direct;
};

/// Received bytes that must be sent.
struct piece {
    char *start;
    uint32_t length;
    uint16_t buffer;
    /// What `free` is given when `buffer` is NO_BUFFER.
    char *owned;
};

/// What one sendmsg needs; it must stay until the completion.
struct gather {
    struct msghdr message;
    struct iovec pieces[GATHER];
};

/// A connection, in the array at its descriptor's number. Pieces [head, head + count) of the queue
/// wait, in the order of the stream; the first `sending` of them are in the one send under way.
struct connection {
    struct piece *queue;
    uint32_t capacity;
    uint32_t head;
    uint32_t count;
    uint32_t sending;
    bool is_receiving;
    bool is_cancelling;
    bool is_ended;
    bool is_broken;
    bool is_starved;
    bool is_spilling;
    struct gather *gather;
    struct piece first[2];
};

extern struct options options;
extern struct connection *connections;
extern uint64_t connection_limit;
extern uint64_t total_bytes;

// buffers.c
void buffers_open(void);
/// The bytes of a receive completion as a piece; takes a hold of its buffer.
struct piece buffers_take(uint16_t buffer, uint32_t length, bool has_more);
/// Calls `take` with each piece of a bundle.
void buffers_take_bundle(uint16_t first, uint32_t length, struct connection *connection,
                         void (*take)(struct connection *, struct piece));
/// Gives a piece's memory back.
void piece_release(struct piece *piece);
/// Copies a piece into memory of its own and gives its buffer back.
void piece_spill(struct piece *piece);
/// Shows the kernel the buffers that were given back.
void buffers_publish(void);
/// How many buffers nobody holds.
uint32_t buffers_free(void);

// connection.c
void connection_open(int fd);
void connection_received(int fd, int result, uint32_t flags);
void connection_sent(int fd, int result);
/// Starts receives again that found no buffer, as many as buffers are free.
void connections_feed(void);
bool connections_are_starved(void);
/// All buffers are held and nothing moves: copies what is held, cancelling sends to get at it.
void connections_spill(void);
