/* SPDX-License-Identifier: Apache-2.0 */
/* List of strings in an arena: argv, environments, mount options. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct strlist {
    char **items; /* n strings and a NULL behind them, or NULL when n == 0 */
    size_t n;
    size_t cap;
};

/* Append a copy. Returns 0, or -ENOBUFS when the arena's budget is used up. */
int strlist_add(struct arena *a, struct strlist *list, const char *s);
/* Deep copy of n strings. */
int strlist_copy(struct arena *a, struct strlist *list, char *const *items, size_t n);
bool strlist_contains(const struct strlist *list, const char *s);
/* items joined by sep in arena memory ("" for an empty list), or NULL when the budget is used up. */
char *strlist_join(struct arena *a, const struct strlist *list, const char *sep);
