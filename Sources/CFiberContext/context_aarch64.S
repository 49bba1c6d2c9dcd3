// SPDX-License-Identifier: MIT

// The context switch of AArch64 (AAPCS64). A callee keeps x19 to x30 and the low halves of v8 to
// v15; the floating-point control register is the thread's and is not switched.

#if defined(__aarch64__)
        .text

// void millrace_context_switch(void **from /* x0 */, void *to /* x1 */)
        .globl  millrace_context_switch
        .hidden millrace_context_switch
        .type   millrace_context_switch, %function
        .p2align 4
millrace_context_switch:
        .cfi_startproc
        sub     sp, sp, #160
        .cfi_adjust_cfa_offset 160
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        .cfi_rel_offset x29, 80
        .cfi_rel_offset x30, 88
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1
        ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #160
        ret
        .cfi_endproc
        .size   millrace_context_switch, . - millrace_context_switch

// A fresh stack returns to here with the function in x19, its argument in x20 and a frame pointer of
// zero. Nothing lies above, so a backtrace ends here.
        .globl  millrace_context_start
        .hidden millrace_context_start
        .type   millrace_context_start, %function
        .p2align 4
millrace_context_start:
        .cfi_startproc
        .cfi_undefined x30
        mov     x0, x20
        blr     x19
        brk     #1
        .cfi_endproc
        .size   millrace_context_start, . - millrace_context_start

        .section .note.GNU-stack, "", %progbits
#endif
