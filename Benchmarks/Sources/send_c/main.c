// SPDX-License-Identifier: MIT

// A coalescing sender: what it costs at least to hand N messages to the kernel. Packs as many
// messages as fit into a block, sends blocks in turn over its connections, and says what it used.

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contender.h"

static const char help[] =
    "usage: send_c --port N [--messages N] [--bytes S] [--block B] [--copy] [--connections C]\n"
    "              [--window W]\n"
    "Sends messages to a sink, packed into blocks, and prints one line of results.\n"
    "  --port N         where the sink listens on 127.0.0.1\n"
    "  --messages N     how many messages (1000000)\n"
    "  --bytes S        their size (64); each begins with its number\n"
    "  --block B        as many messages as fit into so many bytes go into one send (65536)\n"
    "  --copy           each message is made in memory of its own and copied into the block, as a\n"
    "                   sender must that is handed messages; without, it is made in the block\n"
    "  --connections C  blocks go to the connections in turn (1)\n"
    "  --window W       each connection reads an answer of one byte for every message and has at\n"
    "                   most W messages unanswered; 0, the default, reads nothing\n";

enum { CONNECTIONS_MAX = 1024 };

struct sender {
    int fd;
    uint64_t unanswered;
};

/// What is sent: how many messages of which size, how many in a block.
struct plan {
    uint64_t messages;
    size_t size;
    uint64_t per_block;
    uint64_t connections;
    uint64_t window;
    char *message;  // Where messages are made before they are copied; NULL: in the block.
};

static void send_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {  // Ends: every turn sends at least a byte.
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) contender_fail("send");
        bytes += sent;
        count -= (size_t)sent;
    }
}

/// Packs so many messages, the first with the given number.
static size_t pack(const struct plan *plan, char *block, uint64_t first, uint64_t count) {
    char *next = block;
    size_t size = plan->size;
    for (uint64_t index = 0; index < count; index++, next += size) {
        uint64_t number = first + index;
        char *message = plan->message != NULL ? plan->message : next;
        memcpy(message, &number, size < sizeof number ? size : sizeof number);
        if (message != next) memcpy(next, message, size);
    }
    return (size_t)(next - block);
}

/// Waits until the window has room for so many messages.
static void await_window(struct sender *sender, uint64_t window, uint64_t count) {
    char answers[65536];
    while (sender->unanswered + count > window) {  // Ends with answers or an error.
        ssize_t received = recv(sender->fd, answers, sizeof answers, 0);
        if (received == 0) {
            errno = ECONNRESET;
            contender_fail("the sink closed");
        }
        if (received < 0 && errno == EINTR) continue;
        if (received < 0) contender_fail("recv");
        uint64_t answered = (uint64_t)received;
        sender->unanswered -= answered < sender->unanswered ? answered : sender->unanswered;
    }
    sender->unanswered += count;
}

/// Sends everything; returns how many blocks there were.
static uint64_t run(const struct plan *plan, struct sender *senders, char *block) {
    uint64_t turn = 0;
    for (uint64_t first = 0; first < plan->messages; turn++) {
        struct sender *sender = &senders[turn % plan->connections];
        uint64_t rest = plan->messages - first;
        uint64_t packed = rest < plan->per_block ? rest : plan->per_block;
        size_t length = pack(plan, block, first, packed);
        if (plan->window > 0) await_window(sender, plan->window, packed);
        send_all(sender->fd, block, length);
        first += packed;
    }
    return turn;
}

/// The sum of what was sent, made up again outside the measured time.
static uint64_t checksum(const struct plan *plan, char *block) {
    struct contender_sum sums[CONNECTIONS_MAX] = {0};
    uint64_t turn = 0, total = 0;
    for (uint64_t first = 0; first < plan->messages; turn++) {
        uint64_t rest = plan->messages - first;
        uint64_t packed = rest < plan->per_block ? rest : plan->per_block;
        size_t length = pack(plan, block, first, packed);
        contender_sum_add(&sums[turn % plan->connections], block, length);
        first += packed;
    }
    for (uint64_t index = 0; index < plan->connections; index++) total += sums[index].sum;
    return total;
}

int main(int argc, char **argv) {
    contender_check(argc, argv, "--port --messages --bytes --block --connections --window",
                    "--copy --help", help);
    uint16_t port = (uint16_t)contender_number(argc, argv, "--port", 0, 0, 65535);
    struct plan plan = {
        .messages = contender_number(argc, argv, "--messages", 1000000, 1, UINT64_MAX >> 25),
        .size = contender_number(argc, argv, "--bytes", 64, 1, 1 << 24),
        .connections = contender_number(argc, argv, "--connections", 1, 1, CONNECTIONS_MAX),
        .window = contender_number(argc, argv, "--window", 0, 0, 1 << 30),
    };
    size_t block_size = contender_number(argc, argv, "--block", 65536, 1, 1 << 26);
    if (block_size < plan.size) block_size = plan.size;
    plan.per_block = block_size / plan.size;
    if (plan.window > 0 && plan.per_block > plan.window) plan.per_block = plan.window;
    char *block = malloc(block_size);
    if (block == NULL) contender_fail("malloc");
    memset(block, 'm', block_size);
    if (contender_flag(argc, argv, "--copy")) {
        plan.message = malloc(plan.size);
        if (plan.message == NULL) contender_fail("malloc");
        memset(plan.message, 'm', plan.size);
    }
    struct sender senders[CONNECTIONS_MAX] = {0};
    for (uint64_t index = 0; index < plan.connections; index++) {
        senders[index].fd = contender_connect(port);
    }
    uint64_t user_before, system_before, user, system;
    contender_cpu(&user_before, &system_before);
    uint64_t start = contender_now();
    uint64_t cpu = contender_cpu_precise();
    uint64_t sends = run(&plan, senders, block);
    cpu = contender_cpu_precise() - cpu;
    uint64_t elapsed = contender_now() - start;
    contender_cpu(&user, &system);
    for (uint64_t index = 0; index < plan.connections; index++) close(senders[index].fd);
    printf("result messages=%llu bytes=%llu checksum=%llu nanoseconds=%llu cpu_ns=%llu "
           "user_ns=%llu system_ns=%llu sends=%llu\n",
           (unsigned long long)plan.messages, (unsigned long long)(plan.messages * plan.size),
           (unsigned long long)checksum(&plan, block), (unsigned long long)elapsed,
           (unsigned long long)cpu, (unsigned long long)(user - user_before),
           (unsigned long long)(system - system_before), (unsigned long long)sends);
    return 0;
}
