/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage/storage.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/guest/modules.h"
#include "agent/storage/mount_words.h"
#include "loop/offload.h"
#include "sys/fd.h"
#include "sys/mountinfo.h"

#define DETACH 2                 /* MNT_DETACH */
#define GUEST_SHARE "kataShared" /* a guest may have mounted it by itself */
#define SHARES_DIR "/run/kata-containers/shared/containers/"

struct storage {
    struct list link;
    char *mount_point;
    bool is_ours; /* else it was mounted before anybody asked */
    unsigned int users;
};

static const char *const drivers[] = {"virtio-fs"};

const char *const *storage_drivers(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(drivers);
    return drivers;
}

static bool driver_is_known(const char *name)
{
    FOR_ROWS (driver, drivers) {
        if (strcmp(*driver, name) == 0)
            return true;
    }
    return false;
}

/* ---- the table ---- */

void storages_init(struct storages *storages)
{
    *storages = (struct storages){.busy = false};
    list_init(&storages->entries);
    waitq_init(&storages->turn);
}

static void storage_free(struct storage *storage)
{
    list_remove(&storage->link);
    free(storage->mount_point);
    free(storage);
}

void storages_done(struct storages *storages)
{
    while (!list_is_empty(&storages->entries))
        storage_free(CONTAINER_OF(storages->entries.next, struct storage, link));
}

void storages_detach(struct storages *storages, const struct logger *log)
{
    while (!list_is_empty(&storages->entries)) {
        struct storage *last = CONTAINER_OF(storages->entries.prev, struct storage, link);
        int r = last->is_ours ? sys_umount2(last->mount_point, DETACH) : 0;
        if (r < 0)
            log_warning(log, "storage", "unmount '%s' at the end: %s", last->mount_point, errno_name(-r));
        storage_free(last);
    }
}

static struct storage *find(const struct storages *storages, const char *mount_point)
{
    struct storage *storage;

    LIST_FOREACH (storage, &storages->entries, link) {
        if (strcmp(storage->mount_point, mount_point) == 0)
            return storage;
    }
    return NULL;
}

static void remember(struct storages *storages, const char *mount_point, bool is_ours)
{
    struct storage *storage = malloc(sizeof(*storage));

    if (!storage)
        abort();
    *storage = (struct storage){.mount_point = strdup(mount_point), .is_ours = is_ours, .users = 1};
    if (!storage->mount_point)
        abort();
    list_append(&storages->entries, &storage->link);
}

/* ---- mounting, in a child ---- */

struct mount_order {
    const Grpc__Storage *storage;
    unsigned long flags;
    const char *data;
};

/* Makes the directories of path that are missing; *ret_made: length of the first one, 0 when all were there. */
static int make_directories(const char *path, size_t *ret_made)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    *ret_made = 0;
    if (len >= sizeof(part))
        return -ENAMETOOLONG;
    for (size_t end = 1; end <= len; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        memcpy(part, path, end);
        part[end] = '\0';
        int r = sys_mkdirat(AT_FDCWD, part, 0755);
        if (r < 0 && r != -EEXIST)
            return r;
        if (r == 0 && *ret_made == 0)
            *ret_made = end;
    }
    return 0;
}

/* Takes back what make_directories() made. */
static void remove_directories(const char *path, size_t made)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (made == 0 || len >= sizeof(part))
        return;
    memcpy(part, path, len + 1);
    for (size_t end = len; end >= made; end--) {
        if (part[end] != '/' && part[end] != '\0')
            continue;
        part[end] = '\0';
        (void)sys_unlinkat(AT_FDCWD, part, AT_REMOVEDIR);
    }
}

static int is_there(const struct mount_order *order)
{
    const Grpc__Storage *storage = order->storage;
    bool is_share = strcmp(storage->source, GUEST_SHARE) == 0;

    if (!is_share && (order->flags & MS_REMOUNT))
        return 0;
    return mountinfo_is_mounted(storage->mount_point, is_share ? NULL : storage->fstype) > 0;
}

/* A type that the kernel does not know may be in a module of that name. */
static int mount_with_module(const struct mount_order *order)
{
    const Grpc__Storage *storage = order->storage;
    struct error ignored = {.errnum = 0};

    int r = sys_mount(storage->source, storage->mount_point, storage->fstype, order->flags, order->data);
    if (r != -ENODEV || modules_load(storage->fstype, "", &ignored) < 0)
        return r;
    return sys_mount(storage->source, storage->mount_point, storage->fstype, order->flags, order->data);
}

