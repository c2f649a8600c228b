/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strlist.h"

#include <errno.h>
#include <string.h>

int strlist_add(struct arena *a, struct strlist *list, const char *s)
{
    if (list->n + 1 >= list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        char **items = arena_calloc(a, cap, sizeof(*items));
        if (!items)
            return -ENOBUFS;
        if (list->n)
            memcpy(items, list->items, list->n * sizeof(*items));
        list->items = items;
        list->cap = cap;
    }
    char *copy = arena_strdup(a, s);
    if (!copy)
        return -ENOBUFS;
    list->items[list->n++] = copy;
    list->items[list->n] = NULL;
    return 0;
}

int strlist_copy(struct arena *a, struct strlist *list, char *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int r = strlist_add(a, list, items[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

bool strlist_contains(const struct strlist *list, const char *s)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->items[i], s) == 0)
            return true;
    }
    return false;
}

char *strlist_join(struct arena *a, const struct strlist *list, const char *sep)
{
    size_t len = 1;
    for (size_t i = 0; i < list->n; i++)
        len += strlen(list->items[i]) + strlen(sep);

    char *text = arena_alloc(a, len);
    if (!text)
        return NULL;
    char *p = text;
    for (size_t i = 0; i < list->n; i++) {
        if (i)
            p = stpcpy(p, sep);
        p = stpcpy(p, list->items[i]);
    }
    return text;
}
