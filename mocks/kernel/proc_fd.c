/* SPDX-License-Identifier: Apache-2.0 */
/* Links of /proc/PID that lead to places, not to names (proc(5): fd, cwd, root, exe), and /proc/PID/fdinfo. Only who may
 * inspect the process is let through: what it has open may not be reachable by any name. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mocks/kernel/nsfs.h"
#include "mocks/kernel/proc.h"
#include "mocks/kernel/vfs_private.h"

/* ---- where a file is ---- */

/* What is not in any file system that could be mounted has a place all the same, for as long as it is used. */
static void place_of(const struct file *file, struct path *ret_path)
{
    const struct world *world = file->inode->super->world;

    if (file->path.mount) {
        *ret_path = file->path;
        path_ref(ret_path);
        return;
    }
    *ret_path = (struct path){mount_ref(world->nsfs_mount), dentry_root(inode_ref(file->inode))};
}

static ssize_t name_of(const struct file *file, char *p, size_t len)
{
    unsigned long long ino = file->inode->ino;
    struct namespace_id id;

    if (nsfs_of_file(file, &id))
        return snprintf(p, len, "%s:[%llu]", namespace_type_name(id.type), ino);
    if (file->path.mount)
        return path_name(current(), &file->path, p, len);
    if (S_ISFIFO(file->inode->mode))
        return snprintf(p, len, "pipe:[%llu]", ino);
    if (S_ISSOCK(file->inode->mode))
        return snprintf(p, len, "socket:[%llu]", ino);
    return snprintf(p, len, "anon_inode:%s", file->ops->name ? file->ops->name : "inode");
}

/* ---- fd ---- */

static struct file *node_file(const struct inode *inode)
{
    const struct proc_node *node = inode->data;
    return proc_task_exists(node->task) ? fd_get(node->task, node->fd) : NULL;
}

static int fd_follow(struct inode *inode, struct path *ret_path)
{
    int r = proc_may_look(inode);
    if (r < 0)
        return r;
    struct file *file = node_file(inode);
    if (!file)
        return -ENOENT;
    place_of(file, ret_path);
    return 0;
}

static ssize_t fd_readlink(struct inode *inode, char *p, size_t len)
{
    int r = proc_may_look(inode);
    if (r < 0)
        return r;
    struct file *file = node_file(inode);
    return file ? name_of(file, p, len) : -ENOENT;
}

static bool fd_valid(struct inode *inode)
{
    return proc_node_valid(inode) && node_file(inode);
}

static const struct inode_ops fd_link_ops = {
    .follow = fd_follow,
    .readlink = fd_readlink,
    .valid = fd_valid,
    .release = proc_node_release,
};

static int show_fdinfo(const struct task *task, struct inode *inode, struct buf *out)
{
    const struct proc_node *node = inode->data;
    const struct file *file = node_file(inode);

    if (!file)
        return -ENOENT;
    unsigned int cloexec = task->descriptors.items[node->fd].cloexec ? O_CLOEXEC : 0;
    buf_printf(out, "pos:\t%lld\nflags:\t0%o\n", (long long)file->pos, (unsigned int)file->flags | cloexec);
    return buf_printf(out, "mnt_id:\t%u\nino:\t%llu\n", file->path.mount ? file->path.mount->id : 0,
                      (unsigned long long)file->inode->ino);
}

static const struct proc_entry link_entry = {"", S_IFLNK | 0700, &fd_link_ops, NULL, NULL, 0};
static const struct proc_entry info_entry = {"", S_IFREG | 0444, &proc_text_ops, show_fdinfo, NULL, 0};

static struct inode *make(struct inode *dir, const struct proc_entry *entry, int fd)
{
    struct task *task = proc_task(dir);
    struct file *file = proc_task_exists(task) ? fd_get(task, fd) : NULL;

    if (!file)
        return NULL;
    struct inode *inode = proc_node_new(dir->super, task, entry, 1024 + (unsigned int)fd % 1024);
    ((struct proc_node *)inode->data)->fd = fd;
    bool writes = (file->flags & O_ACCMODE) != O_RDONLY && !(file->flags & O_PATH);
    bool reads = (file->flags & O_ACCMODE) != O_WRONLY && !(file->flags & O_PATH);
    if (entry == &link_entry)
        inode->mode = S_IFLNK | (reads ? 0500 : 0) | (writes ? 0300 : 0);
    return inode;
}

