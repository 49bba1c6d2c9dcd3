// SPDX-License-Identifier: MIT

// What Swift's standard library does not offer of the processor.
#pragma once

/// Tells the processor that this thread is spinning. It imports into Swift as one instruction.
static inline void millrace_spin_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield");
#endif
}

/// Asks for the cache line of an address before it is needed. The address is not dereferenced: it
/// may be any.
static inline void millrace_prefetch(const void *address) {
    __builtin_prefetch(address);
}
