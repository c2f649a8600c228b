/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a group, and the ancestors that were only made for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup_internal.h"
#include "sys/fd.h"

#define RETRY_MIN_NS (1 * NSEC_PER_MSEC)
#define RETRY_MAX_NS (20 * NSEC_PER_MSEC)

/* A directory that cgroup_create() made above a group, or could not take back. Others may have put their groups into it since:
 * the kernel knows. A directory comes behind the one it is in. */
struct made_dir {
    struct list link;
    const struct hierarchy *hierarchy;
    char below[];
};

static struct made_dir *made_find(const struct hierarchy *hierarchy, const char *below, size_t len)
{
    struct made_dir *made;

    LIST_FOREACH (made, &hierarchy->host->made, link) {
        if (made->hierarchy == hierarchy && strlen(made->below) == len && memcmp(made->below, below, len) == 0)
            return made;
    }
    return NULL;
}

static void made_free(struct made_dir *made)
{
    if (made)
        list_remove(&made->link);
    free(made);
}

void member_remember_made(const struct member *member, size_t last_level)
{
    struct hierarchy *hierarchy = member->hierarchy;

    for (size_t level = member->n_old + 1; level <= last_level; level++) {
        size_t len = path_prefix_len(member->below, level);
        if (made_find(hierarchy, member->below, len))
            continue;
        struct made_dir *made = malloc(sizeof(*made) + len + 1);
        if (!made)
            abort();
        made->hierarchy = hierarchy;
        memcpy(made->below, member->below, len);
        made->below[len] = '\0';
        list_append(&hierarchy->host->made, &made->link);
    }
}

void member_forget_made(const struct member *member)
{
    made_free(made_find(member->hierarchy, member->below, strlen(member->below)));
}

void cgroup_host_remove_made(struct cgroup_host *host)
{
    struct list *next;

    for (struct list *at = host->made.prev; at != &host->made; at = next) {
        struct made_dir *made = CONTAINER_OF(at, struct made_dir, link);
        next = at->prev;
        int r = sys_unlinkat(made->hierarchy->fd, made->below, AT_REMOVEDIR);
        if (r == 0 || r == -ENOENT)
            made_free(made);
        else if (r != -EBUSY && r != -ENOTEMPTY)
            log_warning(host->log, "cgroup", "remove cgroup %s/%s, which was made for containers: %s", made->hierarchy->path,
                        made->below, errno_name(-r));
    }
}

void cgroup_host_forget_made(struct cgroup_host *host)
{
    struct made_dir *made;

    LIST_FOREACH (made, &host->made, link)
        made_free(made);
}

/* One round over all hierarchies. Returns -EBUSY if a retry can help. */
static int delete_try(struct cgroup *cgroup, struct error *err)
{
    int result = 0;

    for (size_t i = 0; i < cgroup->n_members; i++) {
        const struct member *member = &cgroup->members[i];
        int r = tree_remove(member->hierarchy->fd, member->below);
        if (r == 0)
            continue;
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
        if (r == 0)
            cgroup_host_remove_made(cgroup->host);
        if (r != -EBUSY || loop_now(loop) >= deadline)
            return r;
        uint64_t wake = loop_deadline(loop, pause);
        r = fiber_sleep_until(loop, wake < deadline ? wake : deadline);
        if (r < 0)
            return error_set(err, r, "remove cgroup %s", cgroup->path);
    }
}
