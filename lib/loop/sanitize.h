/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the address sanitizer and valgrind about stacks and switches between them; costs nothing without them. */
#pragma once
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZE_ADDRESS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZE_ADDRESS 1
#endif
#endif

#ifdef SANITIZE_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* Frames are several times as large with the sanitizer's red zones. */
#define SANITIZE_STACK_FACTOR 4

static inline void sanitize_leave(void **fake_stack, const void *stack, size_t size)
{
    __sanitizer_start_switch_fiber(fake_stack, stack, size);
}

static inline void sanitize_arrive(void *fake_stack, const void **from_stack, size_t *from_size)
{
    __sanitizer_finish_switch_fiber(fake_stack, from_stack, from_size);
}

/* Red zones of frames that were never left would hit the next user of the stack. */
static inline void sanitize_stack_reused(void *stack, size_t size)
{
    __asan_unpoison_memory_region(stack, size);
}
#else
#define SANITIZE_STACK_FACTOR 1

static inline void sanitize_leave(void **fake_stack, const void *stack, size_t size)
{
    (void)fake_stack;
    (void)stack;
    (void)size;
}

static inline void sanitize_arrive(void *fake_stack, const void **from_stack, size_t *from_size)
{
    (void)fake_stack;
    (void)from_stack;
    (void)from_size;
}

static inline void sanitize_stack_reused(void *stack, size_t size)
{
    (void)stack;
    (void)size;
}
#endif

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id) (void)(id)
#endif
