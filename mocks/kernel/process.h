/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the life of a task, shared by the files that start, change and end it. */
#pragma once
#include "mocks/kernel/run.h"

/* ---- task.c ---- */

/* An empty task of the world, counted once by its list. */
struct task *task_new(struct world *world, struct task *parent);
/* Was collected: leaves the world's list and gives its numbers back. */
void task_collect(struct task *task);
/* All but the family, numbers, cgroups and the program: for fork. */
void task_copy(struct task *child, const struct task *parent);
/* Drops what a zombie does not have any more. */
void task_drop_resources(struct task *task);
void task_set_name(struct task *task, const char *name);
void strings_free(char **strings);
/* Processes of the same real user, zombies too (RLIMIT_NPROC). */
rlim_t task_processes(const struct task *task);
/* Copy of a NULL-terminated vector; NULL gives an empty one. */
char **strings_copy(char *const *strings);

/* ---- pid.c ---- */

/* Numbers in namespace and all above it. 0, -ENOMEM (its init is gone) or -EAGAIN (no number free). */
int pid_allocate(struct task *task, struct pid_namespace *namespace);
void pid_release(struct task *task);
/* Task with that number in the namespace, or NULL. */
struct task *pid_find(const struct world *world, const struct pid_namespace *namespace, int pid);
/* Is the task, which the current one sees, in the group with that number there? */
bool is_in_group(const struct task *task, int group);
/* The end of its init: nobody is born there any more, everybody in it is killed. */
void pid_namespace_kill(struct pid_namespace *namespace, struct task *init);

/* ---- namespace.c ---- */

/* Fresh ones for CLONE_NEW* in flags (no user namespace), owned by cred's; the others are shared. Sets task->namespaces. */
int namespaces_create(struct task *task, uint64_t flags);
void namespaces_copy(struct namespaces *to, const struct namespaces *from);
void namespaces_done(struct namespaces *namespaces);
/* Checks of clone and unshare for CLONE_NEW* flags: -EPERM. */
int namespaces_allowed(const struct task *task, uint64_t flags);
/* What setns(fd, type) does, for another task that does not run yet too. */
int namespace_join(struct task *task, int fd, int type);
/* A process that calls execve enters the time namespace of its children. */
void namespaces_exec(struct task *task);

/* ---- exit.c ---- */

/* Makes a task a zombie, or collects it, or begins the end of a pid namespace. The caller must not let it run again. */
void exit_process(struct task *task, int wait_status);
/* The machine is gone: no signals, no parents, only the resources are given back. */
void task_abandon(struct task *task);

/* ---- wait.c, signal.c ---- */

/* si_code, si_status of a wait status. */
void wait_status_info(int wait_status, siginfo_t *info);
/* Tells the parent of a stop or a continuation. */
void notify_stop(struct task *task, int code, int status);
/* May the current task send sig to target (kill(2))? 0, -EPERM, -EINVAL. */
int signal_allowed(const struct task *target, int sig);
void signals_exec(struct task *task);
void signals_done(struct task *task);

/* ---- pidfd.c ---- */

/* The task behind a pidfd of the current task (borrowed), or NULL. */
struct task *pidfd_task(int fd, int *ret_flags);
/* New descriptor in the current task. */
int pidfd_install(struct task *task, int flags);

/* ---- cred.c ---- */

/* A user namespace of the task's own with all capabilities in it; -EPERM, -ENOSPC. */
int cred_new_user_namespace(struct task *task);
/* The task joins one. */
void cred_enter_user_namespace(struct cred *cred, struct user_namespace *namespace);
/* After a change: what must not be inspected by the former user any more. */
void cred_changed(struct task *task, const struct cred *before);

/* ---- seccomp.c ---- */

struct seccomp_filter *seccomp_filter_ref(struct seccomp_filter *filter);
void seccomp_filter_unref(struct seccomp_filter *filter);
unsigned int seccomp_filter_count(const struct seccomp_filter *filter);
