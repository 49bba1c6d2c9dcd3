// SPDX-License-Identifier: MIT

// How far two CPUs are from each other just now: one cache line goes to and fro. Virtual CPUs are
// moved by the host, so this changes from second to second.

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench_support.h"

enum { BATCHES = 21, ROUNDS = 200, PATIENCE_NANOSECONDS = 50000000 };

struct line {
    _Alignas(128) atomic_uint word;
    _Alignas(128) atomic_bool is_over;
    int cpu;
};

static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void *answer(void *context) {
    struct line *line = context;
    pin(line->cpu);
    while (!atomic_load_explicit(&line->is_over, memory_order_relaxed)) {  // Ends with the probe.
        unsigned value = atomic_load_explicit(&line->word, memory_order_acquire);
        if (value & 1) atomic_store_explicit(&line->word, value + 1, memory_order_release);
    }
    return NULL;
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

/// One batch of round trips, in nanoseconds each; negative if the other side did not answer.
static double batch(struct line *line, unsigned *value, uint64_t give_up) {
    uint64_t start = bench_now();
    for (int round = 0; round < ROUNDS; round++) {
        atomic_store_explicit(&line->word, ++*value, memory_order_release);
        ++*value;
        for (unsigned spin = 1; atomic_load_explicit(&line->word, memory_order_acquire) != *value;
             spin++) {
            if (spin % 65536 == 0 && bench_now() > give_up) return -1;
        }
    }
    return (double)(bench_now() - start) / ROUNDS;
}

double bench_probe(int first_cpu, int second_cpu) {
    static struct line line;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    if (first_cpu == second_cpu) return -1;
    pthread_mutex_lock(&lock);
    cpu_set_t before;
    sched_getaffinity(0, sizeof before, &before);
    pin(first_cpu);
    atomic_store(&line.word, 0);
    atomic_store(&line.is_over, 0);
    line.cpu = second_cpu;
    double times[BATCHES], result = -1;
    int count = 0;
    unsigned value = 0;
    pthread_t thread;
    if (pthread_create(&thread, NULL, answer, &line) == 0) {
        uint64_t give_up = bench_now() + PATIENCE_NANOSECONDS;
        while (count < BATCHES) {  // Ends: a batch gives up in the end.
            double time = batch(&line, &value, give_up);
            if (time < 0) break;
            times[count++] = time;
        }
        atomic_store(&line.is_over, 1);
        pthread_join(thread, NULL);
    }
    if (count > 0) {
        qsort(times, (size_t)count, sizeof *times, compare);
        result = times[count / 2];
    }
    sched_setaffinity(0, sizeof before, &before);
    pthread_mutex_unlock(&lock);
    return result;
}
