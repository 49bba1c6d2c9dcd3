// SPDX-License-Identifier: MIT

// The probe of x86-64: rbx, rbp and r12 to r15, in the order of `register_names` in main.c.

#if defined(__x86_64__)
        .text

// void probe_registers(const uint64_t *wanted /* rdi */, uint64_t *seen /* rsi */,
//                      void (*call)(void *) /* rdx */, void *argument /* rcx */)
        .globl  probe_registers
        .type   probe_registers, @function
        .p2align 4
probe_registers:
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        pushq   %rsi
        movq    0(%rdi), %rbx
        movq    8(%rdi), %rbp
        movq    16(%rdi), %r12
        movq    24(%rdi), %r13
        movq    32(%rdi), %r14
        movq    40(%rdi), %r15
        movq    %rcx, %rdi
        callq   *%rdx
        popq    %rsi
        movq    %rbx, 0(%rsi)
        movq    %rbp, 8(%rsi)
        movq    %r12, 16(%rsi)
        movq    %r13, 24(%rsi)
        movq    %r14, 32(%rsi)
        movq    %r15, 40(%rsi)
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret
        .size   probe_registers, . - probe_registers

// unsigned stack_misalignment(void)
        .globl  stack_misalignment
        .type   stack_misalignment, @function
stack_misalignment:
        leaq    8(%rsp), %rax
        andl    $15, %eax
        ret
        .size   stack_misalignment, . - stack_misalignment

        .section .note.GNU-stack, "", @progbits
#endif
