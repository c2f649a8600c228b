/* SPDX-License-Identifier: Apache-2.0 */
/* procfs: its super blocks and its root directory (proc(5)). Each mount shows the processes of the pid namespace of the
 * mounter. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/proc.h"

struct proc_super {
    struct pid_namespace *namespace;
    struct proc_options options;
};

const struct pid_namespace *proc_namespace(const struct super *super)
{
    return ((const struct proc_super *)super->data)->namespace;
}

const struct proc_options *proc_options_of(const struct super *super)
{
    return &((const struct proc_super *)super->data)->options;
}

struct task *proc_viewer(const struct super *super)
{
    return current() ? current() : super->world->init;
}

/* ---- self, thread-self ---- */

static ssize_t self_readlink(struct inode *inode, char *p, size_t len)
{
    const struct task *viewer = proc_viewer(inode->super);
    int pid = viewer ? task_pid_in(viewer, proc_namespace(inode->super)) : 0;

    return pid ? snprintf(p, len, "%d", pid) : -ENOENT;
}

static ssize_t thread_self_readlink(struct inode *inode, char *p, size_t len)
{
    const struct task *viewer = proc_viewer(inode->super);
    int pid = viewer ? task_pid_in(viewer, proc_namespace(inode->super)) : 0;

    return pid ? snprintf(p, len, "%d/task/%d", pid, pid) : -ENOENT;
}

static const struct inode_ops self_ops = {.readlink = self_readlink};
static const struct inode_ops thread_self_ops = {.readlink = thread_self_readlink};

static ssize_t fixed_readlink(struct inode *inode, char *p, size_t len)
{
    return snprintf(p, len, "%s", (const char *)inode->data);
}

static const struct inode_ops fixed_link_ops = {.readlink = fixed_readlink};

static const struct {
    const char *name;
    const struct inode_ops *ops;
    const char *target;
} links[] = {
    {"self", &self_ops, NULL},
    {"thread-self", &thread_self_ops, NULL},
    {"mounts", &fixed_link_ops, "self/mounts"},
    {"net", &fixed_link_ops, "self/net"},
};

static struct inode *make_link(struct super *super, size_t i)
{
    struct inode *inode = inode_new(super, S_IFLNK | 0777, links[i].ops);

    inode->data = (void *)links[i].target;
    inode->ino = 2 + i;
    return inode;
}

/* ---- the root directory ---- */

/* A number as the kernel writes it: no sign, no leading zero. */
static int parse_pid(const char *name)
{
    size_t len = strspn(name, "0123456789");

    if (len == 0 || len > 9 || name[len] || name[0] == '0')
        return 0;
    return atoi(name);
}

static struct task *find_task(const struct super *super, int pid)
{
    struct task *task = NULL;

    while ((task = task_next(super->world, task))) {
        if (proc_task_exists(task) && task_pid_in(task, proc_namespace(super)) == pid)
            return task;
    }
    return NULL;
}

/* Links that are made for the reader belong to the processes. */
static bool is_there(const struct super *super, const struct inode_ops *link)
{
    return link != &fixed_link_ops || !proc_options_of(super)->only_processes;
}

static struct inode *root_lookup(struct inode *dir, const char *name)
{
    int pid = parse_pid(name);
    struct task *task = pid ? find_task(dir->super, pid) : NULL;

    if (task && (proc_options_of(dir->super)->hide < PROC_HIDE_UNTRACEABLE || proc_shows(dir->super, task, PROC_HIDE_CONTENTS)))
        return proc_task_directory(dir->super, task);
    FOR_ROWS (link, links) {
        if (strcmp(link->name, name) == 0 && is_there(dir->super, link->ops))
            return make_link(dir->super, (size_t)(link - links));
    }
    if (proc_options_of(dir->super)->only_processes)
        return NULL;
    if (strcmp(name, "sys") == 0)
        return pseudo_tree_root(dir->super, &proc_sys_tree);
    return pseudo_tree_lookup(dir->super, &proc_machine_tree, name);
}

static void add_new(void (*add)(void *arg, const char *name, struct inode *inode), void *arg, const char *name,
                    struct inode *inode)
{
    add(arg, name, inode);
    inode_unref(inode);
}

static void root_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    struct task *task = NULL;
    bool all = !proc_options_of(dir->super)->only_processes;

    if (all)
        pseudo_tree_list(dir->super, &proc_machine_tree, add, arg);
    for (size_t i = 0; i < ARRAY_SIZE(links); i++)
        if (is_there(dir->super, links[i].ops))
            add_new(add, arg, links[i].name, make_link(dir->super, i));
    if (all)
        add_new(add, arg, "sys", pseudo_tree_root(dir->super, &proc_sys_tree));
    while ((task = task_next(dir->super->world, task))) {
        bool shown = proc_task_exists(task) && proc_shows(dir->super, task, PROC_HIDE_NAMES);
        int pid = shown ? task_pid_in(task, proc_namespace(dir->super)) : 0;
        char name[16];
        snprintf(name, sizeof(name), "%d", pid);
        if (pid)
            add_new(add, arg, name, proc_task_directory(dir->super, task));
    }
}

static const struct inode_ops root_ops = {.lookup = root_lookup, .list = root_list};

/* ---- mounting ---- */

static int check_option(const char *key, const char *value)
{
    return proc_options_set(&(struct proc_options){0}, key, value);
}

static void proc_release(struct super *super)
{
    struct proc_super *proc = super->data;

    pid_namespace_unref(proc->namespace);
    free(proc);
}

static int proc_mount(struct world *world, const char *source, const char *data, struct super **ret_super)
{
    const struct task *task = current();
    struct pid_namespace *namespace = task ? task->pid_namespace : world->pid;

    if (task && !capable_in(task, namespace->owner, CAP_SYS_ADMIN))
        return -EPERM;
    struct proc_options options = {0};
    int r = proc_options_parse(&options, data);
    if (r < 0)
        return r;
    struct super *super = super_new(world, &proc_filesystem, 0555, &root_ops);
    struct proc_super *proc = zalloc(sizeof(*proc));
    *proc = (struct proc_super){pid_namespace_ref(namespace), options};
    super->data = proc;
    super->options = proc_options_text(&options);
    super->release = proc_release;
    super->traits = SUPER_NODEV | SUPER_NOEXEC | SUPER_VISIBLE | SUPER_NO_NEW;
    super->source = source ? strdup(source) : NULL;
    user_namespace_unref(super->owner);
    super->owner = user_namespace_ref(namespace->owner);
    super->root->inode->ino = 1;
    *ret_super = super;
    return 0;
}

static int proc_reconfigure(struct super *super, unsigned long flags, const char *data)
{
    struct proc_super *proc = super->data;
    struct proc_options options = proc->options;

    (void)flags;
    int r = proc_options_parse(&options, data);
    if (r < 0)
        return r;
    proc->options = options;
    free(super->options);
    super->options = proc_options_text(&options);
    return 0;
}

const struct filesystem proc_filesystem = {
    .name = "proc",
    .magic = PROC_SUPER_MAGIC,
    .nodev_dev = true,
    .userns_mount = true,
    .mount = proc_mount,
    .reconfigure = proc_reconfigure,
    .check = check_option,
};
