// SPDX-License-Identifier: MIT

// A simulated system beside the real one: a thread that has entered a world makes its system calls
// there instead of in the kernel, and reads the world's clock.
//
// Descriptors below the world's first number are the kernel's as ever: files stay real.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "millrace_socket.h"

/// What `set_option` of a world sets, and what `ask` of it asks for.
enum {
    MILLRACE_OPTION_REUSE_ADDRESS = 1,
    MILLRACE_OPTION_REUSE_PORT,
    MILLRACE_OPTION_NO_DELAY,
    MILLRACE_OPTION_V6_ONLY,
    MILLRACE_OPTION_LINGER,
    MILLRACE_OPTION_SEND_BUFFER,
    MILLRACE_OPTION_RECEIVE_BUFFER,
    MILLRACE_OPTION_KEEP_ALIVE,
    MILLRACE_OPTION_UNSENT_LIMIT,
    MILLRACE_ASK_ERROR,
    MILLRACE_ASK_FLAGS,
    MILLRACE_ASK_IDENTITY,
    MILLRACE_ASK_IS_NONBLOCKING,
};

/// The calls of a world, with the results of the functions of the same names in millrace_socket.h
/// and millrace_thread.h. `context` goes to each.
struct millrace_world {
    void *context;
    int first_descriptor;
    /// Both clocks, or NULL for the system's.
    uint64_t (*monotonic_nanoseconds)(void *context);
    int64_t (*realtime_nanoseconds)(void *context);
    /// Fills memory with the world's random bytes.
    void (*fill_random)(void *context, void *bytes, size_t count);
    /// Takes over what would block a thread: calls `body(argument)` later, on the thread of the
    /// world.
    void (*run_blocking)(void *context, void (*body)(void *), void *argument);
    int (*socket_open)(void *context, int family, int type);
    /// Two connected ends: of a pipe for a type of zero, else of sockets.
    int (*open_pair)(void *context, int type, int *ends);
    int (*signals_open)(void *context, uint64_t mask);
    int (*signals_read)(void *context, int fd);
    int (*bind)(void *context, int fd, const struct millrace_address *address);
    int (*listen)(void *context, int fd, int backlog);
    int (*accept)(void *context, int fd);
    int (*connect)(void *context, int fd, const struct millrace_address *address);
    int (*address)(void *context, int fd, bool is_peer, struct millrace_address *address);
    int (*shutdown)(void *context, int fd, int how);
    int (*set_option)(void *context, int fd, int option, int value);
    int64_t (*ask)(void *context, int fd, int question);
    int (*tcp_info)(void *context, int fd, struct millrace_tcp_info *info);
    int64_t (*send)(void *context, int fd, const struct millrace_message *message);
    int64_t (*receive)(void *context, int fd, void *bytes, size_t count);
    int (*send_datagrams)(void *context, int fd, struct millrace_datagram *datagrams,
                          unsigned count);
    int (*receive_datagrams)(void *context, int fd, struct millrace_datagram *datagrams,
                             unsigned count);
    int64_t (*send_file)(void *context, int fd, int file, uint64_t offset, size_t count);
    int (*close)(void *context, int fd);
    int (*move)(void *context, int fd, int number);
    int (*poll)(void *context, int fd, uint32_t events, int milliseconds);
    int (*resolve)(void *context, const char *host, const char *port,
                   struct millrace_address *addresses, int capacity);
};

/// The world of the calling thread, or NULL.
extern _Thread_local const struct millrace_world *millrace_thread_world;

/// Lets the calling thread enter a world, or with NULL leave it. Threads that it starts inside by
/// `millrace_thread_start` are of the same world.
static inline void millrace_world_enter(const struct millrace_world *world) {
    millrace_thread_world = world;
}

static inline const struct millrace_world *millrace_world_current(void) {
    return millrace_thread_world;
}

/// The calling thread's world, if it has clocks of its own.
static inline const struct millrace_world *millrace_world_with_clock(void) {
    const struct millrace_world *world = millrace_thread_world;
    return world != NULL && world->monotonic_nanoseconds != NULL ? world : NULL;
}

/// Hands work that would block a thread to the calling thread's world. False if there is none.
static inline bool millrace_world_run_blocking(void (*body)(void *), void *argument) {
    const struct millrace_world *world = millrace_thread_world;
    if (world == NULL) return false;
    world->run_blocking(world->context, body, argument);
    return true;
}

/// Fills memory with random bytes of the calling thread's world. False if there is none.
static inline bool millrace_world_fill_random(void *bytes, size_t count) {
    const struct millrace_world *world = millrace_thread_world;
    if (world == NULL) return false;
    world->fill_random(world->context, bytes, count);
    return true;
}

/// The calling thread's world, if it is one and the descriptor is of it.
static inline const struct millrace_world *millrace_world_of(int fd) {
    const struct millrace_world *world = millrace_thread_world;
    if (__builtin_expect(world != NULL, 0) && fd >= world->first_descriptor) return world;
    return NULL;
}
