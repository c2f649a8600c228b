/* SPDX-License-Identifier: Apache-2.0 */
/* Context switch for x86-64, System V ABI: rbx, rbp, r12 to r15 and the stack pointer belong to the caller. */
#include "loop/context.h"

#if defined(__x86_64__) && !defined(CONTEXT_UCONTEXT)
#include <stdint.h>

#define SAVED_REGISTERS 6 /* r15 r14 r13 r12 rbx rbp, in the order in which they are popped */

void context_x86_64_swap(void **ret_sp, void *sp);
void context_x86_64_start(void);

/* The first switch to a context "returns" into the start stub, with the context in r12. */
__asm__(".pushsection .text.context_x86_64,\"ax\",@progbits\n"
        ".globl context_x86_64_swap\n"
        ".hidden context_x86_64_swap\n"
        ".type context_x86_64_swap,@function\n"
        "context_x86_64_swap:\n"
        ".cfi_startproc\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    .cfi_adjust_cfa_offset 48\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    .cfi_adjust_cfa_offset -48\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size context_x86_64_swap, . - context_x86_64_swap\n"
        ".globl context_x86_64_start\n"
        ".hidden context_x86_64_start\n"
        ".type context_x86_64_start,@function\n"
        "context_x86_64_start:\n"
        ".cfi_startproc\n"
        ".cfi_undefined rip\n"
        "    movq %r12, %rdi\n"
        "    call context_start\n"
        "    ud2\n"
        ".cfi_endproc\n"
        ".size context_x86_64_start, . - context_x86_64_start\n"
        ".popsection\n");

void context_machine_init(struct context *context, void *stack, size_t stack_size)
{
    uintptr_t top = ((uintptr_t)stack + stack_size) & ~(uintptr_t)15;
    uintptr_t *sp = (uintptr_t *)top - 1 - SAVED_REGISTERS;

    for (int i = 0; i < SAVED_REGISTERS; i++)
        sp[i] = 0;
    sp[3] = (uintptr_t)context; /* r12 */
    sp[SAVED_REGISTERS] = (uintptr_t)context_x86_64_start;
    context->sp = sp;
}

void context_machine_swap(struct context *from, struct context *to)
{
    context_x86_64_swap(&from->sp, to->sp);
}
#endif
