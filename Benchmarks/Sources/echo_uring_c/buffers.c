// SPDX-License-Identifier: MIT

// The receive buffers that the kernel and the connections share.
//
// Plain: one receive fills one buffer, which goes back when it was sent. Incremental: the kernel
// goes on filling a buffer over many receives (`offset` is where the next begins) and says with
// the last of them that it is done; the buffer goes back when that was said and no piece is left.

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contender.h"
#include "echo.h"

struct state {
    uint32_t offset;
    uint32_t pieces;
    bool is_done;
};

static struct io_uring_buf_ring *shared;
static struct state *states;
static char *memory;
static uint32_t mask;
static int unpublished;
static uint32_t held;
/// For bundles: the buffers in the order in which they were given, and where each stands.
static uint16_t *order;
static uint32_t *position;
static uint32_t given;

static char *address(uint16_t buffer) { return memory + (size_t)buffer * options.buffer_size; }

static void give(uint16_t buffer) {
    states[buffer] = (struct state){0};
    order[given & mask] = buffer;
    position[buffer] = given++;
    io_uring_buf_ring_add(shared, address(buffer), options.buffer_size, buffer, (int)mask,
                          unpublished++);
}

void buffers_publish(void) {
    if (unpublished == 0) return;
    io_uring_buf_ring_advance(shared, unpublished);
    unpublished = 0;
}

uint32_t buffers_free(void) { return options.buffer_count - held; }

void buffers_open(void) {
    uint32_t count = options.buffer_count;
    size_t size = (size_t)count * options.buffer_size;
    mask = (uint32_t)io_uring_buf_ring_mask(count);
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shared = mmap(NULL, count * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    states = calloc(count, sizeof *states);
    order = calloc(count, sizeof *order);
    position = calloc(count, sizeof *position);
    bool has_memory = states != NULL && order != NULL && position != NULL;
    if (memory == MAP_FAILED || shared == MAP_FAILED || !has_memory) contender_fail("buffers");
    io_uring_buf_ring_init(shared);
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)shared,
        .ring_entries = count,
        // `flags` in newer headers, at this place.
        .pad = options.is_incremental ? PBUF_RING_INC : 0,
    };
    // Directly: liburing 2.3 would pass it on all the same, but need not.
    long result = syscall(SYS_io_uring_register, ring.ring_fd, IORING_REGISTER_PBUF_RING,
                          &registration, 1);
    if (result != 0) contender_fail("registering a buffer ring");
    for (uint32_t buffer = 0; buffer < count; buffer++) give((uint16_t)buffer);
    buffers_publish();
}

struct piece buffers_take(uint16_t buffer, uint32_t length, bool has_more) {
    struct state *state = &states[buffer];
    if (state->pieces++ == 0) held++;
    struct piece piece = {.start = address(buffer) + state->offset,
                          .length = length,
                          .buffer = buffer};
    state->offset += length;
    state->is_done = !has_more;
    return piece;
}

void buffers_take_bundle(uint16_t first, uint32_t length, struct connection *connection,
                         void (*take)(struct connection *, struct piece)) {
    uint32_t next = position[first];
    while (length > 0) {  // Ends: every turn takes at least a byte.
        uint32_t part = length < options.buffer_size ? length : options.buffer_size;
        take(connection, buffers_take(order[next++ & mask], part, false));
        length -= part;
    }
}

static void drop(uint16_t buffer) {
    struct state *state = &states[buffer];
    if (--state->pieces > 0) return;
    held--;
    if (state->is_done) give(buffer);
}

void piece_release(struct piece *piece) {
    if (piece->buffer == NO_BUFFER) free(piece->owned);
    else drop(piece->buffer);
}

void piece_spill(struct piece *piece) {
    if (piece->buffer == NO_BUFFER) return;
    char *copy = malloc(piece->length);
    if (copy == NULL) contender_fail("malloc");
    memcpy(copy, piece->start, piece->length);
    drop(piece->buffer);
    piece->buffer = NO_BUFFER;
    piece->start = piece->owned = copy;
}