static int parse_fd(const char *name)
{
    size_t len = strspn(name, "0123456789");

    if (len == 0 || len > 9 || name[len] || (name[0] == '0' && len > 1))
        return -1;
    return atoi(name);
}

static void list(struct inode *dir, const struct proc_entry *entry,
                 void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    const struct task *task = proc_task(dir);

    for (size_t fd = 0; proc_task_exists(task) && fd < task->descriptors.n; fd++) {
        struct inode *inode = make(dir, entry, (int)fd);
        char name[24];
        snprintf(name, sizeof(name), "%zu", fd);
        if (inode)
            add(arg, name, inode);
        inode_unref(inode);
    }
}

static struct inode *fd_lookup(struct inode *dir, const char *name)
{
    int fd = parse_fd(name);
    return fd < 0 ? NULL : make(dir, &link_entry, fd);
}

static void fd_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    list(dir, &link_entry, add, arg);
}

/* A process always gets into its own directory, even when its files belong to root. Others need the mode bits, which stat
 * shows. */
static int fd_permission(struct inode *inode, int mask)
{
    const struct task *task = current();

    if (!task || task == proc_task(inode))
        return 0;
    if (task->cred.fsuid == inode->uid && !(mask & W_OK))
        return 0;
    if (!(mask & W_OK) && capable_over(inode, CAP_DAC_READ_SEARCH))
        return 0;
    return capable_over(inode, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
}

static void fd_stat(struct inode *inode, struct stat *st)
{
    const struct task *task = proc_task(inode);

    st->st_mode = S_IFDIR | 0500;
    for (size_t fd = 0; fd < task->descriptors.n; fd++)
        st->st_size += task->descriptors.items[fd].file != NULL;
}

const struct inode_ops proc_fd_ops = {
    .lookup = fd_lookup,
    .list = fd_list,
    .permission = fd_permission,
    .stat = fd_stat,
    .valid = proc_node_valid,
    .release = proc_node_release,
};

static struct inode *fdinfo_lookup(struct inode *dir, const char *name)
{
    int fd = parse_fd(name);
    return fd < 0 ? NULL : make(dir, &info_entry, fd);
}

static void fdinfo_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    list(dir, &info_entry, add, arg);
}

static int fdinfo_permission(struct inode *inode, int mask)
{
    (void)mask;
    return proc_may_look(inode);
}

static void fdinfo_stat(struct inode *inode, struct stat *st)
{
    (void)inode;
    st->st_mode = S_IFDIR | 0555;
}

const struct inode_ops proc_fdinfo_ops = {
    .lookup = fdinfo_lookup,
    .list = fdinfo_list,
    .permission = fdinfo_permission,
    .stat = fdinfo_stat,
    .valid = proc_node_valid,
    .release = proc_node_release,
};

/* ---- cwd, root, exe ---- */

static const struct path *link_place(const struct inode *inode)
{
    const struct proc_node *node = inode->data;

    switch (node->entry->type) {
    case PROC_LINK_CWD:
        return &node->task->cwd;
    case PROC_LINK_ROOT:
        return &node->task->root;
    default:
        return &node->task->exe_path;
    }
}

/* A zombie has none of them. */
static int link_follow(struct inode *inode, struct path *ret_path)
{
    const struct path *place = link_place(inode);

    int r = proc_may_look(inode);
    if (r < 0)
        return r;
    if (!place->mount)
        return -ENOENT;
    *ret_path = *place;
    path_ref(ret_path);
    return 0;
}

static ssize_t link_readlink(struct inode *inode, char *p, size_t len)
{
    const struct path *place = link_place(inode);

    int r = proc_may_look(inode);
    if (r < 0)
        return r;
    return place->mount ? path_name(proc_viewer(inode->super), place, p, len) : -ENOENT;
}

const struct inode_ops proc_link_ops = {
    .follow = link_follow,
    .readlink = link_readlink,
    .valid = proc_node_valid,
    .release = proc_node_release,
};
