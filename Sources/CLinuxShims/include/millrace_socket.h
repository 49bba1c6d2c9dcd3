// SPDX-License-Identifier: MIT

// Sockets, epoll, eventfd, signalfd and name resolution, in plain types.
//
// Every function that can fail returns a negated errno, so that no caller reads a thread-local.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Values that Linux gives these names on every architecture Swift supports; socket.c asserts them.
enum {
    MILLRACE_AF_UNIX = 1,
    MILLRACE_AF_INET = 2,
    MILLRACE_AF_INET6 = 10,
    MILLRACE_SOCK_STREAM = 1,
    MILLRACE_SOCK_DGRAM = 2,
    MILLRACE_MSG_TRUNC = 0x20,
    MILLRACE_SHUT_RD = 0,
    MILLRACE_SHUT_WR = 1,
    MILLRACE_SHUT_RDWR = 2,
    MILLRACE_POLLIN = 1,
    MILLRACE_POLLPRI = 2,
    MILLRACE_POLLOUT = 4,
    MILLRACE_POLLERR = 8,
    MILLRACE_POLLHUP = 16,
    MILLRACE_POLLRDHUP = 0x2000,
    MILLRACE_EPOLLET = INT32_MIN,
    MILLRACE_FD_CLOEXEC = 1,
    MILLRACE_EINTR = 4,
    MILLRACE_EPERM = 1,
    MILLRACE_ENOENT = 2,
    MILLRACE_EBADF = 9,
    MILLRACE_EAGAIN = 11,
    MILLRACE_ENOMEM = 12,
    MILLRACE_EBUSY = 16,
    MILLRACE_EEXIST = 17,
    MILLRACE_EINVAL = 22,
    MILLRACE_ENFILE = 23,
    MILLRACE_EMFILE = 24,
    MILLRACE_EPIPE = 32,
    MILLRACE_ENOSYS = 38,
    MILLRACE_ETIME = 62,
    MILLRACE_EPROTO = 71,
    MILLRACE_ENOTSOCK = 88,
    MILLRACE_EMSGSIZE = 90,
    MILLRACE_EOPNOTSUPP = 95,
    MILLRACE_EADDRINUSE = 98,
    MILLRACE_EADDRNOTAVAIL = 99,
    MILLRACE_ENETUNREACH = 101,
    MILLRACE_EHOSTUNREACH = 113,
    MILLRACE_ECONNABORTED = 103,
    MILLRACE_ECONNRESET = 104,
    MILLRACE_ENOBUFS = 105,
    MILLRACE_ENOTCONN = 107,
    MILLRACE_ETIMEDOUT = 110,
    MILLRACE_ECONNREFUSED = 111,
    MILLRACE_EALREADY = 114,
    MILLRACE_EINPROGRESS = 115,
    MILLRACE_ECANCELED = 125,
    MILLRACE_SIGHUP = 1,
    MILLRACE_SIGINT = 2,
    MILLRACE_SIGPIPE = 13,
    MILLRACE_SIGTERM = 15,
};

/// Storage for a socket address of any family: the same size and alignment as sockaddr_storage.
struct millrace_address {
    uint64_t words[16];
    uint32_t length;
};

/// A piece of memory: the same layout as iovec.
struct millrace_slice {
    const void *base;
    size_t count;
};

/// A message of several pieces: the same layout as msghdr. What is not named here stays zero.
struct millrace_message {
    void *name;
    uint32_t name_length;
    const struct millrace_slice *slices;
    size_t slice_count;
    void *control;
    size_t control_length;
    int flags;
};

/// One datagram of a batch: the same layout as mmsghdr. `length` is how many bytes came or went.
struct millrace_datagram {
    struct millrace_message message;
    uint32_t length;
};

/// What `millrace_tcp_info` reads of a TCP connection. tcp(7), TCP_INFO.
struct millrace_tcp_info {
    uint64_t bytes_acked;
    uint64_t bytes_sent;
    uint32_t unacked_segments;
    uint32_t not_sent_bytes;
    uint8_t state;
};

/// One readiness event. Its layout is not epoll_event's, which differs by architecture.
struct millrace_event {
    uint32_t events;
    int32_t fd;
};

