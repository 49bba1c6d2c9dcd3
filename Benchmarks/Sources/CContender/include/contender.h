// SPDX-License-Identifier: MIT

// What the contenders share: options, sockets, signals, and the two lines that the harness reads.
//
//     listening on 127.0.0.1:PORT          when the socket listens
//     statistics buffer_shortages=N …      at the end, after SIGTERM, if there are any
//     total connections=N bytes=N …        then
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A whole number behind an option, or the default if the option is not there. Ends the program
/// with status 2 if it is no number within the limits.
uint64_t contender_number(int argc, char **argv, const char *option, uint64_t fallback,
                          uint64_t least, uint64_t most);
/// The text behind an option, or the default.
const char *contender_text(int argc, char **argv, const char *option, const char *fallback);
/// Whether a flag is there.
bool contender_flag(int argc, char **argv, const char *option);
/// Ends the program with status 2 if there is an argument that `options` (with a value) or `flags`
/// (without) do not name, and with status 0 and the text if there is `--help`. Both lists are
/// words separated by blanks.
void contender_check(int argc, char **argv, const char *options, const char *flags,
                     const char *help);

/// Prints what failed, with errno, and ends the program with status 1.
_Noreturn void contender_fail(const char *what);
/// Prints a line on standard error, behind the program's name.
void contender_complain(const char *text);
/// Raises the soft limit of descriptors to the hard one and returns it.
uint64_t contender_raise_descriptors(void);
/// A listening, non-blocking socket on 127.0.0.1 with SO_REUSEADDR, TCP_NODELAY (accepted sockets
/// inherit it) and a backlog of 1,024; says on standard output where it listens.
int contender_listen(uint16_t port);
/// The same socket, without a word.
int contender_listen_quietly(uint16_t port);
/// The same with SO_REUSEPORT: several may listen on one port, and the kernel spreads connections.
int contender_listen_shared(uint16_t port);
/// The port that a socket is bound to.
uint16_t contender_port(int fd);
/// Says where a socket listens.
void contender_announce(int listener);
/// A connected socket to 127.0.0.1 with TCP_NODELAY, blocking.
int contender_connect(uint16_t port);
/// The same, or -1 if nobody listens there.
int contender_try_connect(uint16_t port);
/// Makes calls on a descriptor not wait. Returns 0 or -1.
int contender_set_nonblocking(int fd);
/// Blocks SIGTERM and SIGINT, ignores SIGPIPE, and returns a signalfd.
int contender_signals(void);
/// The last line of a server.
void contender_totals(uint64_t connections, uint64_t bytes, uint64_t checksum);
/// CLOCK_MONOTONIC in nanoseconds.
uint64_t contender_now(void);
/// The calling process's CPU time in user and in system mode, in nanoseconds.
void contender_cpu(uint64_t *user, uint64_t *system);
/// The calling process's CPU time in nanoseconds, not in ticks.
uint64_t contender_cpu_precise(void);

/// Waits for a line; ends the program, with status 0, at the end of standard input.
void contender_await_line(void);

/// Notes a latency.
void contender_latency_add(uint64_t nanoseconds);
/// Prints " p50_ns=N p90_ns=N p99_ns=N p999_ns=N max_ns=N" of those that were noted, within 0.4 %.
void contender_latency_print(void);

/// The calling thread's number.
int contender_thread_id(void);
/// Whether a thread of this process sleeps in the kernel until something happens.
bool contender_thread_sleeps(int id);
/// Keeps the calling thread on one processor: the n-th of those that it may use, from the beginning
/// again behind the last.
void contender_pin(unsigned number);
/// Lets another thread run.
void contender_yield(void);

/// Words in a memory file that is mapped too, so that the same bytes can be sent both ways.
struct contender_area {
    char *start;
    size_t size;
    int fd;
    /// The sum of its words.
    uint64_t sum;
};
/// Makes one, filled; the size is a multiple of eight. It lives to the end of the process.
struct contender_area contender_area_open(size_t size);

/// A sum of little-endian 64-bit words over a stream of bytes that comes in pieces.
struct contender_sum {
    uint64_t sum;
    uint64_t offset;
};
void contender_sum_add(struct contender_sum *sum, const void *bytes, size_t count);
