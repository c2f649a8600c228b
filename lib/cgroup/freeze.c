/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping all processes of a group: freezing them, and killing them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "cgroup/cgroup_internal.h"
#include "sys/fd.h"

#define POLL_NS (2 * NSEC_PER_MSEC)
#define EVENT_SLICE_NS (100 * NSEC_PER_MSEC) /* how long an event is trusted to come */
#define THAW_NS (5 * NSEC_PER_SEC)
#define KILL_FREEZE_NS (2 * NSEC_PER_SEC)

struct freezer {
    struct loop *loop;
    const struct member *member;
    int events; /* inotify of cgroup.events; -1: poll */
};

static void freezer_done(struct freezer *freezer)
{
    fd_close(&freezer->events);
}

static int freezer_write(const struct freezer *freezer, bool frozen)
{
    if (freezer->member->hierarchy->version == 2)
        return file_write_at(freezer->member->fd, "cgroup.freeze", frozen ? "1" : "0", 1);
    return file_write_at(freezer->member->fd, "freezer.state", frozen ? "FROZEN" : "THAWED", strlen("FROZEN"));
}

/* 1 if all processes are in that state, 0 if some are not yet. */
static int freezer_is(const struct freezer *freezer, bool frozen)
{
    bool is_v2 = freezer->member->hierarchy->version == 2;
    _buf_ struct buf text = BUF_INIT(CONTROL_FILE_MAX);
    int r = control_read(freezer->member->fd, is_v2 ? "cgroup.events" : "freezer.state", &text);
    if (r < 0)
        return r;
    if (!is_v2)
        return strncmp(text.data, frozen ? "FROZEN" : "THAWED", strlen("FROZEN")) == 0;

    uint64_t value;
    if (!text_find_key(text.data, "frozen", &value))
        return -ENODATA;
    return (value != 0) == frozen;
}

static int freezer_open(struct cgroup *cgroup, struct freezer *ret_freezer, struct error *err)
{
    const struct member *member = cgroup_member(cgroup, CONTROLLER_FREEZER) ?: cgroup_member_v2(cgroup);
    if (!member)
        return error_text(err, -EOPNOTSUPP, "the freezer controller is not available for cgroup %s", cgroup->path);

    struct freezer freezer = {.loop = cgroup->host->loop, .member = member, .events = -1};
    if (member->hierarchy->version == 2) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/cgroup.events", member->path);
        freezer.events = sys_inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (freezer.events >= 0 && sys_inotify_add_watch(freezer.events, path, IN_MODIFY) < 0)
            fd_close(&freezer.events);
    }
    *ret_freezer = freezer;
    return 0;
}

/* Returns when the state may have changed; 0, -ETIMEDOUT or -ECANCELED. */
static int freezer_wait(const struct freezer *freezer, uint64_t deadline)
{
    uint64_t now = loop_now(freezer->loop);
    if (now >= deadline)
        return -ETIMEDOUT;

    uint64_t slice = loop_deadline(freezer->loop, freezer->events >= 0 ? EVENT_SLICE_NS : POLL_NS);
    uint64_t until = slice < deadline ? slice : deadline;
    if (freezer->events < 0)
        return fiber_sleep_until(freezer->loop, until);

    char event[sizeof(struct inotify_event) + 256];
    int r = fiber_wait_fd(freezer->loop, freezer->events, EPOLLIN, until);
    while (r > 0 && sys_read(freezer->events, event, sizeof(event)) > 0)
        ;
    return r == -ETIMEDOUT || r > 0 ? 0 : r;
}

/* The request is repeated while waiting: on version 1 a fork can slip through and leave the group "FREEZING" for ever. */
static int freezer_reach(const struct freezer *freezer, bool frozen, uint64_t deadline)
{
    for (;;) {
        int r = freezer_write(freezer, frozen);
        if (r == 0)
            r = freezer_is(freezer, frozen);
        if (r != 0)
            return r < 0 ? r : 0;
        r = freezer_wait(freezer, deadline);
        if (r < 0)
            return r;
    }
}

int cgroup_freeze(struct cgroup *cgroup, uint64_t deadline, struct error *err)
{
    CLEANUP(freezer_done) struct freezer freezer = {.events = -1};
    int r = freezer_open(cgroup, &freezer, err);
    if (r < 0)
        return r;

    r = freezer_reach(&freezer, true, deadline);
    if (r == 0)
        return 0;
    freezer_write(&freezer, false);
    if (r == -ETIMEDOUT)
        return error_status(err, STATUS_DEADLINE_EXCEEDED, "cgroup %s did not freeze in time", cgroup->path);
    return error_set(err, r, "freeze cgroup %s", freezer.member->path);
}

int cgroup_thaw(struct cgroup *cgroup, struct error *err)
{
    CLEANUP(freezer_done) struct freezer freezer = {.events = -1};
    int r = freezer_open(cgroup, &freezer, err);
    if (r < 0)
        return r;

    r = freezer_reach(&freezer, false, loop_deadline(cgroup->host->loop, THAW_NS));
    if (r == -ETIMEDOUT)
        return error_status(err, STATUS_DEADLINE_EXCEEDED, "cgroup %s did not thaw in time", cgroup->path);
    return r < 0 ? error_set(err, r, "thaw cgroup %s", freezer.member->path) : 0;
}

/* No process can fork or end while it is frozen, so each number read from the group still is that process when it is signalled.
 */
static int kill_frozen(struct cgroup *cgroup, struct error *err)
{
    const struct member *member = cgroup_member(cgroup, CONTROLLER_FREEZER) ?: &cgroup->members[0];

    int freeze = cgroup_freeze(cgroup, loop_deadline(cgroup->host->loop, KILL_FREEZE_NS), NULL);
    int r = tree_signal(member->fd, SIGKILL);
    if (freeze == 0)
        cgroup_thaw(cgroup, NULL);
    return r < 0 ? error_set(err, r, "kill the processes of cgroup %s", member->path) : 0;
}

int cgroup_kill(struct cgroup *cgroup, struct error *err)
{
    const struct member *v2 = cgroup_member_v2(cgroup);
    if (!v2 || file_write_at(v2->fd, "cgroup.kill", "1", 1) < 0)
        return kill_frozen(cgroup, err);

    /* A signal ends a process that version 2 has frozen, but not one in the version 1 freezer. */
    const struct member *freezer = cgroup_member(cgroup, CONTROLLER_FREEZER);
    int r = freezer ? file_write_at(freezer->fd, "freezer.state", "THAWED", strlen("THAWED")) : 0;
    return r < 0 && r != -ENOENT ? error_set(err, r, "thaw cgroup %s", freezer->path) : 0;
}
