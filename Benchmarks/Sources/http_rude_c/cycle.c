// SPDX-License-Identifier: MIT

// Connections that come and go, one after the other: with an answer and a reset; with an answer
// behind which the server ends; with half a request; without waiting for the answer.

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contender.h"
#include "rude.h"

static const char ask[] = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
static const char ask_once[] = "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
static const char half[] = "GET /hello HTTP/1.1\r\nHo";

enum { WAIT_MILLISECONDS = 10000 };

static void send_text(int fd, const char *text, size_t size) {
    // It fits into an empty socket.
    if (send(fd, text, size, MSG_NOSIGNAL) != (ssize_t)size) contender_fail("send");
}

/// Reads what there is, waiting for it: how much, 0 at the end.
static size_t receive(int fd, char *bytes, size_t size) {
    struct pollfd item = {.fd = fd, .events = POLLIN};
    while (true) {  // Ends with bytes, the end, or a limit.
        ssize_t count = recv(fd, bytes, size, MSG_DONTWAIT);
        if (count >= 0) return (size_t)count;
        if (errno != EAGAIN) contender_fail("recv");
        if (poll(&item, 1, WAIT_MILLISECONDS) != 1) {
            errno = ETIMEDOUT;
            contender_fail("no answer");
        }
    }
}

/// Reads an answer, to the end of the connection or to that of its body.
static void read_answer(int fd, bool is_last) {
    static const char body[] = "\r\n\r\nHello, World!";
    char bytes[4096];
    size_t count = 0, part = 1;
    bool is_whole = false;
    while (part > 0 && (is_last || !is_whole) && count < sizeof bytes) {  // Ends: as it says.
        part = receive(fd, bytes + count, sizeof bytes - count);
        count += part;
        is_whole = memmem(bytes, count, body, sizeof body - 1) != NULL;
    }
    if (!is_whole || strncmp(bytes, "HTTP/1.1 200", 12) != 0) {
        errno = EPROTO;
        contender_fail("another answer");
    }
    counts.answers++;
}

static void run_one(uint64_t number) {
    int fd = rude_connect(0);
    if (fd < 0) contender_fail("connect");
    switch (number % 4) {
        case 0:
            send_text(fd, ask, sizeof ask - 1);
            read_answer(fd, false);
            break;
        case 1:
            send_text(fd, ask_once, sizeof ask_once - 1);
            read_answer(fd, true);
            close(fd);
            return;
        case 2:
            send_text(fd, half, sizeof half - 1);
            break;
        default:
            send_text(fd, ask, sizeof ask - 1);
            counts.unseen++;
            break;
    }
    rude_reset(fd);
}

void cycle_run(uint64_t count) {
    for (uint64_t number = 0; number < count; number++) run_one(number);
}
