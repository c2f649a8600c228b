/* SPDX-License-Identifier: Apache-2.0 */
/* Programs by profile. The key is the whole content of the profile, so that equal keys mean equal programs without trust in a
 * hash. */
#include <stdlib.h>
#include <string.h>

#include "agent/container/seccomp.h"
#include "base/buf.h"

#define CACHE_ENTRIES 4
#define KEY_MAX (64 * 1024) /* larger profiles are compiled each time */

struct entry {
    struct buf key; /* len 0: free */
    struct buf instructions;
    unsigned int flags;
};

/* Most recently used first. */
struct seccomp_cache {
    struct entry entries[CACHE_ENTRIES];
};

struct seccomp_cache *seccomp_cache_new(void)
{
    struct seccomp_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        abort();
    return cache;
}

static void entry_done(struct entry *entry)
{
    buf_done(&entry->key);
    buf_done(&entry->instructions);
}

void seccomp_cache_free(struct seccomp_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < CACHE_ENTRIES; i++)
        entry_done(&cache->entries[i]);
    free(cache);
}

/* ---- the key: every field of the profile, strings with their NUL, lists with their length in front ---- */

static int key_number(struct buf *key, uint64_t value)
{
    return buf_append(key, &value, sizeof(value));
}

/* An absent string and an empty one are the same to the compiler. */
static int key_string(struct buf *key, const char *s)
{
    return buf_append(key, s ?: "", strlen(s ?: "") + 1);
}

static int key_list(struct buf *key, const struct strlist *list)
{
    int r = key_number(key, list->n);
    for (size_t i = 0; i < list->n && r == 0; i++)
        r = key_string(key, list->items[i]);
    return r;
}

static int key_arg(struct buf *key, const struct oci_seccomp_arg *arg)
{
    const uint64_t numbers[] = {arg->index, arg->value, arg->value_two};
    int r = buf_append(key, numbers, sizeof(numbers));
    return r < 0 ? r : key_string(key, arg->op);
}

static int key_rule(struct buf *key, const struct oci_seccomp_rule *rule)
{
    int r = key_list(key, &rule->names);
    if (r == 0)
        r = key_string(key, rule->action);
    if (r == 0)
        r = key_number(key, rule->errno_ret.set ? rule->errno_ret.value : 0);
    if (r == 0)
        r = key_number(key, rule->n_args);
    for (size_t i = 0; i < rule->n_args && r == 0; i++)
        r = key_arg(key, &rule->args[i]);
    return r;
}

static int key_build(struct buf *key, const struct oci_seccomp *profile)
{
    int r = key_string(key, profile->default_action);
    if (r == 0)
        r = key_list(key, &profile->architectures);
    if (r == 0)
        r = key_list(key, &profile->flags);
    for (size_t i = 0; i < profile->n_rules && r == 0; i++)
        r = key_rule(key, &profile->rules[i]);
    return r;
}

/* ---- entries ---- */

/* Moves an entry to the front; the others keep their order. */
static struct entry *entry_touch(struct seccomp_cache *cache, size_t i)
{
    struct entry entry = cache->entries[i];
    memmove(&cache->entries[1], &cache->entries[0], i * sizeof(entry));
    cache->entries[0] = entry;
    return &cache->entries[0];
}

static struct entry *entry_find(struct seccomp_cache *cache, const struct buf *key)
{
    for (size_t i = 0; i < CACHE_ENTRIES; i++) {
        const struct buf *known = &cache->entries[i].key;
        if (known->len == key->len && memcmp(known->data, key->data, key->len) == 0)
            return entry_touch(cache, i);
    }
    return NULL;
}

/* Takes over the key and replaces the entry that was not used for longest. */
static void entry_add(struct seccomp_cache *cache, struct buf *key, const struct seccomp_program *program)
{
    size_t size = program->filter.len * sizeof(*program->filter.filter);
    struct entry *entry = entry_touch(cache, CACHE_ENTRIES - 1);

    entry_done(entry);
    *entry = (struct entry){.key = *key, .instructions = BUF_INIT(size), .flags = program->flags};
    *key = BUF_INIT(0);
    buf_append(&entry->instructions, program->filter.filter, size);
}

static int entry_copy(struct arena *a, const struct entry *entry, struct seccomp_program *ret_program, struct error *err)
{
    struct sock_filter *copy = arena_memdup(a, entry->instructions.data, entry->instructions.len);
    if (!copy)
        return error_status(err, STATUS_RESOURCE_EXHAUSTED, "no memory left for the seccomp program");

    *ret_program = (struct seccomp_program){
        .filter = {.len = (unsigned short)(entry->instructions.len / sizeof(*copy)), .filter = copy},
        .flags = entry->flags,
    };
    return 0;
}

int seccomp_cache_compile(struct seccomp_cache *cache, struct arena *a, const struct oci_seccomp *profile,
                          struct seccomp_program *ret_program, struct error *err)
{
    _buf_ struct buf key = BUF_INIT(KEY_MAX);
    if (!cache || key_build(&key, profile) < 0)
        return seccomp_program_compile(a, profile, ret_program, err);

    const struct entry *entry = entry_find(cache, &key);
    if (entry)
        return entry_copy(a, entry, ret_program, err);

    struct seccomp_program program;
    int r = seccomp_program_compile(a, profile, &program, err);
    if (r < 0)
        return r;
    entry_add(cache, &key, &program);
    *ret_program = program;
    return 0;
}
