/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID: what it consists of, and its short texts (proc(5): cmdline, limits, oom_score_adj, ...). */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/proc.h"
#include "mocks/kernel/process.h"
#include "mocks/kernel/vfs_private.h"

/* ---- nodes ---- */

struct task *proc_task(const struct inode *inode)
{
    return ((const struct proc_node *)inode->data)->task;
}

int proc_number(const struct task *task, const struct inode *inode)
{
    return task_pid_in(task, proc_namespace(inode->super));
}

bool proc_task_exists(const struct task *task)
{
    return task->state < TASK_DEAD && task->pids[0] != 0;
}

/* Files of a process that must not be inspected belong to root, except for the directories that everybody may read. */
static void update_owner(struct inode *inode, const struct task *task)
{
    const struct user_namespace *user = task->memory_user;
    bool open_to_all = (inode->mode & ~(mode_t)S_IWUSR) == (S_IFDIR | 0555);

    inode->uid = task->cred.euid;
    inode->gid = task->cred.egid;
    if (open_to_all || task->dumpable)
        return;
    inode->uid = user ? id_to_world(user, false, 0) : 0;
    inode->gid = user ? id_to_world(user, true, 0) : 0;
    inode->uid = inode->uid == UINT32_MAX ? 0 : inode->uid;
    inode->gid = inode->gid == UINT32_MAX ? 0 : inode->gid;
}

struct inode *proc_node_new(struct super *super, struct task *task, const struct proc_entry *entry, unsigned int index)
{
    struct inode *inode = inode_new(super, entry->mode, entry->ops);
    struct proc_node *node = zalloc(sizeof(*node));

    node->task = task_ref(task);
    node->entry = entry;
    node->fd = -1;
    inode->data = node;
    inode->ino = PROC_INO_TASK + (uint64_t)task->pids[0] * 4096 + index;
    update_owner(inode, task);
    return inode;
}

void proc_node_release(struct inode *inode)
{
    struct proc_node *node = inode->data;

    task_unref(node->task);
    free(node);
}

bool proc_node_valid(struct inode *inode)
{
    const struct task *task = proc_task(inode);

    if (!proc_task_exists(task))
        return false;
    update_owner(inode, task);
    return true;
}

int proc_may_look(const struct inode *inode)
{
    const struct task *task = proc_task(inode);

    if (!proc_task_exists(task))
        return -EACCES;
    return !current() || may_inspect(current(), task) ? 0 : -EACCES;
}

struct inode *proc_table_lookup(struct inode *dir, const struct proc_table *table, const char *name)
{
    struct task *task = proc_task(dir);

    for (size_t i = 0; proc_task_exists(task) && i < table->n; i++) {
        if (strcmp(table->entries[i].name, name) == 0)
            return proc_node_new(dir->super, task, &table->entries[i], (unsigned int)(dir->ino % 4096 + 1 + i));
    }
    return NULL;
}

void proc_table_list(struct inode *dir, const struct proc_table *table,
                     void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    for (size_t i = 0; i < table->n; i++) {
        struct inode *inode = proc_table_lookup(dir, table, table->entries[i].name);
        if (inode)
            add(arg, table->entries[i].name, inode);
        inode_unref(inode);
    }
}

/* ---- texts ---- */

static int text_show(struct inode *inode, struct buf *out)
{
    const struct proc_node *node = inode->data;

    if (!node->entry->show)
        return -EINVAL;
    return proc_task_exists(node->task) ? node->entry->show(node->task, inode, out) : -ESRCH;
}

static int text_store(struct inode *inode, const char *text, size_t len)
{
    const struct proc_node *node = inode->data;

    if (!node->entry->store)
        return -EINVAL;
    return node->entry->store(node->task, text, len);
}

const struct inode_ops proc_text_ops = {
    .show = text_show,
    .store = text_store,
    .valid = proc_node_valid,
    .release = proc_node_release,
};

static int show_strings(char *const *strings, struct buf *out)
{
    for (size_t i = 0; strings && strings[i]; i++)
        (void)buf_append(out, strings[i], strlen(strings[i]) + 1);
    return 0;
}