/* 0, or 1 when it was mounted already. */
static int do_mount(void *arg, struct buf *out UNUSED, struct error *err)
{
    const struct mount_order *order = arg;
    const Grpc__Storage *storage = order->storage;
    size_t made;

    if (is_there(order))
        return 1;
    int r = make_directories(storage->mount_point, &made);
    if (r < 0)
        r = error_set(err, r, "Could not create mountpoint: '%s'", storage->mount_point);
    if (r == 0)
        r = mount_with_module(order);
    if (r < 0 && !err->errnum)
        r = error_set(err, r, "failed to mount %s to %s, with error", storage->source, storage->mount_point);
    if (r < 0)
        remove_directories(storage->mount_point, made);
    return r;
}

static int check(const Grpc__Storage *storage, struct error *err)
{
    if (!driver_is_known(storage->driver))
        return error_status(err, STATUS_INTERNAL, "Failed to find the storage handler %s", storage->driver);
    if (!*storage->source)
        return error_status(err, STATUS_INTERNAL, "need mount source");
    if (!*storage->mount_point)
        return error_status(err, STATUS_INTERNAL, "need mount destination");
    if (storage->mount_point[0] != '/')
        return error_status(err, STATUS_INTERNAL, "mount point '%s' is not an absolute path", storage->mount_point);
    if (!*storage->fstype)
        return error_status(err, STATUS_INTERNAL, "need mount FS type");
    if (storage->fs_group)
        return error_status(err, STATUS_UNIMPLEMENTED, "Storage.fs_group of '%s' is not supported yet", storage->mount_point);
    return 0;
}

static int add(struct storages *storages, struct reaper *reaper, struct arena *a, const Grpc__Storage *wanted,
               struct error *err)
{
    struct mount_order order = {.storage = wanted};

    int r = check(wanted, err);
    if (r < 0)
        return r;
    struct storage *there = find(storages, wanted->mount_point);
    if (there) {
        there->users++;
        return 0;
    }
    r = mount_words_parse(a, wanted->options, wanted->n_options, &order.flags, &order.data, err);
    if (r == 0)
        r = offload(reaper, do_mount, &order, NO_DEADLINE, NULL, err);
    if (r < 0)
        return r;
    remember(storages, wanted->mount_point, r == 0);
    return 0;
}

/* Takes back the last additions, without waiting for the host. */
static void take_back(struct storages *storages, Grpc__Storage *const *added, size_t n)
{
    while (n-- > 0) {
        struct storage *storage = find(storages, added[n]->mount_point);
        if (!storage || --storage->users > 0)
            continue;
        if (storage->is_ours)
            (void)sys_umount2(storage->mount_point, DETACH);
        storage_free(storage);
    }
}

static int add_all(struct storages *storages, struct reaper *reaper, struct arena *a, Grpc__Storage *const *wanted, size_t n,
                   struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        int r = add(storages, reaper, a, wanted[i], err);
        if (r < 0) {
            take_back(storages, wanted, i);
            return r;
        }
    }
    return 0;
}

int storages_add(struct storages *storages, struct reaper *reaper, struct arena *a, Grpc__Storage *const *wanted, size_t n,
                 struct error *err)
{
    if (n == 0)
        return 0;
    while (storages->busy) {
        int r = waitq_wait(reaper_loop(reaper), &storages->turn, NO_DEADLINE);
        if (r < 0)
            return error_status(err, STATUS_CANCELLED, "wait for the storages of another request");
    }
    storages->busy = true;
    int r = add_all(storages, reaper, a, wanted, n, err);
    storages->busy = false;
    waitq_wake_all(&storages->turn);
    return r;
}

/* ---- mounts below the host's share ---- */

static int look_at_shares(void *arg UNUSED, struct buf *out UNUSED, struct error *err)
{
    _buf_ struct buf text = BUF_INIT(MOUNTINFO_MAX);
    struct mountinfo mount;
    struct stat st;

    int r = file_read_at(AT_FDCWD, MOUNTINFO_PATH, &text);
    if (r < 0)
        return error_set(err, r, "failed to parse mountinfo file");
    for (char *cursor = text.data; mountinfo_next(&cursor, &mount);) {
        if (strncmp(mount.point, SHARES_DIR, strlen(SHARES_DIR)) == 0)
            (void)sys_fstatat(AT_FDCWD, mount.point, &st, 0);
    }
    return 0;
}

int storages_look_at_shares(struct reaper *reaper, struct error *err)
{
    return offload(reaper, look_at_shares, NULL, NO_DEADLINE, NULL, err);
}
