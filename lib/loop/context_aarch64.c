/* SPDX-License-Identifier: Apache-2.0 */
/* Context switch for AArch64, AAPCS64: x19 to x29, the return address in x30, d8 to d15 and the stack pointer are kept. */
#include "loop/context.h"

#if defined(__aarch64__) && !defined(CONTEXT_UCONTEXT)
#include <stdint.h>
#include <string.h>

#define FRAME_WORDS 20 /* x19 ... x30, d8 ... d15 */
#define FRAME_X30 11

void context_aarch64_swap(void **ret_sp, void *sp);
void context_aarch64_start(void);

/* The first switch to a context "returns" into the start stub, with the context in x19. */
__asm__(".pushsection .text.context_aarch64,\"ax\",@progbits\n"
        ".globl context_aarch64_swap\n"
        ".hidden context_aarch64_swap\n"
        ".type context_aarch64_swap,@function\n"
        "context_aarch64_swap:\n"
        ".cfi_startproc\n"
        "    sub sp, sp, #160\n"
        "    .cfi_adjust_cfa_offset 160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x2, sp\n"
        "    str x2, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    .cfi_adjust_cfa_offset -160\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size context_aarch64_swap, . - context_aarch64_swap\n"
        ".globl context_aarch64_start\n"
        ".hidden context_aarch64_start\n"
        ".type context_aarch64_start,@function\n"
        "context_aarch64_start:\n"
        ".cfi_startproc\n"
        ".cfi_undefined x30\n"
        "    mov x0, x19\n"
        "    bl context_start\n"
        "    brk #0\n"
        ".cfi_endproc\n"
        ".size context_aarch64_start, . - context_aarch64_start\n"
        ".popsection\n");

void context_machine_init(struct context *context, void *stack, size_t stack_size)
{
    uintptr_t top = ((uintptr_t)stack + stack_size) & ~(uintptr_t)15;
    uintptr_t *sp = (uintptr_t *)top - FRAME_WORDS;

    memset(sp, 0, FRAME_WORDS * sizeof(*sp));
    sp[0] = (uintptr_t)context; /* x19 */
    sp[FRAME_X30] = (uintptr_t)context_aarch64_start;
    context->sp = sp;
}

void context_machine_swap(struct context *from, struct context *to)
{
    context_aarch64_swap(&from->sp, to->sp);
}
#endif