// Sockets. All are created non-blocking and close-on-exec.
int millrace_socket_open(int family, int type);
int millrace_socket_bind(int fd, const struct millrace_address *address);
int millrace_socket_listen(int fd, int backlog);
int millrace_socket_accept(int fd);
int millrace_socket_connect(int fd, const struct millrace_address *address);
int millrace_socket_local_address(int fd, struct millrace_address *address);
int millrace_socket_peer_address(int fd, struct millrace_address *address);
int millrace_socket_shutdown(int fd, int how);
/// SO_ERROR: the pending error as a negated errno, or zero.
int millrace_socket_take_error(int fd);
int millrace_socket_set_reuse_address(int fd, bool is_on);
int millrace_socket_set_reuse_port(int fd, bool is_on);
int millrace_socket_set_no_delay(int fd, bool is_on);
int millrace_socket_set_v6_only(int fd, bool is_on);
/// SO_LINGER with the given seconds; a negative number turns it off. Zero makes close send a reset.
int millrace_socket_set_linger(int fd, int seconds);
int millrace_socket_set_send_buffer(int fd, int byte_count);
int millrace_socket_set_receive_buffer(int fd, int byte_count);
/// Turns SO_KEEPALIVE on and sets its three numbers, in seconds and a count. tcp(7).
int millrace_socket_set_keep_alive(int fd, int idle, int interval, int count);
/// TCP_NOTSENT_LOWAT: with so many unsent bytes a socket is not writable. tcp(7).
int millrace_socket_set_unsent_limit(int fd, int byte_count);
int millrace_socket_tcp_info(int fd, struct millrace_tcp_info *info);
/// send(2) with MSG_NOSIGNAL and MSG_DONTWAIT.
int64_t millrace_socket_send(int fd, const void *bytes, size_t count);
/// sendmsg(2) of several pieces, with the same flags.
int64_t millrace_socket_send_message(int fd, const struct millrace_message *message);
/// recv(2) with MSG_DONTWAIT.
int64_t millrace_socket_receive(int fd, void *bytes, size_t count);
/// recvmmsg(2) with MSG_DONTWAIT: how many datagrams came.
int millrace_socket_receive_datagrams(int fd, struct millrace_datagram *datagrams, unsigned count);
/// sendmmsg(2) with MSG_DONTWAIT and MSG_NOSIGNAL: how many datagrams went.
int millrace_socket_send_datagrams(int fd, struct millrace_datagram *datagrams, unsigned count);
/// sendfile(2) from a place of a file. A peer that is gone raises SIGPIPE unless it is ignored.
int64_t millrace_socket_send_file(int fd, int file, uint64_t offset, size_t count);

// Descriptors of any kind.
int millrace_close(int fd);
int64_t millrace_read(int fd, void *bytes, size_t count);
int64_t millrace_write(int fd, const void *bytes, size_t count);
/// poll(2) of one descriptor without waiting: the events that are there, or a negated errno.
int millrace_poll_now(int fd, uint32_t events);
/// The same, waiting: 1 if one of the events is there, 0 if none was in time, or a negated errno.
int millrace_poll(int fd, uint32_t events, int milliseconds);
/// A pipe, non-blocking and close-on-exec: `ends[0]` reads. Returns 0 or a negated errno.
int millrace_pipe_open(int *ends);
/// Two connected Unix sockets of a type. socketpair(2).
int millrace_socket_pair(int type, int *ends);
/// A file without a name, in memory. memfd_create(2).
int millrace_memory_file_open(void);
/// Gives a descriptor another number, close-on-exec; what had that number is closed. dup3(2).
/// Returns the number or a negated errno; the old number is closed in either case.
int millrace_descriptor_move(int fd, int number);
/// F_GETFD: `MILLRACE_FD_CLOEXEC` or not, or a negated errno.
int millrace_descriptor_flags(int fd);
/// What a descriptor names, as the inode's number of fstat(2); or a negated errno.
int64_t millrace_descriptor_inode(int fd);
/// F_GETFL: whether reads and writes return at once instead of blocking, or a negated errno.
int millrace_descriptor_is_nonblocking(int fd);
/// The soft limit of open descriptors, RLIMIT_NOFILE.
uint64_t millrace_descriptor_limit(void);

// epoll(7), eventfd(2).
int millrace_epoll_create(void);
int millrace_epoll_add(int epoll, int fd, uint32_t events);
int millrace_epoll_modify(int epoll, int fd, uint32_t events);
int millrace_epoll_remove(int epoll, int fd);
/// Waits until an event or the monotonic deadline (UINT64_MAX: without limit). Returns how many
/// events there are.
int millrace_epoll_wait(int epoll, struct millrace_event *events, int count,
                        uint64_t deadline_nanoseconds);
int millrace_eventfd_open(void);
int millrace_eventfd_write(int fd);
int millrace_eventfd_read(int fd);

// Signals.
/// Blocks the signals that the mask names (bit n is signal n) in the calling thread and those that
/// it starts. Returns the mask that was in force.
uint64_t millrace_signals_block(uint64_t mask);
void millrace_signals_restore(uint64_t mask);
/// SIGPIPE is ignored in the whole process.
void millrace_signal_ignore_pipe(void);
/// signalfd(2) for the mask.
int millrace_signalfd_open(uint64_t mask);
/// The next signal's number from a signalfd, or a negated errno.
int millrace_signalfd_read(int fd);

// Addresses and names.
/// Resolves a name; blocks. Fills at most `capacity` addresses and returns how many, or minus 1000
/// plus a (negative) EAI code, which `millrace_resolve_error` explains.
int millrace_resolve(const char *host, const char *port, struct millrace_address *addresses,
                     int capacity);
const char *millrace_resolve_error(int code);
bool millrace_address_ipv4(struct millrace_address *address, const char *host, uint16_t port);
bool millrace_address_ipv6(struct millrace_address *address, const char *host, uint16_t port);
bool millrace_address_unix(struct millrace_address *address, const char *path, size_t path_length);
int millrace_address_family(const struct millrace_address *address);
uint16_t millrace_address_port(const struct millrace_address *address);
/// Writes the address without its port, or a Unix socket's path, NUL-terminated; false if it does
/// not fit.
bool millrace_address_text(const struct millrace_address *address, char *text, size_t capacity);

/// "Connection refused" for ECONNREFUSED; never NULL. Takes a positive errno.
const char *millrace_error_text(int code);
/// "ECONNREFUSED"; never NULL. Takes a positive errno.
const char *millrace_error_name(int code);
