// SPDX-License-Identifier: MIT

// One connection, one large stream: what it costs at least to hand it to the kernel, from memory
// with send(2) or out of a file in the page cache with sendfile(2).

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contender.h"

static const char help[] =
    "usage: transfer_c --port N [--laps N] [--block B] [--area BYTES] [--file]\n"
    "Sends a piece of memory to a sink again and again and prints one line of results.\n"
    "  --port N      where the sink listens on 127.0.0.1\n"
    "  --laps N      how often (16)\n"
    "  --block B     how much each call is given (65536)\n"
    "  --area BYTES  the piece's size, a multiple of the block and of eight (16777216)\n"
    "  --file        with sendfile(2) instead of send(2)\n";

/// Hands a part of the area to the kernel; returns how much it took.
static ssize_t send_some(int fd, const struct contender_area *area, size_t offset, size_t count,
                         bool is_file) {
    if (!is_file) return send(fd, area->start + offset, count, MSG_NOSIGNAL);
    off_t start = (off_t)offset;
    return sendfile(fd, area->fd, &start, count);
}

/// Sends everything; returns how many calls there were.
static uint64_t run(int fd, const struct contender_area *area, uint64_t total, size_t block,
                    bool is_file) {
    uint64_t sent = 0, calls = 0;
    while (sent < total) {  // Ends: every turn sends at least a byte.
        size_t count = block - sent % block;
        ssize_t result = send_some(fd, area, sent % area->size, count, is_file);
        if (result < 0 && errno == EINTR) continue;
        if (result <= 0) contender_fail(is_file ? "sendfile" : "send");
        sent += (uint64_t)result;
        calls++;
    }
    return calls;
}

int main(int argc, char **argv) {
    contender_check(argc, argv, "--port --laps --block --area", "--file --help", help);
    uint16_t port = (uint16_t)contender_number(argc, argv, "--port", 0, 0, 65535);
    uint64_t laps = contender_number(argc, argv, "--laps", 16, 1, 1 << 20);
    size_t block = contender_number(argc, argv, "--block", 65536, 8, 1 << 30);
    size_t size = contender_number(argc, argv, "--area", 1 << 24, 8, 1 << 30);
    bool is_file = contender_flag(argc, argv, "--file");
    if (size % block != 0 || size % 8 != 0) {
        fprintf(stderr, "transfer_c: --area takes a multiple of the block and of eight\n");
        return 2;
    }
    struct contender_area area = contender_area_open(size);
    int fd = contender_connect(port);
    uint64_t user_before, system_before, user, system;
    contender_cpu(&user_before, &system_before);
    uint64_t start = contender_now();
    uint64_t cpu = contender_cpu_precise();
    uint64_t calls = run(fd, &area, laps * size, block, is_file);
    cpu = contender_cpu_precise() - cpu;
    uint64_t elapsed = contender_now() - start;
    contender_cpu(&user, &system);
    close(fd);
    printf("result bytes=%llu checksum=%llu calls=%llu nanoseconds=%llu cpu_ns=%llu user_ns=%llu "
           "system_ns=%llu\n",
           (unsigned long long)(laps * size), (unsigned long long)(laps * area.sum),
           (unsigned long long)calls, (unsigned long long)elapsed, (unsigned long long)cpu,
           (unsigned long long)(user - user_before),
           (unsigned long long)(system - system_before));
    return 0;
}
