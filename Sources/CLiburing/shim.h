// SPDX-License-Identifier: MIT

// liburing, and what its macros and 2.3's headers do not give to Swift.
#pragma once

// Before liburing.h: its use of fd_set clashes with the C library's module in optimised test
// builds otherwise.
#include <sys/select.h>

#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/// One completion as the loop sees it: the same sixteen bytes as io_uring_cqe.
struct millrace_uring_completion {
    __u64 user_data;
    __s32 result;
    __u32 flags;
};

/// What a look at the completions found besides them.
struct millrace_uring_harvest {
    unsigned count;
    /// Buffers that the kernel has let go of.
    unsigned released_buffers;
    /// The low half of some `user_data` was `first_own` or more.
    bool has_own;
    /// A receive found no buffer.
    bool is_dry;
};

/// What a newer kernel sets in `flags` of a completion whose buffer it goes on filling.
enum { MILLRACE_BUFFER_KEPT = 16 };

/// Moves at most `capacity` completions out of the queue and gives their places back to the kernel.
static inline struct millrace_uring_harvest millrace_uring_reap(struct io_uring *ring, void *out,
                                                                unsigned capacity,
                                                                unsigned first_own) {
    struct millrace_uring_completion *completions = (struct millrace_uring_completion *)out;
    struct millrace_uring_harvest harvest = {0};
    struct io_uring_cqe *cqe;
    unsigned head;
    io_uring_for_each_cqe(ring, head, cqe) {
        if (harvest.count == capacity) break;
        unsigned is_carried = cqe->flags & (IORING_CQE_F_BUFFER | MILLRACE_BUFFER_KEPT);
        harvest.released_buffers += is_carried == IORING_CQE_F_BUFFER;
        harvest.has_own |= (unsigned)cqe->user_data >= first_own;
        harvest.is_dry |= cqe->res == -ENOBUFS;
        completions[harvest.count].user_data = cqe->user_data;
        completions[harvest.count].result = cqe->res;
        completions[harvest.count].flags = cqe->flags;
        harvest.count++;
    }
    io_uring_cq_advance(ring, harvest.count);
    return harvest;
}

/// Opens a ring for one thread, disabled until `io_uring_enable_rings` is called on that thread.
/// Returns 0 or a
/// negated errno.
static inline int millrace_uring_open(struct io_uring *ring, unsigned entries,
                                      unsigned cq_entries) {
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                   IORING_SETUP_COOP_TASKRUN | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE |
                   IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP;
    params.cq_entries = cq_entries;
    return io_uring_queue_init_params(entries, ring, &params);
}

/// Makes the calling thread the ring's only one. Debian's liburing 2.3 declares
/// io_uring_enable_rings without exporting
/// it, so this is the system call itself. Returns 0 or a negated errno.
static inline int millrace_uring_enable(struct io_uring *ring) {
    long result =
        syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (result < 0) return -errno;
    // Saves looking the ring's descriptor up in every call; an older kernel does without.
    io_uring_register_ring_fd(ring);
    return 0;
}

/// Whether the kernel has both sends without a copy (Linux 6.1).
static inline bool millrace_uring_has_zero_copy(struct io_uring *ring) {
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    bool has_both = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) &&
                    io_uring_opcode_supported(probe, IORING_OP_SENDMSG_ZC);
    if (probe != NULL) io_uring_free_probe(probe);
    return has_both;
}

/// Whether the kernel knows every operation that the backend uses.
static inline bool millrace_uring_has_operations(struct io_uring *ring) {
    static const int needed[] = {
        IORING_OP_ACCEPT,  IORING_OP_CONNECT, IORING_OP_RECV,     IORING_OP_SEND,
        IORING_OP_SENDMSG, IORING_OP_CLOSE,   IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL,
    };
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    if (probe == NULL) return false;
    bool has_all = true;
    for (unsigned i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        has_all = has_all && io_uring_opcode_supported(probe, needed[i]);
    }
    io_uring_free_probe(probe);
    return has_all;
}

/// What the kernel may do with a ring of buffers: fill each piece by piece (Linux 6.12). 2.3's
/// header calls the field of the flags `pad`.
enum { MILLRACE_BUFFERS_INCREMENTAL = 2 };

/// Maps and registers a ring of provided buffers, filled piece by piece if the kernel can; `*out`
/// is NULL on failure. Returns 0 or a negated errno.
static inline int millrace_uring_map_buffer_ring(struct io_uring *ring, unsigned entries,
                                                 int group, struct io_uring_buf_ring **out) {
    size_t size = entries * sizeof(struct io_uring_buf);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    *out = NULL;
    if (memory == MAP_FAILED) return -ENOMEM;
    struct io_uring_buf_reg registration;
    memset(&registration, 0, sizeof registration);
    registration.ring_addr = (__u64)(uintptr_t)memory;
    registration.ring_entries = entries;
    registration.bgid = (__u16)group;
    registration.pad = MILLRACE_BUFFERS_INCREMENTAL;
    int result = io_uring_register_buf_ring(ring, &registration, 0);
    if (result == -EINVAL) {
        registration.pad = 0;
        result = io_uring_register_buf_ring(ring, &registration, 0);
    }
    if (result < 0) {
        munmap(memory, size);
        return result;
    }
    *out = (struct io_uring_buf_ring *)memory;
    io_uring_buf_ring_init(*out);
    return 0;
}

static inline void millrace_uring_unmap_buffer_ring(struct io_uring_buf_ring *buffers,
                                                    unsigned entries) {
    munmap(buffers, entries * sizeof(struct io_uring_buf));
}

