// SPDX-License-Identifier: MIT

// Many connections at once, each looked at once in a period. One that the server ends is opened
// again, so that the crowd stays as large as it was.

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "contender.h"
#include "rude.h"

enum { SIP_SIZE = 256, SMALL_BUFFER = 4096 };

static const char half[] = "GET /hello HTTP/1.1\r\nHost: h\r\nX: ";
static const char ask[] = "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";

struct member {
    /// -1 if the server has refused it.
    int fd;
    /// How much of a request has left.
    size_t within;
};

static struct member *members;
static uint32_t next;
static uint64_t last_turn;

/// Sends the rest of a text; false if the connection is over.
static bool send_rest(struct member *member, const char *text, size_t size) {
    ssize_t sent = send(member->fd, text + member->within, size - member->within,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    member->within += (size_t)sent;
    return true;
}

/// Sends what the manner asks for; false if the connection is over.
static bool say(struct member *member) {
    switch (options.manner) {
        case HALF: return member->within > 0 || send_rest(member, half, sizeof half - 1);
        case DRIP:
            if (member->within == 0) return send_rest(member, half, sizeof half - 1);
            return send(member->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0 || errno == EAGAIN;
        default:
            if (member->within > 0) return true;
            counts.unseen++;
            return send_rest(member, ask, sizeof ask - 1);
    }
}

/// Reads a little; false if the connection is over.
static bool hear(const struct member *member) {
    char bytes[SIP_SIZE];
    ssize_t count = recv(member->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN;
    if (options.manner != SIP && count >= 12) {
        if (strncmp(bytes + 9, "408", 3) == 0) counts.late++;
        if (strncmp(bytes + 9, "503", 3) == 0) counts.shed++;
        counts.unseen++;
    }
    return count > 0;
}

static void join(struct member *member) {
    member->fd = rude_connect(options.manner == SIP ? SMALL_BUFFER : 0);
    member->within = 0;
    if (member->fd >= 0 && say(member)) return;
    counts.ended++;
    if (member->fd >= 0) rude_reset(member->fd);
    member->fd = -1;
}

static void visit(struct member *member) {
    if (member->fd < 0) {
        join(member);
        return;
    }
    if (hear(member) && say(member)) return;
    counts.ended++;
    rude_reset(member->fd);
    member->fd = -1;
}

void crowd_open(void) {
    members = calloc(options.connections, sizeof *members);
    if (members == NULL) contender_fail("calloc");
    for (uint32_t index = 0; index < options.connections; index++) join(&members[index]);
    last_turn = contender_now();
}

void crowd_turn(void) {
    uint64_t now = contender_now();
    uint64_t due = (now - last_turn) * options.connections / options.period;
    if (due == 0) return;
    last_turn = now;
    // Who was kept from the CPU does not make up for it at once.
    uint32_t most = options.connections / 8 + 1;
    for (uint32_t turn = 0; turn < (due < most ? due : most); turn++) {
        visit(&members[next]);
        next = (next + 1) % options.connections;
    }
}

void crowd_close(void) {
    for (uint32_t index = 0; index < options.connections; index++) {
        if (members[index].fd >= 0) rude_reset(members[index].fd);
    }
    free(members);
}
