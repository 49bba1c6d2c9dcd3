// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include "queue_trial.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "contender.h"

static const char help[] =
    "usage: queues_… --queue NAME [--producers P --consumers C | --pairs T] [--count N]\n"
    "                [--capacity K] | --list\n"
    "Moves N numbers through a queue and prints one line of results.\n"
    "  --queue NAME      which one; --list prints the names\n"
    "  --producers P     threads that push N / P each (1), and\n"
    "  --consumers C     threads that take N / C each (1); N must be divisible by both\n"
    "  --pairs T         instead: threads that push one and take one, N / T times each\n"
    "  --count N         how many numbers (1000000)\n"
    "  --capacity K      room for about so many (1024)\n";

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#else
#define PAUSE() __asm__ volatile("yield")
#endif

enum { THREADS_MAX = 64, SPINS = 64 };
enum role { PUSHES, TAKES, BOTH };

struct worker {
    pthread_t thread;
    enum role role;
    unsigned number;
    uint64_t first, count, sum, start, end;
};

static const struct queue_subjects *subjects;
static void *queue;
static pthread_barrier_t ready;

void queue_trial_wait(unsigned *tries) {
    if (++*tries < SPINS) {
        PAUSE();
    } else {
        *tries = 0;
        sched_yield();
    }
}

static void *work(void *argument) {
    struct worker *worker = argument;
    // Producers on one processor and consumers on the other, if there is one of each.
    contender_pin(worker->number);
    pthread_barrier_wait(&ready);
    worker->start = contender_now();
    switch (worker->role) {
        case PUSHES: subjects->push(queue, worker->first, worker->count); break;
        case TAKES: worker->sum = subjects->pop(queue, worker->count); break;
        case BOTH: worker->sum = subjects->pairs(queue, worker->first, worker->count); break;
    }
    worker->end = contender_now();
    return NULL;
}

static unsigned subject_named(const char *name) {
    for (unsigned index = 0; index < subjects->count; index++) {
        if (strcmp(subjects->names[index], name) == 0) return index;
    }
    contender_complain("no such queue; --list prints the names");
    return subjects->count;
}

static void list(void) {
    for (unsigned index = 0; index < subjects->count; index++) puts(subjects->names[index]);
}

// Fills in who does what: how many there are.
static unsigned assign(struct worker *workers, uint64_t count, unsigned producers,
                       unsigned consumers, unsigned pairs) {
    unsigned total = pairs > 0 ? pairs : producers + consumers;
    for (unsigned index = 0; index < total; index++) {
        struct worker *worker = &workers[index];
        worker->number = index;
        worker->role = pairs > 0 ? BOTH : index < producers ? PUSHES : TAKES;
        uint64_t peers = worker->role == BOTH ? pairs : index < producers ? producers : consumers;
        worker->count = count / peers;
        worker->first = index * worker->count;
    }
    return total;
}

int queue_trial(int argc, char **argv, const struct queue_subjects *of) {
    subjects = of;
    contender_check(argc, argv, "--queue --producers --consumers --pairs --count --capacity",
                    "--list", help);
    if (contender_flag(argc, argv, "--list")) return list(), 0;
    unsigned producers = (unsigned)contender_number(argc, argv, "--producers", 1, 1, 16);
    unsigned consumers = (unsigned)contender_number(argc, argv, "--consumers", 1, 1, 16);
    unsigned pairs = (unsigned)contender_number(argc, argv, "--pairs", 0, 0, 16);
    uint64_t count = contender_number(argc, argv, "--count", 1000000, 1, 1000000000);
    uint64_t capacity = contender_number(argc, argv, "--capacity", 1024, 2, 1 << 20);
    unsigned subject = subject_named(contender_text(argc, argv, "--queue", subjects->names[0]));
    if (subject == subjects->count) return 2;
    if (pairs > 0 ? count % pairs != 0 : count % producers != 0 || count % consumers != 0) {
        contender_complain("--count is not divisible among the threads");
        return 2;
    }
    struct worker workers[THREADS_MAX] = {0};
    unsigned total = assign(workers, count, producers, consumers, pairs);
    queue = subjects->make(subject, capacity, total);
    pthread_barrier_init(&ready, NULL, total);
    for (unsigned index = 0; index < total; index++) {
        if (pthread_create(&workers[index].thread, NULL, work, &workers[index]) != 0) {
            contender_fail("pthread_create");
        }
    }
    uint64_t sum = 0, start = UINT64_MAX, end = 0;
    for (unsigned index = 0; index < total; index++) {
        pthread_join(workers[index].thread, NULL);
        sum += workers[index].sum;
        if (workers[index].start < start) start = workers[index].start;
        if (workers[index].end > end) end = workers[index].end;
    }
    printf("result operations=%llu checksum=%llu nanoseconds=%llu\n", (unsigned long long)count,
           (unsigned long long)sum, (unsigned long long)(end - start));
    return 0;
}
