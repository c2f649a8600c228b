/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/ns: links to the namespaces of a process (namespaces(7)). */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "mocks/kernel/nsfs.h"
#include "mocks/kernel/proc.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define FOR_CHILDREN 0x1 /* bit of entry->type, which no CLONE_NEW* has */

/* object NULL: a zombie has given it back. */
static struct namespace_id find(const struct task *task, int type)
{
    const struct namespaces *own = &task->namespaces;
    struct namespace_id id = {.type = type & ~FOR_CHILDREN};

    switch (id.type) {
    case CLONE_NEWNS:
        id.object = own->mount;
        break;
    case CLONE_NEWPID:
        id.object = type & FOR_CHILDREN ? own->pid_for_children : task->pid_namespace;
        break;
    case CLONE_NEWUSER:
        id.object = task->cred.user;
        break;
    case CLONE_NEWNET:
        id.object = own->net;
        break;
    case CLONE_NEWIPC:
        id.object = own->ipc;
        break;
    case CLONE_NEWUTS:
        id.object = own->uts;
        break;
    case CLONE_NEWCGROUP:
        id.object = own->cgroup;
        break;
    default:
        id.object = type & FOR_CHILDREN ? own->time_for_children : own->time;
    }
    return id;
}

/* One that a setns into it cannot find before it has a first process. */
static bool is_unborn(struct namespace_id id, int type)
{
    return type == (CLONE_NEWPID | FOR_CHILDREN) && !((struct pid_namespace *)id.object)->init;
}

static int ns_find(struct inode *inode, struct namespace_id *ret_id)
{
    const struct proc_node *node = inode->data;

    int r = proc_may_look(inode);
    if (r < 0)
        return r;
    *ret_id = find(node->task, node->entry->type);
    return ret_id->object && !is_unborn(*ret_id, node->entry->type) ? 0 : -ENOENT;
}

static int ns_follow(struct inode *inode, struct path *ret_path)
{
    struct namespace_id id;

    int r = ns_find(inode, &id);
    if (r == 0)
        nsfs_path(inode->super->world, id, ret_path);
    return r;
}

static ssize_t ns_readlink(struct inode *inode, char *p, size_t len)
{
    struct namespace_id id;

    int r = ns_find(inode, &id);
    if (r < 0)
        return r;
    return snprintf(p, len, "%s:[%llu]", namespace_type_name(id.type), (unsigned long long)namespace_inum(id));
}

static const struct inode_ops link_ops = {
    .follow = ns_follow,
    .readlink = ns_readlink,
    .valid = proc_node_valid,
    .release = proc_node_release,
};

#define LINK S_IFLNK | 0777, &link_ops, NULL, NULL

static const struct proc_entry entries[] = {
    {"net", LINK, CLONE_NEWNET},
    {"uts", LINK, CLONE_NEWUTS},
    {"ipc", LINK, CLONE_NEWIPC},
    {"pid", LINK, CLONE_NEWPID},
    {"pid_for_children", LINK, CLONE_NEWPID | FOR_CHILDREN},
    {"user", LINK, CLONE_NEWUSER},
    {"mnt", LINK, CLONE_NEWNS},
    {"cgroup", LINK, CLONE_NEWCGROUP},
    {"time", LINK, CLONE_NEWTIME},
    {"time_for_children", LINK, CLONE_NEWTIME | FOR_CHILDREN},
};
static const struct proc_table table = {entries, ARRAY_SIZE(entries)};

static struct inode *ns_lookup(struct inode *dir, const char *name)
{
    struct inode *inode = proc_table_lookup(dir, &table, name);

    if (inode)
        inode->ino += 256;
    return inode;
}

static void ns_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    proc_table_list(dir, &table, add, arg);
}

const struct inode_ops proc_ns_ops = {
    .lookup = ns_lookup,
    .list = ns_list,
    .valid = proc_node_valid,
    .release = proc_node_release,
};
