/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the cgroup part share. */
#pragma once
#include "mocks/kernel/cgroup.h"

/* In the order of /proc/cgroups. */
enum cgroup_controller {
    CG_CPUSET,
    CG_CPU,
    CG_CPUACCT,
    CG_IO,
    CG_MEMORY,
    CG_DEVICES,
    CG_FREEZER,
    CG_NET_CLS,
    CG_PERF_EVENT,
    CG_NET_PRIO,
    CG_HUGETLB,
    CG_PIDS,
    CG_CONTROLLERS,
    CG_CORE = CG_CONTROLLERS, /* files that every group has */
};

#define CG_BIT(controller) (1u << (controller))
#define CG_ALL (CG_BIT(CG_CONTROLLERS) - 1)
/* Those that split among threads: they may be enabled where processes are. */
#define CG_THREADED (CG_BIT(CG_CPUSET) | CG_BIT(CG_CPU) | CG_BIT(CG_PERF_EVENT) | CG_BIT(CG_PIDS))

struct controller_info {
    const char *v1, *v2; /* names; NULL: that version does not have it */
};
extern const struct controller_info cgroup_controller_info[CG_CONTROLLERS];

/* Version 2 has it everywhere: it is not handed down. */
#define CG_IMPLICIT CG_BIT(CG_PERF_EVENT)

struct group;
struct control;

struct hierarchy {
    struct world *world;
    int version;
    int id;               /* of /proc/cgroups; version 2: 0 */
    unsigned int slot;    /* in struct cgroup_set; version 2: 0 */
    uint32_t controllers; /* CG_BIT */
    char name[64];        /* version 1: "systemd"; "" */
    unsigned int made;    /* counts up: the order of /proc/PID/cgroup */
    bool visible;         /* was mounted once */
    bool nsdelegate;
    struct super *super;
    bool super_held; /* groups keep an unmounted version 1 hierarchy */
    unsigned int n_groups;
    struct group *root;
};

/* The memory of a group; bytes and page counters as the files of both versions show them. */
struct group_memory {
    uint64_t usage, peak, max, swap_max, memsw_max, tcp_max, soft, high, low, min;
    uint64_t events[8], local_events[8]; /* enum memory_event */
    bool oom_group, oom_kill_disabled, under_oom;
    uint64_t swappiness;
};

struct group_pids {
    uint64_t peak, max;
    uint64_t failed_forks, over, over_below;
};

struct group {
    struct hierarchy *hierarchy;
    struct group *parent; /* NULL: root */
    struct list children, sibling;
    struct inode *inode; /* of the directory; borrowed */
    char *name;
    uid_t uid; /* of its maker: owns the files */
    gid_t gid;
    bool dead;
    bool threaded;
    uint32_t subtree_control;
    unsigned int n_tasks, n_populated, n_populated_domains; /* the latter two: children */
    unsigned int n_descendants;
    uint64_t max_descendants, max_depth;
    unsigned int kills; /* by cgroup.kill, here and above */

    bool freeze;  /* asked for here */
    bool frozen;  /* reached, and told */
    bool lagging; /* one look still finds it on the way */
    struct group_memory memory;
    struct group_pids pids;

    struct list controls; /* files that were used */
    struct list values;   /* what was written to files that only keep it */
    struct list oom_listeners;
    struct list device_programs; /* cgroup_device.c */
    struct device_list *devices; /* cgroup_device_v1.c; NULL: all are allowed */
    unsigned int refs;
};

/* ---- cgroup_device_v1.c ---- */

void devices_group_made(struct group *group);
bool devices_allow(const struct group *group, uint32_t type, uint32_t major, uint32_t minor, uint32_t access);

/* ---- cgroup_device.c ---- */

/* Frees them. */
void group_detach_programs(struct group *group);

struct cgroup_set {
    struct group *groups[CGROUP_HIERARCHIES]; /* NULL: the root of that hierarchy */
    unsigned int refs;
};

struct cgroups {
    struct world *world;
    struct hierarchy *hierarchies[CGROUP_HIERARCHIES]; /* by slot; [0] is version 2 */
    unsigned int made;
    int next_id;
};

/* ---- files ---- */

