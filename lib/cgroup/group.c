/* SPDX-License-Identifier: Apache-2.0 */
/* A container's group in all hierarchies: making it, and moving processes into it. */
#include <errno.h>
#include <string.h>

#include "cgroup/cgroup_internal.h"
#include "base/undo.h"
#include "sys/fd.h"

#define GROUP_MEMORY_MAX (256 * 1024)

struct member *cgroup_member(struct cgroup *cgroup, enum controller controller)
{
    for (size_t i = 0; i < cgroup->n_members; i++) {
        if (cgroup->members[i].hierarchy->controllers & (UINT32_C(1) << controller))
            return &cgroup->members[i];
    }
    return NULL;
}

static const struct member *member_v2(const struct cgroup *cgroup)
{
    for (size_t i = 0; i < cgroup->n_members; i++) {
        if (cgroup->members[i].hierarchy->version == 2)
            return &cgroup->members[i];
    }
    return NULL;
}

struct member *cgroup_member_v2(struct cgroup *cgroup)
{
    return (struct member *)member_v2(cgroup);
}

/* Fills in everything that needs no kernel. NULL when path is longer than any that cgroup_path_for() returns. */
static struct cgroup *group_new(struct cgroup_host *host, const char *path)
{
    struct arena *arena = arena_new(GROUP_MEMORY_MAX);
    struct cgroup *cgroup = arena_alloc(arena, sizeof(*cgroup));
    cgroup->arena = arena;
    cgroup->host = host;
    cgroup->device_fd = -1;
    cgroup->path = arena_strdup(arena, path);

    for (size_t i = 0; i < host->n_hierarchies; i++) {
        struct hierarchy *hierarchy = &host->hierarchies[i];
        struct member *member = &cgroup->members[cgroup->n_members++];
        *member = (struct member){.hierarchy = hierarchy, .fd = -1};
        member->path = arena_printf(arena, "%s%s", hierarchy->path, path);
        member->below = cgroup->path ? cgroup->path + 1 : NULL;
        if (hierarchy->version == 1)
            cgroup->entries[cgroup->n_entries++] = (struct cgroup_mount_entry){
                .name = hierarchy->name,
                .path = member->path,
                .is_systemd = hierarchy->controllers & (UINT32_C(1) << CONTROLLER_SYSTEMD),
            };
    }
    if (arena_exhausted(arena)) {
        arena_free(arena);
        return NULL;
    }
    return cgroup;
}

static size_t path_count_levels(const char *path)
{
    size_t n = 0;

    for (const char *at = path; (at = strchr(at, '/')); at++)
        n++;
    return n;
}

static void undo_member(void *member)
{
    member_unmake(member);
}

static int group_new_checked(struct cgroup_host *host, const char *path, struct cgroup **ret_cgroup, struct error *err)
{
    size_t n_levels = path_count_levels(path);
    struct cgroup *cgroup = n_levels >= 1 && n_levels <= PATH_LEVELS_MAX ? group_new(host, path) : NULL;

    if (!cgroup)
        return error_status(err, STATUS_INVALID_ARGUMENT, "invalid cgroups path '%s'", path);
    for (size_t i = 0; i < cgroup->n_members; i++)
        cgroup->members[i].n_levels = n_levels;
    *ret_cgroup = cgroup;
    return 0;
}

int cgroup_create(struct cgroup_host *host, const char *path, struct cgroup **ret_cgroup, struct error *err)
{
    struct cgroup *cgroup;

    int created = group_new_checked(host, path, &cgroup, err);
    if (created < 0)
        return created;
    _undo_ struct undo undo = UNDO_INIT;
    for (size_t i = 0; i < cgroup->n_members; i++) {
        int r = member_make(&cgroup->members[i], err);
        if (r < 0) {
            undo_unwind(&undo);
            cgroup_free(cgroup);
            return r;
        }
        undo_push(&undo, undo_member, &cgroup->members[i]);
    }
    undo_commit(&undo);

    for (size_t i = 0; i < cgroup->n_members; i++) {
        member_forget_made(&cgroup->members[i]);
        member_remember_made(&cgroup->members[i], cgroup->members[i].n_levels - 1);
    }
    *ret_cgroup = cgroup;
    return 0;
}

int cgroup_open(struct cgroup_host *host, const char *path, struct cgroup **ret_cgroup, struct error *err)
{
    struct cgroup *cgroup;

    int r = group_new_checked(host, path, &cgroup, err);
    for (size_t i = 0; r == 0 && i < cgroup->n_members; i++) {
        struct member *member = &cgroup->members[i];
        member->fd = sys_openat(member->hierarchy->fd, member->below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
        if (member->fd >= 0)
            continue;
        r = error_set(err, member->fd, "open cgroup %s", member->path);
        cgroup_free(cgroup);
    }
    if (r == 0)
        *ret_cgroup = cgroup;
    return r;
}

int cgroup_directories(const struct cgroup_host *host, struct arena *a, const char *path, struct strlist *ret_directories)
{
    size_t n_levels = path_count_levels(path);
    int r = 0;

    for (size_t i = 0; i < host->n_hierarchies; i++) {
        for (size_t level = 1; level <= n_levels && r == 0; level++) {
            const char *directory =
                arena_printf(a, "%s%.*s", host->hierarchies[i].path, (int)path_prefix_len(path, level), path);
            r = directory ? strlist_add(a, ret_directories, directory) : -ENOBUFS;
        }
    }
    return r;
}

void cgroup_free(struct cgroup *cgroup)
{
    if (!cgroup)
        return;
    for (size_t i = 0; i < cgroup->n_members; i++)
        fd_close(&cgroup->members[i].fd);
    fd_close(&cgroup->device_fd);
    arena_free(cgroup->arena);
}

int cgroup_spawn_fd(const struct cgroup *cgroup)
{
    const struct member *member = member_v2(cgroup);
    return member ? member->fd : -1;
}

int cgroup_signal(const struct cgroup *cgroup, int sig, struct error *err)
{
    const struct member *member = member_v2(cgroup) ?: &cgroup->members[0];

    int n = tree_signal(member->fd, sig);
    return n < 0 ? error_set(err, n, "signal the processes of cgroup %s", member->path) : n;
}

int cgroup_enter(struct cgroup *cgroup, int pid, struct error *err)
{
    for (size_t i = 0; i < cgroup->n_members; i++) {
        int r = member_enter(&cgroup->members[i], pid);
        if (r < 0)
            return error_set(err, r, "move process %d into cgroup %s", pid, cgroup->members[i].path);
    }
    return 0;
}

const struct cgroup_mount_entry *cgroup_mount_entries(const struct cgroup *cgroup, size_t *ret_n)
{
    *ret_n = cgroup->n_entries;
    return cgroup->entries;
}
