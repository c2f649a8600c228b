/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/hostgroup.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "loop/loop.h"
#include "sys/fd.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define RETRY_NS (10 * NSEC_PER_MSEC)
#define STATE_MAX 64
#define KILL_NS NSEC_PER_SEC /* until processes that were killed have ended */

int hostgroup_open(struct hostgroup *hostgroup, struct error *err)
{
    return cgroup_host_open(NULL, CGROUP_ROOT, &hostgroup->host, err);
}

void hostgroup_close(struct hostgroup *hostgroup)
{
    cgroup_free(hostgroup->group);
    cgroup_host_free(hostgroup->host);
    *hostgroup = HOSTGROUP_NONE;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* ---- making ---- */

bool hostgroup_is_leaf(const char *directory, const char *path)
{
    return ends_with(directory, path);
}

/* What is born in it, or in a group below it, does not run until somebody thaws it. */
static int check_thawed(const char *directory, struct error *err)
{
    static const struct {
        const char *file, *thawed;
    } rows[] = {{"cgroup.freeze", "0"}, {"freezer.state", "THAWED"}};
    char path[PATH_MAX];

    FOR_ROWS (row, rows) {
        _buf_ struct buf text = BUF_INIT(STATE_MAX);
        snprintf(path, sizeof(path), "%s/%s", directory, row->file);
        int r = file_read_at(AT_FDCWD, path, &text);
        if (r == 0 && text.len > 0 && strncmp(text.data, row->thawed, strlen(row->thawed)) != 0)
            return error_status(err, STATUS_FAILED_PRECONDITION, "the control group %s is frozen: write %s to %s", directory,
                                row->thawed, path);
    }
    return 0;
}

int hostgroup_plan(const struct hostgroup *hostgroup, struct arena *a, const char *path, const struct strlist *parents,
                   struct strlist *ret_made, struct error *err)
{
    struct strlist all = {.n = 0};
    bool is_default = strncmp(path, HOSTGROUP_PARENT "/", strlen(HOSTGROUP_PARENT "/")) == 0;

    int r = cgroup_directories(hostgroup->host, a, path, &all);
    for (size_t i = 0; i < all.n && r == 0; i++) {
        const char *directory = all.items[i];
        bool is_parent = is_default && ends_with(directory, HOSTGROUP_PARENT) && !hostgroup_is_leaf(directory, path);
        int there = sys_faccessat(AT_FDCWD, directory, F_OK, 0);
        if (there < 0 && there != -ENOENT)
            return error_set(err, there, "look for the control group %s", directory);
        if (there == -ENOENT || is_parent || strlist_contains(parents, directory))
            r = strlist_add(a, ret_made, directory);
        int thawed = check_thawed(directory, err);
        if (thawed < 0)
            return thawed;
    }
    return r < 0 ? error_set(err, r, "plan the control group %s", path) : 0;
}

int hostgroup_make(struct hostgroup *hostgroup, const char *path, struct error *err)
{
    return cgroup_create(hostgroup->host, path, &hostgroup->group, err);
}

int hostgroup_find(struct hostgroup *hostgroup, const char *path, struct error *err)
{
    int r = hostgroup_open(hostgroup, err);

    return r < 0 ? r : cgroup_open(hostgroup->host, path, &hostgroup->group, err);
}

/* ---- removing ---- */

static int remove_once(const char *path, const struct strlist *made, struct error *err)
{
    int result = 0;

    for (size_t i = made->n; i-- > 0;) {
        int r = sys_unlinkat(AT_FDCWD, made->items[i], AT_REMOVEDIR);
        if (r == 0 || r == -ENOENT || (r == -EBUSY && !hostgroup_is_leaf(made->items[i], path)))
            continue;
        result = error_set(err, r, "remove the control group %s", made->items[i]);
    }
    return result;
}

static int remove_until(const char *path, const struct strlist *made, uint64_t deadline, struct error *err)
{
    struct error failure;
    int r;

    while ((r = remove_once(path, made, &failure)) == -EBUSY && sys_monotonic_ns() < deadline)
        sys_nanosleep(RETRY_NS);
    if (r < 0 && err)
        *err = failure;
    return r;
}

int hostgroup_remove(const char *path, const struct strlist *made, uint64_t limit_ns, bool kill, struct error *err)
{
    _hostgroup_ struct hostgroup hostgroup = HOSTGROUP_NONE;

    int r = remove_until(path, made, sys_monotonic_ns() + limit_ns, err);
    if (r != -EBUSY || !kill || hostgroup_find(&hostgroup, path, NULL) < 0)
        return r;
    (void)cgroup_signal(hostgroup.group, SIGKILL, NULL);
    return remove_until(path, made, sys_monotonic_ns() + KILL_NS, err);
}
