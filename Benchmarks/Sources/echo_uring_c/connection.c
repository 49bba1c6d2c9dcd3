// SPDX-License-Identifier: MIT

// One connection: a multishot receive, a queue of pieces, and at most one send under way, so that
// the order holds whatever the kernel takes of each send.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contender.h"
#include "echo.h"

static int *starved;
static size_t starved_count;
static size_t starved_capacity;
static int highest;

static struct piece *piece_at(struct connection *connection, uint32_t index) {
    return &connection->queue[(connection->head + index) & (connection->capacity - 1)];
}

static void grow(struct connection *connection) {
    struct piece *queue = calloc(connection->capacity * 2, sizeof *queue);
    if (queue == NULL) contender_fail("calloc");
    for (uint32_t index = 0; index < connection->count; index++) {
        queue[index] = *piece_at(connection, index);
    }
    if (connection->queue != connection->first) free(connection->queue);
    connection->queue = queue;
    connection->capacity *= 2;
    connection->head = 0;
}

static void push(struct connection *connection, struct piece piece) {
    if (connection->is_broken) {
        piece_release(&piece);
        return;
    }
    // What follows in the same buffer goes out as one, unless the kernel is reading it already.
    if (connection->count > connection->sending) {
        struct piece *last = piece_at(connection, connection->count - 1);
        if (last->buffer == piece.buffer && last->start + last->length == piece.start) {
            last->length += piece.length;
            piece_release(&piece);
            return;
        }
    }
    if (connection->count == connection->capacity) grow(connection);
    *piece_at(connection, connection->count++) = piece;
}

static void pop(struct connection *connection) {
    piece_release(piece_at(connection, 0));
    connection->head = (connection->head + 1) & (connection->capacity - 1);
    connection->count--;
}

static void receive(int fd) {
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    if (options.is_bundling) sqe->ioprio |= RECVSEND_BUNDLE;
    sqe->user_data = ring_tag(RECEIVE, fd);
    connections[fd].is_receiving = true;
    connections[fd].is_cancelling = false;
}

static void cancel(uint64_t target) {
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_cancel64(sqe, target, 0);
    sqe->user_data = ring_tag(CANCEL, 0);
}

static void send_gathered(struct connection *connection, struct io_uring_sqe *sqe, int fd) {
    if (connection->gather == NULL) {
        connection->gather = calloc(1, sizeof *connection->gather);
        if (connection->gather == NULL) contender_fail("calloc");
    }
    struct gather *gather = connection->gather;
    uint32_t count = connection->count < GATHER ? connection->count : GATHER;
    for (uint32_t index = 0; index < count; index++) {
        struct piece *piece = piece_at(connection, index);
        gather->pieces[index] = (struct iovec){piece->start, piece->length};
    }
    gather->message.msg_iov = gather->pieces;
    gather->message.msg_iovlen = count;
    connection->sending = count;
    io_uring_prep_sendmsg(sqe, fd, &gather->message, MSG_WAITALL | MSG_NOSIGNAL);
}

static void start_send(struct connection *connection, int fd) {
    struct io_uring_sqe *sqe = next_sqe();
    if (connection->count == 1) {
        struct piece *piece = piece_at(connection, 0);
        connection->sending = 1;
        io_uring_prep_send(sqe, fd, piece->start, piece->length, MSG_WAITALL | MSG_NOSIGNAL);
    } else {
        send_gathered(connection, sqe, fd);
    }
    sqe->user_data = ring_tag(SEND, fd);
}

static void starve(int fd) {
    if (starved_count == starved_capacity) {
        starved_capacity = starved_capacity == 0 ? 1024 : starved_capacity * 2;
        starved = realloc(starved, starved_capacity * sizeof *starved);
        if (starved == NULL) contender_fail("realloc");
    }
    starved[starved_count++] = fd;
    connections[fd].is_starved = true;
}

static void close_connection(struct connection *connection, int fd) {
    free(connection->gather);
    if (connection->queue != connection->first) free(connection->queue);
    memset(connection, 0, sizeof *connection);
    close(fd);
}

