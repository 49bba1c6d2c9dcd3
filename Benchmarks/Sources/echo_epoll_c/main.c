// SPDX-License-Identifier: MIT

// An echo server on epoll(7), one thread or several that share nothing: the peer without a ring.
//
// Reads into one buffer that all connections share and sends out of it at once. What the socket
// does not take is copied and waits for EPOLLOUT; until it has gone the connection is not read, so
// a client that does not read costs at most one buffer.

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contender.h"

static const char help[] =
    "usage: echo_epoll_c [--port N] [--buffer BYTES] [--threads N] [--edge] [--corrupt N]\n"
    "An echo server on epoll. Prints 'listening on 127.0.0.1:PORT'; SIGTERM ends it.\n"
    "  --port N        port; 0, the default, takes a free one\n"
    "  --buffer BYTES  how much is read at a time (16384)\n"
    "  --threads N     so many servers on one port, the kernel spreads connections (1)\n"
    "  --edge          edge-triggered; else level-triggered\n"
    "  --corrupt N     flip a bit in the Nth piece that is echoed, to see that it is noticed\n";

struct connection {
    char *pending;
    size_t start;
    size_t end;
};

enum { THREADS_MAX = 64 };

static uint64_t connection_limit;
static bool is_edge;
static size_t buffer_size;
static int signals;

// Each thread's own.
static _Thread_local struct connection *connections;
static _Thread_local int epoll;
static _Thread_local char *buffer;
static _Thread_local uint64_t total_bytes;
static _Thread_local uint64_t total_connections;
static _Thread_local uint64_t corrupt_at;

/// A thread: what it listens on, and at its end what it did.
struct server {
    pthread_t thread;
    int listener;
    uint64_t bytes;
    uint64_t connections;
};

static void watch(int fd, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll, operation, fd, &event) != 0) contender_fail("epoll_ctl");
}

static void close_connection(int fd) {
    free(connections[fd].pending);
    memset(&connections[fd], 0, sizeof connections[fd]);
    close(fd);
}

static void accept_all(int listener) {
    while (true) {  // Ends when nobody waits.
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EMFILE)) return;
        if (fd < 0) contender_fail("accept4");
        if ((uint64_t)fd >= connection_limit) {
            close(fd);
            continue;
        }
        total_connections++;
        watch(fd, EPOLL_CTL_ADD, is_edge ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET : EPOLLIN);
    }
}

/// Keeps what the socket did not take.
static void keep(int fd, const char *bytes, size_t count) {
    struct connection *connection = &connections[fd];
    if (connection->pending == NULL) connection->pending = malloc(buffer_size);
    if (connection->pending == NULL) contender_fail("malloc");
    memcpy(connection->pending, bytes, count);
    connection->start = 0;
    connection->end = count;
    if (!is_edge) watch(fd, EPOLL_CTL_MOD, EPOLLOUT);
}

/// Sends what was kept; false if some is left or the connection broke.
static bool send_pending(int fd) {
    struct connection *connection = &connections[fd];
    size_t count = connection->end - connection->start;
    if (count == 0) return true;
    ssize_t sent = send(fd, connection->pending + connection->start, count, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return false;
    if (sent < 0) {
        close_connection(fd);
        return false;
    }
    connection->start += (size_t)sent;
    if (connection->start < connection->end) return false;
    connection->start = connection->end = 0;
    if (!is_edge) watch(fd, EPOLL_CTL_MOD, EPOLLIN);
    return true;
}

/// Reads once and sends it back; false if there is nothing more to read now.
static bool echo(int fd, bool may_have_more) {
    ssize_t count = recv(fd, buffer, buffer_size, 0);
    if (count < 0 && errno == EAGAIN) return false;
    if (count <= 0) {
        close_connection(fd);
        return false;
    }
    total_bytes += (uint64_t)count;
    if (corrupt_at > 0 && --corrupt_at == 0) buffer[count / 2] ^= 1;
    ssize_t sent = send(fd, buffer, (size_t)count, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        close_connection(fd);
        return false;
    }
    if (sent < count) {
        size_t taken = sent < 0 ? 0 : (size_t)sent;
        keep(fd, buffer + taken, (size_t)count - taken);
        return false;
    }
    // A short read has emptied the socket, unless the peer's end waits behind it.
    return may_have_more || (size_t)count == buffer_size;
}

static void serve(int fd, uint32_t events) {
    if (!send_pending(fd)) return;
    if (!is_edge) {
        if (events & ~(uint32_t)EPOLLOUT) echo(fd, false);
        return;
    }
    bool is_ending = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    while (echo(fd, is_ending)) {  // Ends when the socket is empty or full, or closed.
    }
}

/// Serves until a signal comes. All threads watch the one signalfd and none reads it.
static void *run(void *context) {
    struct server *server = context;
    connections = calloc(connection_limit, sizeof *connections);
    buffer = malloc(buffer_size);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (connections == NULL || buffer == NULL || epoll < 0) contender_fail("setting up");
    watch(signals, EPOLL_CTL_ADD, EPOLLIN);
    watch(server->listener, EPOLL_CTL_ADD, EPOLLIN);
    struct epoll_event events[512];
    while (true) {  // Ends with a signal.
        int count = epoll_wait(epoll, events, 512, -1);
        if (count < 0 && errno != EINTR) contender_fail("epoll_wait");
        for (int index = 0; index < count; index++) {
            int fd = events[index].data.fd;
            if (fd == signals) {
                server->bytes = total_bytes;
                server->connections = total_connections;
                return NULL;
            }
            if (fd == server->listener) accept_all(fd);
            else serve(fd, events[index].events);
        }
    }
}

int main(int argc, char **argv) {
    contender_check(argc, argv, "--port --buffer --threads --corrupt", "--edge --help", help);
    uint16_t port = (uint16_t)contender_number(argc, argv, "--port", 0, 0, 65535);
    buffer_size = contender_number(argc, argv, "--buffer", 16384, 1, 1 << 24);
    uint64_t threads = contender_number(argc, argv, "--threads", 1, 1, THREADS_MAX);
    corrupt_at = contender_number(argc, argv, "--corrupt", 0, 0, UINT64_MAX);
    is_edge = contender_flag(argc, argv, "--edge");
    connection_limit = contender_raise_descriptors();
    signals = contender_signals();
    struct server servers[THREADS_MAX] = {0};
    for (uint64_t index = 0; index < threads; index++) {
        servers[index].listener =
            threads == 1 ? contender_listen_quietly(port) : contender_listen_shared(port);
        port = contender_port(servers[index].listener);
    }
    contender_announce(servers[0].listener);
    for (uint64_t index = 1; index < threads; index++) {
        errno = pthread_create(&servers[index].thread, NULL, run, &servers[index]);
        if (errno != 0) contender_fail("pthread_create");
    }
    run(&servers[0]);
    uint64_t bytes = servers[0].bytes, accepted = servers[0].connections;
    for (uint64_t index = 1; index < threads; index++) {
        pthread_join(servers[index].thread, NULL);
        bytes += servers[index].bytes;
        accepted += servers[index].connections;
    }
    contender_totals(accepted, bytes, 0);
    return 0;
}
