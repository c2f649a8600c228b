/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/context.h"

#include "loop/sanitize.h"

void context_init(struct context *context, void *stack, size_t stack_size, void (*entry)(void *arg), void *arg)
{
    context->entry = entry;
    context->arg = arg;
    context->from = NULL;
    context->stack = stack;
    context->stack_size = stack_size;
    context->fake_stack = NULL;
    context_machine_init(context, stack, stack_size);
}

void context_start(struct context *context)
{
    sanitize_arrive(NULL, &context->from->stack, &context->from->stack_size);
    context->entry(context->arg);
    __builtin_trap();
}

void context_switch(struct context *from, struct context *to)
{
    to->from = from;
    sanitize_leave(&from->fake_stack, to->stack, to->stack_size);
    context_machine_swap(from, to);
    sanitize_arrive(from->fake_stack, &from->from->stack, &from->from->stack_size);
}

void context_exit(struct context *from, struct context *to)
{
    to->from = from;
    sanitize_leave(NULL, to->stack, to->stack_size);
    context_machine_swap(from, to);
    __builtin_unreachable();
}
