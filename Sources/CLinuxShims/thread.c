// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include "millrace_thread.h"
#include "millrace_world.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Thread indices: one bit for each, set while a thread holds it. Taking one is an acquire, giving
// it back a release of the same word, so whatever is owned by an index passes from the thread that
// exits to the one that comes next.

enum { WORD_COUNT = MILLRACE_THREAD_INDEX_COUNT / 64 };

static _Atomic uint64_t taken_indices[WORD_COUNT];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool exit_key_exists;

_Thread_local uint32_t millrace_thread_index_cache;
_Thread_local void *millrace_thread_loop;
_Thread_local const struct millrace_world *millrace_thread_world;

static void give_index_back(void *index_plus_one) {
    uint32_t index = (uint32_t)(uintptr_t)index_plus_one - 1;
    millrace_thread_index_cache = 0;
    uint64_t others = ~(UINT64_C(1) << (index % 64));
    atomic_fetch_and_explicit(&taken_indices[index / 64], others, memory_order_release);
}

static void make_exit_key(void) {
    exit_key_exists = pthread_key_create(&exit_key, give_index_back) == 0;
}

static uint32_t take_index(void) {
    for (uint32_t word = 0; word < WORD_COUNT; word++) {
        uint64_t taken = atomic_load_explicit(&taken_indices[word], memory_order_relaxed);
        while (~taken != 0) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~taken);
            uint64_t with_ours = taken | (UINT64_C(1) << bit);
            if (atomic_compare_exchange_weak_explicit(&taken_indices[word], &taken, with_ours,
                                                      memory_order_acquire, memory_order_relaxed)) {
                return word * 64 + bit;
            }
        }
    }
    return MILLRACE_NO_THREAD_INDEX;
}

uint32_t millrace_thread_index_slow(void) {
    pthread_once(&key_once, make_exit_key);
    if (!exit_key_exists) return MILLRACE_NO_THREAD_INDEX;
    uint32_t index = take_index();
    if (index == MILLRACE_NO_THREAD_INDEX) return index;
    if (pthread_setspecific(exit_key, (void *)(uintptr_t)(index + 1)) != 0) {
        give_index_back((void *)(uintptr_t)(index + 1));
        return MILLRACE_NO_THREAD_INDEX;
    }
    millrace_thread_index_cache = index + 1;
    return index;
}

bool millrace_futex_wait(const void *word, uint32_t expected, uint64_t deadline_nanoseconds) {
    struct timespec deadline, *limit = NULL;
    if (deadline_nanoseconds != UINT64_MAX) {
        deadline.tv_sec = (time_t)(deadline_nanoseconds / 1000000000);
        deadline.tv_nsec = (long)(deadline_nanoseconds % 1000000000);
        limit = &deadline;
    }
    // FUTEX_WAIT_BITSET takes an absolute deadline on CLOCK_MONOTONIC.
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, limit,
                          NULL, FUTEX_BITSET_MATCH_ANY);
    return !(result == -1 && errno == ETIMEDOUT);
}

int millrace_futex_wake(const void *word, int count) {
    return (int)syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL, 0);
}

uint64_t millrace_monotonic_nanoseconds(void) {
    const struct millrace_world *world = millrace_world_with_clock();
    if (__builtin_expect(world != NULL, 0)) return world->monotonic_nanoseconds(world->context);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int64_t millrace_clock_realtime_seconds(void) {
    const struct millrace_world *world = millrace_world_with_clock();
    if (world != NULL) return world->realtime_nanoseconds(world->context) / 1000000000;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec;
}

int64_t millrace_clock_realtime_nanoseconds(void) {
    const struct millrace_world *world = millrace_world_with_clock();
    if (world != NULL) return world->realtime_nanoseconds(world->context);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void millrace_thread_yield(void) { sched_yield(); }

struct start {
    void (*body)(void *);
    void *context;
    const struct millrace_world *world;
    char name[16];
};

static void *run_thread(void *argument) {
    struct start start = *(struct start *)argument;
    free(argument);
    millrace_thread_world = start.world;
    if (start.name[0] != 0) pthread_setname_np(pthread_self(), start.name);
    start.body(start.context);
    return NULL;
}

int millrace_thread_start(uint64_t *handle, void (*body)(void *), void *context, const char *name) {
    struct start *start = calloc(1, sizeof *start);
    if (start == NULL) return -ENOMEM;
    start->body = body;
    start->context = context;
    start->world = millrace_thread_world;
    if (name != NULL) strncpy(start->name, name, sizeof start->name - 1);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run_thread, start);
    if (error != 0) {
        free(start);
        return -error;
    }
    *handle = (uint64_t)thread;
    return 0;
}

int millrace_thread_start_detached(uint64_t *handle, void (*body)(void *), void *context,
                                   const char *name) {
    int status = millrace_thread_start(handle, body, context, name);
    if (status == 0) pthread_detach((pthread_t)*handle);
    return status;
}

void millrace_thread_join(uint64_t handle) { pthread_join((pthread_t)handle, NULL); }

int millrace_thread_pin(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return -pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int millrace_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}
