/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/sandbox/rundir.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>

#include "sys/fd.h"

#define DYING_TRIES 50
#define DYING_PAUSE_NS 10000000

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int rundir_check_id(const char *id, struct error *err)
{
    if (*id && *id != '.' && !strchr(id, '/') && strlen(id) <= NAME_MAX)
        return 0;
    return error_status(err, STATUS_INVALID_ARGUMENT,
                        "'%s' cannot name a virtual machine: 1 to %d bytes without '/', no '.' in front", id, NAME_MAX);
}

void rundir_close(struct rundir *rundir)
{
    fd_close(&rundir->lock_fd);
    fd_close(&rundir->fd);
    fd_close(&rundir->parent_fd);
}

static int open_parent(const char *root, struct rundir *rundir)
{
    _close_ int root_fd = sys_openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (root_fd < 0)
        return root_fd;
    rundir->parent_fd = sys_openat(root_fd, RUNDIR_ROOT, OPEN_DIR, 0);
    return rundir->parent_fd < 0 ? rundir->parent_fd : 0;
}

int rundir_open(const char *root, const char *id, struct rundir *ret_rundir, struct error *err)
{
    _rundir_ struct rundir rundir = RUNDIR_NONE;

    int r = rundir_check_id(id, err);
    if (r < 0)
        return r;
    r = open_parent(root, &rundir);
    if (r == 0)
        rundir.fd = sys_openat(rundir.parent_fd, id, OPEN_DIR, 0);
    if (r < 0 || rundir.fd < 0) {
        r = r < 0 ? r : rundir.fd;
        return r == -ENOENT ? r : error_set(err, r, "open the directory of sandbox %s in %s", id, root);
    }
    *ret_rundir = rundir;
    rundir = RUNDIR_NONE;
    return 0;
}

int rundir_lock(struct rundir *rundir)
{
    struct stat named;

    /* A monitor inherits it: who takes that one over must not write who is to be killed in its place. */
    rundir->lock_fd = sys_openat(rundir->fd, RUNDIR_LOCK, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (rundir->lock_fd < 0)
        return rundir->lock_fd;
    int r = sys_flock(rundir->lock_fd, LOCK_EX | LOCK_NB);
    /* The directory may have been removed just before. */
    if (r == 0)
        r = sys_fstatat(rundir->fd, RUNDIR_LOCK, &named, AT_SYMLINK_NOFOLLOW);
    if (r < 0)
        fd_close(&rundir->lock_fd);
    return r;
}

/* A monitor that was just killed may still be giving its descriptors back. */
static int lock_patiently(struct rundir *rundir)
{
    int r = rundir_lock(rundir);
    for (int i = 0; i < DYING_TRIES && r == -EWOULDBLOCK; i++) {
        sys_nanosleep(DYING_PAUSE_NS);
        r = rundir_lock(rundir);
    }
    return r;
}

/* ---- make and remove ---- */

static const struct content {
    const char *name;
    int flags;
} contents[] = {
    {RUNDIR_CONTROL, 0}, {RUNDIR_NEWBORN, 0},          {RUNDIR_VSOCK, 0}, {RUNDIR_FS, 0}, {RUNDIR_LOG, 0},
    {RUNDIR_REASON, 0},  {RUNDIR_SHARE, AT_REMOVEDIR},
};

static int remove_content(int fd)
{
    FOR_ROWS (content, contents) {
        int r = sys_unlinkat(fd, content->name, content->flags);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

int rundir_create(const char *root, const char *id, struct rundir *ret_rundir, struct error *err)
{
    _rundir_ struct rundir rundir = RUNDIR_NONE;

    int r = rundir_check_id(id, err);
    if (r < 0)
        return r;
    _close_ int root_fd = sys_openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (root_fd < 0)
        return error_set(err, root_fd, "open the root directory %s", root);
    r = sys_mkdirat(root_fd, RUNDIR_ROOT, 0700);
    if (r < 0 && r != -EEXIST)
        return error_set(err, r, "make %s/" RUNDIR_ROOT, root);
    r = open_parent(root, &rundir);
    if (r == 0)
        r = sys_mkdirat(rundir.parent_fd, id, 0700);
    if (r == 0 || r == -EEXIST)
        rundir.fd = r = sys_openat(rundir.parent_fd, id, OPEN_DIR, 0);
    if (r >= 0)
        r = lock_patiently(&rundir);
    if (r == -EWOULDBLOCK)
        return error_status(err, STATUS_ALREADY_EXISTS, "sandbox %s runs already", id);
    if (r == 0)
        r = remove_content(rundir.fd);
    if (r < 0)
        return error_set(err, r, "make a directory for sandbox %s in %s/" RUNDIR_ROOT, id, root);
    *ret_rundir = rundir;
    rundir = RUNDIR_NONE;
    return 0;
}

int rundir_remove(int parent_fd, int fd, const char *id, struct error *err)
{
    int r = remove_content(fd);
    if (r == 0)
        r = sys_unlinkat(fd, RUNDIR_LOCK, 0);
    if (r == 0 || r == -ENOENT)
        r = sys_unlinkat(parent_fd, id, AT_REMOVEDIR);
    return r < 0 && r != -ENOENT ? error_set(err, r, "remove the directory of sandbox %s", id) : 0;
}

int rundir_publish(const struct rundir *rundir)
{
    return sys_renameat2(rundir->fd, RUNDIR_NEWBORN, rundir->fd, RUNDIR_CONTROL, 0);
}

/* ---- the reason ---- */

void rundir_reason(const char *root, const char *id, struct buf *out)
{
    _rundir_ struct rundir rundir = RUNDIR_NONE;

    if (rundir_open(root, id, &rundir, NULL) < 0)
        return;
    _close_ int file = sys_openat(rundir.fd, RUNDIR_REASON, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (file >= 0)
        (void)fd_read_all(file, out);
}

/* ---- the owner ---- */

int rundir_sign(struct error *err)
{
    struct proc self;

    int r = proc_identify(sys_getpid(), &self);
    if (r == 0)
        r = file_write_at(AT_FDCWD, RUNDIR_LOCK, (const char *)&self, sizeof(self));
    return r < 0 ? error_set(err, r, "write down who the monitor is") : 0;
}

int rundir_owner(const struct rundir *rundir, struct proc *ret_owner)
{
    struct proc owner;

    _close_ int fd = sys_openat(rundir->fd, RUNDIR_LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    ssize_t n = sys_pread(fd, &owner, sizeof(owner), 0);
    if (n != sizeof(owner))
        return n < 0 ? (int)n : -ENOENT;
    *ret_owner = owner;
    return 0;
}
