/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/status, stat and statm: what a process is, in the numbers of the namespace that is shown (proc(5)). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mocks/kernel/proc.h"
#include "mocks/kernel/process.h"
#include "mocks/kernel/vfs_private.h"

static const struct user_namespace *viewer_user(const struct inode *inode)
{
    const struct task *viewer = proc_viewer(inode->super);
    return viewer && viewer->cred.user ? viewer->cred.user : inode->super->world->user;
}

static char state_letter(const struct task *task)
{
    if (task->state >= TASK_ZOMBIE)
        return task->state == TASK_ZOMBIE ? 'Z' : 'X';
    if (task->frozen_hard)
        return 'D';
    if (task->state == TASK_STOPPED)
        return 'T';
    return task == current() || (task->state == TASK_RUNNABLE && !task->frozen) ? 'R' : 'S';
}

static const char *state_name(char letter)
{
    static const char names[][16] = {"R (running)", "S (sleeping)", "D (disk sleep)", "T (stopped)", "Z (zombie)", "X (dead)"};

    FOR_ROWS (name, names) {
        if ((*name)[0] == letter)
            return *name;
    }
    return "?";
}

static int parent_number(const struct task *task, const struct inode *inode)
{
    return task->parent ? task_pid_in(task->parent, proc_namespace(inode->super)) : 0;
}

static void show_ids(const char *label, const uint32_t ids[4], bool group, struct inode *inode, struct buf *out)
{
    buf_printf(out, "%s:", label);
    for (size_t i = 0; i < 4; i++)
        buf_printf(out, "\t%u", id_shown(viewer_user(inode), group, ids[i]));
    buf_append_str(out, "\n");
}

/* Numbers from the namespace that is shown down to the task's own. */
static void show_numbers(const char *label, const struct task *task, const struct inode *inode, struct buf *out)
{
    const struct pid_namespace *top = proc_namespace(inode->super);

    buf_printf(out, "%s:", label);
    for (unsigned int level = top->level; level <= task->pid_namespace->level; level++)
        buf_printf(out, "\t%d", task->pids[level]);
    buf_append_str(out, "\n");
}

static void show_credentials(const struct task *task, struct inode *inode, struct buf *out)
{
    const struct cred *cred = &task->cred;

    show_ids("Uid", (uint32_t[]){cred->ruid, cred->euid, cred->suid, cred->fsuid}, false, inode, out);
    show_ids("Gid", (uint32_t[]){cred->rgid, cred->egid, cred->sgid, cred->fsgid}, true, inode, out);
    buf_printf(out, "FDSize:\t%zu\nGroups:\t", task->descriptors.n < 64 ? (size_t)64 : task->descriptors.n);
    for (size_t i = 0; i < cred->n_groups; i++)
        buf_printf(out, "%s%u", i ? " " : "", id_shown(viewer_user(inode), true, cred->groups[i]));
    buf_append_str(out, " \n");
}

static void show_signals(const struct task *task, struct buf *out)
{
    buf_printf(out, "Threads:\t1\nSigQ:\t0/4096\nSigPnd:\t%016x\n", 0);
    buf_printf(out, "ShdPnd:\t%016" PRIx64 "\n", task->signals_pending);
    buf_printf(out, "SigBlk:\t%016" PRIx64 "\n", task->signals_blocked);
    buf_printf(out, "SigIgn:\t%016" PRIx64 "\n", task->signals_ignored);
    buf_printf(out, "SigCgt:\t%016" PRIx64 "\n", task->signals_caught);
}

static void show_privileges(const struct task *task, struct buf *out)
{
    const struct cred *cred = &task->cred;

    buf_printf(out, "CapInh:\t%016" PRIx64 "\nCapPrm:\t%016" PRIx64 "\n", cred->caps_inheritable, cred->caps_permitted);
    buf_printf(out, "CapEff:\t%016" PRIx64 "\nCapBnd:\t%016" PRIx64 "\n", cred->caps_effective, cred->caps_bounding);
    buf_printf(out, "CapAmb:\t%016" PRIx64 "\nNoNewPrivs:\t%d\n", cred->caps_ambient, task->no_new_privs);
    buf_printf(out, "Seccomp:\t%d\nSeccomp_filters:\t%u\n", task->seccomp ? 2 : 0, seccomp_filter_count(task->seccomp));
}

int proc_show_status(const struct task *task, struct inode *inode, struct buf *out)
{
    unsigned int cpus = task->world->options.cpus;

    buf_printf(out, "Name:\t%s\n", task->name);
    if (task->state < TASK_ZOMBIE)
        buf_printf(out, "Umask:\t%04o\n", task->umask);
    buf_printf(out, "State:\t%s\n", state_name(state_letter(task)));
    buf_printf(out, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\n", proc_number(task, inode), proc_number(task, inode));
    buf_printf(out, "PPid:\t%d\nTracerPid:\t0\n", parent_number(task, inode));
    show_credentials(task, inode, out);
    show_numbers("NStgid", task, inode, out);
    show_numbers("NSpid", task, inode, out);
    buf_append_str(out, "Kthread:\t0\n");
    if (task->state < TASK_ZOMBIE)
        buf_printf(out, "VmSize:\t%8" PRIu64 " kB\nVmRSS:\t%8" PRIu64 " kB\n", task->memory_bytes / 1024,
                   task->memory_bytes / 1024);
    show_signals(task, out);
    show_privileges(task, out);
    buf_printf(out, "Cpus_allowed:\t%x\n", cpus < 32 ? (1u << cpus) - 1 : UINT32_MAX);
    if (cpus > 1)
        buf_printf(out, "Cpus_allowed_list:\t0-%u\n", cpus - 1);
    else
        buf_append_str(out, "Cpus_allowed_list:\t0\n");
    return buf_append_str(out, "Mems_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n");
}

static int level_number(const struct task *task, int global, const struct inode *inode)
{
    const struct task *at = NULL;

    while ((at = task_next(task->world, at))) {
        if (at->pids[0] == global)
            return proc_number(at, inode);
    }
    return 0;
}

int proc_show_stat(const struct task *task, struct inode *inode, struct buf *out)
{
    buf_printf(out, "%d (%s) %c %d ", proc_number(task, inode), task->name, state_letter(task), parent_number(task, inode));
    buf_printf(out, "%d %d ", level_number(task, task->pgid, inode), level_number(task, task->sid, inode));
    buf_printf(out, "0 -1 4194304 0 0 0 0 0 0 0 0 %d %d 1 0 0 ", 20 + task->nice, task->nice);
    buf_printf(out, "%" PRIu64 " %" PRIu64, task->memory_bytes, task->memory_bytes / BLOCK_BYTES);
    buf_append_str(out, " 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0");
    return buf_printf(out, " %d\n", task->state == TASK_ZOMBIE ? task->exit_code : 0);
}

int proc_show_statm(const struct task *task, struct inode *inode, struct buf *out)
{
    uint64_t pages = task->memory_bytes / BLOCK_BYTES;
    (void)inode;

    return buf_printf(out, "%" PRIu64 " %" PRIu64 " 0 0 0 %" PRIu64 " 0\n", pages, pages, pages);
}
