// SPDX-License-Identifier: MIT

// The context switch of x86-64 (System V ABI). A callee keeps rbx, rbp and r12 to r15; the control
// words of the floating-point units are the thread's and are not switched.

#if defined(__x86_64__)
        .text

// void millrace_context_switch(void **from /* rdi */, void *to /* rsi */)
        .globl  millrace_context_switch
        .hidden millrace_context_switch
        .type   millrace_context_switch, @function
        .p2align 4
millrace_context_switch:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r15, 0
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .cfi_endproc
        .size   millrace_context_switch, . - millrace_context_switch

// A fresh stack returns to here with the function in r12, its argument in r13 and a frame pointer of
// zero. The stack pointer is a multiple of 16, as before any call; nothing lies above, so a backtrace
// ends here.
        .globl  millrace_context_start
        .hidden millrace_context_start
        .type   millrace_context_start, @function
        .p2align 4
millrace_context_start:
        .cfi_startproc
        .cfi_undefined rip
        movq    %r13, %rdi
        callq   *%r12
        ud2
        .cfi_endproc
        .size   millrace_context_start, . - millrace_context_start

        .section .note.GNU-stack, "", @progbits
#endif
