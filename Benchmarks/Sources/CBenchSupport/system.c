// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "bench_support.h"

int64_t bench_read(int fd, void *bytes, size_t count, int timeout_milliseconds) {
    struct pollfd item = {.fd = fd, .events = POLLIN};
    int ready = poll(&item, 1, timeout_milliseconds);
    if (ready <= 0) return ready == 0 ? -ETIMEDOUT : -errno;
    ssize_t result = read(fd, bytes, count);
    return result < 0 ? -errno : result;
}

int64_t bench_write(int fd, const void *bytes, size_t count) {
    // A child that has gone is an answer, not a reason to end.
    signal(SIGPIPE, SIG_IGN);
    ssize_t result = write(fd, bytes, count);
    return result < 0 ? -errno : result;
}

void bench_close(int fd) { close(fd); }

int64_t bench_read_file(const char *path, void *bytes, size_t capacity) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    size_t filled = 0;
    ssize_t result = 0;
    while (filled < capacity) {  // Ends with the file or the room.
        // In pieces: files of /proc/sys refuse a large count.
        size_t count = capacity - filled < 65536 ? capacity - filled : 65536;
        result = read(fd, (char *)bytes + filled, count);
        if (result <= 0) break;
        filled += (size_t)result;
    }
    int code = errno;
    close(fd);
    return result < 0 ? -code : (int64_t)filled;
}

int64_t bench_read_link(const char *path, void *bytes, size_t capacity) {
    ssize_t result = readlink(path, bytes, capacity);
    return result < 0 ? -errno : result;
}

int bench_cpus(int *cpus, int capacity) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -errno;
    int count = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set)) continue;
        if (count < capacity) cpus[count] = cpu;
        count++;
    }
    return count;
}

uint64_t bench_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

int64_t bench_ticks_per_second(void) { return sysconf(_SC_CLK_TCK); }

int64_t bench_page_byte_count(void) { return sysconf(_SC_PAGESIZE); }

void bench_pause(uint64_t nanoseconds) {
    struct timespec time = {.tv_sec = (time_t)(nanoseconds / 1000000000ull),
                            .tv_nsec = (long)(nanoseconds % 1000000000ull)};
    nanosleep(&time, NULL);
}
