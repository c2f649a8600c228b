/* SPDX-License-Identifier: Apache-2.0 */
/* Context switch for every other machine: slower, because swapcontext(3) also saves the signal mask with a system call. */
#include "loop/context.h"

#ifdef CONTEXT_UCONTEXT
#include <stdint.h>

/* makecontext(3) passes only ints: the pointer travels in two halves. */
static void start(unsigned int high, unsigned int low)
{
    context_start((struct context *)(uintptr_t)((uint64_t)high << 32 | low));
}

void context_machine_init(struct context *context, void *stack, size_t stack_size)
{
    uint64_t address = (uintptr_t)context;

    getcontext(&context->machine);
    context->machine.uc_stack.ss_sp = stack;
    context->machine.uc_stack.ss_size = stack_size;
    context->machine.uc_link = NULL;
    makecontext(&context->machine, (void (*)(void))start, 2, (unsigned int)(address >> 32), (unsigned int)address);
}

void context_machine_swap(struct context *from, struct context *to)
{
    swapcontext(&from->machine, &to->machine);
}
#endif
