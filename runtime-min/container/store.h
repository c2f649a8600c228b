/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of all containers (--root) and a container's own directory in it.
 *
 *     ROOT/ID/            0700, appears complete
 *         lock            flock(2): who changes the container holds it and writes down who it is
 *         state.json      the record (record.h), written by rename
 *         config.json     copy of the bundle's, taken at create: the one that counts
 *         execs           FIFO that the handles of execs hold open (handle.h)
 *
 * A directory without "lock" is not ours and is never touched. Everything goes by descriptor; links are not followed. */
#pragma once
#include <stdbool.h>

#include "base/strlist.h"
#include "runtime-min/container/record.h"
#include "sys/fd.h"

#define STORE_CONFIG "config.json"
#define STORE_EXECS "execs"

struct store {
    const char *path; /* absolute */
    int fd;           /* -1: the directory does not exist yet */
};

/* A container's directory. */
struct slot {
    const char *id;
    int fd;
    int lock_fd; /* the lock is held while it is open */
};

#define SLOT_INIT ((struct slot){.fd = -1, .lock_fd = -1})

/* Letters, digits and "_+-.", no "." at the front, at most 255 bytes. */
int store_check_id(const char *id, struct error *err);
/* path is made absolute; create: makes the directory and its parents, 0700. "" and "/" are refused, and a directory that
 * belongs to another user or that others may write. */
int store_open(struct arena *a, const char *path, bool create, struct store *ret_store, struct error *err);
void store_close(struct store *store);
/* Names of the directories that are ours, sorted; and of the other entries. */
int store_list(struct arena *a, const struct store *store, struct strlist *ret_ids, struct strlist *ret_strays,
               struct error *err);

/* Removes what commands that were killed in slot_create() have left. Best effort. */
void store_sweep(const struct store *store);

/* A new directory with the record in it, locked. ALREADY_EXISTS when the name is taken. */
int slot_create(const struct store *store, const char *id, const struct record *record, struct slot *ret_slot,
                struct error *err);
/* NOT_FOUND 'container "ID" does not exist' when there is none that is ours. */
int slot_open(const struct store *store, const char *id, struct slot *ret_slot, struct error *err);
/* Waits for the lock until the deadline (monotonic ns); -ETIMEDOUT then, NOT_FOUND when the container was removed meanwhile. */
int slot_lock(const struct store *store, struct slot *slot, uint64_t deadline_ns, struct error *err);
/* The process that took the lock last. -ENOENT when nobody did, -ESRCH when it has ended. */
int slot_holder(const struct slot *slot, struct proc *ret_holder);
void slot_close(struct slot *slot);
#define _slot_ CLEANUP(slot_close)

int slot_read_record(struct arena *a, const struct slot *slot, struct record *ret_record, struct error *err);
int slot_write_record(const struct slot *slot, const struct record *record, struct error *err);
/* A whole file of the directory: replaced at once or not at all. */
int slot_write(const struct slot *slot, const char *name, const char *text, size_t len, struct error *err);
int slot_read(const struct slot *slot, const char *name, struct buf *out, struct error *err);
/* The absolute path of a file of the directory, for a process that opens it later. */
char *slot_path(struct arena *a, const struct store *store, const struct slot *slot, const char *name);
/* Removes what is ours; the lock is held. -ENOTEMPTY names what is left, if there is anything. */
int slot_remove(const struct store *store, struct slot *slot, struct error *err);
