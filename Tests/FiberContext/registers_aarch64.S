// SPDX-License-Identifier: MIT

// The probe of AArch64: x19 to x29 and d8 to d15, in the order of `register_names` in main.c.

#if defined(__aarch64__)
        .text

// void probe_registers(const uint64_t *wanted /* x0 */, uint64_t *seen /* x1 */,
//                      void (*call)(void *) /* x2 */, void *argument /* x3 */)
        .globl  probe_registers
        .type   probe_registers, %function
        .p2align 4
probe_registers:
        sub     sp, sp, #176
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        str     x1, [sp, #160]
        ldp     x19, x20, [x0, #0]
        ldp     x21, x22, [x0, #16]
        ldp     x23, x24, [x0, #32]
        ldp     x25, x26, [x0, #48]
        ldp     x27, x28, [x0, #64]
        ldr     x29, [x0, #80]
        ldp     d8, d9, [x0, #88]
        ldp     d10, d11, [x0, #104]
        ldp     d12, d13, [x0, #120]
        ldp     d14, d15, [x0, #136]
        mov     x0, x3
        blr     x2
        ldr     x1, [sp, #160]
        stp     x19, x20, [x1, #0]
        stp     x21, x22, [x1, #16]
        stp     x23, x24, [x1, #32]
        stp     x25, x26, [x1, #48]
        stp     x27, x28, [x1, #64]
        str     x29, [x1, #80]
        stp     d8, d9, [x1, #88]
        stp     d10, d11, [x1, #104]
        stp     d12, d13, [x1, #120]
        stp     d14, d15, [x1, #136]
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
        add     sp, sp, #176
        ret
        .size   probe_registers, . - probe_registers

// unsigned stack_misalignment(void)
        .globl  stack_misalignment
        .type   stack_misalignment, %function
stack_misalignment:
        mov     x0, sp
        and     x0, x0, #15
        ret
        .size   stack_misalignment, . - stack_misalignment

        .section .note.GNU-stack, "", %progbits
#endif
