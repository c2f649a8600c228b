/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a group, and the ancestors that were only made for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cgroup/cgroup_internal.h"
#include "sys/fd.h"

#define RETRY_MIN_NS (1 * NSEC_PER_MSEC)
#define RETRY_MAX_NS (20 * NSEC_PER_MSEC)

/* A directory that cgroup_create() made above a group. Others may have put their groups into it since: the kernel knows. */
struct made_dir {
    struct list link;
    const struct hierarchy *hierarchy;
    char below[];
};

static struct made_dir *made_find(struct cgroup_host *host, const struct hierarchy *hierarchy, const char *below)
{
    struct made_dir *made;

    LIST_FOREACH (made, &host->made, link) {
        if (made->hierarchy == hierarchy && strcmp(made->below, below) == 0)
            return made;
    }
    return NULL;
}

static void made_free(struct made_dir *made)
{
    list_remove(&made->link);
    free(made);
}

void cgroup_host_remember_made(struct cgroup_host *host, const struct member *member)
{
    for (size_t level = member->n_old + 1; level < member->n_levels; level++) {
        size_t len = path_prefix_len(member->below, level);
        struct made_dir *made = malloc(sizeof(*made) + len + 1);
        if (!made)
            abort();
        made->hierarchy = member->hierarchy;
        memcpy(made->below, member->below, len);
        made->below[len] = '\0';
        list_append(&host->made, &made->link);
    }
}

void cgroup_host_forget_made(struct cgroup_host *host)
{
    struct made_dir *made;

    LIST_FOREACH (made, &host->made, link)
        made_free(made);
}

/* Removes the ancestors that were made for groups, upwards from the member, until one is in use. */
static void remove_made_ancestors(struct cgroup_host *host, const struct member *member)
{
    for (size_t level = member->n_levels - 1; level > 0; level--) {
        char below[4096];
        snprintf(below, sizeof(below), "%.*s", (int)path_prefix_len(member->below, level), member->below);
        struct made_dir *made = made_find(host, member->hierarchy, below);
        if (!made)
            return;
        int r = sys_unlinkat(member->hierarchy->fd, below, AT_REMOVEDIR);
        if (r < 0 && r != -ENOENT)
            return;
        made_free(made);
    }
}

/* One round over all hierarchies. Returns -EBUSY if a retry can help. */
static int delete_try(struct cgroup *cgroup, struct error *err)
{
    int result = 0;

    for (size_t i = 0; i < cgroup->n_members; i++) {
        const struct member *member = &cgroup->members[i];
        int r = tree_remove(member->hierarchy->fd, member->below);
        if (r == 0) {
            remove_made_ancestors(cgroup->host, member);
            continue;
        }
        error_set(err, r, "remove cgroup %s", member->path);
        if (r != -EBUSY)
            return r;
        result = r;
    }
    return result;
}

int cgroup_delete(struct cgroup *cgroup, uint64_t deadline, struct error *err)
{
    struct loop *loop = cgroup->host->loop;

    for (uint64_t pause = RETRY_MIN_NS;; pause = pause < RETRY_MAX_NS ? pause * 2 : pause) {
        int r = delete_try(cgroup, err);
        if (r != -EBUSY || loop_now(loop) >= deadline)
            return r;
        uint64_t wake = loop_deadline(loop, pause);
        r = fiber_sleep_until(loop, wake < deadline ? wake : deadline);
        if (r < 0)
            return error_set(err, r, "remove cgroup %s", cgroup->path);
    }
}
