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
    bool wrapped; /* last_pid has passed the highest number once: the next one may be in use */
    bool dead;
    int reboot_signal;    /* what its init ends with after reboot(2) in it; 0: nobody called that */
    unsigned int n_tasks; /* numbers in use, those of namespaces below included */
    uint64_t inum;
    unsigned int level;
    unsigned int refs;
};

/* net, ipc, uts, cgroup and time namespaces: an identity, an owner and the little that tests look at. */
struct simple_namespace {
    int type; /* CLONE_NEW* */
    struct user_namespace *owner;
    uint64_t inum;
    char hostname[65];   /* uts */
    char domainname[65]; /* uts */
    struct buf sysctls;  /* net, ipc: "name=value\n" of what was written */
    bool loopback_up;    /* net */
    void *data;          /* cgroup: the cgroup set that is its root */
    unsigned int refs;
};

struct simple_namespace *simple_namespace_new(struct world *world, int type, struct user_namespace *owner);
struct simple_namespace *simple_namespace_ref(struct simple_namespace *namespace);
void simple_namespace_unref(struct simple_namespace *namespace);
struct pid_namespace *pid_namespace_new(struct world *world, struct pid_namespace *parent, struct user_namespace *owner);
struct pid_namespace *pid_namespace_ref(struct pid_namespace *namespace);
void pid_namespace_unref(struct pid_namespace *namespace);

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

/* Lowest free number from min on, below RLIMIT_NOFILE; takes over the reference of file. -EMFILE: the caller still has it. */
int fd_install(struct task *task, struct file *file, int min, bool cloexec);
/* At that number, instead of what is there. Takes over the reference, except for -EBADF: beyond RLIMIT_NOFILE. */
int fd_replace_at(struct task *task, struct file *file, int fd, bool cloexec);
/* Borrowed, or NULL. */
struct file *fd_get(struct task *task, int fd);
/* For the flags of a descriptor; NULL when it is free. */
struct descriptor *fd_entry(struct task *task, int fd);
int fd_uninstall(struct task *task, int fd);
/* For a new process, execve (closes what is close-on-exec) and the end. */
void descriptors_copy(struct descriptors *to, const struct descriptors *from);
void descriptors_exec(struct task *task);
void descriptors_done(struct task *task);

/* ---- what cgroup.c does for tasks ---- */

/* Puts a child into its parent's cgroups, or into the version 2 directory that cgroup_fd of the current task is (-1: none).
 * Checks pids.max (-EAGAIN), the descriptor (-EBADF), the right to it (-EACCES, ...) as seen from the cgroup namespace viewer.
 * Sets child->cgroups and frozen. */
int cgroup_task_fork(struct task *child, const struct task *parent, int cgroup_fd, const struct simple_namespace *viewer);
/* The child can take signals now: it is killed when its version 2 group was killed another number of times than its parent's.
 * So does Linux 6.14 notice a kill that happens during the fork. */
void cgroup_task_born(struct task *child, const struct task *parent);
/* The task ends: it is no member any more (populated, pids.current). */
void cgroup_task_exit(struct task *task);
/* It was collected: drops task->cgroups. */
void cgroup_task_done(struct task *task);

/* ---- tasks ---- */

enum task_state {
    TASK_RUNNABLE,
    TASK_BLOCKED,
    TASK_STOPPED, /* by a signal */
    TASK_ZOMBIE,
    TASK_DEAD, /* collected */
};

struct task {
    struct list link; /* in world->tasks, oldest first, until it is collected */
    struct world *world;
    struct task *parent;           /* NULL: the world's init */
    struct list children, sibling; /* oldest first */
    unsigned int refs;             /* task_ref(): pidfds, open files of /proc/PID */
    char name[TASK_NAME_MAX];
    enum task_state state;
    bool observed; /* sim_observe() */

    struct pid_namespace *pid_namespace;
    int pids[8];       /* by level of the namespace; pids[0] is the world's */
    int pgid, sid;     /* numbers of level 0 */
    int group_pids[8]; /* all numbers of the leader of its group, who may be gone */
    struct namespaces namespaces;

    struct cred cred;
    struct descriptors descriptors;
    struct path root, cwd;
    struct inode *exe;    /* what it executes */
    struct path exe_path; /* where that was found; keeps the mount busy */
    char **argv, **envp;
    bool processes_exceeded; /* RLIMIT_NPROC when it changed its user: execve looks again */
    mode_t umask;
    int nice; /* setpriority(2) */
    struct rlimit rlimits[TASK_RLIMITS];
    int oom_score_adj;
    int oom_score_adj_min; /* where a privileged process has set it: not lower without CAP_SYS_RESOURCE */
    bool dumpable;
    struct user_namespace *memory_user; /* that of the last execve */
    bool subreaper;
    int death_signal; /* PR_SET_PDEATHSIG */
    bool no_new_privs;
    struct seccomp_filter *seccomp; /* newest first; NULL: none */
    struct file *tty;               /* controlling terminal of its session */

    uint64_t signals_pending, signals_blocked, signals_ignored, signals_caught; /* bit (sig - 1) */
    struct list signal_queue;           /* what is known of the pending ones (signal.c) */
    void (*handlers[SIGNALS + 1])(int); /* of programs */
    void *program;                      /* what the handlers of its program need */
    int exit_signal;
    int exit_code;                 /* status << 8, or signal: as wait(2) has it */
    int stop_signal;               /* that stopped it; 0: not stopped */
    bool stop_news, continue_news; /* for waitid(): WSTOPPED, WCONTINUED */
    bool executed;                 /* execve since it was created: the memory is its own */

    struct cgroup_set *cgroups;
    bool frozen;           /* by a cgroup: does not run until thawed or killed */
    bool frozen_hard;      /* by the version 1 freezer: not even SIGKILL ends it before it is thawed */
    void *memory_charges;  /* cgroup_memory.c: which groups they went to */
    uint64_t memory_bytes; /* charged to its cgroup by the program (task_charge) */

    void *run; /* sim.c: stack, context, what it waits for */
};

struct task *task_ref(struct task *task);
void task_unref(struct task *task);

/* Number of a task as seen from a pid namespace; 0 when invisible there. */
int task_pid_in(const struct task *task, const struct pid_namespace *namespace);
/* Visible to the current task by its number, or NULL. */
struct task *task_find(int pid);
/* Next task of the world after `after` (NULL: first). */
struct task *task_next(const struct world *world, const struct task *after);

/* ---- signals (signal(7)) ---- */

#define SIGNAL_BIT(sig) (1ULL << ((sig)-1))

/* Sends a signal in the name of the current task, or of the kernel outside of all: ignored, or pending until the task runs
 * again and takes its action. */
void task_signal(struct task *task, int sig);
/* The same with what signalfd_siginfo(2) and waitid tell of it: si_code, si_pid (number of level 0), si_uid (world id),
 * si_status. */
void task_signal_info(struct task *task, const siginfo_t *info);
/* Takes the first pending signal of the mask (bits as in signals_pending) as signalfd's read does: si_pid and si_uid as the
 * task's namespaces number them. False when there is none. For poll: task->signals_pending & mask. */
bool task_signal_take(struct task *task, uint64_t mask, siginfo_t *ret_info);
/* Ends the current task (never returns) or another one that does not run. wait_status as wait(2) has it. */
void task_exit(struct task *task, int wait_status);