static int show_cmdline(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)inode;
    return show_strings(task->argv, out);
}

static int show_environ(const struct task *task, struct inode *inode, struct buf *out)
{
    int r = proc_may_look(inode);
    return r < 0 ? r : show_strings(task->envp, out);
}

static int show_comm(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)inode;
    return buf_printf(out, "%s\n", task->name);
}

/* Only the process itself has the right to another name. */
static int store_comm(struct task *task, const char *text, size_t len)
{
    if (task != current())
        return -EINVAL;
    size_t n = len < TASK_NAME_MAX - 1 ? len : TASK_NAME_MAX - 1;
    memset(task->name, 0, sizeof(task->name));
    memcpy(task->name, text, n);
    return 0;
}

/* ---- limits ---- */

static const struct {
    const char *name, *unit;
} limit_names[] = {
    {"Max cpu time", "seconds"},    {"Max file size", "bytes"},      {"Max data size", "bytes"},
    {"Max stack size", "bytes"},    {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
    {"Max processes", "processes"}, {"Max open files", "files"},     {"Max locked memory", "bytes"},
    {"Max address space", "bytes"}, {"Max file locks", "locks"},     {"Max pending signals", "signals"},
    {"Max msgqueue size", "bytes"}, {"Max nice priority", NULL},     {"Max realtime priority", NULL},
    {"Max realtime timeout", "us"},
};

static void show_limit(rlim_t value, struct buf *out)
{
    if (value == RLIM_INFINITY)
        buf_printf(out, "%-20s ", "unlimited");
    else
        buf_printf(out, "%-20lu ", (unsigned long)value);
}

static int show_limits(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)inode;
    buf_append_str(out, "Limit                     Soft Limit           Hard Limit           Units     \n");
    for (size_t i = 0; i < ARRAY_SIZE(limit_names); i++) {
        buf_printf(out, "%-25s ", limit_names[i].name);
        show_limit(task->rlimits[i].rlim_cur, out);
        show_limit(task->rlimits[i].rlim_max, out);
        if (limit_names[i].unit)
            buf_printf(out, "%-10s", limit_names[i].unit);
        buf_append_str(out, "\n");
    }
    return 0;
}

/* ---- out of memory ---- */

static int show_oom_score_adj(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)inode;
    return buf_printf(out, "%d\n", task->oom_score_adj);
}

static int show_oom_score(const struct task *task, struct inode *inode, struct buf *out)
{
    int score = 666 + task->oom_score_adj * 2 / 3;
    (void)inode;
    return buf_printf(out, "%d\n", task->state == TASK_ZOMBIE || score < 0 ? 0 : score);
}

/* Lower than before, or than where a privileged process has set it, needs CAP_SYS_RESOURCE. */
static int store_oom_score_adj(struct task *task, const char *text, size_t len)
{
    static const char blanks[] = " \t\n";
    char copy[13], *end;

    snprintf(copy, sizeof(copy), "%.*s", (int)(len < sizeof(copy) - 1 ? len : sizeof(copy) - 1), text);
    char *digits = copy + strspn(copy, blanks);
    long value = strtol(digits, &end, 0);
    if (end == digits || end[strspn(end, blanks)] || *digits == ' ')
        return -EINVAL;
    if (value < -1000 || value > 1000)
        return -EINVAL;
    if (!proc_task_exists(task))
        return -ESRCH;
    bool privileged = !current() || capable(CAP_SYS_RESOURCE);
    if (value < task->oom_score_adj_min && !privileged)
        return -EACCES;
    task->oom_score_adj = (int)value;
    if (privileged)
        task->oom_score_adj_min = (int)value;
    return 0;
}

/* ---- texts of other modules ---- */

static int show_cgroup(const struct task *task, struct inode *inode, struct buf *out)
{
    cgroup_show_task(proc_viewer(inode->super), task, out);
    return 0;
}

/* A zombie has no mounts any more. */
static int show_mounts_by(void (*show)(const struct task *task, struct buf *out), const struct task *task, struct buf *out)
{
    if (!task->namespaces.mount)
        return -EINVAL;
    show(task, out);
    return 0;
}

