// SPDX-License-Identifier: MIT

#include "ck.h"

#include <ck_ring.h>
#include <stdlib.h>

#include "queue_trial.h"

struct ring {
    ck_ring_t ring;
    ck_ring_buffer_t *buffer;
};

void *ck_make(uint64_t capacity) {
    struct ring *queue = aligned_alloc(64, (sizeof *queue + 63) / 64 * 64);
    queue->buffer = calloc(capacity, sizeof *queue->buffer);
    ck_ring_init(&queue->ring, (unsigned)capacity);
    return queue;
}

// The loops for one kind of ring, which holds pointers: the numbers are put there as such.
#define LOOPS(kind)                                                                    \
    static void kind##_offer(struct ring *queue, uint64_t number) {                    \
        unsigned tries = 0;                                                            \
        void *entry = (void *)number;                                                  \
        while (!ck_ring_enqueue_##kind(&queue->ring, queue->buffer, entry)) {          \
            queue_trial_wait(&tries);                                                  \
        }                                                                              \
    }                                                                                  \
    static uint64_t kind##_take(struct ring *queue) {                                  \
        unsigned tries = 0;                                                            \
        void *entry = NULL;                                                            \
        while (!ck_ring_dequeue_##kind(&queue->ring, queue->buffer, &entry)) {         \
            queue_trial_wait(&tries);                                                  \
        }                                                                              \
        return (uint64_t)entry;                                                        \
    }                                                                                  \
    void ck_##kind##_push(void *queue, uint64_t first, uint64_t count) {               \
        for (uint64_t at = 0; at < count; at++) kind##_offer(queue, first + at);       \
    }                                                                                  \
    uint64_t ck_##kind##_pop(void *queue, uint64_t count) {                            \
        uint64_t sum = 0;                                                              \
        while (count-- > 0) sum += kind##_take(queue);                                 \
        return sum;                                                                    \
    }                                                                                  \
    uint64_t ck_##kind##_pairs(void *queue, uint64_t first, uint64_t count) {          \
        uint64_t sum = 0;                                                              \
        for (uint64_t at = 0; at < count; at++) {                                      \
            kind##_offer(queue, first + at);                                           \
            sum += kind##_take(queue);                                                 \
        }                                                                              \
        return sum;                                                                    \
    }

LOOPS(spsc)
LOOPS(mpmc)
