// SPDX-License-Identifier: MIT

// A sink: reads what comes, counts the bytes and sums their words, and answers nothing.

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contender.h"

static const char help[] =
    "usage: sink_c [--port N] [--buffer BYTES] [--no-checksum]\n"
    "Counts and sums what is sent to it. Prints 'listening on 127.0.0.1:PORT'; SIGTERM ends it\n"
    "with a line of totals: the sum of the little-endian 64-bit words of each connection. It\n"
    "waits for connections to end, but not when nothing comes for a second.\n"
    "  --port N        port; 0, the default, takes a free one\n"
    "  --buffer BYTES  how much is read at a time (262144)\n"
    "  --no-checksum   count only\n";

static struct contender_sum *sums;
static uint64_t limit;
static uint64_t total_sum;
static uint64_t total_bytes;
static uint64_t total_connections;
static uint64_t open_connections;
static int epoll;

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) contender_fail("epoll_ctl");
}

/// Accepts once; false if nobody waits.
static bool accept_one(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return false;
    if ((uint64_t)fd >= limit) {
        close(fd);
        return true;
    }
    memset(&sums[fd], 0, sizeof sums[fd]);
    total_connections++;
    open_connections++;
    watch(fd);
    return true;
}

/// Reads once; false if the connection is over or empty.
static bool drain(int fd, char *buffer, size_t size, bool is_summing) {
    ssize_t count = recv(fd, buffer, size, 0);
    if (count < 0 && errno == EAGAIN) return false;
    if (count <= 0) {
        total_sum += sums[fd].sum;
        memset(&sums[fd], 0, sizeof sums[fd]);
        close(fd);
        open_connections--;
        return false;
    }
    total_bytes += (uint64_t)count;
    if (is_summing) contender_sum_add(&sums[fd], buffer, (size_t)count);
    return true;
}

/// Reads what is still on its way when the signal comes.
static void finish(int listener, char *buffer, size_t size, bool is_summing) {
    while (accept_one(listener)) {  // Ends when nobody waits.
    }
    close(listener);
    struct epoll_event events[64];
    int count = 1;
    while (open_connections > 0 && count > 0) {  // Ends with them, or after a quiet second.
        count = epoll_wait(epoll, events, 64, 1000);
        for (int index = 0; index < count; index++) {
            drain(events[index].data.fd, buffer, size, is_summing);
        }
    }
    for (uint64_t fd = 0; fd < limit; fd++) total_sum += sums[fd].sum;
    contender_totals(total_connections, total_bytes, total_sum);
}

int main(int argc, char **argv) {
    contender_check(argc, argv, "--port --buffer", "--no-checksum --help", help);
    uint16_t port = (uint16_t)contender_number(argc, argv, "--port", 0, 0, 65535);
    size_t size = contender_number(argc, argv, "--buffer", 262144, 1, 1 << 26);
    bool is_summing = !contender_flag(argc, argv, "--no-checksum");
    limit = contender_raise_descriptors();
    sums = calloc(limit, sizeof *sums);
    char *buffer = malloc(size);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (sums == NULL || buffer == NULL || epoll < 0) contender_fail("setting up");
    int signals = contender_signals();
    int listener = contender_listen_quietly(port);
    watch(signals);
    watch(listener);
    contender_announce(listener);
    struct epoll_event events[64];
    while (true) {  // Ends with a signal.
        int count = epoll_wait(epoll, events, 64, -1);
        if (count < 0 && errno != EINTR) contender_fail("epoll_wait");
        for (int index = 0; index < count; index++) {
            int fd = events[index].data.fd;
            if (fd == signals) {
                close(signals);
                finish(listener, buffer, size, is_summing);
                return 0;
            }
            if (fd == listener) accept_one(listener);
            else drain(fd, buffer, size, is_summing);
        }
    }
}
