// SPDX-License-Identifier: MIT

// Timers in a heap of two or of four children each: the structure that a wheel replaces. Each timer
// knows its place, so that it can be cancelled and moved.

#include <stdbool.h>
#include <stdlib.h>

#include "contender.h"
#include "primitives.h"
#include "work_trial.h"

struct entry {
    uint64_t deadline;
    uint32_t timer;
};

struct heap {
    struct entry *entries;
    // Of each timer: its place; of one that is not armed: the next such.
    uint32_t *places;
    // What who armed them keeps.
    uint32_t *timers;
    uint32_t count, free;
    uint64_t size, now, random;
};

static inline void put(struct heap *heap, uint32_t place, struct entry entry) {
    heap->entries[place] = entry;
    heap->places[entry.timer] = place;
}

static inline void rise(struct heap *heap, uint32_t place, struct entry entry, uint32_t arity) {
    while (place > 0) {
        uint32_t parent = (place - 1) / arity;
        if (heap->entries[parent].deadline <= entry.deadline) break;
        put(heap, place, heap->entries[parent]);
        place = parent;
    }
    put(heap, place, entry);
}

static inline void sink(struct heap *heap, uint32_t place, struct entry entry, uint32_t arity) {
    for (;;) {  // Ends at a leaf.
        uint32_t least = place * arity + 1;
        if (least >= heap->count) break;
        uint32_t end = least + arity < heap->count ? least + arity : heap->count;
        for (uint32_t child = least + 1; child < end; child++) {
            if (heap->entries[child].deadline < heap->entries[least].deadline) least = child;
        }
        if (entry.deadline <= heap->entries[least].deadline) break;
        put(heap, place, heap->entries[least]);
        place = least;
    }
    put(heap, place, entry);
}

// Puts an entry where it belongs, from a place that is free.
static inline void settle(struct heap *heap, uint32_t place, struct entry entry, uint32_t arity) {
    if (place > 0 && heap->entries[(place - 1) / arity].deadline > entry.deadline) {
        rise(heap, place, entry, arity);
    } else {
        sink(heap, place, entry, arity);
    }
}

static inline uint32_t arm(struct heap *heap, uint64_t deadline, uint32_t arity) {
    uint32_t timer = heap->free;
    heap->free = heap->places[timer];
    rise(heap, heap->count++, (struct entry){deadline, timer}, arity);
    return timer;
}

static inline void cancel(struct heap *heap, uint32_t timer, uint32_t arity) {
    uint32_t place = heap->places[timer];
    struct entry last = heap->entries[--heap->count];
    if (place < heap->count) settle(heap, place, last, arity);
    heap->places[timer] = heap->free;
    heap->free = timer;
}

static inline void move(struct heap *heap, uint32_t timer, uint64_t deadline, uint32_t arity) {
    settle(heap, heap->places[timer], (struct entry){deadline, timer}, arity);
}

static struct heap *make(uint64_t size, uint32_t arity) {
    struct heap *heap = calloc(1, sizeof *heap);
    uint64_t most = size + WORK_BURST;
    heap->entries = calloc(most, sizeof *heap->entries);
    heap->places = calloc(most + 1, sizeof *heap->places);
    for (uint32_t timer = 0; timer < most; timer++) heap->places[timer] = timer + 1;
    heap->timers = calloc(size, sizeof *heap->timers);
    heap->size = size;
    for (uint64_t index = 0; index < size; index++) {
        heap->timers[index] = arm(heap, work_delay(&heap->random, size), arity);
    }
    return heap;
}

// Each operation arms a timer and cancels the one that was armed a burst ago.
static inline uint64_t arm_cancel(struct heap *heap, uint64_t count, bool near, uint32_t arity) {
    uint32_t timers[WORK_BURST];
    uint64_t sum = 0, size = near ? work_near(heap->size) : heap->size;
    for (uint64_t number = 0; number < count; number++) {
        uint32_t *timer = &timers[number % WORK_BURST];
        if (number >= WORK_BURST) cancel(heap, *timer, arity);
        *timer = arm(heap, work_delay(&heap->random, size), arity);
        sum += number;
    }
    return sum;
}

// Each operation moves any of the timers: anywhere, or behind all others if `idle`.
static inline uint64_t rearm(struct heap *heap, uint64_t count, bool idle, uint32_t arity) {
    uint64_t sum = 0;
    for (uint64_t number = 0; number < count; number++) {
        uint32_t timer = heap->timers[work_random(&heap->random) % heap->size];
        uint64_t deadline = idle ? work_behind(number, heap->size)
                                 : work_delay(&heap->random, heap->size);
        move(heap, timer, deadline, arity);
        sum += number;
    }
    return sum;
}

// Each operation fires the earliest timer, and arms it anew if `again`.
static inline uint64_t expire(struct heap *heap, uint64_t count, bool again, uint32_t arity) {
    uint64_t sum = 0, number = 0, latest = 0;
    while (number < count) {
        heap->now += WORK_TICKS;
        while (number < count && heap->count > 0 && heap->entries[0].deadline <= heap->now) {
            uint64_t deadline = heap->entries[0].deadline;
            if (deadline < latest) return 0;
            latest = again ? latest : deadline;
            cancel(heap, heap->entries[0].timer, arity);
            if (again) arm(heap, heap->now + work_delay(&heap->random, heap->size), arity);
            sum += number++;
        }
    }
    return sum;
}

#define WORK(arity, name, function, option)                               \
    uint64_t heap##arity##_##name(void *heap, uint64_t count) {           \
        return function(heap, count, option, arity);                      \
    }
#define HEAP(arity)                                                       \
    void *heap##arity##_make(uint64_t size) { return make(size, arity); } \
    WORK(arity, cancel_far, arm_cancel, false)                            \
    WORK(arity, cancel_near, arm_cancel, true)                            \
    WORK(arity, rearm_any, rearm, false)                                  \
    WORK(arity, rearm_idle, rearm, true)                                  \
    WORK(arity, expire, expire, false)                                    \
    WORK(arity, steady, expire, true)

HEAP(2)
HEAP(4)