static int show_mountinfo(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)inode;
    return show_mounts_by(mount_show_mountinfo, task, out);
}

static int show_mounts(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)inode;
    return show_mounts_by(mount_show_mounts, task, out);
}

static int show_mountstats(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)inode;
    return show_mounts_by(mount_show_mountstats, task, out);
}

static int show_zero_text(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)task;
    (void)inode;
    return buf_append_str(out, "0");
}

static int show_no_login(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)task;
    (void)inode;
    return buf_append_str(out, "4294967295");
}

static int show_personality(const struct task *task, struct inode *inode, struct buf *out)
{
    (void)task;
    (void)inode;
    return buf_append_str(out, "00000000\n");
}

/* ---- task/TID ---- */

static int show_children(const struct task *task, struct inode *inode, struct buf *out)
{
    const struct task *child;

    LIST_FOREACH (child, &task->children, sibling) {
        if (proc_number(child, inode))
            buf_printf(out, "%d ", proc_number(child, inode));
    }
    return 0;
}

/* No security module answers. */
static const struct proc_entry attr_entries[] = {
    {"current", S_IFREG | 0666, &proc_text_ops, NULL, NULL, 0},   {"prev", S_IFREG | 0444, &proc_text_ops, NULL, NULL, 0},
    {"exec", S_IFREG | 0666, &proc_text_ops, NULL, NULL, 0},      {"fscreate", S_IFREG | 0666, &proc_text_ops, NULL, NULL, 0},
    {"keycreate", S_IFREG | 0666, &proc_text_ops, NULL, NULL, 0}, {"sockcreate", S_IFREG | 0666, &proc_text_ops, NULL, NULL, 0},
};
static const struct proc_table attr_table = {attr_entries, ARRAY_SIZE(attr_entries)};

static struct inode *attr_lookup(struct inode *dir, const char *name)
{
    return proc_table_lookup(dir, &attr_table, name);
}

static void attr_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    proc_table_list(dir, &attr_table, add, arg);
}

const struct inode_ops proc_attr_ops = {
    .lookup = attr_lookup,
    .list = attr_list,
    .valid = proc_node_valid,
    .release = proc_node_release,
};

/* ---- the directory ---- */

#define TEXT(mode) (S_IFREG | (mode)), &proc_text_ops
#define DIR(mode) (S_IFDIR | (mode))

static const struct proc_entry entries[] = {
    {"task", DIR(0555), &proc_tasks_ops, NULL, NULL, 0},
    {"fd", DIR(0777), &proc_fd_ops, NULL, NULL, 0},
    {"fdinfo", DIR(0777), &proc_fdinfo_ops, NULL, NULL, 0},
    {"ns", DIR(0511), &proc_ns_ops, NULL, NULL, 0},
    {"net", DIR(0555), &proc_net_ops, NULL, NULL, 0},
    {"attr", DIR(0555), &proc_attr_ops, NULL, NULL, 0},
    {"environ", TEXT(0400), show_environ, NULL, 0},
    {"status", TEXT(0444), proc_show_status, NULL, 0},
    {"personality", TEXT(0400), show_personality, NULL, 0},
    {"limits", TEXT(0444), show_limits, NULL, 0},
    {"comm", TEXT(0644), show_comm, store_comm, 0},
    {"cmdline", TEXT(0444), show_cmdline, NULL, 0},
    {"stat", TEXT(0444), proc_show_stat, NULL, 0},
    {"statm", TEXT(0444), proc_show_statm, NULL, 0},
    {"cwd", S_IFLNK | 0777, &proc_link_ops, NULL, NULL, PROC_LINK_CWD},
    {"root", S_IFLNK | 0777, &proc_link_ops, NULL, NULL, PROC_LINK_ROOT},
    {"exe", S_IFLNK | 0777, &proc_link_ops, NULL, NULL, PROC_LINK_EXE},
    {"mounts", TEXT(0444), show_mounts, NULL, 0},
    {"mountinfo", TEXT(0444), show_mountinfo, NULL, 0},
    {"mountstats", TEXT(0400), show_mountstats, NULL, 0},
    {"wchan", TEXT(0444), show_zero_text, NULL, 0},
    {"cgroup", TEXT(0444), show_cgroup, NULL, 0},
    {"oom_score", TEXT(0444), show_oom_score, NULL, 0},
    {"oom_score_adj", TEXT(0644), show_oom_score_adj, store_oom_score_adj, 0},
    {"loginuid", TEXT(0644), show_no_login, NULL, 0},
    {"sessionid", TEXT(0444), show_no_login, NULL, 0},
    {"uid_map", S_IFREG | 0644, &proc_map_ops, NULL, NULL, 0},
    {"gid_map", S_IFREG | 0644, &proc_map_ops, NULL, NULL, 1},
    {"setgroups", S_IFREG | 0644, &proc_setgroups_ops, NULL, NULL, 0},
    {"children", TEXT(0444), show_children, NULL, 0}, /* the last: only in task/TID */
};
/* task/ is only in the process, children only in the thread. */
static const struct proc_table process_table = {entries, ARRAY_SIZE(entries) - 1};
static const struct proc_table thread_table = {entries + 1, ARRAY_SIZE(entries) - 1};

