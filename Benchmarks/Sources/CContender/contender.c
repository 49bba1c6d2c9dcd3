// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include "contender.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Noreturn void contender_fail(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(1);
}

void contender_complain(const char *text) {
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

uint64_t contender_raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) contender_fail("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) contender_fail("setrlimit");
    return limit.rlim_cur;
}

static void set_on(int fd, int level, int option) {
    int on = 1;
    if (setsockopt(fd, level, option, &on, sizeof on) != 0) contender_fail("setsockopt");
}

static struct sockaddr_in local_address(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int listen_on(uint16_t port, bool is_shared) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) contender_fail("socket");
    set_on(fd, SOL_SOCKET, SO_REUSEADDR);
    if (is_shared) set_on(fd, SOL_SOCKET, SO_REUSEPORT);
    set_on(fd, IPPROTO_TCP, TCP_NODELAY);
    struct sockaddr_in address = local_address(port);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) contender_fail("bind");
    if (listen(fd, 1024) != 0) contender_fail("listen");
    return fd;
}

int contender_listen_quietly(uint16_t port) { return listen_on(port, false); }

int contender_listen_shared(uint16_t port) { return listen_on(port, true); }

uint16_t contender_port(int fd) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) contender_fail("getsockname");
    return ntohs(address.sin_port);
}

void contender_announce(int listener) {
    printf("listening on 127.0.0.1:%u\n", contender_port(listener));
    fflush(stdout);
}

int contender_listen(uint16_t port) {
    int fd = contender_listen_quietly(port);
    contender_announce(fd);
    return fd;
}

int contender_try_connect(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) contender_fail("socket");
    set_on(fd, IPPROTO_TCP, TCP_NODELAY);
    struct sockaddr_in address = local_address(port);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

int contender_connect(uint16_t port) {
    int fd = contender_try_connect(port);
    if (fd < 0) contender_fail("connect");
    return fd;
}

int contender_set_nonblocking(int fd) { return fcntl(fd, F_SETFL, O_NONBLOCK); }

int contender_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) contender_fail("sigprocmask");
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) contender_fail("signalfd");
    return fd;
}

void contender_totals(uint64_t connections, uint64_t bytes, uint64_t checksum) {
    printf("total connections=%llu bytes=%llu checksum=%llu\n", (unsigned long long)connections,
           (unsigned long long)bytes, (unsigned long long)checksum);
    fflush(stdout);
}

void contender_await_line(void) {
    char byte = 0;
    while (byte != '\n') {  // Ends with the line.
        ssize_t count = read(STDIN_FILENO, &byte, 1);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) exit(count == 0 ? 0 : 1);
    }
}

static uint64_t read_clock(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

uint64_t contender_now(void) { return read_clock(CLOCK_MONOTONIC); }

uint64_t contender_cpu_precise(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

static uint64_t nanoseconds(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_usec * 1000ull;
}

void contender_cpu(uint64_t *user, uint64_t *system) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    *user = nanoseconds(usage.ru_utime);
    *system = nanoseconds(usage.ru_stime);
}

void contender_sum_add(struct contender_sum *sum, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    const unsigned char *end = next + count;
    unsigned shift = (unsigned)(sum->offset % 8) * 8;
    sum->offset += count;
    for (; shift != 0 && next < end; shift = (shift + 8) % 64) {
        sum->sum += (uint64_t)*next++ << shift;
    }
    uint64_t words = 0;
    for (; end - next >= 8; next += 8) {
        uint64_t word;
        memcpy(&word, next, sizeof word);
        words += word;
    }
    sum->sum += words;
    for (; next < end; shift += 8) sum->sum += (uint64_t)*next++ << shift;
}
