// SPDX-License-Identifier: MIT

// What the harness needs of Linux, in plain types. Functions that can fail return a negated errno.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Starts a program on one CPU (-1: any). `arguments` holds the path and the arguments, a line
/// each; `environment` holds further variables, a line each. Gives the child's id, and the ends of
/// pipes to its standard input and from its standard output. The child is killed when this process
/// ends in whatever way.
int bench_spawn(const char *arguments, const char *environment, int cpu, int *input, int *output);
/// Waits until a child has ended: its exit status, 256 plus the signal that ended it, or
/// -ETIMEDOUT.
int bench_wait(int pid, int timeout_milliseconds);
/// Signals one process.
int bench_signal(int pid, int signal);
/// Reads once; zero at the end, -ETIMEDOUT if nothing came.
int64_t bench_read(int fd, void *bytes, size_t count, int timeout_milliseconds);
int64_t bench_write(int fd, const void *bytes, size_t count);
void bench_close(int fd);
/// Reads a file of whatever kind up to its end or the capacity.
int64_t bench_read_file(const char *path, void *bytes, size_t capacity);
/// The target of a symbolic link.
int64_t bench_read_link(const char *path, void *bytes, size_t capacity);
/// The CPUs that this process may use, ascending; returns how many there are.
int bench_cpus(int *cpus, int capacity);
/// Nanoseconds that a cache line needs from one CPU to the other and back: the median of many.
double bench_probe(int first_cpu, int second_cpu);
/// CLOCK_MONOTONIC in nanoseconds.
uint64_t bench_now(void);
/// Ticks a second of /proc/PID/stat.
int64_t bench_ticks_per_second(void);
/// Bytes of a page of memory.
int64_t bench_page_byte_count(void);
/// Does nothing for a while.
void bench_pause(uint64_t nanoseconds);
