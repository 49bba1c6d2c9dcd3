// SPDX-License-Identifier: MIT

// Writes and reads of eventfds, counted where the program leaves for the kernel. The functions call
// the kernel themselves, so nothing has to be looked up before the first call.

#define _GNU_SOURCE
#include "call_count.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 4096 };

static struct call_counts unread;
static struct call_counts *counts = &unread;
static atomic_bool is_event[DESCRIPTORS_MAX];

static void add(uint64_t *word) { __atomic_fetch_add(word, 1, __ATOMIC_RELAXED); }

static bool names_event(int fd) {
    return fd >= 0 && fd < DESCRIPTORS_MAX &&
           atomic_load_explicit(&is_event[fd], memory_order_relaxed);
}

/// Before anything else runs, and so before there is a second thread.
__attribute__((constructor)) static void open_counts(void) {
    const char *path = getenv("BENCH_CALLS_FILE");
    if (path == NULL) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof unread) != 0) return;
    void *memory = mmap(NULL, sizeof unread, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory != MAP_FAILED) counts = memory;
}

int eventfd(unsigned initial, int flags) {
    int fd = (int)syscall(SYS_eventfd2, initial, flags);
    if (fd >= 0 && fd < DESCRIPTORS_MAX) is_event[fd] = true;
    return fd;
}

int close(int fd) {
    if (names_event(fd)) is_event[fd] = false;
    return (int)syscall(SYS_close, fd);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    add(names_event(fd) ? &counts->event_writes : &counts->other_writes);
    return syscall(SYS_write, fd, bytes, count);
}

ssize_t read(int fd, void *bytes, size_t count) {
    if (names_event(fd)) add(&counts->event_reads);
    return syscall(SYS_read, fd, bytes, count);
}

int eventfd_write(int fd, eventfd_t value) {
    return write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
}

int eventfd_read(int fd, eventfd_t *value) {
    return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1;
}
