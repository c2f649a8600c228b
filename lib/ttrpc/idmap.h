/* SPDX-License-Identifier: Apache-2.0 */
/* Live streams of one connection by stream id. Ids count in steps of two, so that the low bits spread them evenly. */
#pragma once
#include <stdint.h>

#include "base/list.h"

#define IDMAP_BUCKETS 256

struct idmap_entry {
    struct list node;
    uint32_t id;
};

struct idmap {
    struct list buckets[IDMAP_BUCKETS];
};

static inline void idmap_init(struct idmap *map)
{
    for (unsigned int i = 0; i < IDMAP_BUCKETS; i++)
        list_init(&map->buckets[i]);
}

static inline struct list *idmap_bucket(struct idmap *map, uint32_t id)
{
    return &map->buckets[(id >> 1) % IDMAP_BUCKETS];
}

static inline void idmap_add(struct idmap *map, struct idmap_entry *entry, uint32_t id)
{
    entry->id = id;
    list_append(idmap_bucket(map, id), &entry->node);
}

/* Harmless when it is not (any more) in a map, once list_init() was called on its node. */
static inline void idmap_remove(struct idmap_entry *entry)
{
    list_remove(&entry->node);
}

static inline struct idmap_entry *idmap_find(struct idmap *map, uint32_t id)
{
    struct idmap_entry *entry;

    LIST_FOREACH (entry, idmap_bucket(map, id), node)
        if (entry->id == id)
            return entry;
    return NULL;
}
