/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: processes with their descriptors, namespaces, credentials and signals. Every process has one thread. */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/list.h"
#include "mocks/kernel/cred.h"
#include "mocks/kernel/sim.h"
#include "mocks/kernel/vfs.h"

#define TASK_NAME_MAX 16
#define TASK_RLIMITS 16
#define SIGNALS 64

struct cgroup_set;
struct mount_namespace;
struct seccomp_filter;

/* ---- namespaces without a tree of their own ---- */

/* A pid namespace numbers its tasks; a task has a number in its own and in every ancestor. */
struct pid_namespace {
    struct pid_namespace *parent;
    struct user_namespace *owner;
    struct task *init; /* NULL before the first task and after its end: then nobody can be added (-ENOMEM) */
    int last_pid;
    bool dead;
    uint64_t inum;
    unsigned int level;
    unsigned int refs;
};

/* net, ipc, uts, cgroup and time namespaces: an identity, an owner and the little that tests look at. */
struct simple_namespace {
    int type; /* CLONE_NEW* */
    struct user_namespace *owner;
    uint64_t inum;
    char hostname[65];        /* uts */
    char domainname[65];      /* uts */
    struct buf sysctls;       /* net, ipc: "name=value\n" of what was written */
    void *data;               /* cgroup: the cgroup set that is its root */
    unsigned int refs;
};

struct namespaces {
    struct mount_namespace *mount;
    struct pid_namespace *pid_for_children;
    struct simple_namespace *net, *ipc, *uts, *cgroup, *time, *time_for_children;
};

/* ---- descriptors ---- */

struct descriptor {
    struct file *file; /* NULL: free */
    bool cloexec;
};

struct descriptors {
    struct descriptor *items;
    size_t n;
};

/* Lowest free number from min on, below RLIMIT_NOFILE; takes over the reference of file. -EMFILE. */
int fd_install(struct task *task, struct file *file, int min, bool cloexec);
/* Borrowed, or NULL. */
struct file *fd_get(struct task *task, int fd);
int fd_uninstall(struct task *task, int fd);

/* ---- tasks ---- */

enum task_state {
    TASK_RUNNABLE,
    TASK_BLOCKED,
    TASK_STOPPED, /* by a signal */
    TASK_ZOMBIE,
    TASK_DEAD, /* collected */
};

struct task {
    struct list link; /* in world->tasks, oldest first */
    struct world *world;
    struct task *parent;
    char name[TASK_NAME_MAX];
    enum task_state state;
    bool observed; /* sim_observe() */

    struct pid_namespace *pid_namespace;
    int pids[8]; /* by level of the namespace; pids[0] is the world's */
    int pgid, sid; /* numbers of level 0 */
    struct namespaces namespaces;

    struct cred cred;
    struct descriptors descriptors;
    struct path root, cwd;
    struct inode *exe; /* what it executes */
    char **argv;
    mode_t umask;
    struct rlimit rlimits[TASK_RLIMITS];
    int oom_score_adj;
    bool dumpable;
    bool subreaper;
    int death_signal; /* PR_SET_PDEATHSIG */
    bool no_new_privs;
    struct seccomp_filter *seccomp; /* newest first; NULL: none */
    struct file *tty; /* controlling terminal of its session */

    uint64_t signals_pending, signals_blocked, signals_ignored, signals_caught; /* bit (sig - 1) */
    void (*handlers[SIGNALS + 1])(int); /* of programs */
    int exit_signal;
    int exit_code;   /* status << 8, or signal: as wait(2) has it */

    struct cgroup_set *cgroups;
    bool frozen;
    uint64_t memory_bytes; /* charged to its cgroup by the program (task_charge) */

    void *run; /* sim.c: stack, context, what it waits for */
};

/* Number of a task as seen from a pid namespace; 0 when invisible there. */
int task_pid_in(const struct task *task, const struct pid_namespace *namespace);
/* Visible to the current task by its number, or NULL. */
struct task *task_find(int pid);
/* Next task of the world after `after` (NULL: first). */
struct task *task_next(const struct world *world, const struct task *after);

/* Sends a signal from the kernel or from a checked sender: ignored, queued, or fatal (then the task never runs again). */
void task_signal(struct task *task, int sig);
/* Ends the current task (never returns) or another one that does not run. wait_status as wait(2) has it. */
void task_exit(struct task *task, int wait_status);
