/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/sandbox/idmap.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "sys/fd.h"

#define MAP_MAX 4096 /* what the kernel takes at once: user_namespaces(7) */

/* A user namespace lives with a process, until it is held by a descriptor. */
struct holder {
    int pidfd;
    int pid;
    int in, out; /* ends of a pipe; the process ends when this one's out closes, also by its death */
};

static int hold(void *arg)
{
    struct holder *holder = arg;
    char byte;

    sys_close(holder->out);
    return sys_read(holder->in, &byte, sizeof(byte)) != 0;
}

static int holder_start(struct holder *holder)
{
    const struct sys_spawn spawn = {.flags = CLONE_NEWUSER, .cgroup_fd = -1, .ret_pidfd = &holder->pidfd};
    int pipe[2];

    int r = sys_pipe2(pipe, O_CLOEXEC);
    if (r < 0)
        return r;
    holder->in = pipe[0];
    holder->out = pipe[1];
    holder->pid = sys_spawn(&spawn, hold, holder);
    return holder->pid < 0 ? holder->pid : 0;
}

static void holder_end(struct holder *holder)
{
    siginfo_t info = {.si_pid = 0};

    fd_close(&holder->in);
    fd_close(&holder->out);
    if (holder->pidfd >= 0)
        (void)sys_waitid(P_PIDFD, holder->pidfd, &info, WEXITED);
    fd_close(&holder->pidfd);
}

static int write_map(const struct holder *holder, const char *name, const struct oci_id_mapping *mappings, size_t n,
                     struct error *err)
{
    _buf_ struct buf text = BUF_INIT(MAP_MAX);
    char path[64];
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++)
        r = buf_printf(&text, "%u %u %u\n", mappings[i].container_id, mappings[i].host_id, mappings[i].size);
    if (r < 0)
        return error_set(err, r, "%zu mappings are more than the kernel takes", n);
    snprintf(path, sizeof(path), "/proc/%d/%s", holder->pid, name);
    _close_ int fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    r = fd < 0 ? fd : fd_write_all(fd, text.data ?: "", text.len);
    return r < 0 ? error_set(err, r, "write the %s of %zu mappings", name, n) : 0;
}

static int open_namespace(struct holder *holder, const struct idmap *idmap, struct error *err)
{
    char path[64];

    int r = holder_start(holder);
    if (r < 0)
        return error_set(err, r, "make a user namespace");
    r = write_map(holder, "uid_map", idmap->uids, idmap->n_uids, err);
    if (r == 0)
        r = write_map(holder, "gid_map", idmap->gids, idmap->n_gids, err);
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "/proc/%d/ns/user", holder->pid);
    int fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    return fd < 0 ? error_set(err, fd, "open a user namespace") : fd;
}

int idmap_apply(int tree, const struct idmap *idmap, struct error *err)
{
    CLEANUP(holder_end) struct holder holder = {.pidfd = -1, .in = -1, .out = -1};

    _close_ int namespace = open_namespace(&holder, idmap, err);
    if (namespace < 0)
        return error_wrap(err, "map ids");
    const struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) namespace};
    int r = sys_mount_setattr(tree, "", AT_EMPTY_PATH | (idmap->recursive ? AT_RECURSIVE : 0), &attr);
    return r < 0 ? error_set(err, r, "map ids: the file system cannot") : 0;
}
