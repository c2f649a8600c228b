/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of procfs share (proc(5)). */
#pragma once
#include "mocks/kernel/pseudo.h"
#include "mocks/kernel/task.h"
#include "mocks/kernel/world.h"

/* A file below /proc/PID: which task, and what of it. */
struct proc_node {
    struct task *task; /* referenced */
    const struct proc_entry *entry;
    int fd; /* in fd/ and fdinfo/ */
};

/* A name in /proc/PID or one of its directories. */
struct proc_entry {
    const char *name;
    mode_t mode;
    const struct inode_ops *ops;
    int (*show)(const struct task *task, struct inode *inode, struct buf *out);
    int (*store)(struct task *task, const char *text, size_t len);
    int type; /* namespaces: CLONE_NEW*; links: which */
};

struct proc_table {
    const struct proc_entry *entries;
    size_t n;
};

/* Inode number: stable while the process lives. */
enum { PROC_INO_TASK = 1 << 20 };

/* From whom who may not trace them hides processes: each hides what those before it hide. */
enum proc_hide {
    PROC_HIDE_NOTHING,
    PROC_HIDE_CONTENTS,    /* what is in their directories */
    PROC_HIDE_NAMES,       /* the directories, too */
    PROC_HIDE_UNTRACEABLE, /* the same, whoever asks */
};

struct proc_options {
    enum proc_hide hide;
    gid_t gid;           /* of the world: this group sees all */
    bool only_processes; /* nothing else in the root directory */
};

/* proc_options.c: one option, all of them, as mountinfo shows them (to be freed). 0, -EINVAL. */
int proc_options_set(struct proc_options *options, const char *key, const char *value);
int proc_options_parse(struct proc_options *options, const char *data);
char *proc_options_text(const struct proc_options *options);
/* Does the mount show this much of a task to the current one? */
bool proc_shows(const struct super *super, const struct task *task, enum proc_hide from);
const struct proc_options *proc_options_of(const struct super *super);

/* The pid namespace that a procfs shows. */
const struct pid_namespace *proc_namespace(const struct super *super);
/* The first task when nobody runs. */
struct task *proc_viewer(const struct super *super);

/* New inode for an entry of a task; index: distinguishes it in the numbers. */
struct inode *proc_node_new(struct super *super, struct task *task, const struct proc_entry *entry, unsigned int index);
struct task *proc_task(const struct inode *inode);
/* The task's number in the namespace that is shown; 0: it has none there. */
int proc_number(const struct task *task, const struct inode *inode);
/* Not collected yet. */
bool proc_task_exists(const struct task *task);
void proc_node_release(struct inode *inode);
/* inode_ops.valid: the task is still there; brings the owner up to date. */
bool proc_node_valid(struct inode *inode);
/* May the current task look into the task behind an inode? 0, -EACCES. */
int proc_may_look(const struct inode *inode);

/* proc_status.c */
int proc_show_status(const struct task *task, struct inode *inode, struct buf *out);
int proc_show_stat(const struct task *task, struct inode *inode, struct buf *out);
int proc_show_statm(const struct task *task, struct inode *inode, struct buf *out);

struct inode *proc_table_lookup(struct inode *dir, const struct proc_table *table, const char *name);
void proc_table_list(struct inode *dir, const struct proc_table *table,
                     void (*add)(void *arg, const char *name, struct inode *inode), void *arg);

/* The directory /proc/PID of a task. */
struct inode *proc_task_directory(struct super *super, struct task *task);

extern const struct inode_ops proc_text_ops; /* entry->show, entry->store */
extern const struct inode_ops proc_link_ops; /* cwd, exe, root */
extern const struct inode_ops proc_fd_ops, proc_fdinfo_ops, proc_ns_ops, proc_attr_ops, proc_net_ops, proc_tasks_ops;
extern const struct inode_ops proc_map_ops; /* uid_map, gid_map: entry->type says which */
extern const struct inode_ops proc_setgroups_ops;

enum { PROC_LINK_CWD, PROC_LINK_EXE, PROC_LINK_ROOT };

/* proc_machine.c */
extern const struct pseudo_tree proc_machine_tree;
/* proc_sys.c */
extern const struct pseudo_tree proc_sys_tree;
