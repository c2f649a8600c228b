/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/vsock/memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "sys/sys.h"

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static int region_check(const struct guest_memory *memory, const struct guest_region *region, struct error *err)
{
    uint64_t end;

    if (region->size == 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "memory region at %#" PRIx64 " is empty", region->guest);
    if (__builtin_add_overflow(region->guest, region->size, &end) || __builtin_add_overflow(region->user, region->size, &end) ||
        __builtin_add_overflow(region->offset, region->size, &end) || end > INT64_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "memory region at %#" PRIx64 " of %#" PRIx64 " bytes overflows",
                            region->guest, region->size);
    for (unsigned int i = 0; i < memory->n; i++) {
        const struct guest_region *other = &memory->mappings[i].region;
        if (overlaps(region->guest, region->size, other->guest, other->size) ||
            overlaps(region->user, region->size, other->user, other->size))
            return error_status(err, STATUS_INVALID_ARGUMENT, "memory region at %#" PRIx64 " overlaps the one at %#" PRIx64,
                                region->guest, other->guest);
    }
    return 0;
}

/* Huge pages are mapped and unmapped as a whole. */
static size_t whole_pages(uint64_t len, const struct stat *st)
{
    uint64_t page = st->st_blksize > 0 ? (uint64_t)st->st_blksize : 1;

    return (len + page - 1) / page * page;
}

int guest_memory_add(struct guest_memory *memory, const struct guest_region *region, int fd, struct error *err)
{
    struct stat st;
    void *map;

    if (memory->n == GUEST_REGIONS_MAX)
        return error_text(err, -ENOSPC, "more than %d memory regions", GUEST_REGIONS_MAX);
    int r = region_check(memory, region, err);
    if (r < 0)
        return r;
    r = sys_fstat(fd, &st);
    if (r < 0)
        return error_set(err, r, "size of the file behind memory region at %#" PRIx64, region->guest);
    if ((uint64_t)st.st_size < region->offset + region->size)
        return error_status(err, STATUS_INVALID_ARGUMENT, "memory region at %#" PRIx64 " lies beyond the end of its file",
                            region->guest);

    /* From the start of the file, since nobody promises that the offset is that of a page. */
    size_t map_len = whole_pages(region->offset + region->size, &st);
    r = sys_mmap(&map, map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (r < 0)
        return error_set(err, r, "map memory region at %#" PRIx64, region->guest);
    memory->mappings[memory->n++] = (struct guest_mapping){*region, map, map_len};
    return 0;
}

int guest_memory_remove(struct guest_memory *memory, const struct guest_region *region, struct error *err)
{
    for (unsigned int i = 0; i < memory->n; i++) {
        struct guest_mapping *mapping = &memory->mappings[i];
        if (mapping->region.guest != region->guest || mapping->region.user != region->user ||
            mapping->region.size != region->size)
            continue;
        (void)sys_munmap(mapping->map, mapping->map_len);
        *mapping = memory->mappings[--memory->n];
        return 0;
    }
    return error_text(err, -ENOENT, "no memory region at %#" PRIx64 " to remove", region->guest);
}

void guest_memory_done(struct guest_memory *memory)
{
    while (memory->n > 0) {
        struct guest_mapping *mapping = &memory->mappings[--memory->n];
        (void)sys_munmap(mapping->map, mapping->map_len);
    }
}

uint64_t guest_memory_at(const struct guest_memory *memory, uint64_t guest, uint64_t len, void **ret_p)
{
    for (unsigned int i = 0; i < memory->n; i++) {
        const struct guest_mapping *mapping = &memory->mappings[i];
        uint64_t at = guest - mapping->region.guest;
        if (guest < mapping->region.guest || at >= mapping->region.size)
            continue;
        *ret_p = mapping->map + mapping->region.offset + at;
        return len < mapping->region.size - at ? len : mapping->region.size - at;
    }
    return 0;
}

void *guest_memory_user(const struct guest_memory *memory, uint64_t user, uint64_t len)
{
    for (unsigned int i = 0; i < memory->n; i++) {
        const struct guest_mapping *mapping = &memory->mappings[i];
        uint64_t at = user - mapping->region.user;
        if (user >= mapping->region.user && at < mapping->region.size && len <= mapping->region.size - at)
            return mapping->map + mapping->region.offset + at;
    }
    return NULL;
}
