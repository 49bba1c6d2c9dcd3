// SPDX-License-Identifier: MIT

// What millrace_fiber.h promises, one function for each promise. Plain C without Swift, so that it
// is compiled for each architecture that has a context switch, and run there (run.sh).

#define _GNU_SOURCE
#include "millrace_fiber.h"

#include <fenv.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unwind.h>

// registers_*.S. probe: puts `wanted` into the registers that a callee keeps, calls, and says what
// they hold afterwards.
void probe_registers(const uint64_t *wanted, uint64_t *seen, void (*call)(void *), void *argument);
unsigned stack_misalignment(void);

static const char *const register_names[] = {
#if defined(__x86_64__)
    "rbx", "rbp", "r12", "r13", "r14", "r15",
#elif defined(__aarch64__)
    "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28",
    "x29", "d8",  "d9",  "d10", "d11", "d12", "d13", "d14", "d15",
#endif
};
enum { REGISTER_COUNT = sizeof register_names / sizeof *register_names };
enum { SMALL_STACK = 16 * 1024, LARGE_STACK = 256 * 1024 };

static void check(bool is_kept, const char *promise) {
    if (is_kept) return;
    fprintf(stderr, "fibers: broken: %s\n", promise);
    exit(1);
}

// Swift's runtime, as far as fibers call it: the accesses that a thread has open are one word here,
// exchanged with the fiber's at each entry and at each exit.
static _Thread_local uintptr_t open_accesses;

static void exchange_accesses(char *state) {
    uintptr_t others;
    memcpy(&others, state, sizeof others);
    memcpy(state, &open_accesses, sizeof open_accesses);
    open_accesses = others;
}

void swift_task_enterThreadLocalContext(char *state);
void swift_task_exitThreadLocalContext(char *state);
void swift_task_enterThreadLocalContext(char *state) { exchange_accesses(state); }
void swift_task_exitThreadLocalContext(char *state) { exchange_accesses(state); }

// A fiber and what its body and its resumer tell each other.
struct frame {
    millrace_fiber *fiber;
    uint64_t id;
    uint64_t count;
    double sum;
};

static void make(struct frame *frame, size_t stack_byte_count, void (*body)(void *)) {
    memset(frame, 0, sizeof *frame);
    frame->fiber = millrace_fiber_create(stack_byte_count);
    check(frame->fiber != NULL, "there is memory for a stack");
    millrace_fiber_prepare(frame->fiber, body, frame);
}

static void run_to_end(struct frame *frame) {
    while (millrace_fiber_resume(frame->fiber)) continue;
    millrace_fiber_destroy(frame->fiber);
}

// Arguments, suspensions, the result of resume.

static void three_turns(void *argument) {
    struct frame *frame = argument;
    for (int turn = 1; turn <= 3; turn++) {
        frame->count += (uint64_t)turn;
        millrace_fiber_suspend(frame->fiber);
    }
}

static void test_turns(void) {
    struct frame frame;
    make(&frame, SMALL_STACK, three_turns);
    for (uint64_t turn = 1; turn <= 3; turn++) {
        check(millrace_fiber_resume(frame.fiber), "a suspended fiber goes on");
        check(frame.count == turn * (turn + 1) / 2, "it has gone on where it was");
    }
    check(!millrace_fiber_resume(frame.fiber), "a fiber that returned says so");
    millrace_fiber_prepare(frame.fiber, three_turns, &frame);
    check(millrace_fiber_resume(frame.fiber), "it begins anew on the same stack");
    check(frame.count == 7, "it begins at the beginning");
    run_to_end(&frame);
}

// Registers: on both sides of each switch, with other values each time.

static uint64_t pattern(uint64_t id, uint64_t round, uint64_t index) {
    return id << 40 | round << 16 | (index + 1);
}

static void probe(uint64_t id, uint64_t round, void (*call)(void *), void *argument) {
    uint64_t wanted[REGISTER_COUNT], seen[REGISTER_COUNT];
    for (uint64_t index = 0; index < REGISTER_COUNT; index++) {
        wanted[index] = pattern(id, round, index);
    }
    probe_registers(wanted, seen, call, argument);
    for (int index = 0; index < REGISTER_COUNT; index++) {
        check(seen[index] == wanted[index], register_names[index]);
    }
}

static void suspend(void *fiber) { millrace_fiber_suspend(fiber); }

static void resume(void *argument) {
    struct frame *frame = argument;
    frame->count = millrace_fiber_resume(frame->fiber);
}

static void keep_registers(void *argument) {
    struct frame *frame = argument;
    for (uint64_t round = 1; round <= 20; round++) probe(frame->id, round, suspend, frame->fiber);
}

static void test_registers(void) {
    struct frame frames[3];
    for (uint64_t id = 0; id < 3; id++) {
        make(&frames[id], SMALL_STACK, keep_registers);
        frames[id].id = id + 1;
    }
    for (uint64_t round = 1; round <= 20; round++) {
        for (uint64_t id = 0; id < 3; id++) {
            probe(16 + id, round, resume, &frames[id]);
            check(frames[id].count, "a fiber that keeps registers goes on");
        }
    }
    for (int id = 0; id < 3; id++) run_to_end(&frames[id]);
}

