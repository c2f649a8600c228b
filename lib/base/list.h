/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked list. A head is a node that points to itself while the list is empty. */
#pragma once
#include <stdbool.h>

#include "base/macros.h"

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_append(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Takes the node out and leaves it as an empty list, so that removing twice is harmless. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

static inline struct list *list_pop(struct list *head)
{
    struct list *node = head->next;
    if (node == head)
        return NULL;
    list_remove(node);
    return node;
}

/* The body may remove item itself, but no other node. */
#define LIST_FOREACH(item, head, member)                                                                                       \
    for (__typeof__(item) item##_next, item##_once = NULL;                                                                     \
         item##_once == NULL && (item = CONTAINER_OF((head)->next, __typeof__(*item), member), true); item##_once = (void *)1) \
        for (; &item->member != (head) && (item##_next = CONTAINER_OF(item->member.next, __typeof__(*item), member), true);    \
             item = item##_next)
