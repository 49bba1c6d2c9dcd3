// SPDX-License-Identifier: MIT

// Clients that behave badly towards an HTTP server: half heads, heads without end, readers who
// hardly read, connections that come and go. What they do to the others is measured with those.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contender.h"
#include "rude.h"

static const char help[] =
    "usage: http_rude_c --port N --manner M [--connections N] [--cycles N] [--period MS]\n"
    "Misbehaves towards an HTTP server on 127.0.0.1 that has /hello and\n"
    "/large. Prints 'ready', waits for a\n"
    "line, goes on until another comes or all cycles are done, and prints one line of results.\n"
    "  --manner M        half: half a head, then nothing. drip: a head without end, a byte at a\n"
    "                    time. sip: asks for /large and hardly reads. cycle: connections that\n"
    "                    come and go, one after the other\n"
    "  --connections N   how many at once, but for cycle (64); an ended one is opened again\n"
    "  --cycles N        how many, one after the other, for cycle (1000)\n"
    "  --period MS       how often each connection does something (100)\n";

struct options options;
struct counts counts;

int rude_connect(int receive_buffer) {
    counts.opened++;
    int fd = contender_try_connect(options.port);
    if (fd < 0) return -1;
    if (receive_buffer > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    if (contender_set_nonblocking(fd) != 0) contender_fail("fcntl");
    return fd;
}

void rude_reset(int fd) {
    struct linger linger = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
}

bool rude_is_told(void) {
    struct pollfd item = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&item, 1, 0) != 1) return false;
    contender_await_line();
    return true;
}

static enum manner manner_named(const char *name) {
    static const char *const names[] = {"half", "drip", "sip", "cycle"};
    for (unsigned index = 0; index < sizeof names / sizeof names[0]; index++) {
        if (strcmp(name, names[index]) == 0) return (enum manner)index;
    }
    contender_complain("--manner takes half, drip, sip or cycle");
    exit(2);
}

static void read_options(int argc, char **argv) {
    contender_check(argc, argv, "--port --manner --connections --cycles --period", "--help", help);
    options.port = (uint16_t)contender_number(argc, argv, "--port", 0, 1, 65535);
    options.manner = manner_named(contender_text(argc, argv, "--manner", ""));
    options.connections = (uint32_t)contender_number(argc, argv, "--connections", 64, 1, 15000);
    options.cycles = contender_number(argc, argv, "--cycles", 1000, 1, 1000000000);
    options.period = 1000000 * contender_number(argc, argv, "--period", 100, 1, 60000);
    if (options.port == 0) {
        contender_complain("--port is missing; see --help");
        exit(2);
    }
}

static void misbehave(void) {
    if (options.manner == CYCLE) {
        cycle_run(options.cycles);
        return;
    }
    while (!rude_is_told()) {  // Ends with a line.
        crowd_turn();
        poll(NULL, 0, 1);
    }
}

// Takes only time that nobody else wants: what the others wait for is then the server, not us.
static void step_back(void) {
    struct sched_param parameters = {.sched_priority = 0};
    if (sched_setscheduler(0, SCHED_IDLE, &parameters) == 0) return;
    perror("http_rude_c: sched_setscheduler");
    exit(1);
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    if (options.connections + 16 > contender_raise_descriptors()) {
        contender_complain("so many connections need more descriptors than the limit");
        return 1;
    }
    if (options.manner != CYCLE) crowd_open();
    printf("ready\n");
    fflush(stdout);
    contender_await_line();
    step_back();
    uint64_t start = contender_now();
    misbehave();
    printf("result nanoseconds=%llu opened=%llu ended=%llu answers=%llu unseen=%llu late=%llu"
           " shed=%llu\n",
           (unsigned long long)(contender_now() - start), (unsigned long long)counts.opened,
           (unsigned long long)counts.ended, (unsigned long long)counts.answers,
           (unsigned long long)counts.unseen, (unsigned long long)counts.late,
           (unsigned long long)counts.shed);
    fflush(stdout);
    contender_await_line();
    if (options.manner != CYCLE) crowd_close();
    return 0;
}