// The stack: alignment, where a backtrace ends.

static void see_alignment(void *argument) {
    ((struct frame *)argument)->count = stack_misalignment();
}

static void test_alignment(void) {
    struct frame frame;
    for (size_t stack = 4096; stack < 4096 + 128; stack += 8) {
        make(&frame, stack, see_alignment);
        run_to_end(&frame);
        check(frame.count == 0, "the stack pointer is a multiple of 16 before a call");
    }
}

enum { FRAMES_MAX = 64 };

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *argument) {
    (void)context;
    return ++*(int *)argument < FRAMES_MAX ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static void see_frames(void *argument) {
    struct frame *frame = argument;
    int frames = 0;
    _Unwind_Reason_Code end = _Unwind_Backtrace(count_frame, &frames);
    check(end == _URC_END_OF_STACK, "a backtrace ends");
    check(frames >= 2 && frames < 6, "a backtrace shows the fiber's own frames and no others");
    void **record = __builtin_frame_address(0);
    for (frames = 0; record != NULL && frames < FRAMES_MAX; frames++) record = *record;
    check(frames < 4, "the chain of frame pointers ends");
    millrace_fiber_suspend(frame->fiber);
}

static void test_frames(void) {
    struct frame frame;
    make(&frame, SMALL_STACK, see_frames);
    for (uint64_t turn = 0; turn < 3; turn++) {
        probe(1, turn, resume, &frame);
        // The next body finds a stack, below the fiber itself, that was used.
        memset((char *)frame.fiber - 1024, 1, 1024);
        millrace_fiber_prepare(frame.fiber, see_frames, &frame);
    }
    run_to_end(&frame);
}

// Deep use. A frame is smaller than a page, so that the guard page is met before anything else.

static uint64_t __attribute__((noinline)) deeper(struct frame *frame, char *top, size_t limit) {
    volatile uint64_t words[32];
    uint64_t mark = (uint64_t)(uintptr_t)words ^ frame->id;
    for (int index = 0; index < 32; index++) words[index] = mark + (uint64_t)index;
    uint64_t depth = 1;
    if ((size_t)(top - (char *)words) < limit) depth += deeper(frame, top, limit);
    else millrace_fiber_suspend(frame->fiber);
    for (uint64_t index = 0; index < 32; index++) {
        check(words[index] == mark + index, "what lies deep on a stack stays");
    }
    return depth;
}

static void go_deep(void *argument) {
    struct frame *frame = argument;
    char top;
    frame->count = deeper(frame, &top, frame->id);
}

static void test_depth(void) {
    struct frame frames[4];
    for (uint64_t index = 0; index < 4; index++) {
        make(&frames[index], LARGE_STACK, go_deep);
        frames[index].id = LARGE_STACK - 8192 - index * 64;
    }
    for (int index = 0; index < 4; index++) {
        check(millrace_fiber_resume(frames[index].fiber), "a deep stack is left");
    }
    for (int index = 3; index >= 0; index--) {
        check(!millrace_fiber_resume(frames[index].fiber), "a deep stack is left for good");
        check(frames[index].count > 100, "the recursion was deep");
        size_t untouched = millrace_fiber_untouched_byte_count(frames[index].fiber);
        check(untouched > 0 && untouched < 16 * 1024, "the untouched end of a stack is measured");
        millrace_fiber_destroy(frames[index].fiber);
    }
}

// What must end the process, each in a child.

static void overflow(void) {
    struct frame frames[2];
    for (int index = 0; index < 2; index++) {
        make(&frames[index], LARGE_STACK, go_deep);
        frames[index].id = LARGE_STACK + 64 * 1024;
    }
    // Two mappings are neighbours: without a guard page the lower would take the overflow.
    run_to_end(frames[0].fiber > frames[1].fiber ? &frames[0] : &frames[1]);
}

static void resume_returned(void) {
    struct frame frame;
    make(&frame, SMALL_STACK, see_alignment);
    while (millrace_fiber_resume(frame.fiber)) continue;
    (void)millrace_fiber_resume(frame.fiber);
}

static int signal_of_child(void (*body)(void)) {
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        close(STDERR_FILENO);  // The emulator writes about signals.
        body();
        _exit(0);
    }
    int status = 0;
    check(child > 0 && waitpid(child, &status, 0) == child, "a child can be made");
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_ends(void) {
    check(signal_of_child(overflow) == SIGSEGV, "an overflow ends at the guard page");
    check(signal_of_child(resume_returned) != 0, "a fiber that returned cannot be resumed");
}

// Many fibers, in an order that changes; integers and floating point.

static void sum_up(void *argument) {
    struct frame *frame = argument;
    double sum = (double)frame->id, factor = 1.0 / (1.0 + (double)frame->id);
    for (uint64_t round = 1; round <= 20; round++) {
        sum = sum * factor + (double)round;
        frame->count += round * frame->id;
        millrace_fiber_suspend(frame->fiber);
    }
    frame->sum = sum;
}

static void test_many(void) {
    enum { COUNT = 1009 };
    static struct frame frames[COUNT];
    for (uint64_t id = 0; id < COUNT; id++) {
        make(&frames[id], SMALL_STACK, sum_up);
        frames[id].id = id;
    }
    for (uint64_t round = 1; round <= 20; round++) {
        for (uint64_t turn = 0; turn < COUNT; turn++) {
            struct frame *frame = &frames[turn * (round * 7) % COUNT];
            check(millrace_fiber_resume(frame->fiber), "each of many fibers goes on");
            check(frame->count == frame->id * round * (round + 1) / 2, "each has its own count");
        }
    }
    for (uint64_t id = 0; id < COUNT; id++) {
        double sum = (double)id, factor = 1.0 / (1.0 + (double)id);
        for (int round = 1; round <= 20; round++) sum = sum * factor + (double)round;
        run_to_end(&frames[id]);
        check(frames[id].sum == sum, "each has its own floating-point values");
    }
}

// A fiber that resumes another; the accesses of Swift, which are the fiber's own.

static void hold_accesses(void *argument) {
    struct frame *frame = argument;
    check(open_accesses == 0, "a fiber begins without accesses");
    for (uintptr_t turn = 1; turn <= 3; turn++) {
        open_accesses = frame->id * 100 + turn;
        millrace_fiber_suspend(frame->fiber);
        check(open_accesses == frame->id * 100 + turn, "an open access stays open");
    }
    open_accesses = 0;
}

static void resume_inner(void *argument) {
    struct frame *frame = argument;
    struct frame inner;
    make(&inner, SMALL_STACK, hold_accesses);
    inner.id = frame->id + 1;
    open_accesses = frame->id;
    do {
        check(open_accesses == frame->id, "an inner fiber leaves no access behind");
        millrace_fiber_suspend(frame->fiber);
    } while (millrace_fiber_resume(inner.fiber));
    millrace_fiber_destroy(inner.fiber);
    open_accesses = 0;
}

static void test_nested(void) {
    struct frame frame;
    make(&frame, SMALL_STACK, resume_inner);
    frame.id = 5;
    int turns = 0;
    open_accesses = 1;
    while (millrace_fiber_resume(frame.fiber)) {
        check(open_accesses == 1, "a fiber leaves no access behind");
        turns++;
    }
    check(turns == 4, "an inner fiber runs inside its resumer");
    open_accesses = 0;
    millrace_fiber_prepare(frame.fiber, hold_accesses, &frame);
    check(millrace_fiber_resume(frame.fiber), "a fiber is left with an access open");
    millrace_fiber_prepare(frame.fiber, hold_accesses, &frame);
    run_to_end(&frame);
}

// Threads: the owner pointer is the thread's, and so is the rounding of floating point.

// A function of its own: in one that suspends, the compiler may keep the address of the first
// thread's variables.
static void *__attribute__((noinline)) owner(void) { return millrace_fiber_owner_get(); }

static void see_owner(void *argument) {
    struct frame *frame = argument;
    for (int turn = 0; turn < 2; turn++) {
        frame->count += *(uint64_t *)owner();
        millrace_fiber_suspend(frame->fiber);
    }
}

static void *resume_on_thread(void *argument) {
    struct frame *frame = argument;
    uint64_t own = 1000;
    check(owner() == NULL, "a thread begins without an owner");
    millrace_fiber_owner_set(&own);
    check(millrace_fiber_resume(frame->fiber), "another thread goes on with a fiber");
    return NULL;
}

static void test_threads(void) {
    struct frame frame;
    uint64_t own = 1;
    make(&frame, SMALL_STACK, see_owner);
    millrace_fiber_owner_set(&own);
    check(millrace_fiber_resume(frame.fiber), "a fiber can be left to another thread");
    pthread_t thread;
    check(pthread_create(&thread, NULL, resume_on_thread, &frame) == 0, "a thread can be made");
    pthread_join(thread, NULL);
    check(frame.count == 1001, "the owner is that of the thread which runs the fiber");
    run_to_end(&frame);
}

static void round_up(void *argument) {
    struct frame *frame = argument;
    fesetround(FE_UPWARD);
    millrace_fiber_suspend(frame->fiber);
    frame->count = fegetround() == FE_DOWNWARD;
}

static void test_rounding(void) {
    struct frame frame;
    make(&frame, SMALL_STACK, round_up);
    check(millrace_fiber_resume(frame.fiber), "a fiber that rounds is left");
    check(fegetround() == FE_UPWARD, "a fiber sets the rounding of its thread");
    fesetround(FE_DOWNWARD);
    run_to_end(&frame);
    check(frame.count, "a thread sets the rounding of its fibers");
    fesetround(FE_TONEAREST);
}

int main(void) {
    test_turns();
    test_registers();
    test_alignment();
    test_frames();
    test_depth();
    test_ends();
    test_many();
    test_nested();
    test_threads();
    test_rounding();
    return 0;
}
