/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/container_group.h"

#include <errno.h>
#include <string.h>

#include "loop/loop.h"

#define RECORD_BYTES (4 * 1024 * 1024)
#define MAKE_TRIES 5
#define EMPTY_NS (10 * NSEC_PER_SEC)

/* ---- making ---- */

static int add_parents(struct arena *a, const struct record *record, struct strlist *parents)
{
    int r = 0;

    for (size_t i = 0; i < record->cgroup_made.n && r == 0; i++) {
        const char *directory = record->cgroup_made.items[i];
        if (!hostgroup_is_leaf(directory, record->cgroup) && !strlist_contains(parents, directory))
            r = strlist_add(a, parents, directory);
    }
    return r;
}

/* What was made above the groups of other containers: it goes with the last container in it, whoever made it. */
static int list_parents(const struct container *container, struct strlist *ret_parents, struct error *err)
{
    struct strlist ids = {.n = 0}, strays = {.n = 0};

    int r = store_list(container->arena, &container->store, &ids, &strays, err);
    for (size_t i = 0; i < ids.n && r == 0; i++) {
        _slot_ struct slot slot = SLOT_INIT;
        _arena_ struct arena *scratch = arena_new(RECORD_BYTES);
        struct record other;
        if (strcmp(ids.items[i], container->record.id) == 0 || slot_open(&container->store, ids.items[i], &slot, NULL) < 0 ||
            slot_read_record(scratch, &slot, &other, NULL) < 0)
            continue;
        r = add_parents(container->arena, &other, ret_parents);
    }
    return r;
}

/* The record comes first: whoever dies behind it leaves nothing that delete does not find. */
static int make_once(struct container *container, const char *path, struct hostgroup *group, struct error *err)
{
    struct record *record = &container->record;
    struct strlist parents = {.n = 0};

    record->cgroup = path;
    record->cgroup_made = (struct strlist){.n = 0};
    int r = list_parents(container, &parents, err);
    if (r == 0)
        r = hostgroup_plan(group, container->arena, path, &parents, &record->cgroup_made, err);
    if (r == 0)
        r = slot_write_record(&container->slot, record, err);
    return r < 0 ? r : hostgroup_make(group, path, err);
}

static int make(struct container *container, const char *path, struct hostgroup *group, struct error *err)
{
    int r = hostgroup_open(group, err);

    if (r < 0)
        return r;
    /* Another command may remove an ancestor, because it was made for that one's container. */
    for (int i = 0; i < MAKE_TRIES; i++) {
        r = make_once(container, path, group, err);
        if (r != -ENOENT)
            break;
    }
    return r;
}

int container_group_make(struct container *container, const struct oci_spec *spec, struct hostgroup *ret_group,
                         struct error *err)
{
    const char *wanted = spec->linux_ ? spec->linux_->cgroups_path : NULL;
    _hostgroup_ struct hostgroup group = HOSTGROUP_NONE;
    char *path;

    int r = hostgroup_path(container->arena, wanted, container->record.id, &path, err);
    if (r < 0)
        return r;
    struct error failure = {.errnum = 0};
    r = make(container, path, &group, &failure);
    if (r == 0) {
        *ret_group = group;
        group = HOSTGROUP_NONE;
        return 0;
    }
    if (wanted && *wanted) {
        if (err)
            *err = failure;
        return r;
    }
    (void)error_wrap(&failure, "the machine stays in the control group of its caller");
    container->warning = failure;
    container->record.cgroup = "";
    container->record.cgroup_made = (struct strlist){.n = 0};
    return 0;
}

/* ---- removing ---- */

int container_group_remove(const struct record *record, bool kill, struct error *err)
{
    return hostgroup_remove(record->cgroup, &record->cgroup_made, EMPTY_NS, kill, err);
}
