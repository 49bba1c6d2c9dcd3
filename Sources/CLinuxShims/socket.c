// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include "millrace_socket.h"
#include "millrace_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

_Static_assert(MILLRACE_AF_UNIX == AF_UNIX && MILLRACE_AF_INET == AF_INET, "");
_Static_assert(MILLRACE_AF_INET6 == AF_INET6 && MILLRACE_SOCK_STREAM == SOCK_STREAM, "");
_Static_assert(MILLRACE_SOCK_DGRAM == SOCK_DGRAM && MILLRACE_MSG_TRUNC == MSG_TRUNC, "");
_Static_assert(MILLRACE_EMSGSIZE == EMSGSIZE && MILLRACE_EBUSY == EBUSY, "");
_Static_assert(MILLRACE_SHUT_RD == SHUT_RD && MILLRACE_SHUT_WR == SHUT_WR, "");
_Static_assert(MILLRACE_SHUT_RDWR == SHUT_RDWR, "");
_Static_assert(MILLRACE_POLLIN == POLLIN && MILLRACE_POLLOUT == POLLOUT, "");
_Static_assert(MILLRACE_POLLIN == EPOLLIN && MILLRACE_POLLOUT == EPOLLOUT, "");
_Static_assert(MILLRACE_POLLPRI == POLLPRI && MILLRACE_POLLPRI == EPOLLPRI, "");
_Static_assert(MILLRACE_POLLERR == POLLERR && MILLRACE_POLLHUP == POLLHUP, "");
_Static_assert(MILLRACE_POLLERR == EPOLLERR && MILLRACE_POLLHUP == EPOLLHUP, "");
_Static_assert(MILLRACE_POLLRDHUP == POLLRDHUP && MILLRACE_POLLRDHUP == EPOLLRDHUP, "");
_Static_assert(MILLRACE_FD_CLOEXEC == FD_CLOEXEC, "");
_Static_assert((uint32_t)MILLRACE_EPOLLET == (uint32_t)EPOLLET, "");
_Static_assert(MILLRACE_EINTR == EINTR && MILLRACE_EPERM == EPERM && MILLRACE_ENOENT == ENOENT, "");
_Static_assert(MILLRACE_EBADF == EBADF && MILLRACE_EAGAIN == EAGAIN, "");
_Static_assert(MILLRACE_ENOMEM == ENOMEM && MILLRACE_EEXIST == EEXIST, "");
_Static_assert(MILLRACE_EINVAL == EINVAL && MILLRACE_ENFILE == ENFILE, "");
_Static_assert(MILLRACE_EMFILE == EMFILE && MILLRACE_EPIPE == EPIPE, "");
_Static_assert(MILLRACE_ENOSYS == ENOSYS, "");
_Static_assert(MILLRACE_EPROTO == EPROTO, "");
_Static_assert(MILLRACE_ETIME == ETIME && MILLRACE_EADDRINUSE == EADDRINUSE, "");
_Static_assert(MILLRACE_ECONNABORTED == ECONNABORTED && MILLRACE_ECONNRESET == ECONNRESET, "");
_Static_assert(MILLRACE_ENOBUFS == ENOBUFS && MILLRACE_ENOTCONN == ENOTCONN, "");
_Static_assert(MILLRACE_ETIMEDOUT == ETIMEDOUT && MILLRACE_ECONNREFUSED == ECONNREFUSED, "");
_Static_assert(MILLRACE_EALREADY == EALREADY && MILLRACE_EINPROGRESS == EINPROGRESS, "");
_Static_assert(MILLRACE_ENOTSOCK == ENOTSOCK && MILLRACE_EOPNOTSUPP == EOPNOTSUPP, "");
_Static_assert(MILLRACE_ECANCELED == ECANCELED && MILLRACE_ENETUNREACH == ENETUNREACH, "");
_Static_assert(MILLRACE_EHOSTUNREACH == EHOSTUNREACH, "");
_Static_assert(MILLRACE_EADDRNOTAVAIL == EADDRNOTAVAIL, "");
_Static_assert(MILLRACE_SIGINT == SIGINT && MILLRACE_SIGTERM == SIGTERM, "");
_Static_assert(MILLRACE_SIGHUP == SIGHUP, "");
_Static_assert(MILLRACE_SIGPIPE == SIGPIPE, "");
_Static_assert(sizeof(struct sockaddr_storage) == offsetof(struct millrace_address, length), "");
_Static_assert(sizeof(struct iovec) == sizeof(struct millrace_slice), "");
_Static_assert(offsetof(struct iovec, iov_base) == offsetof(struct millrace_slice, base), "");
_Static_assert(offsetof(struct iovec, iov_len) == offsetof(struct millrace_slice, count), "");
_Static_assert(sizeof(struct msghdr) == sizeof(struct millrace_message), "");
_Static_assert(offsetof(struct msghdr, msg_iov) == offsetof(struct millrace_message, slices), "");
_Static_assert(offsetof(struct msghdr, msg_iovlen) ==
                   offsetof(struct millrace_message, slice_count), "");
