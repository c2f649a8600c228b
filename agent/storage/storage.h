/* SPDX-License-Identifier: Apache-2.0 */
/* Storages: file systems that the host offers and the agent mounts in the guest, for the whole sandbox.
 *
 * They are told apart by their mount point: a second request for one that is there counts, and mounts nothing (storage sheet
 * 1). */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "loop/reaper.h"
#include "proto/agent.pb-c.h"

struct storages {
    struct list entries; /* struct storage */
    bool busy;           /* one request at a time: another may want what this one mounts, or takes back */
    struct waitq turn;
};

void storages_init(struct storages *storages);
/* Forgets them; what is mounted stays. */
void storages_done(struct storages *storages);

/* Mounts what is not there yet, in order, in a process of its own: a host that does not answer holds up nobody but other
 * requests for storages (from a fiber; a is for the time of the call). On failure what this call has mounted is unmounted
 * again. INTERNAL "Failed to find the storage handler DRIVER" for a driver that is not known. What the guest has mounted there
 * by itself is left as it is, then and at the end. */
int storages_add(struct storages *storages, struct reaper *reaper, struct arena *a, Grpc__Storage *const *wanted, size_t n,
                 struct error *err);

/* Unmounts them all without waiting for anybody, for an agent that ends before its guest does. Logs what stays. */
void storages_detach(struct storages *storages, const struct logger *log);

/* Looks at each mount below the directory that the host shares: then its server lets go of what it has removed meanwhile (from
 * a fiber; in a process of its own). */
int storages_look_at_shares(struct reaper *reaper, struct error *err);

/* Names of the drivers. */
const char *const *storage_drivers(size_t *ret_n);