#define CONTROL_V1 0x1
#define CONTROL_V2 0x2
#define CONTROL_NO_ROOT 0x4    /* not in the root group */
#define CONTROL_ONLY_ROOT 0x8  /* only there */
#define CONTROL_DELEGATED 0x10 /* may be written in the root of a cgroup namespace with nsdelegate */
#define CONTROL_NOTIFIES 0x20  /* poll(2) tells of changes */
#define CONTROL_V12 (CONTROL_V1 | CONTROL_V2)

struct control_file {
    const char *name;
    unsigned int flags;
    int (*show)(struct control *control, struct buf *out);
    /* text has no blanks around it; it may be changed. */
    int (*store)(struct control *control, char *text);
    const char *initial; /* of a file that only keeps what is written */
    uint64_t low, high;  /* what may be written there */
    size_t offset;       /* in struct group: the number that is shown or set */
};

struct control_table {
    enum cgroup_controller controller;
    const char *prefix; /* of all names */
    const struct control_file *files;
    size_t n;
};

/* A file of a group: made when it is first looked for, and kept with its owner and mode. */
struct control {
    struct list link;
    struct group *group; /* referenced by the inode */
    const struct control_file *file;
    struct inode *inode;
    bool gone;                 /* with its group or its controller: -ENODEV */
    uint64_t version;          /* counts changes that poll tells */
    const struct file *writer; /* that is being written; NULL outside of store */
};

extern const struct control_table cgroup_v2_table, cgroup_v1_table, cgroup_freezer_table, cgroup_freezer_v1_table,
    cgroup_memory_v1_table, cgroup_memory_v2_table, cgroup_pids_table, cgroup_cpu_table, cgroup_cpuacct_table,
    cgroup_cpuset_table, cgroup_io_v2_table, cgroup_io_v1_table, cgroup_hugetlb_table, cgroup_net_cls_table,
    cgroup_net_prio_table, cgroup_devices_table;

/* The file of that name, if the group has it; referenced. */
struct inode *control_lookup(struct group *group, const char *name);
void control_list(struct group *group, void (*add)(void *arg, const char *name, struct inode *inode), void *arg);
/* The control behind an inode, or NULL. */
struct control *control_of(const struct inode *inode);
/* Tells pollers and watchers of a file that it has changed. */
void control_notify(struct group *group, const struct control_file *file);
void control_notify_name(struct group *group, const char *name);
/* The group is removed: its files stay with those who have them open. */
void controls_drop(struct group *group);
/* The same for the files of one controller, which is taken away; what was written to them is forgotten. */
void controls_reset(struct group *group, enum cgroup_controller controller);
/* Who opened the file that is written, for as long as fn runs. */
int control_as_opener(struct control *control, int (*fn)(void *arg), void *arg);
/* The cgroup namespace that the writer had when it opened the file; NULL: the first. */
const struct simple_namespace *control_namespace(const struct control *control);

/* Numbers as the kernel parses them: kstrtoull with base 0; 0, -EINVAL or -ERANGE. */
int parse_u64(const char *text, uint64_t *ret);
int parse_s64(const char *text, int64_t *ret);
/* "max" (or word), or bytes with K, M, G; rounded down to pages. */
int parse_bytes(const char *text, const char *word, uint64_t *ret);
#define PAGE_BYTES 4096ULL
/* What a limit without limit is: PAGE_COUNTER_MAX pages. */
#define BYTES_UNLIMITED (0x7fffffffffffffffULL / PAGE_BYTES * PAGE_BYTES)

/* Files that keep a number of struct group at offset. */
int show_u64(struct control *control, struct buf *out);
int show_bytes_or_max(struct control *control, struct buf *out);
int show_zero(struct control *control, struct buf *out);
int show_nothing(struct control *control, struct buf *out);
/* Files that keep a text: "initial" before the first write. */
int show_value(struct control *control, struct buf *out);
/* A number from low to high (-ERANGE). */
int store_number(struct control *control, char *text);
void value_set(struct control *control, const char *text);
const char *value_get(const struct group *group, const char *name);
/* A new group begins with what its parent has. */
void value_inherit(struct group *group, const char *name);
int store_ignored(struct control *control, char *text);
uint64_t *group_u64(struct group *group, size_t offset);
void values_free(struct group *group);
void values_snapshot(const struct group *group, struct buf *out);

