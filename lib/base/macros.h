/* SPDX-License-Identifier: Apache-2.0 */
/* Small macros that every module uses. */
#pragma once
#include <stddef.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The object that contains member at address ptr. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define UNUSED __attribute__((unused))

/* for (row over the elements of a static array) */
#define FOR_ROWS(row, rows) for (__typeof__(&(rows)[0]) row = (rows); row < (rows) + ARRAY_SIZE(rows); row++)
