/* SPDX-License-Identifier: Apache-2.0 */
/* One group in one hierarchy: its directories, and processes moved into it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cgroup/cgroup_internal.h"
#include "sys/fd.h"

#define GROUP_MODE 0755

size_t path_prefix_len(const char *path, size_t n_levels)
{
    size_t len = 0;

    for (size_t i = 0; i < n_levels; i++) {
        len += path[len] == '/';
        len += strcspn(path + len, "/");
    }
    return len;
}

/* Path below the hierarchy of the first n_levels components; "." for none. */
static void level_path(const struct member *member, size_t n_levels, char path[PATH_MAX])
{
    if (n_levels == 0)
        strcpy(path, ".");
    else
        snprintf(path, PATH_MAX, "%.*s", (int)path_prefix_len(member->below, n_levels), member->below);
}

/* ---- version 2: controllers are handed down level by level ---- */

static int subtree_control_write(int fd, char sign, uint32_t controllers)
{
    char text[256];
    size_t len = 0;

    for (enum controller i = 0; i < CONTROLLER_MAX; i++) {
        if (controllers & (UINT32_C(1) << i))
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%c%s", len ? " " : "", sign, controller_name(i, 2));
    }
    return file_write_at(fd, "cgroup.subtree_control", text, len);
}

/* Why a controller may stay away without harm here: it does not exist any more, or processes or threads of the level are in its
 * way. */
static bool is_unavailable(int r)
{
    return r == -ENOENT || r == -EBUSY || r == -EOPNOTSUPP;
}

/* Enables what is missing: in one write, which is all or nothing; if that fails, one by one. What is unavailable then shows
 * when a limit needs it. *ret_enabled: the controllers that were enabled, also on failure. */
static int level_enable(int fd, uint32_t wanted, uint32_t *ret_enabled)
{
    _buf_ struct buf text = BUF_INIT(CONTROL_FILE_MAX);

    *ret_enabled = 0;
    int r = control_read(fd, "cgroup.subtree_control", &text);
    if (r < 0)
        return r == -ENOENT ? 0 : r; /* a hierarchy that hands nothing down */
    wanted &= ~controllers_parse(text.data, " \n", 2);
    if (wanted == 0 || subtree_control_write(fd, '+', wanted) == 0) {
        *ret_enabled = wanted;
        return 0;
    }
    for (enum controller i = 0; i < CONTROLLER_MAX; i++) {
        uint32_t bit = UINT32_C(1) << i;
        if (!(wanted & bit))
            continue;
        r = subtree_control_write(fd, '+', bit);
        if (r < 0 && !is_unavailable(r))
            return r;
        *ret_enabled |= r == 0 ? bit : 0;
    }
    return 0;
}

/* ---- version 1: a group without CPUs and memory nodes cannot hold a process ---- */

static int cpuset_inherit_file(int parent, int child, const char *file)
{
    _buf_ struct buf text = BUF_INIT(CONTROL_FILE_MAX);
    int r = control_read(child, file, &text);
    if (r < 0 || !text_is_blank(text.data))
        return r;
    r = control_read(parent, file, &text);
    return r < 0 ? r : file_write_at(child, file, text.data, text.len);
}

static int cpuset_inherit(const struct member *member, int parent, int child)
{
    if (member->hierarchy->version != 1 || !(member->hierarchy->controllers & (UINT32_C(1) << CONTROLLER_CPUSET)))
        return 0;
    int r = cpuset_inherit_file(parent, child, "cpuset.cpus");
    return r < 0 ? r : cpuset_inherit_file(parent, child, "cpuset.mems");
}

/* ---- making ---- */

/* Makes and opens the directory of the first level components below *dir, which it replaces. */
static int level_make(struct member *member, size_t level, int *dir)
{
    char path[PATH_MAX];

    int r = 0;
    if (member->hierarchy->version == 2)
        r = level_enable(*dir, member->hierarchy->controllers, &member->enabled[level - 1]);
    if (r < 0)
        return r;
    level_path(member, level, path);
    r = sys_mkdirat(member->hierarchy->fd, path, GROUP_MODE);
    if (r < 0 && r != -EEXIST)
        return r;
    if (r == 0 && member->n_old >= level)
        member->n_old = level - 1;
    if (r == 0)
        member->n_made = level;

    _close_ int child = sys_openat(member->hierarchy->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (child < 0)
        return child;
    r = cpuset_inherit(member, *dir, child);
    if (r < 0)
        return r;
    fd_replace(dir, fd_take(&child));
    return 0;
}

static int member_make_levels(struct member *member, int *dir, struct error *err)
{
    member->n_old = member->n_levels;
    for (size_t level = 1; level <= member->n_levels; level++) {
        int r = level_make(member, level, dir);
        if (r < 0) {
            char path[PATH_MAX];
            level_path(member, level, path);
            return error_set(err, r, "make cgroup %s/%s", member->hierarchy->path, path);
        }
    }
    return 0;
}

static int refuse_populated(const struct member *member, int dir, struct error *err)
{
    int n = tree_signal(dir, 0);
    if (n < 0)
        return error_set(err, n, "list the processes of cgroup %s", member->path);
    if (n > 0)
        return error_status(err, STATUS_ALREADY_EXISTS, "cgroup %s already has %d processes", member->path, n);
    return 0;
}

int member_make(struct member *member, struct error *err)
{
    _close_ int dir = sys_openat(member->hierarchy->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (dir < 0)
        return error_set(err, dir, "open cgroup hierarchy '%s'", member->hierarchy->path);

    int r = member_make_levels(member, &dir, err);
    if (r == 0 && member->n_old == member->n_levels)
        r = refuse_populated(member, dir, err);
    if (r < 0) {
        member_unmake(member);
        return r;
    }
    member->fd = fd_take(&dir);
    return 0;
}

void member_unmake(struct member *member)
{
    char path[PATH_MAX];

    for (size_t level = member->n_made; level > member->n_old; level--) {
        level_path(member, level, path);
        int r = sys_unlinkat(member->hierarchy->fd, path, AT_REMOVEDIR);
        if (r < 0 && r != -ENOENT) {
            member_remember_made(member, level);
            break;
        }
    }
    for (size_t level = member->n_old + 1; level-- > 0;) {
        if (member->enabled[level] == 0)
            continue;
        level_path(member, level, path);
        _close_ int fd = sys_openat(member->hierarchy->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd >= 0)
            subtree_control_write(fd, '-', member->enabled[level]);
    }
    fd_close(&member->fd);
}

/* ---- entering ---- */

static bool member_has_process(const struct member *member, int pid)
{
    _buf_ struct buf procs = BUF_INIT(CONTROL_FILE_MAX);
    if (control_read(member->fd, "cgroup.procs", &procs) < 0)
        return false;

    char *cursor = procs.data;
    char *line;
    while ((line = text_next_line(&cursor))) {
        if (text_number(line, 0) == (uint64_t)pid)
            return true;
    }
    return false;
}

int member_enter(const struct member *member, int pid)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%d", pid);

    if (member->hierarchy->version == 2) {
        /* A group that hands controllers to children holds no processes itself; a manager inside then keeps them in "init". */
        int r = file_write_at(member->fd, "init/cgroup.procs", text, (size_t)len);
        if (r != -ENOENT)
            return r;
        /* A write waits some milliseconds for an RCU grace period; a process born in the group needs none. */
        if (member_has_process(member, pid))
            return 0;
    }
    return file_write_at(member->fd, "cgroup.procs", text, (size_t)len);
}
