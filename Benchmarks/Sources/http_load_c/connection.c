// SPDX-License-Identifier: MIT

// The connections, on level-triggered epoll. Requests that are due together leave in one send.

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contender.h"
#include "load.h"

enum { RECEIVE_SIZE = 256 * 1024, HELD_MAX = 8192 };

static const char request[] =
    "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: http_load\r\nAccept: */*\r\n\r\n";
static const size_t request_size = sizeof request - 1;

static struct connection *connections;
static int epoll;
static char *received;
/// Requests behind one another, as many as a connection may have under way.
static char *requests;

static void watch(int operation, uint32_t index) {
    struct connection *connection = &connections[index];
    uint32_t events = EPOLLIN | (connection->is_full ? EPOLLOUT : 0);
    struct epoll_event event = {.events = events, .data.u32 = index};
    if (epoll_ctl(epoll, operation, connection->fd, &event) != 0) contender_fail("epoll_ctl");
}

void connections_open(void) {
    connections = calloc(options.connections, sizeof *connections);
    // In front of what is received there is room for what was held.
    received = malloc(HELD_MAX + RECEIVE_SIZE);
    requests = malloc(options.pipeline * request_size);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    bool has_memory = connections != NULL && received != NULL && requests != NULL;
    if (!has_memory || epoll < 0) contender_fail("setting up");
    for (uint32_t index = 0; index < options.pipeline; index++) {
        memcpy(requests + index * request_size, request, request_size);
    }
    for (uint32_t index = 0; index < options.connections; index++) {
        struct connection *connection = &connections[index];
        connection->fd = contender_connect(options.port);
        if (contender_set_nonblocking(connection->fd) != 0) contender_fail("fcntl");
        watch(EPOLL_CTL_ADD, index);
    }
}

void connections_close(void) {
    for (uint32_t index = 0; index < options.connections; index++) close(connections[index].fd);
}

static void send_requests(uint32_t index) {
    struct connection *connection = &connections[index];
    bool was_full = connection->is_full;
    connection->is_full = false;
    while (connection->unsent > 0) {  // Ends: out of requests, or the socket is full.
        // An open loop may be further behind than there are requests in a row.
        uint32_t next =
            connection->unsent < options.pipeline ? connection->unsent : options.pipeline;
        size_t count = next * request_size - connection->within;
        ssize_t sent = send(connection->fd, requests + connection->within, count,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) sent = 0;
        if (sent < 0) contender_fail("send");
        size_t done = connection->within + (size_t)sent;
        connection->unsent -= (uint32_t)(done / request_size);
        connection->within = done % request_size;
        if ((size_t)sent < count) {
            connection->is_full = true;
            break;
        }
    }
    if (connection->is_full != was_full) watch(EPOLL_CTL_MOD, index);
}

void connection_ask(uint32_t index, uint32_t count) {
    connections[index].unsent += count;
    connections[index].due += count;
    send_requests(index);
}

uint64_t connection_count(uint32_t index, uint32_t count) {
    uint64_t before = connections[index].answered;
    connections[index].answered += count;
    return before;
}

/// Keeps the beginning of an answer until the rest has come.
static void hold(struct connection *connection, const char *bytes, size_t count) {
    if (count > HELD_MAX) {
        contender_complain("an answer that is too long");
        exit(1);
    }
    if (connection->held == NULL && count > 0) connection->held = malloc(HELD_MAX);
    if (connection->held == NULL && count > 0) contender_fail("malloc");
    connection->held_count = count;
    if (count > 0) memcpy(connection->held, bytes, count);
}

/// Reads what is there, at most a buffer; returns how many answers are complete.
static uint32_t receive(struct connection *connection) {
    ssize_t count = recv(connection->fd, received + HELD_MAX, RECEIVE_SIZE, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return 0;
    if (count == 0) errno = ECONNRESET;
    if (count <= 0) contender_fail("a connection broke");
    const char *next = received + HELD_MAX - connection->held_count;
    const char *end = received + HELD_MAX + count;
    if (connection->held_count > 0) {
        memcpy(received + HELD_MAX - connection->held_count, connection->held,
               connection->held_count);
    }
    uint32_t answers = 0;
    while (next < end) {  // Ends: an answer further each time, or one that is not whole.
        size_t size = answer_check(next, (size_t)(end - next));
        if (size == 0) break;
        next += size;
        answers++;
    }
    hold(connection, next, (size_t)(end - next));
    if (answers > connection->due || (answers == connection->due && next < end)) {
        contender_complain("more answers than requests");
        exit(1);
    }
    connection->due -= answers;
    return answers;
}

void connections_turn(int timeout_milliseconds, void (*completed)(uint32_t index, uint32_t count)) {
    struct epoll_event events[512];
    int count = epoll_wait(epoll, events, 512, timeout_milliseconds);
    if (count < 0 && errno != EINTR) contender_fail("epoll_wait");
    for (int turn = 0; turn < count; turn++) {
        uint32_t index = events[turn].data.u32;
        if (events[turn].events & EPOLLOUT) send_requests(index);
        if (!(events[turn].events & ~(uint32_t)EPOLLOUT)) continue;
        uint32_t answers = receive(&connections[index]);
        if (answers > 0) completed(index, answers);
    }
}