_Static_assert(sizeof(struct mmsghdr) == sizeof(struct millrace_datagram), "");
_Static_assert(offsetof(struct mmsghdr, msg_len) == offsetof(struct millrace_datagram, length), "");

static int status(int result) { return result < 0 ? -errno : result; }
static int64_t size_status(ssize_t result) { return result < 0 ? -errno : result; }

static const struct sockaddr *as_sockaddr(const struct millrace_address *address) {
    return (const struct sockaddr *)address->words;
}

/// Makes the call in the calling thread's world instead, if the descriptor is of one.
#define IN_WORLD(fd, call, ...)                                                                    \
    const struct millrace_world *world = millrace_world_of(fd);                                    \
    if (world != NULL) return world->call(world->context, __VA_ARGS__)
/// A descriptor that every world has: for calls that make one.
enum { ANY_DESCRIPTOR = INT_MAX };

/// Sends one piece in the calling thread's world.
static int64_t send_slice(int fd, const void *bytes, size_t count) {
    struct millrace_slice slice = {.base = bytes, .count = count};
    struct millrace_message message = {.slices = &slice, .slice_count = 1};
    return millrace_socket_send_message(fd, &message);
}

int millrace_socket_open(int family, int type) {
    IN_WORLD(ANY_DESCRIPTOR, socket_open, family, type);
    return status(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

int millrace_socket_bind(int fd, const struct millrace_address *address) {
    IN_WORLD(fd, bind, fd, address);
    return status(bind(fd, as_sockaddr(address), address->length));
}

int millrace_socket_listen(int fd, int backlog) {
    IN_WORLD(fd, listen, fd, backlog);
    return status(listen(fd, backlog));
}

int millrace_socket_accept(int fd) {
    IN_WORLD(fd, accept, fd);
    return status(accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

int millrace_socket_connect(int fd, const struct millrace_address *address) {
    IN_WORLD(fd, connect, fd, address);
    return status(connect(fd, as_sockaddr(address), address->length));
}

int millrace_socket_local_address(int fd, struct millrace_address *address) {
    IN_WORLD(fd, address, fd, false, address);
    memset(address, 0, sizeof *address);
    socklen_t length = sizeof address->words;
    int result = status(getsockname(fd, (struct sockaddr *)address->words, &length));
    address->length = length;
    return result;
}

int millrace_socket_peer_address(int fd, struct millrace_address *address) {
    IN_WORLD(fd, address, fd, true, address);
    memset(address, 0, sizeof *address);
    socklen_t length = sizeof address->words;
    int result = status(getpeername(fd, (struct sockaddr *)address->words, &length));
    address->length = length;
    return result;
}

int millrace_socket_shutdown(int fd, int how) {
    IN_WORLD(fd, shutdown, fd, how);
    return status(shutdown(fd, how));
}

int millrace_socket_take_error(int fd) {
    IN_WORLD(fd, ask, fd, MILLRACE_ASK_ERROR);
    int error = 0;
    socklen_t length = sizeof error;
    int result = status(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
    return result < 0 ? result : -error;
}

static int set_int(int fd, int level, int name, int value) {
    return status(setsockopt(fd, level, name, &value, sizeof value));
}

int millrace_socket_set_reuse_address(int fd, bool is_on) {
    IN_WORLD(fd, set_option, fd, MILLRACE_OPTION_REUSE_ADDRESS, is_on);
    return set_int(fd, SOL_SOCKET, SO_REUSEADDR, is_on);
}
int millrace_socket_set_reuse_port(int fd, bool is_on) {
    IN_WORLD(fd, set_option, fd, MILLRACE_OPTION_REUSE_PORT, is_on);
    return set_int(fd, SOL_SOCKET, SO_REUSEPORT, is_on);
}
int millrace_socket_set_no_delay(int fd, bool is_on) {
    IN_WORLD(fd, set_option, fd, MILLRACE_OPTION_NO_DELAY, is_on);
    return set_int(fd, IPPROTO_TCP, TCP_NODELAY, is_on);
}
int millrace_socket_set_v6_only(int fd, bool is_on) {
    IN_WORLD(fd, set_option, fd, MILLRACE_OPTION_V6_ONLY, is_on);
    return set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, is_on);
}
int millrace_socket_set_linger(int fd, int seconds) {
    IN_WORLD(fd, set_option, fd, MILLRACE_OPTION_LINGER, seconds);
    struct linger linger = {.l_onoff = seconds >= 0, .l_linger = seconds >= 0 ? seconds : 0};
    return status(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}
int millrace_socket_set_send_buffer(int fd, int byte_count) {
    IN_WORLD(fd, set_option, fd, MILLRACE_OPTION_SEND_BUFFER, byte_count);
    return set_int(fd, SOL_SOCKET, SO_SNDBUF, byte_count);
}
int millrace_socket_set_receive_buffer(int fd, int byte_count) {
    IN_WORLD(fd, set_option, fd, MILLRACE_OPTION_RECEIVE_BUFFER, byte_count);
    return set_int(fd, SOL_SOCKET, SO_RCVBUF, byte_count);
}
int millrace_socket_set_keep_alive(int fd, int idle, int interval, int count) {
    IN_WORLD(fd, set_option, fd, MILLRACE_OPTION_KEEP_ALIVE, idle);
    int result = set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (result >= 0) result = set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    if (result >= 0) result = set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    if (result >= 0) result = set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
    return result;
}
int millrace_socket_set_unsent_limit(int fd, int byte_count) {
    IN_WORLD(fd, set_option, fd, MILLRACE_OPTION_UNSENT_LIMIT, byte_count);
    return set_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, byte_count);
}

int millrace_socket_tcp_info(int fd, struct millrace_tcp_info *out) {
    IN_WORLD(fd, tcp_info, fd, out);
    struct tcp_info info;
    memset(&info, 0, sizeof info);
    memset(out, 0, sizeof *out);
    socklen_t length = sizeof info;
    int result = status(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length));
    if (result < 0) return result;
    out->bytes_acked = info.tcpi_bytes_acked;
    out->bytes_sent = info.tcpi_bytes_sent;
    out->unacked_segments = info.tcpi_unacked;
    out->not_sent_bytes = info.tcpi_notsent_bytes;
    out->state = info.tcpi_state;
    return 0;
}

int64_t millrace_socket_send(int fd, const void *bytes, size_t count) {
    if (millrace_world_of(fd) != NULL) return send_slice(fd, bytes, count);
    return size_status(send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT));
}

int64_t millrace_socket_send_message(int fd, const struct millrace_message *message) {
    IN_WORLD(fd, send, fd, message);
    return size_status(sendmsg(fd, (const struct msghdr *)message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

int64_t millrace_socket_receive(int fd, void *bytes, size_t count) {
    IN_WORLD(fd, receive, fd, bytes, count);
    return size_status(recv(fd, bytes, count, MSG_DONTWAIT));
}

int millrace_socket_receive_datagrams(int fd, struct millrace_datagram *datagrams,
                                      unsigned count) {
    IN_WORLD(fd, receive_datagrams, fd, datagrams, count);
    return status(recvmmsg(fd, (struct mmsghdr *)datagrams, count, MSG_DONTWAIT, NULL));
}

int millrace_socket_send_datagrams(int fd, struct millrace_datagram *datagrams, unsigned count) {
    IN_WORLD(fd, send_datagrams, fd, datagrams, count);
    return status(sendmmsg(fd, (struct mmsghdr *)datagrams, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int64_t millrace_socket_send_file(int fd, int file, uint64_t offset, size_t count) {
    IN_WORLD(fd, send_file, fd, file, offset, count);
    off_t place = (off_t)offset;
    return size_status(sendfile(fd, file, &place, count));
}

int millrace_close(int fd) {
    IN_WORLD(fd, close, fd);
    return status(close(fd));
}
int64_t millrace_read(int fd, void *bytes, size_t count) {
    IN_WORLD(fd, receive, fd, bytes, count);
    return size_status(read(fd, bytes, count));
}
int64_t millrace_write(int fd, const void *bytes, size_t count) {
    if (millrace_world_of(fd) != NULL) return send_slice(fd, bytes, count);
    return size_status(write(fd, bytes, count));
}

int millrace_poll_now(int fd, uint32_t events) {
    IN_WORLD(fd, poll, fd, events, 0);
    struct pollfd entry = {.fd = fd, .events = (short)events};
    int result = status(poll(&entry, 1, 0));
    if (result < 0) return result;
    if (entry.revents & POLLNVAL) return -EBADF;
    return entry.revents;
}

int millrace_poll(int fd, uint32_t events, int milliseconds) {
    IN_WORLD(fd, poll, fd, events, milliseconds);
    struct pollfd entry = {.fd = fd, .events = (short)events};
    return status(poll(&entry, 1, milliseconds));
}

int millrace_pipe_open(int *ends) {
    IN_WORLD(ANY_DESCRIPTOR, open_pair, 0, ends);
    return status(pipe2(ends, O_NONBLOCK | O_CLOEXEC));
}

int millrace_socket_pair(int type, int *ends) {
    IN_WORLD(ANY_DESCRIPTOR, open_pair, type, ends);
    return status(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
}

int millrace_memory_file_open(void) { return status(memfd_create("millrace", MFD_CLOEXEC)); }

int millrace_descriptor_move(int fd, int number) {
    IN_WORLD(fd, move, fd, number);
    int result = status(dup3(fd, number, O_CLOEXEC));
    close(fd);
    return result;
}

int64_t millrace_descriptor_inode(int fd) {
    IN_WORLD(fd, ask, fd, MILLRACE_ASK_IDENTITY);
    struct stat about;
    return fstat(fd, &about) < 0 ? -errno : (int64_t)about.st_ino;
}

int millrace_descriptor_flags(int fd) {
    IN_WORLD(fd, ask, fd, MILLRACE_ASK_FLAGS);
    return status(fcntl(fd, F_GETFD));
}

int millrace_descriptor_is_nonblocking(int fd) {
    IN_WORLD(fd, ask, fd, MILLRACE_ASK_IS_NONBLOCKING);
    int flags = status(fcntl(fd, F_GETFL));
    return flags < 0 ? flags : (flags & O_NONBLOCK) != 0;
}

uint64_t millrace_descriptor_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : 1024;
}

int millrace_epoll_create(void) { return status(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int epoll, int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    return status(epoll_ctl(epoll, operation, fd, &event));
}

int millrace_epoll_add(int epoll, int fd, uint32_t events) {
    return control(epoll, EPOLL_CTL_ADD, fd, events);
}
int millrace_epoll_modify(int epoll, int fd, uint32_t events) {
    return control(epoll, EPOLL_CTL_MOD, fd, events);
}
int millrace_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0); }

static uint64_t now_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int millrace_epoll_wait(int epoll, struct millrace_event *events, int count, uint64_t deadline) {
    enum { BATCH = 256 };
    struct epoll_event batch[BATCH];
    if (count > BATCH) count = BATCH;
    struct timespec limit, *limit_or_null = NULL;
    uint64_t milliseconds = 0;
    if (deadline != UINT64_MAX) {
        uint64_t now = deadline == 0 ? 0 : now_nanoseconds();
        uint64_t rest = deadline > now ? deadline - now : 0;
        limit.tv_sec = (time_t)(rest / 1000000000);
        limit.tv_nsec = (long)(rest % 1000000000);
        limit_or_null = &limit;
        milliseconds = (rest + 999999) / 1000000;
    }
    int ready = status(epoll_pwait2(epoll, batch, count, limit_or_null, NULL));
    if (ready == -ENOSYS || ready == -EPERM) {
        // Before Linux 5.11, or kept away by a filter: whole milliseconds, rounded up: no spinning.
        int bounded = milliseconds > INT_MAX ? INT_MAX : (int)milliseconds;
        ready = status(epoll_wait(epoll, batch, count, limit_or_null == NULL ? -1 : bounded));
    }
    for (int i = 0; i < ready; i++) {
        events[i].events = batch[i].events;
        events[i].fd = batch[i].data.fd;
    }
    return ready;
}

int millrace_eventfd_open(void) { return status(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

int millrace_eventfd_write(int fd) {
    uint64_t one = 1;
    return write(fd, &one, sizeof one) == sizeof one ? 0 : -errno;
}

int millrace_eventfd_read(int fd) {
    uint64_t value;
    return read(fd, &value, sizeof value) == sizeof value ? 0 : -errno;
}

static sigset_t set_of(uint64_t mask) {
    sigset_t set;
    sigemptyset(&set);
    for (int number = 1; number < 64; number++) {
        if (mask & (UINT64_C(1) << number)) sigaddset(&set, number);
    }
    return set;
}

uint64_t millrace_signals_block(uint64_t mask) {
    sigset_t set = set_of(mask), previous;
    pthread_sigmask(SIG_BLOCK, &set, &previous);
    uint64_t result = 0;
    for (int number = 1; number < 64; number++) {
        if (sigismember(&previous, number) == 1) result |= UINT64_C(1) << number;
    }
    return result;
}

void millrace_signals_restore(uint64_t mask) {
    sigset_t set = set_of(mask);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
}

void millrace_signal_ignore_pipe(void) { signal(SIGPIPE, SIG_IGN); }

int millrace_signalfd_open(uint64_t mask) {
    IN_WORLD(ANY_DESCRIPTOR, signals_open, mask);
    sigset_t set = set_of(mask);
    return status(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

int millrace_signalfd_read(int fd) {
    IN_WORLD(fd, signals_read, fd);
    struct signalfd_siginfo info;
    ssize_t count = read(fd, &info, sizeof info);
    if (count < 0) return -errno;
    return count == sizeof info ? (int)info.ssi_signo : -EINVAL;
}

static void set_address(struct millrace_address *address, const void *bytes, size_t length) {
    memset(address, 0, sizeof *address);
    memcpy(address->words, bytes, length);
    address->length = (uint32_t)length;
}

int millrace_resolve(const char *host, const char *port, struct millrace_address *addresses,
                     int capacity) {
    IN_WORLD(ANY_DESCRIPTOR, resolve, host, port, addresses, capacity);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    int result = getaddrinfo(host, port, &hints, &list);
    if (result != 0) return result - 1000;
    int count = 0;
    for (struct addrinfo *entry = list; entry != NULL && count < capacity; entry = entry->ai_next) {
        if (entry->ai_addrlen > sizeof addresses->words) continue;
        set_address(&addresses[count++], entry->ai_addr, entry->ai_addrlen);
    }
    freeaddrinfo(list);
    return count;
}

const char *millrace_resolve_error(int code) { return gai_strerror(code + 1000); }

bool millrace_address_ipv4(struct millrace_address *address, const char *host, uint16_t port) {
    struct sockaddr_in value = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &value.sin_addr) != 1) return false;
    set_address(address, &value, sizeof value);
    return true;
}

bool millrace_address_ipv6(struct millrace_address *address, const char *host, uint16_t port) {
    struct sockaddr_in6 value = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET6, host, &value.sin6_addr) != 1) return false;
    set_address(address, &value, sizeof value);
    return true;
}

bool millrace_address_unix(struct millrace_address *address, const char *path, size_t path_length) {
    struct sockaddr_un value = {.sun_family = AF_UNIX};
    if (path_length == 0 || path_length >= sizeof value.sun_path) return false;
    memcpy(value.sun_path, path, path_length);
    set_address(address, &value, offsetof(struct sockaddr_un, sun_path) + path_length + 1);
    return true;
}

int millrace_address_family(const struct millrace_address *address) {
    return as_sockaddr(address)->sa_family;
}

uint16_t millrace_address_port(const struct millrace_address *address) {
    switch (millrace_address_family(address)) {
    case AF_INET: return ntohs(((const struct sockaddr_in *)address->words)->sin_port);
    case AF_INET6: return ntohs(((const struct sockaddr_in6 *)address->words)->sin6_port);
    default: return 0;
    }
}

bool millrace_address_text(const struct millrace_address *address, char *text, size_t capacity) {
    const void *start = address->words;
    switch (millrace_address_family(address)) {
    case AF_INET: {
        const struct in_addr *four = &((const struct sockaddr_in *)start)->sin_addr;
        return inet_ntop(AF_INET, four, text, capacity) != NULL;
    }
    case AF_INET6: {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)start)->sin6_addr;
        return inet_ntop(AF_INET6, six, text, capacity) != NULL;
    }
    case AF_UNIX: {
        const char *path = ((const struct sockaddr_un *)start)->sun_path;
        size_t length = strnlen(path, sizeof ((const struct sockaddr_un *)start)->sun_path);
        if (length >= capacity) return false;
        memcpy(text, path, length);
        text[length] = 0;
        return true;
    }
    default: return false;
    }
}

const char *millrace_error_text(int code) {
    const char *text = strerrordesc_np(code);
    return text != NULL ? text : "unknown error";
}

const char *millrace_error_name(int code) {
    const char *name = strerrorname_np(code);
    return name != NULL ? name : "E?";
}
