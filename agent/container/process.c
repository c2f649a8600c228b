/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/container/container.h"
#include "oci/signal.h"
#include "sys/fd.h"

#define PROC_STATUS_MAX 16384

struct process *process_new(struct arena *a, const char *exec_id)
{
    struct process *process = calloc(1, sizeof(*process));
    if (!process)
        abort();
    list_init(&process->link);
    process->arena = a;
    process->exec_id = arena_strdup(a, exec_id);
    process->sync_fd = -1;
    process->refs = 1;
    stdio_init(&process->stdio);
    waitq_init(&process->collected);
    return process;
}

struct process *process_ref(struct process *process)
{
    process->refs++;
    return process;
}

void process_unref(struct process *process)
{
    if (!process || --process->refs > 0)
        return;
    stdio_close(&process->stdio);
    fd_close(&process->sync_fd);
    child_free(process->child);
    arena_free(process->scratch);
    arena_free(process->arena);
    free(process);
}

void process_attach(struct process *process, struct container *container)
{
    process->container = container;
    list_append(&container->processes, &process->link);
    process_ref(process);
}

void process_detach(struct process *process)
{
    if (!process->container)
        return;
    if (process->container->init == process)
        process->container->init = NULL;
    process->container = NULL;
    process->lost = !process->exited;
    list_remove(&process->link);
    stdio_close(&process->stdio);
    waitq_wake_all(&process->collected);
    process_unref(process);
}

int process_wait(struct loop *loop, struct process *process, int *ret_status, struct error *err)
{
    while (!process->exited && process->container) {
        int r = waitq_wait(loop, &process->collected, NO_DEADLINE);
        if (r < 0)
            return error_status(err, STATUS_CANCELLED, "wait for process %s", process->exec_id);
    }
    if (process->lost || (process->container && process->container->removing))
        return error_text(err, -EINVAL, "Invalid container id");
    *ret_status = process->status;
    return 0;
}

/* ---- signals ---- */

/* The bit of sig in the line "SigCgt:\t0000000000004002" of /proc/PID/status. */
static bool mask_has_signal(const char *status, const char *name, int sig)
{
    const char *line = strstr(status, name);
    if (!line)
        return false;
    return strtoull(line + strlen(name), NULL, 16) >> (sig - 1) & 1;
}

/* Whether the process blocks, ignores or catches the signal. One that cannot be looked at handles everything. */
static bool process_handles(int pid, int sig)
{
    static const char *const masks[] = {"\nSigBlk:", "\nSigIgn:", "\nSigCgt:"};
    _buf_ struct buf status = BUF_INIT(PROC_STATUS_MAX);
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    if (file_read_at(AT_FDCWD, path, &status) < 0 || !status.data)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
        if (mask_has_signal(status.data, masks[i], sig))
            return true;
    }
    return false;
}

int process_signal(struct process *process, int sig, struct error *err)
{
    struct child *child = process->child;
    bool is_init = process->container && process == process->container->init;
    bool is_exact = (sig & OCI_SIGNAL_EXACT) && (!is_init || process->container->state != CONTAINER_CREATED);

    sig &= ~OCI_SIGNAL_EXACT;
    if (!child || process->exited) {
        if (sig == 0)
            return error_status(err, STATUS_NOT_FOUND, is_init ? "InitProcessNotFound" : "InvalidExecId");
        return 0;
    }
    if (is_init && sig == SIGTERM && !is_exact && !process_handles(child->pid, sig))
        sig = SIGKILL;

    int r = child_signal(child, sig);
    if (r == -ESRCH)
        return 0;
    return r < 0 ? error_text(err, r, "%s: %s", errno_name(-r), strerrordesc_np(-r) ?: "Unknown error") : 0;
}
