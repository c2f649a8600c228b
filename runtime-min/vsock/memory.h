/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory: the regions that a vhost-user frontend shares, and the translation of addresses in them.
 *
 * Nothing here trusts the guest or the frontend: a translation is refused unless every byte of it is mapped. A file that is
 * made shorter later is not a matter of checks: who touches the missing pages gets SIGBUS, so a device has a process of its
 * own. vhost-user.rst, "Memory region description". */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define GUEST_REGIONS_MAX 32

struct guest_region {
    uint64_t guest;  /* guest physical address */
    uint64_t size;   /* bytes */
    uint64_t user;   /* address in the frontend's process */
    uint64_t offset; /* of the region in its file */
};

struct guest_mapping {
    struct guest_region region;
    char *map; /* offset 0 of the file */
    size_t map_len;
};

struct guest_memory {
    struct guest_mapping mappings[GUEST_REGIONS_MAX];
    unsigned int n;
};

/* Maps one region of fd, which stays the caller's. 0, or -EINVAL for a region that is empty, overflows, overlaps another one or
 * lies beyond the end of its file, -ENOSPC when there are too many, or the errno of fstat(2) and mmap(2). */
int guest_memory_add(struct guest_memory *memory, const struct guest_region *region, int fd, struct error *err);
/* Unmaps the region with this guest address, frontend address and size. 0 or -ENOENT. */
int guest_memory_remove(struct guest_memory *memory, const struct guest_region *region, struct error *err);
/* Unmaps everything. */
void guest_memory_done(struct guest_memory *memory);

/* How many of the len bytes at a guest physical address lie in one piece, and where: 0 when the first is not mapped. */
uint64_t guest_memory_at(const struct guest_memory *memory, uint64_t guest, uint64_t len, void **ret_p);
/* The len bytes at an address of the frontend's process, or NULL unless they are within one region. */
void *guest_memory_user(const struct guest_memory *memory, uint64_t user, uint64_t len);
