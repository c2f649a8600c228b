/* SPDX-License-Identifier: Apache-2.0 */
/* Context: a suspended point of execution on a stack of its own.
 *
 * A switch saves what the calling convention lets a callee rely on and changes the stack; signal masks, the floating point
 * control words and thread-local data stay shared. context_ARCH.c holds the machine part; other machines, and a build with
 * -DCONTEXT_UCONTEXT, use ucontext. */
#pragma once
#include <stddef.h>

#if !defined(__x86_64__) && !defined(__aarch64__) && !defined(CONTEXT_UCONTEXT)
#define CONTEXT_UCONTEXT
#endif

#ifdef CONTEXT_UCONTEXT
#include <ucontext.h>
#endif

struct context {
#ifdef CONTEXT_UCONTEXT
    ucontext_t machine;
#else
    void *sp;
#endif
    void (*entry)(void *arg);
    void *arg;
    struct context *from; /* whoever switched here last */
    /* For the address sanitizer. */
    const void *stack;
    size_t stack_size;
    void *fake_stack;
};

/* Prepares context to run entry(arg) on the stack at its first switch. entry must not return: it ends in context_exit(). */
void context_init(struct context *context, void *stack, size_t stack_size, void (*entry)(void *arg), void *arg);
/* Saves the running point into from and continues at to; returns when somebody switches back to from. */
void context_switch(struct context *from, struct context *to);
/* Leaves from for good: its stack may be used for something else from now on. */
void context_exit(struct context *from, struct context *to) __attribute__((noreturn));

/* ---- machine part ---- */

/* The first switch to context calls context_start(context) at the upper end of the stack. */
void context_machine_init(struct context *context, void *stack, size_t stack_size);
void context_machine_swap(struct context *from, struct context *to);
void context_start(struct context *context) __attribute__((noreturn));
