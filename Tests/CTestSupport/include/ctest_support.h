// SPDX-License-Identifier: MIT

// System calls that only tests need.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A pipe, blocking: `ends[0]` reads. Returns 0 or a negated errno.
int test_pipe_blocking(int *ends);
/// How many descriptors the process has open.
int test_descriptor_count(void);
/// The bytes of this process that are in RAM; 0 if they cannot be read. proc_pid_statm(5).
long test_resident_byte_count(void);
/// How many threads the process has.
int test_thread_count(void);
/// The calling thread's number.
int test_thread_id(void);
/// Whether a thread of this process sleeps in the kernel until something happens.
bool test_thread_sleeps(int id);

/// What a TCP socket's options are set to. socket(7), tcp(7).
struct test_tcp_options {
    int no_delay;
    int keep_alive;
    int keep_idle;
    int keep_interval;
    int keep_count;
    /// -1 if lingering is off.
    int linger_seconds;
    int unsent_limit;
};
/// Reads them back. Returns 0 or a negated errno.
int test_tcp_options(int fd, struct test_tcp_options *options);

/// Lets a system call answer `error` from here on, in this process. seccomp(2). Returns 0 or a
/// negated errno.
int test_deny(int number, int error);
/// The numbers of calls that may be denied.
int test_number_of_io_uring_setup(void);
int test_number_of_epoll_pwait2(void);
int test_number_of_eventfd(void);
/// As `test_deny`, of one operation of io_uring_register(2).
int test_deny_registering(int operation, int error);
/// The operations that may be denied: asking what the kernel can do, giving it a ring of buffers,
/// letting a ring begin.
int test_operation_of_probing(void);
int test_operation_of_buffers(void);
int test_operation_of_enabling(void);

/// Sends the bytes, the last of them urgent. Returns how many, or a negated errno.
int64_t test_send_urgent(int fd, const void *bytes, size_t count);

/// Sends a signal to this process.
int test_raise(int signal);

/// Runs a program with one argument, or two, and collects what it prints. Returns its wait status,
/// or a negated errno.
int test_run(const char *path, const char *first, const char *second, char *output, int capacity);
/// The path of the running program.
int test_own_path(char *path, int capacity);
