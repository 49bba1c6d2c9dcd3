// SPDX-License-Identifier: MIT

// The connections, on level-triggered epoll.

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contender.h"
#include "load.h"

enum { RECEIVE_SIZE = 256 * 1024 };

static struct connection *connections;
static int epoll;
static char *received;

struct connection *connection_at(uint32_t index) { return &connections[index]; }

static void watch(int operation, uint32_t index) {
    struct connection *connection = &connections[index];
    uint32_t events = (connection->is_stopped ? 0 : EPOLLIN) | (connection->is_full ? EPOLLOUT : 0);
    struct epoll_event event = {.events = events, .data.u32 = index};
    if (epoll_ctl(epoll, operation, connection->fd, &event) != 0) contender_fail("epoll_ctl");
}

void connections_open(void) {
    connections = calloc(options.connections, sizeof *connections);
    received = malloc(RECEIVE_SIZE);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (connections == NULL || received == NULL || epoll < 0) contender_fail("setting up");
    for (uint32_t index = 0; index < options.connections; index++) {
        struct connection *connection = &connections[index];
        connection->fd = contender_connect(options.port);
        if (contender_set_nonblocking(connection->fd) != 0) contender_fail("fcntl");
        connection->is_stopped = index < options.stopped;
        watch(EPOLL_CTL_ADD, index);
    }
    for (uint32_t index = 0; index < options.stopped; index++) {
        connections[index].target = UINT64_MAX / 2 / options.bytes * options.bytes;
        connection_send(index);
    }
}

void connections_close(void) {
    for (uint32_t index = 0; index < options.connections; index++) close(connections[index].fd);
}

void connection_send(uint32_t index) {
    struct connection *connection = &connections[index];
    bool was_full = connection->is_full;
    connection->is_full = false;
    while (connection->sent < connection->target) {  // Ends: out of work, or the socket is full.
        size_t count;
        const char *bytes = messages_at(index, connection->sent, connection->target, &count);
        ssize_t sent = send(connection->fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) sent = 0;
        if (sent < 0) contender_fail("send");
        connection->sent += (uint64_t)sent;
        if ((size_t)sent < count) {
            connection->is_full = true;
            break;
        }
    }
    if (connection->is_full != was_full) watch(EPOLL_CTL_MOD, index);
}

/// Reads what is there, at most a few buffers; returns how many messages are complete.
static uint64_t receive(uint32_t index) {
    struct connection *connection = &connections[index];
    ssize_t count = recv(connection->fd, received, RECEIVE_SIZE, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return 0;
    if (count == 0) errno = ECONNRESET;
    if (count <= 0) contender_fail("a connection broke");
    return messages_check(index, connection, received, (size_t)count);
}

void connections_turn(int timeout_milliseconds, void (*completed)(uint32_t index, uint64_t count)) {
    struct epoll_event events[512];
    int count = epoll_wait(epoll, events, 512, timeout_milliseconds);
    if (count < 0 && errno != EINTR) contender_fail("epoll_wait");
    for (int turn = 0; turn < count; turn++) {
        uint32_t index = events[turn].data.u32;
        if (events[turn].events & EPOLLOUT) connection_send(index);
        if (connections[index].is_stopped || !(events[turn].events & ~(uint32_t)EPOLLOUT)) continue;
        uint64_t messages = receive(index);
        if (messages > 0) completed(index, messages);
    }
}

void connections_totals(uint64_t *echoed, uint64_t *stopped) {
    *echoed = *stopped = 0;
    for (uint32_t index = 0; index < options.connections; index++) {
        uint64_t *sum = connections[index].is_stopped ? stopped : echoed;
        *sum += connections[index].sent;
    }
}
