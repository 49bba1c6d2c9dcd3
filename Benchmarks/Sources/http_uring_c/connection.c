// SPDX-License-Identifier: MIT

// One connection: a multishot receive, and at most one send under way. Requests that came together
// are answered with one send.

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contender.h"
#include "http.h"

static struct block *free_blocks;

static struct block *block_take(void) {
    struct block *block = free_blocks;
    if (block != NULL) {
        free_blocks = block->next;
    } else {
        block = malloc(sizeof *block);
        if (block == NULL) contender_fail("malloc");
    }
    block->start = block->count = 0;
    return block;
}

static void block_give(struct block *block) {
    if (block == NULL) return;
    block->next = free_blocks;
    free_blocks = block;
}

static void receive(int fd) {
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    sqe->user_data = ring_tag(RECEIVE, fd);
    connections[fd].is_receiving = true;
}

static void start_send(struct connection *connection, int fd) {
    struct block *block = connection->sending;
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_send(sqe, fd, block->bytes + block->start, block->count - block->start,
                       MSG_WAITALL | MSG_NOSIGNAL);
    sqe->user_data = ring_tag(SEND, fd);
}

static void end(struct connection *connection, int fd) {
    connection->is_ended = true;
    if (connection->is_receiving) shutdown(fd, SHUT_RDWR);
}

static void close_connection(struct connection *connection, int fd) {
    block_give(connection->waiting);
    free(connection->held);
    memset(connection, 0, sizeof *connection);
    close(fd);
}

/// Does what the connection's state asks for.
static void advance(struct connection *connection, int fd) {
    if (connection->sending == NULL && connection->waiting != NULL && !connection->is_ended) {
        connection->sending = connection->waiting;
        connection->waiting = NULL;
        start_send(connection, fd);
    }
    bool is_busy = connection->sending != NULL || connection->is_receiving;
    if (connection->is_ended) {
        if (!is_busy) close_connection(connection, fd);
    } else if (!connection->is_receiving) {
        receive(fd);
    }
}

/// Copies an answer to those that wait; false if there is no room.
static bool answer(struct connection *connection, const char *head, size_t size) {
    if (connection->waiting == NULL) connection->waiting = block_take();
    struct block *block = connection->waiting;
    size_t count;
    const char *bytes = answer_to(head, size, &count);
    if (block->count + count > ANSWERS_SIZE) return false;
    memcpy(block->bytes + block->count, bytes, count);
    block->count += (uint32_t)count;
    if (total_requests == corrupt) block->bytes[block->count - 1] ^= 1;
    return true;
}

/// Answers every request that is complete; returns how many bytes they had, or -1.
static ssize_t answer_all(struct connection *connection, const char *bytes, size_t count) {
    const char *next = bytes, *stop = bytes + count;
    while (next < stop) {  // Ends: a request further each time.
        const char *line = memmem(next, (size_t)(stop - next), "\r\n\r\n", 4);
        if (line == NULL) break;
        if (!answer(connection, next, (size_t)(line + 4 - next))) return -1;
        next = line + 4;
    }
    return stop - next > HEAD_MAX ? -1 : next - bytes;
}

/// Keeps the beginning of a head until the rest has come.
static void hold(struct connection *connection, const char *bytes, size_t count) {
    char *held = count > 0 ? malloc(count) : NULL;
    if (held == NULL && count > 0) contender_fail("malloc");
    if (count > 0) memcpy(held, bytes, count);
    free(connection->held);
    connection->held = held;
    connection->held_count = (uint32_t)count;
}

static void take(struct connection *connection, int fd, const char *bytes, size_t count) {
    char together[HEAD_MAX + BUFFER_SIZE];
    if (connection->held_count > 0) {
        memcpy(together, connection->held, connection->held_count);
        memcpy(together + connection->held_count, bytes, count);
        bytes = together;
        count += connection->held_count;
    }
    ssize_t used = answer_all(connection, bytes, count);
    if (used < 0) {
        end(connection, fd);
    } else if ((size_t)used < count || connection->held != NULL) {
        hold(connection, bytes + used, count - (size_t)used);
    }
}

void connection_open(int fd) { receive(fd); }

void connection_received(int fd, int result, uint32_t flags, const char *bytes) {
    struct connection *connection = &connections[fd];
    if (!(flags & IORING_CQE_F_MORE)) connection->is_receiving = false;
    if (result > 0 && !connection->is_ended) {
        take(connection, fd, bytes, (size_t)result);
    } else if (result <= 0 && result != -ENOBUFS) {
        connection->is_ended = true;
    }
    advance(connection, fd);
}

void connection_sent(int fd, int result) {
    struct connection *connection = &connections[fd];
    struct block *block = connection->sending;
    if (result < 0 && result != -EAGAIN && result != -EINTR) {
        end(connection, fd);
        block->start = block->count;
    } else if (result > 0) {
        block->start += (uint32_t)result;
    }
    if (block->start < block->count && !connection->is_ended) {
        start_send(connection, fd);
        return;
    }
    connection->sending = NULL;
    block_give(block);
    advance(connection, fd);
}