/* ---- groups ---- */

struct cgroups *world_cgroups(const struct world *world);
struct group *group_new(struct hierarchy *hierarchy, struct group *parent, const char *name);
struct group *group_ref(struct group *group);
void group_unref(struct group *group);
bool group_is_below(const struct group *group, const struct group *ancestor); /* or the same */
/* Next in the tree below top, parents first; NULL at the end. */
struct group *group_next(const struct group *top, struct group *group);
/* The group of a task in a hierarchy. */
struct group *task_group(const struct task *task, const struct hierarchy *hierarchy);
/* The nearest group of a task that has the controller's files; the root otherwise. NULL: the controller is nowhere. */
struct group *task_controller_group(const struct task *task, enum cgroup_controller controller);
/* The same seen from a group: version 2 groups without the controller belong to the next above. */
struct group *group_with(struct group *group, enum cgroup_controller controller);
struct hierarchy *controller_hierarchy(const struct cgroups *cgroups, enum cgroup_controller controller);
/* Controllers whose files a group has. */
uint32_t group_controllers(const struct group *group);
bool group_is_populated(const struct group *group);
/* From the root of the hierarchy: "/", "/a/b"; relative to another group "/../x". */
void group_path(const struct group *group, const struct group *root, struct buf *out);
/* The root of the hierarchy in the namespace. */
struct group *namespace_group(const struct simple_namespace *namespace, struct hierarchy *hierarchy);
/* A new hierarchy: all tasks are in its root. */
void group_count_tasks(struct group *root);
/* Moves without checks. */
void group_move_task(struct group *to, struct task *task);
/* mkdir(2) and rmdir(2) of a group. */
int group_may_have_child(const struct group *parent);
int group_may_remove(const struct group *group);
void group_remove(struct group *group);
struct group *inode_group(const struct inode *inode);

/* ---- version 2: the rules of its tree ---- */

bool group_is_valid_domain(const struct group *group);
struct group *group_domain(struct group *group);
bool group_is_thread_root(const struct group *group);
int group_v2_may_enter(struct group *from, struct group *to, bool whole_process);
/* May the current task move a process between them: right to cgroup.procs of the common ancestor, and visibility. */
int group_v2_may_write(struct group *from, struct group *to, const struct simple_namespace *viewer);
struct inode *group_procs_inode(struct group *group);
/* The pids of the members, and a pid that is written ("0": the writer): -EINVAL, -ESRCH. */
int show_members(struct control *control, struct buf *out);
int member_parse(const struct control *control, const char *text, struct task **ret_task);

/* ---- controllers ---- */

/* A task has come or gone. */
void freezer_task_came(struct group *group, struct task *task);
void freezer_task_left(struct group *group);
bool group_is_freezing(const struct group *group);
/* Somebody has read the state: those on the way arrive. */
void freezer_looked_at(struct group *group);

void v1_group_made(struct group *group);

int cpuset_may_attach(struct group *group);
void cpuset_group_made(struct group *group);

/* A child that is a member already: may there be one more? -EAGAIN. */
int pids_fork(struct group *group);
/* Called before a task moves. */
void pids_task_comes(struct group *from, struct group *to);
void pids_reset(struct group *group);

/* The controller starts anew in a group. */
void memory_reset(struct group *group);
enum memory_event { MEMORY_LOW, MEMORY_HIGH, MEMORY_MAX, MEMORY_OOM, MEMORY_OOM_KILL, MEMORY_OOM_GROUP_KILL, MEMORY_EVENTS };
void memory_event(struct group *group, enum memory_event event);
/* Kills somebody in the group and below; false when nobody can be killed. */
bool oom_kill_in(struct group *group);
/* Is somebody there who was killed and has not gone yet? */
bool oom_victim_is_dying(const struct group *group);
/* Version 1: signals the listeners of the group and below. */
void oom_notify(struct group *group);
int oom_listener_add(struct control *control, char *text);
void oom_listeners_drop(struct group *group);
