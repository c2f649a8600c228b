/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/store.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#define LOCK "lock"
#define RECORD "state.json"
#define UNFINISHED ".new=" /* and a number: a directory that is being made or removed */
#define NUMBER_DIGITS 16
#define NAME_BYTES 32
#define SWEEP_NS UINT64_C(2000000000)
#define RECORD_MAX (1024 * 1024) /* two dozen directories of control groups, and room for long names */
#define ID_MAX 255
#define PATH_MAX_BYTES 4096
#define RETRY_NS 10000000
#define DIRENT_BUFFER 4096
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static const char *const own_files[] = {RECORD, STORE_CONFIG, STORE_EXECS, "." RECORD, "." STORE_CONFIG};

int store_check_id(const char *id, struct error *err)
{
    static const char marks[] = "_+-.";

    if (!*id)
        return error_status(err, STATUS_INVALID_ARGUMENT, "container id cannot be empty");
    if (strlen(id) > ID_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "container id of %zu bytes: at most %d are possible", strlen(id),
                            ID_MAX);
    if (*id == '.') /* "." and "..", and names of our own */
        return error_status(err, STATUS_INVALID_ARGUMENT, "invalid container ID format: '%s' begins with a dot", id);
    for (const char *p = id; *p; p++) {
        if (!(*p >= '0' && *p <= '9') && !(*p >= 'A' && *p <= 'Z') && !(*p >= 'a' && *p <= 'z') && !strchr(marks, *p))
            return error_status(err, STATUS_INVALID_ARGUMENT,
                                "invalid container ID format: '%s': invalid character `%c` in the ID", id, *p);
    }
    return 0;
}

/* ---- the root ---- */

static int absolute_path(struct arena *a, const char *path, const char **ret_path, struct error *err)
{
    char cwd[PATH_MAX_BYTES];

    if (!*path)
        return error_status(err, STATUS_INVALID_ARGUMENT, "option --root: the path is empty");
    if (*path == '/') {
        *ret_path = path;
        return 0;
    }
    ssize_t n = sys_getcwd(cwd, sizeof(cwd));
    if (n < 0)
        return error_set(err, (int)n, "find the working directory");
    *ret_path = arena_printf(a, "%s/%s", cwd, path);
    return 0;
}

/* Makes all that is missing of an absolute path. */
static int make_directories(struct arena *a, const char *path, struct error *err)
{
    char *part = arena_strdup(a, path);

    for (char *p = part + 1; *p; p++) {
        if (*p != '/' && p[1])
            continue;
        char kept = *p == '/' ? *p : p[1];
        char *end = *p == '/' ? p : p + 1;
        *end = '\0';
        int r = sys_mkdirat(AT_FDCWD, part, 0700);
        *end = kept;
        if (r < 0 && r != -EEXIST)
            return error_set(err, r, "create the root directory %s", path);
    }
    return 0;
}

/* Whoever can exchange what is in it gets our commands, and their handles, to talk to a machine of his own. */
static int check_writers(const struct store *store, const struct stat *st, struct error *err)
{
    if (st->st_uid != 0 && st->st_uid != sys_geteuid())
        return error_status(err, STATUS_PERMISSION_DENIED, "root directory %s belongs to another user, %u; choose another",
                            store->path, st->st_uid);
    if (st->st_mode & S_IWOTH)
        return error_status(err, STATUS_PERMISSION_DENIED,
                            "root directory %s: every user may write to it; chmod o-w it or choose another", store->path);
    if ((st->st_mode & S_IWGRP) && st->st_gid != 0 && st->st_gid != sys_getegid())
        return error_status(err, STATUS_PERMISSION_DENIED,
                            "root directory %s: group %u may write to it; chmod g-w it or choose another", store->path,
                            st->st_gid);
    return 0;
}

static int check_root(const struct store *store, struct error *err)
{
    struct stat st, top;

    int r = sys_fstat(store->fd, &st);
    if (r == 0)
        r = sys_fstatat(AT_FDCWD, "/", &top, 0);
    if (r < 0)
        return error_set(err, r, "look at the root directory %s", store->path);
    if (st.st_dev == top.st_dev && st.st_ino == top.st_ino)
        return error_status(err, STATUS_INVALID_ARGUMENT, "option --root must not be /");
    return check_writers(store, &st, err);
}

