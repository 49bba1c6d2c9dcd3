// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include "work_trial.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "contender.h"

static const char help[] =
    "usage: primitives_… --work NAME [--threads T] [--count N] [--size S] | --list\n"
    "Does one thing N times and prints one line of results.\n"
    "  --work NAME     what; --list prints the names\n"
    "  --threads T     by so many threads (1); N must be divisible by it\n"
    "  --count N       how often, all threads together (1000000)\n"
    "  --size S        how large the thing is: places, or pending timers (1024)\n";

enum { WORK_THREADS_MAX = 16 };

struct worker {
    pthread_t thread;
    unsigned number;
    uint64_t sum, start, end, cpu;
};

static const struct work_subjects *subjects;
static void *work;
static uint64_t operations;
static pthread_barrier_t ready;
static bool is_over;

void work_finish(void) { __atomic_store_n(&is_over, true, __ATOMIC_RELEASE); }
bool work_is_over(void) { return __atomic_load_n(&is_over, __ATOMIC_ACQUIRE); }
void *work_malloc(size_t size) { return malloc(size); }
void work_free(void *memory) { free(memory); }

// CPU time of the calling thread, in nanoseconds.
static uint64_t thread_cpu(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void *perform(void *argument) {
    struct worker *worker = argument;
    contender_pin(worker->number);
    pthread_barrier_wait(&ready);
    uint64_t cpu = thread_cpu();
    worker->start = contender_now();
    worker->sum = subjects->run(work, worker->number, operations);
    worker->end = contender_now();
    worker->cpu = thread_cpu() - cpu;
    return NULL;
}

static unsigned subject_named(const char *name) {
    for (unsigned index = 0; index < subjects->count; index++) {
        if (strcmp(subjects->names[index], name) == 0) return index;
    }
    contender_complain("no such work; --list prints the names");
    return subjects->count;
}

static void list(void) {
    for (unsigned index = 0; index < subjects->count; index++) puts(subjects->names[index]);
}

static void perform_all(unsigned threads) {
    struct worker workers[WORK_THREADS_MAX] = {0};
    pthread_barrier_init(&ready, NULL, threads);
    for (unsigned index = 0; index < threads; index++) {
        workers[index].number = index;
        if (pthread_create(&workers[index].thread, NULL, perform, &workers[index]) != 0) {
            contender_fail("pthread_create");
        }
    }
    uint64_t sum = 0, start = UINT64_MAX, end = 0, cpu = 0;
    for (unsigned index = 0; index < threads; index++) {
        pthread_join(workers[index].thread, NULL);
        sum += workers[index].sum;
        cpu += workers[index].cpu;
        if (workers[index].start < start) start = workers[index].start;
        if (workers[index].end > end) end = workers[index].end;
    }
    printf("result operations=%llu checksum=%llu nanoseconds=%llu cpu_ns=%llu\n",
           (unsigned long long)operations, (unsigned long long)sum,
           (unsigned long long)(end - start), (unsigned long long)cpu);
}

int work_trial(int argc, char **argv, const struct work_subjects *of) {
    subjects = of;
    contender_check(argc, argv, "--work --threads --count --size", "--list", help);
    if (contender_flag(argc, argv, "--list")) return list(), 0;
    unsigned threads = (unsigned)contender_number(argc, argv, "--threads", 1, 1, WORK_THREADS_MAX);
    operations = contender_number(argc, argv, "--count", 1000000, 1, 1000000000);
    uint64_t size = contender_number(argc, argv, "--size", 1024, 1, 1 << 24);
    unsigned subject = subject_named(contender_text(argc, argv, "--work", subjects->names[0]));
    if (subject == subjects->count) return 2;
    if (operations % threads != 0) {
        contender_complain("--count is not divisible among the threads");
        return 2;
    }
    work = subjects->make(subjects->context, subject, size, threads);
    perform_all(threads);
    return 0;
}