static struct inode *process_lookup(struct inode *dir, const char *name)
{
    return proc_table_lookup(dir, &process_table, name);
}

static void process_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    proc_table_list(dir, &process_table, add, arg);
}

static int process_permission(struct inode *inode, int mask)
{
    const struct task *task = proc_task(inode);

    (void)mask;
    if (!proc_task_exists(task))
        return -ESRCH;
    if (proc_shows(inode->super, task, PROC_HIDE_CONTENTS))
        return 0;
    return proc_options_of(inode->super)->hide == PROC_HIDE_NAMES ? -ENOENT : -EPERM;
}

static bool process_hides(const struct inode *inode)
{
    const struct task *task = proc_task(inode);
    return proc_task_exists(task) && !proc_shows(inode->super, task, PROC_HIDE_NAMES);
}

static const struct inode_ops process_ops = {
    .lookup = process_lookup,
    .list = process_list,
    .permission = process_permission,
    .hides = process_hides,
    .valid = proc_node_valid,
    .release = proc_node_release,
};

struct inode *proc_task_directory(struct super *super, struct task *task)
{
    static const struct proc_entry entry = {"", DIR(0555), &process_ops, NULL, NULL, 0};
    return proc_node_new(super, task, &entry, 0);
}

static struct inode *thread_lookup(struct inode *dir, const char *name)
{
    return proc_table_lookup(dir, &thread_table, name);
}

static void thread_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    proc_table_list(dir, &thread_table, add, arg);
}

static const struct inode_ops thread_ops = {
    .lookup = thread_lookup,
    .list = thread_list,
    .valid = proc_node_valid,
    .release = proc_node_release,
};

static struct inode *make_thread(struct inode *dir)
{
    static const struct proc_entry entry = {"", DIR(0555), &thread_ops, NULL, NULL, 0};
    return proc_node_new(dir->super, proc_task(dir), &entry, 512);
}

static struct inode *tasks_lookup(struct inode *dir, const char *name)
{
    char own[16];

    snprintf(own, sizeof(own), "%d", proc_number(proc_task(dir), dir));
    return proc_task_exists(proc_task(dir)) && strcmp(name, own) == 0 ? make_thread(dir) : NULL;
}

static void tasks_list(struct inode *dir, void (*add)(void *arg, const char *name, struct inode *inode), void *arg)
{
    char own[16];

    if (!proc_task_exists(proc_task(dir)))
        return;
    snprintf(own, sizeof(own), "%d", proc_number(proc_task(dir), dir));
    struct inode *inode = make_thread(dir);
    add(arg, own, inode);
    inode_unref(inode);
}

const struct inode_ops proc_tasks_ops = {
    .lookup = tasks_lookup,
    .list = tasks_list,
    .valid = proc_node_valid,
    .release = proc_node_release,
};