int store_open(struct arena *a, const char *path, bool create, struct store *ret_store, struct error *err)
{
    struct store store = {.fd = -1};

    int r = absolute_path(a, path, &store.path, err);
    if (r == 0 && create)
        r = make_directories(a, store.path, err);
    if (r < 0)
        return r;
    store.fd = sys_openat(AT_FDCWD, store.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (store.fd == -ENOENT && !create) {
        store.fd = -1;
        *ret_store = store;
        return 0;
    }
    if (store.fd < 0)
        return error_set(err, store.fd, "open the root directory %s", store.path);
    r = check_root(&store, err);
    if (r < 0)
        store_close(&store);
    else
        *ret_store = store;
    return r;
}

void store_close(struct store *store)
{
    fd_close(&store->fd);
}

static bool is_ours(const struct store *store, const char *name)
{
    struct slot slot = SLOT_INIT;

    if (slot_open(store, name, &slot, NULL) < 0)
        return false;
    slot_close(&slot);
    return true;
}

static int list_entry(struct arena *a, const struct store *store, const char *name, struct strlist *ids, struct strlist *strays)
{
    if (name[0] == '.' && store_check_id(name, NULL) < 0)
        return 0;
    return strlist_add(a, is_ours(store, name) ? ids : strays, name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* getdents64(2) */
struct linux_dirent64 {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

int store_list(struct arena *a, const struct store *store, struct strlist *ret_ids, struct strlist *ret_strays,
               struct error *err)
{
    char buffer[DIRENT_BUFFER] __attribute__((aligned(8)));
    ssize_t n;

    if (store->fd < 0)
        return 0;
    while ((n = sys_getdents64(store->fd, buffer, sizeof(buffer))) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct linux_dirent64 *entry = (const void *)(buffer + at);
            at += entry->reclen;
            int r = list_entry(a, store, entry->name, ret_ids, ret_strays);
            if (r < 0)
                return error_status(err, STATUS_RESOURCE_EXHAUSTED, "%s holds too many entries", store->path);
        }
    }
    if (ret_ids->n > 1)
        qsort(ret_ids->items, ret_ids->n, sizeof(*ret_ids->items), compare_names);
    return n < 0 ? error_set(err, (int)n, "read the root directory %s", store->path) : 0;
}

/* ---- one container ---- */

static int not_found(const char *id, struct error *err)
{
    return error_status(err, STATUS_NOT_FOUND, "container \"%s\" does not exist", id);
}

void slot_close(struct slot *slot)
{
    fd_close(&slot->fd);
    fd_close(&slot->lock_fd);
}

int slot_write(const struct slot *slot, const char *name, const char *text, size_t len, struct error *err)
{
    char temporary[NAME_MAX + 1];

    snprintf(temporary, sizeof(temporary), ".%s", name);
    (void)sys_unlinkat(slot->fd, temporary, 0);
    _close_ int fd = sys_openat(slot->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? fd : fd_write_all(fd, text, len);
    if (r == 0)
        r = sys_fsync(fd);
    if (r == 0)
        r = sys_renameat2(slot->fd, temporary, slot->fd, name, 0);
    if (r < 0 && fd >= 0)
        (void)sys_unlinkat(slot->fd, temporary, 0);
    return r < 0 ? error_set(err, r, "write %s of container %s", name, slot->id) : 0;
}

int slot_read(const struct slot *slot, const char *name, struct buf *out, struct error *err)
{
    _close_ int fd = sys_openat(slot->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    int r = fd < 0 ? fd : fd_read_all(fd, out);

    return r < 0 ? error_set(err, r, "read %s of container %s", name, slot->id) : 0;
}

int slot_write_record(const struct slot *slot, const struct record *record, struct error *err)
{
    _buf_ struct buf text = BUF_INIT(RECORD_MAX);

    int r = record_to_json(record, &text);
    return r < 0 ? error_set(err, r, "format the record of container %s", slot->id)
                 : slot_write(slot, RECORD, text.data, text.len, err);
}

int slot_read_record(struct arena *a, const struct slot *slot, struct record *ret_record, struct error *err)
{
    _buf_ struct buf text = BUF_INIT(RECORD_MAX);

    int r = slot_read(slot, RECORD, &text, err);
    if (r == 0) {
        r = record_from_json(a, text.data ?: "", text.len, ret_record, err);
        if (r < 0)
            return error_wrap(err, "state.json of container %s is damaged; `tatami delete --force %s` removes it", slot->id,
                              slot->id);
    }
    return r;
}

static int try_lock(int fd, int kind, uint64_t deadline_ns)
{
    int r;

    while ((r = sys_flock(fd, kind | LOCK_NB)) == -EAGAIN && sys_monotonic_ns() < deadline_ns)
        sys_nanosleep(RETRY_NS);
    return r == -EAGAIN ? -ETIMEDOUT : r;
}

/* For those who cannot wait. Without a name nobody is killed. */
static void sign(int lock_fd)
{
    struct proc self;

    if (proc_identify(sys_getpid(), &self) == 0)
        (void)sys_pwrite(lock_fd, &self, sizeof(self), 0);
}

int slot_holder(const struct slot *slot, struct proc *ret_holder)
{
    struct proc holder;

    _close_ int fd = sys_openat(slot->fd, LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    if (sys_pread(fd, &holder, sizeof(holder), 0) != sizeof(holder))
        return -ENOENT;
    *ret_holder = holder;
    return proc_is_alive(&holder) ? 0 : -ESRCH;
}

/* Fills a directory that nobody else knows yet. */
static int fill(struct slot *slot, const struct record *record, struct error *err)
{
    slot->lock_fd = sys_openat(slot->fd, LOCK, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = slot->lock_fd < 0 ? slot->lock_fd : sys_flock(slot->lock_fd, LOCK_EX | LOCK_NB);

    if (r < 0)
        return error_set(err, r, "lock container %s", slot->id);
    sign(slot->lock_fd);
    return slot_write_record(slot, record, err);
}

static void remove_files(const struct slot *slot)
{
    FOR_ROWS (name, own_files)
        (void)sys_unlinkat(slot->fd, *name, 0);
}

static void empty(const struct slot *slot)
{
    remove_files(slot);
    (void)sys_unlinkat(slot->fd, LOCK, 0);
}

static bool is_unfinished(const char *name)
{
    size_t len = strlen(UNFINISHED);

    return strncmp(name, UNFINISHED, len) == 0 && strspn(name + len, "0123456789abcdef") == NUMBER_DIGITS &&
           !name[len + NUMBER_DIGITS];
}

static void sweep(const struct store *store, const char *name)
{
    _slot_ struct slot slot = {.id = name, .fd = sys_openat(store->fd, name, OPEN_DIRECTORY, 0), .lock_fd = -1};

    if (slot.fd < 0)
        return;
    empty(&slot);
    (void)sys_unlinkat(store->fd, name, AT_REMOVEDIR);
}

/* Who creates shares the lock of the root directory: whoever has it alone finds only what the dead have left. */
void store_sweep(const struct store *store)
{
    char buffer[DIRENT_BUFFER] __attribute__((aligned(8)));
    ssize_t n;

    _close_ int fd = store->fd < 0 ? -1 : sys_openat(store->fd, ".", OPEN_DIRECTORY, 0);
    if (fd < 0 || sys_flock(fd, LOCK_EX | LOCK_NB) < 0)
        return;
    while ((n = sys_getdents64(fd, buffer, sizeof(buffer))) > 0) {
        for (const char *p = buffer; p < buffer + n; p += ((const struct linux_dirent64 *)(const void *)p)->reclen) {
            const char *name = ((const struct linux_dirent64 *)(const void *)p)->name;
            if (is_unfinished(name))
                sweep(store, name);
        }
    }
}

/* Pids are no help: callers of several pid namespaces may share the root. */
static int unfinished_name(char name[static NAME_BYTES])
{
    uint64_t number;

    ssize_t n = sys_getrandom(&number, sizeof(number), 0);
    if (n != sizeof(number))
        return n < 0 ? (int)n : -EIO;
    snprintf(name, NAME_BYTES, UNFINISHED "%0*" PRIx64, NUMBER_DIGITS, number);
    return 0;
}

static int create(const struct store *store, const char *id, const struct record *record, struct slot *ret_slot,
                  struct error *err)
{
    struct slot slot = {.id = id, .fd = -1, .lock_fd = -1};
    char temporary[NAME_BYTES];

    int r = unfinished_name(temporary);
    if (r == 0)
        r = sys_mkdirat(store->fd, temporary, 0700);
    if (r == 0)
        r = slot.fd = sys_openat(store->fd, temporary, OPEN_DIRECTORY, 0);
    if (r < 0)
        return error_set(err, r, "create the directory of container %s in %s", id, store->path);
    r = fill(&slot, record, err);
    if (r == 0) {
        r = sys_renameat2(store->fd, temporary, store->fd, id, RENAME_NOREPLACE);
        if (r == -EEXIST)
            r = error_status(err, STATUS_ALREADY_EXISTS, "container with given ID already exists: %s", id);
        else if (r < 0)
            r = error_set(err, r, "create %s/%s", store->path, id);
    }
    if (r < 0) {
        empty(&slot);
        (void)sys_unlinkat(store->fd, temporary, AT_REMOVEDIR);
        slot_close(&slot);
        return r;
    }
    *ret_slot = slot;
    return 0;
}

int slot_create(const struct store *store, const char *id, const struct record *record, struct slot *ret_slot,
                struct error *err)
{
    store_sweep(store);
    /* One who is stuck in the middle of a sweep holds nobody up. */
    _close_ int creators = sys_openat(store->fd, ".", OPEN_DIRECTORY, 0);
    (void)try_lock(creators, LOCK_SH, sys_monotonic_ns() + SWEEP_NS);
    return create(store, id, record, ret_slot, err);
}

int slot_open(const struct store *store, const char *id, struct slot *ret_slot, struct error *err)
{
    struct slot slot = {.id = id, .fd = -1, .lock_fd = -1};
    struct stat st;

    if (store->fd < 0)
        return not_found(id, err);
    slot.fd = sys_openat(store->fd, id, OPEN_DIRECTORY, 0);
    if (slot.fd == -ENOENT || slot.fd == -ENOTDIR || slot.fd == -ELOOP)
        return not_found(id, err);
    if (slot.fd < 0)
        return error_set(err, slot.fd, "open %s/%s", store->path, id);
    int r = sys_fstatat(slot.fd, LOCK, &st, AT_SYMLINK_NOFOLLOW);
    if (r < 0 || !S_ISREG(st.st_mode)) {
        slot_close(&slot);
        return not_found(id, err);
    }
    *ret_slot = slot;
    return 0;
}

char *slot_path(struct arena *a, const struct store *store, const struct slot *slot, const char *name)
{
    return arena_printf(a, "%s/%s/%s", store->path, slot->id, name);
}

/* Whether the directory is still the one that the id names. */
static bool is_current(const struct store *store, const struct slot *slot)
{
    struct stat opened, named;

    return sys_fstat(slot->fd, &opened) == 0 && sys_fstatat(store->fd, slot->id, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

int slot_lock(const struct store *store, struct slot *slot, uint64_t deadline_ns, struct error *err)
{
    _close_ int fd = sys_openat(slot->fd, LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd == -ENOENT)
        return not_found(slot->id, err);

    int r = fd < 0 ? fd : try_lock(fd, LOCK_EX, deadline_ns);
    if (r == -ETIMEDOUT)
        return error_status(err, STATUS_DEADLINE_EXCEEDED, "container %s: another command is busy with it", slot->id);
    if (r < 0)
        return error_set(err, r, "lock container %s", slot->id);
    if (!is_current(store, slot))
        return not_found(slot->id, err);
    sign(fd);
    slot->lock_fd = fd_take(&fd);
    return 0;
}

/* The record goes first and the lock last: what is left of an interrupted removal is still ours, by its lock or by its name. */
int slot_remove(const struct store *store, struct slot *slot, struct error *err)
{
    char temporary[NAME_BYTES];

    remove_files(slot);
    int r = unfinished_name(temporary);
    if (r == 0)
        r = sys_renameat2(store->fd, slot->id, store->fd, temporary, RENAME_NOREPLACE);
    if (r == 0) {
        (void)sys_unlinkat(slot->fd, LOCK, 0);
        r = sys_unlinkat(store->fd, temporary, AT_REMOVEDIR);
    }
    if (r == -ENOTEMPTY) {
        sys_close(sys_openat(slot->fd, LOCK, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        (void)sys_renameat2(store->fd, temporary, store->fd, slot->id, RENAME_NOREPLACE);
        return error_set(err, r, "%s/%s holds files that tatami did not make; look at them and remove the directory",
                         store->path, slot->id);
    }
    return r < 0 && r != -ENOENT ? error_set(err, r, "remove %s/%s", store->path, slot->id) : 0;
}
