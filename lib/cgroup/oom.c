/* SPDX-License-Identifier: Apache-2.0 */
/* Noticing OOM kills.
 *
 * Version 1 signals an eventfd when the group runs out of memory, before the kernel has chosen and killed a process, and once
 * more when the group is removed. Version 2 changes memory.events after the kill. In both, the truth is the counter oom_kill: a
 * watch reports whenever it has grown, and goes on watching until it is stopped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "cgroup/cgroup_internal.h"
#include "sys/fd.h"

/* How long after a signal of version 1 the counter is looked at again: doubling from the first to the last. */
#define RECHECK_MIN_NS (1 * NSEC_PER_MSEC)
#define RECHECK_MAX_NS (2 * NSEC_PER_SEC)

struct oom_watch {
    struct loop *loop;
    struct watch watch;
    struct timer recheck;
    uint64_t recheck_ns; /* pause before the next look */
    int version;
    int dir;        /* the group */
    int control;    /* version 1: memory.oom_control, to which the registration belongs */
    int event;      /* eventfd or inotify */
    uint64_t kills; /* last value seen */
    void (*report)(void *arg);
    void *arg;
};

static int count_in_directory(int dirfd, const char *file, uint64_t *total)
{
    _buf_ struct buf text = BUF_INIT(CONTROL_FILE_MAX);
    uint64_t kills;

    int r = control_read(dirfd, file, &text);
    if (r == 0 && text_find_key(text.data, "oom_kill", &kills))
        *total += kills;
    return r;
}

/* memory.events counts for the descendants too; memory.oom_control counts only the kills of its own processes, wherever above
 * them the limit was. */
static int count_kills(const struct oom_watch *watch, uint64_t *ret_kills)
{
    uint64_t total = 0;
    if (watch->version == 2) {
        int r = count_in_directory(watch->dir, "memory.events", &total);
        *ret_kills = total;
        return r;
    }

    _buf_ struct buf paths = BUF_INIT(CONTROL_FILE_MAX);
    int r = tree_list(watch->dir, &paths);
    for (size_t at = 0; r == 0 && at < paths.len; at += strlen(paths.data + at) + 1) {
        _close_ int fd = sys_openat(watch->dir, paths.data + at, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd >= 0)
            count_in_directory(fd, "memory.oom_control", &total);
    }
    *ret_kills = total;
    return r;
}

/* Reports if the counter has grown. The report may stop the watch, so nothing of it is touched afterwards. */
static bool report_growth(struct oom_watch *watch)
{
    uint64_t kills;
    if (count_kills(watch, &kills) < 0)
        return false;

    bool grown = kills > watch->kills;
    watch->kills = kills; /* it shrinks when a descendant is removed */
    if (grown)
        watch->report(watch->arg);
    return grown;
}

static void recheck_start(struct oom_watch *watch)
{
    timer_start(watch->loop, &watch->recheck, loop_deadline(watch->loop, watch->recheck_ns));
    watch->recheck_ns *= 2;
}

static void on_recheck(struct timer *timer)
{
    struct oom_watch *watch = CONTAINER_OF(timer, struct oom_watch, recheck);

    if (watch->recheck_ns <= RECHECK_MAX_NS)
        recheck_start(watch);
    report_growth(watch);
}

static void on_event(struct watch *source, uint32_t events)
{
    struct oom_watch *watch = CONTAINER_OF(source, struct oom_watch, watch);
    _Alignas(struct inotify_event) char drain[512];
    (void)events;

    while (sys_read(watch->event, drain, sizeof(drain)) > 0)
        ;
    if (watch->version == 1) {
        watch->recheck_ns = RECHECK_MIN_NS;
        recheck_start(watch);
    }
    report_growth(watch);
}

/* cgroup-v1/memory.rst, "OOM Control": "EVENTFD CONTROLFD" to cgroup.event_control; the second must stay open. */
static int register_v1(struct oom_watch *watch)
{
    watch->control = sys_openat(watch->dir, "memory.oom_control", O_RDONLY | O_CLOEXEC, 0);
    if (watch->control < 0)
        return watch->control;
    watch->event = sys_eventfd(0, O_CLOEXEC | O_NONBLOCK);
    if (watch->event < 0)
        return watch->event;

    char text[32];
    int len = snprintf(text, sizeof(text), "%d %d", watch->event, watch->control);
    return file_write_at(watch->dir, "cgroup.event_control", text, (size_t)len);
}

static int register_v2(struct oom_watch *watch, const struct member *member)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/memory.events", member->path);
    watch->event = sys_inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return watch->event < 0 ? watch->event : sys_inotify_add_watch(watch->event, path, IN_MODIFY);
}

static int watch_open(struct oom_watch *watch, const struct member *member)
{
    watch->dir = sys_openat(member->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (watch->dir < 0)
        return watch->dir;
    int r = watch->version == 1 ? register_v1(watch) : register_v2(watch, member);
    if (r >= 0)
        r = count_kills(watch, &watch->kills);
    return r < 0 ? r : watch_start(watch->loop, &watch->watch, watch->event, EPOLLIN);
}

int oom_watch_start(struct cgroup *cgroup, struct loop *loop, void (*report)(void *arg), void *arg,
                    struct oom_watch **ret_watch, struct error *err)
{
    const struct member *member = cgroup_member(cgroup, CONTROLLER_MEMORY);
    if (!member)
        return error_text(err, -EOPNOTSUPP, "memory controller missing");

    struct oom_watch *watch = malloc(sizeof(*watch));
    if (!watch)
        abort();
    *watch = (struct oom_watch){
        .loop = loop,
        .watch.ready = on_event,
        .recheck.expired = on_recheck,
        .version = member->hierarchy->version,
        .dir = -1,
        .control = -1,
        .event = -1,
        .report = report,
        .arg = arg,
    };
    int r = watch_open(watch, member);
    if (r < 0) {
        oom_watch_stop(watch);
        return error_set(err, r, "watch cgroup %s for OOM kills", member->path);
    }
    *ret_watch = watch;
    return 0;
}

void oom_watch_stop(struct oom_watch *watch)
{
    if (!watch)
        return;
    timer_stop(&watch->recheck);
    watch_stop(&watch->watch);
    fd_close(&watch->event);
    fd_close(&watch->control);
    fd_close(&watch->dir);
    free(watch);
}