/// Does whatever the connection's state asks for.
static void advance(struct connection *connection, int fd) {
    bool is_sending = connection->sending > 0;
    if (connection->is_broken && !is_sending) {
        while (connection->count > 0) pop(connection);  // Ends: the queue is finite.
        if (connection->is_receiving && !connection->is_ended) shutdown(fd, SHUT_RDWR);
    } else if (connection->count > 0 && !is_sending) {
        start_send(connection, fd);
        is_sending = true;
    }
    bool is_over = connection->is_ended || connection->is_broken;
    if (connection->is_receiving) {
        // Again for each further CREDIT: the kernel does not find a receive between two shots.
        bool is_due = !connection->is_cancelling || connection->count % CREDIT == 0;
        if (connection->count >= CREDIT && is_due) {
            connection->is_cancelling = true;
            cancel(ring_tag(RECEIVE, fd));
        }
    } else if (!is_over) {
        if (connection->count <= CREDIT / 2 && !connection->is_starved) receive(fd);
    } else if (!is_sending && connection->count == 0) {
        close_connection(connection, fd);
    }
}

void connection_open(int fd) {
    struct connection *connection = &connections[fd];
    connection->queue = connection->first;
    connection->capacity = sizeof connection->first / sizeof connection->first[0];
    if (fd > highest) highest = fd;
    receive(fd);
}

/// Sends at once what needs no waiting; true if all of it went.
static bool send_directly(struct connection *connection, int fd, struct piece *piece) {
    if (connection->count > 0 || connection->is_broken) return false;
    ssize_t sent = send(fd, piece->start, piece->length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return false;  // The ring's send finds out why.
    piece->start += sent;
    piece->length -= (uint32_t)sent;
    if (piece->length > 0) return false;
    piece_release(piece);
    return true;
}

static void take_bytes(struct connection *connection, int fd, uint32_t length, uint32_t flags) {
    total_bytes += length;
    uint16_t buffer = (uint16_t)(flags >> IORING_CQE_BUFFER_SHIFT);
    if (options.is_bundling) {
        buffers_take_bundle(buffer, length, connection, push);
        return;
    }
    bool has_more = options.is_incremental && flags & CQE_F_BUF_MORE;
    struct piece piece = buffers_take(buffer, length, has_more);
    if (options.is_direct && send_directly(connection, fd, &piece)) return;
    push(connection, piece);
}

void connection_received(int fd, int result, uint32_t flags) {
    struct connection *connection = &connections[fd];
    if (!(flags & IORING_CQE_F_MORE)) connection->is_receiving = false;
    if (result > 0) {
        take_bytes(connection, fd, (uint32_t)result, flags);
    } else if (result == 0) {
        connection->is_ended = true;
    } else if (result == -ENOBUFS) {
        starve(fd);
    } else if (result != -ECANCELED) {
        connection->is_broken = true;
    }
    advance(connection, fd);
}

/// Takes what was sent off the queue.
static void settle(struct connection *connection, uint32_t sent) {
    while (sent > 0) {  // Ends: a send's result is at most what it was given.
        struct piece *piece = piece_at(connection, 0);
        if (sent < piece->length) {
            piece->start += sent;
            piece->length -= sent;
            return;
        }
        sent -= piece->length;
        pop(connection);
    }
}

void connection_sent(int fd, int result) {
    struct connection *connection = &connections[fd];
    connection->sending = 0;
    if (result > 0) settle(connection, (uint32_t)result);
    bool was_cancelled = result == -ECANCELED && connection->is_spilling;
    if (result < 0 && result != -EAGAIN && result != -EINTR && !was_cancelled) {
        connection->is_broken = true;
    }
    if (connection->is_spilling) {
        for (uint32_t index = 0; index < connection->count; index++) {
            piece_spill(piece_at(connection, index));
        }
        connection->is_spilling = false;
    }
    advance(connection, fd);
}

bool connections_are_starved(void) { return starved_count > 0; }

void connections_feed(void) {
    size_t fed = 0;
    uint32_t free_buffers = buffers_free();
    while (fed < starved_count && free_buffers > 0) {  // Ends: the list is finite.
        int fd = starved[fed++];
        if (!connections[fd].is_starved) continue;
        connections[fd].is_starved = false;
        advance(&connections[fd], fd);
        free_buffers--;
    }
    starved_count -= fed;
    if (fed > 0) memmove(starved, starved + fed, starved_count * sizeof *starved);
}

void connections_spill(void) {
    for (int fd = 0; fd <= highest; fd++) {
        struct connection *connection = &connections[fd];
        for (uint32_t index = connection->sending; index < connection->count; index++) {
            piece_spill(piece_at(connection, index));
        }
        if (connection->sending == 0 || connection->is_spilling) continue;
        connection->is_spilling = true;
        cancel(ring_tag(SEND, fd));
    }
}
