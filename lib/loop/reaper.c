/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/reaper.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "sys/fd.h"

#define SIGNALS 64
#define COLLECT (WEXITED | WNOHANG | __WALL)

struct reaper {
    struct loop *loop;
    int sigfd;
    struct watch watch;
    struct list children; /* not collected yet */
    sigset_t old_mask;
};

/* What the caller sees as a child. */
struct entry {
    struct child child;
    struct list link;
    bool notifying; /* on_exit runs */
    bool abandoned; /* freed by its owner before it was collected, or in on_exit */
    int (*fn)(void *arg);
    void *arg;
};

static struct entry *entry_of(struct child *child)
{
    return CONTAINER_OF(child, struct entry, child);
}

static void entry_free(struct entry *entry)
{
    fd_close(&entry->child.pidfd);
    free(entry);
}

static void entry_notify(struct entry *entry)
{
    struct child *child = &entry->child;

    entry->notifying = true;
    if (child->on_exit && !entry->abandoned)
        child->on_exit(child);
    entry->notifying = false;
    if (entry->abandoned)
        entry_free(entry);
    else
        waitq_wake_all(&child->exit);
}

/* Takes the status of a registered child. False, and nothing happens, while it still runs. */
static bool entry_collect(struct entry *entry)
{
    struct child *child = &entry->child;
    siginfo_t info;

    int r = sys_waitid(P_PIDFD, child->pidfd, &info, COLLECT);
    if (r < 0 || info.si_pid == 0)
        return false;
    child->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    child->exited = true;
    watch_stop(&child->watch);
    list_remove(&entry->link);
    entry_notify(entry);
    return true;
}

static void child_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    entry_collect(entry_of(CONTAINER_OF(watch, struct child, watch)));
}

static struct entry *find(struct reaper *reaper, int pid)
{
    struct entry *entry;

    LIST_FOREACH (entry, &reaper->children, link) {
        if (entry->child.pid == pid)
            return entry;
    }
    return NULL;
}

static bool orphan_collect(int pid)
{
    siginfo_t info;

    return sys_waitid(P_PID, pid, &info, COLLECT) == 0 && info.si_pid != 0;
}

/* Collects everything that has exited: one SIGCHLD may stand for many children. Each is looked at before it is collected, so
 * that its pid cannot be reused while we decide whose it is. */
static void reap(struct reaper *reaper)
{
    siginfo_t info;
    bool collected = true;

    while (collected && sys_waitid(P_ALL, 0, &info, COLLECT | WNOWAIT) == 0 && info.si_pid != 0) {
        struct entry *entry = find(reaper, info.si_pid);

        collected = entry ? entry_collect(entry) : orphan_collect(info.si_pid);
    }
}

static void reaper_ready(struct watch *watch, uint32_t events)
{
    struct reaper *reaper = CONTAINER_OF(watch, struct reaper, watch);
    struct signalfd_siginfo signals[4];

    (void)events;
    sys_read(reaper->sigfd, signals, sizeof(signals));
    reap(reaper);
}

int reaper_new(struct loop *loop, struct reaper **ret_reaper, struct error *err)
{
    sigset_t mask, old_mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    _close_ int sigfd = sys_signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (sigfd < 0)
        return error_set(err, sigfd, "open signalfd for SIGCHLD");
    struct reaper *reaper = calloc(1, sizeof(*reaper));
    if (!reaper)
        abort();
    reaper->watch.ready = reaper_ready;
    int r = watch_start(loop, &reaper->watch, sigfd, EPOLLIN);
    if (r < 0) {
        free(reaper);
        return error_set(err, r, "watch SIGCHLD");
    }

    /* An inherited SIG_IGN would make the kernel throw exit statuses away. */
    sys_signal(SIGCHLD, SIG_DFL);
    sys_sigprocmask(SIG_BLOCK, &mask, &old_mask);
    reaper->loop = loop;
    reaper->sigfd = fd_take(&sigfd);
    reaper->old_mask = old_mask;
    list_init(&reaper->children);
    reap(reaper); /* what ended before somebody listened to SIGCHLD */
    *ret_reaper = reaper;
    return 0;
}

void reaper_free(struct reaper *reaper)
{
    struct list *link;

    if (!reaper)
        return;
    reap(reaper);
    while ((link = list_pop(&reaper->children))) {
        struct entry *entry = CONTAINER_OF(link, struct entry, link);
        assert(entry->abandoned);
        watch_stop(&entry->child.watch);
        entry_free(entry);
    }
    watch_stop(&reaper->watch);
    fd_close(&reaper->sigfd);
    sys_sigprocmask(SIG_SETMASK, &reaper->old_mask, NULL);
    free(reaper);
}

struct loop *reaper_loop(const struct reaper *reaper)
{
    return reaper->loop;
}

/* First thing in the child: the signal state of a fresh process instead of the reaper's. */
static int child_main(void *arg)
{
    struct entry *entry = arg;
    sigset_t none;

    for (int sig = 1; sig <= SIGNALS; sig++)
        sys_signal(sig, SIG_DFL);
    sigemptyset(&none);
    sys_sigprocmask(SIG_SETMASK, &none, NULL);
    return entry->fn(entry->arg);
}

int reaper_spawn(struct reaper *reaper, const struct sys_spawn *args, int (*fn)(void *arg), void *arg, struct child **ret_child,
                 struct error *err)
{
    struct sys_spawn spawn = *args;
    struct entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        abort();

    struct child *child = &entry->child;
    entry->fn = fn;
    entry->arg = arg;
    spawn.ret_pidfd = &child->pidfd;
    int pid = sys_spawn(&spawn, child_main, entry);
    if (pid < 0) {
        free(entry);
        return error_set(err, pid, "start a process");
    }
    child->pid = pid;
    child->reaper = reaper;
    child->watch.ready = child_ready;
    waitq_init(&child->exit);
    list_append(&reaper->children, &entry->link);
    watch_start(reaper->loop, &child->watch, child->pidfd, EPOLLIN); /* if it fails, SIGCHLD still tells */
    *ret_child = child;
    return 0;
}

int child_wait(struct child *child, uint64_t deadline)
{
    while (!child->exited) {
        int r = waitq_wait(child->reaper->loop, &child->exit, deadline);
        if (r < 0)
            return child->exited ? 0 : r;
    }
    return 0;
}

int child_signal(struct child *child, int sig)
{
    return child->exited ? -ESRCH : sys_pidfd_send_signal(child->pidfd, sig);
}

void child_free(struct child *child)
{
    if (!child)
        return;
    struct entry *entry = entry_of(child);
    if (child->exited && !entry->notifying) {
        entry_free(entry);
        return;
    }
    entry->abandoned = true;
    child_signal(child, SIGKILL);
}