static inline void millrace_uring_provide(struct io_uring_buf_ring *buffers, unsigned entries,
                                          void *memory, unsigned byte_count, unsigned short id) {
    io_uring_buf_ring_add(buffers, memory, byte_count, id, io_uring_buf_ring_mask(entries), 0);
    io_uring_buf_ring_advance(buffers, 1);
}

/// A stream of receives; with `byte_count_max`, one that ends after so many bytes (Linux 6.17: the
/// field is `optlen` there).
static inline void millrace_uring_prepare_receive_stream(struct io_uring_sqe *sqe, int fd,
                                                         int group, unsigned byte_count_max) {
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->file_index = byte_count_max;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = (__u16)group;
}

static inline void millrace_uring_prepare_accept(struct io_uring_sqe *sqe, int fd) {
    io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline void millrace_uring_prepare_connect(struct io_uring_sqe *sqe, int fd,
                                                  const void *address, unsigned length) {
    io_uring_prep_connect(sqe, fd, (const struct sockaddr *)address, (socklen_t)length);
}

static inline void millrace_uring_prepare_cancel_descriptor(struct io_uring_sqe *sqe, int fd) {
    io_uring_prep_cancel_fd(sqe, fd, IORING_ASYNC_CANCEL_ALL);
}

/// Whether the socket can be sent to without a copy: a Unix socket cannot, and would answer
/// EOPNOTSUPP. A system call, for sends alone that are large enough.
static inline bool millrace_uring_takes_zero_copy(int fd) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           (domain == AF_INET || domain == AF_INET6);
}

/// A send that ends when the socket is full, with what it took. With MSG_WAITALL
/// (io_uring_prep_send(3)) the kernel would go on by itself until every byte is taken: nobody hears
/// that a slow peer reads, and behind one that has ended its side the rest is sent by a thread of
/// the kernel's that no cancellation ends. Seen on Linux 6.18.
static inline void millrace_uring_prepare_send(struct io_uring_sqe *sqe, int fd, const void *bytes,
                                               size_t count, bool is_zero_copy) {
    if (is_zero_copy && millrace_uring_takes_zero_copy(fd)) {
        io_uring_prep_send_zc(sqe, fd, bytes, count, MSG_NOSIGNAL, 0);
    } else {
        io_uring_prep_send(sqe, fd, bytes, count, MSG_NOSIGNAL);
    }
}

/// A gather write, without a copy if its pieces have at least `zero_copy_min` bytes together.
static inline void millrace_uring_prepare_send_message(struct io_uring_sqe *sqe, int fd,
                                                       const void *message, size_t zero_copy_min) {
    const struct msghdr *header = (const struct msghdr *)message;
    size_t total = 0;
    if (zero_copy_min <= INT32_MAX) {
        for (size_t i = 0; i < header->msg_iovlen; i++) total += header->msg_iov[i].iov_len;
    }
    if (total > 0 && total >= zero_copy_min && millrace_uring_takes_zero_copy(fd)) {
        io_uring_prep_sendmsg_zc(sqe, fd, header, MSG_NOSIGNAL);
    } else {
        io_uring_prep_sendmsg(sqe, fd, header, MSG_NOSIGNAL);
    }
}

static inline bool millrace_uring_is_zero_copy(const struct io_uring_sqe *sqe) {
    return sqe->opcode == IORING_OP_SEND_ZC || sqe->opcode == IORING_OP_SENDMSG_ZC;
}

/// Submits what is queued and waits for a completion until the monotonic deadline (UINT64_MAX:
/// without limit;
/// `wait` of zero: only collects). Returns 0 or more, or a negated errno.
static inline int millrace_uring_submit_and_wait(struct io_uring *ring, unsigned wait,
                                                 __u64 rest_nanoseconds) {
    if (wait == 0) return io_uring_submit_and_get_events(ring);
    if (rest_nanoseconds == ~(__u64)0) return io_uring_submit_and_wait(ring, wait);
    struct __kernel_timespec limit = {.tv_sec = (long long)(rest_nanoseconds / 1000000000),
                                      .tv_nsec = (long long)(rest_nanoseconds % 1000000000)};
    struct io_uring_cqe *cqe;
    return io_uring_submit_and_wait_timeout(ring, &cqe, wait, &limit, NULL);
}

/// Whether a multishot receive can be told to end after a number of bytes: tries it on a pair of
/// sockets. An older kernel refuses the field.
static inline bool millrace_uring_counts_bytes(void) {
    static const size_t size = 64;
    struct io_uring ring;
    struct io_uring_buf_ring *buffers = NULL;
    int ends[2];
    char memory[64];
    bool counts = false;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) return false;
    if (millrace_uring_open(&ring, 4, 4) == 0) {
        if (millrace_uring_enable(&ring) == 0 &&
            millrace_uring_map_buffer_ring(&ring, 1, 0, &buffers) == 0) {
            millrace_uring_provide(buffers, 1, memory, size, 0);
            millrace_uring_prepare_receive_stream(io_uring_get_sqe(&ring), ends[0], 0, 2);
            struct io_uring_cqe *cqe;
            if (send(ends[1], "12", 2, 0) == 2 && io_uring_submit_and_wait(&ring, 1) >= 0 &&
                io_uring_peek_cqe(&ring, &cqe) == 0) {
                counts = cqe->res == 2 && !(cqe->flags & IORING_CQE_F_MORE);
            }
        }
        io_uring_queue_exit(&ring);
        if (buffers != NULL) millrace_uring_unmap_buffer_ring(buffers, 1);
    }
    close(ends[0]);
    close(ends[1]);
    return counts;
}
