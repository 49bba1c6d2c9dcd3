// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include "millrace_fiber.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// The two halves of the switch that each architecture brings (context_*.S).
//
// switch: pushes what the calling convention says a callee keeps, stores the stack pointer in
// `*from`, takes `to` as stack pointer, and pops the same there.
void millrace_context_switch(void **from, void *to);

// start: where a fresh stack goes on; it calls entry(argument), which does not return.
void millrace_context_start(void);

// What the runtime of Swift keeps of a task that is not running: its open exclusive accesses.
void swift_task_enterThreadLocalContext(char *state);
void swift_task_exitThreadLocalContext(char *state);

enum { ACCESS_SET_BYTES = 32 };

// How far below the top of a fresh stack the first switch pops: far enough for what it pops, and
// such that what is left is a multiple of 16.
#if defined(__x86_64__)
enum { FIRST_FRAME_WORDS = 25 };
#else
enum { FIRST_FRAME_WORDS = 24 };
#endif

struct millrace_fiber {
    void *stack_pointer;
    void *resumer_stack_pointer;
    char *mapping;
    size_t mapping_byte_count;
    size_t page_byte_count;
    void (*entry)(void *);
    void *argument;
    bool is_running;
    bool has_returned;
    _Alignas(16) char accesses[ACCESS_SET_BYTES];
};

_Thread_local void *millrace_fiber_owner;

millrace_fiber *millrace_fiber_create(size_t stack_byte_count) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t wanted = stack_byte_count + sizeof(struct millrace_fiber);
    size_t byte_count = (wanted + page - 1) / page * page + page;
    char *mapping = mmap(NULL, byte_count, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED) return NULL;
    if (mprotect(mapping, page, PROT_NONE) != 0) {
        munmap(mapping, byte_count);
        return NULL;
    }
    uintptr_t top = (uintptr_t)(mapping + byte_count - sizeof(struct millrace_fiber));
    millrace_fiber *fiber = (millrace_fiber *)(top & ~(uintptr_t)63);
    memset(fiber, 0, sizeof *fiber);
    fiber->mapping = mapping;
    fiber->mapping_byte_count = byte_count;
    fiber->page_byte_count = page;
    fiber->has_returned = true;
    return fiber;
}

void millrace_fiber_destroy(millrace_fiber *fiber) {
    if (fiber->is_running) __builtin_trap();
    munmap(fiber->mapping, fiber->mapping_byte_count);
}

// The first function on every stack. A fiber that has returned is never switched to again.
static void begin(void *argument) {
    millrace_fiber *fiber = argument;
    fiber->entry(fiber->argument);
    fiber->has_returned = true;
    void *unused;
    millrace_context_switch(&unused, fiber->resumer_stack_pointer);
    __builtin_trap();
}

void millrace_fiber_prepare(millrace_fiber *fiber, void (*entry)(void *), void *argument) {
    if (fiber->is_running) __builtin_trap();
    fiber->entry = entry;
    fiber->argument = argument;
    fiber->has_returned = false;
    memset(fiber->accesses, 0, sizeof fiber->accesses);
    // The frame that the first switch pops: all zero, so that the chain of frame pointers ends
    // here, but for the two words that `start` reads and the address of `start` itself.
    void **frame = (void **)fiber - FIRST_FRAME_WORDS;
    memset(frame, 0, FIRST_FRAME_WORDS * sizeof *frame);
#if defined(__x86_64__)
    frame[2] = (void *)fiber;                   // r13
    frame[3] = (void *)begin;                   // r12
    frame[6] = (void *)millrace_context_start;  // the return address
#elif defined(__aarch64__)
    frame[0] = (void *)begin;                    // x19
    frame[1] = (void *)fiber;                    // x20
    frame[11] = (void *)millrace_context_start;  // x30
#else
#error "no context switch for this architecture"
#endif
    fiber->stack_pointer = frame;
}

bool millrace_fiber_resume(millrace_fiber *fiber) {
    if (fiber->is_running || fiber->has_returned) __builtin_trap();
    fiber->is_running = true;
    swift_task_enterThreadLocalContext(fiber->accesses);
    millrace_context_switch(&fiber->resumer_stack_pointer, fiber->stack_pointer);
    swift_task_exitThreadLocalContext(fiber->accesses);
    fiber->is_running = false;
    return !fiber->has_returned;
}

void millrace_fiber_suspend(millrace_fiber *fiber) {
    if (!fiber->is_running) __builtin_trap();
    millrace_context_switch(&fiber->stack_pointer, fiber->resumer_stack_pointer);
}

size_t millrace_fiber_untouched_byte_count(const millrace_fiber *fiber) {
    const uint64_t *word = (const uint64_t *)(fiber->mapping + fiber->page_byte_count);
    const uint64_t *end = (const uint64_t *)fiber;
    size_t count = 0;
    while (word + count < end && word[count] == 0) count++;
    return count * sizeof *word;
}
