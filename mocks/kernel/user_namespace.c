/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces: their maps of ids, who may write them, and the walk between levels (user_namespaces(7)). */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/capability.h"
#include "mocks/kernel/mount.h"
#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"

#define LEVELS_MAX 32

struct user_namespace *user_namespace_new(struct world *world, struct user_namespace *parent, const struct cred *creator)
{
    struct user_namespace *namespace = zalloc(sizeof(*namespace));

    namespace->world = world;
    namespace->refs = 1;
    namespace->inum = world->next_inum++;
    if (!parent) {
        namespace->uids[0] = namespace->gids[0] = (struct id_range){.n = UINT32_MAX};
        namespace->n_uids = namespace->n_gids = 1;
        return namespace;
    }
    namespace->parent = user_namespace_ref(parent);
    namespace->level = parent->level + 1;
    namespace->owner = creator->euid;
    namespace->group = creator->egid;
    namespace->setgroups_denied = parent->setgroups_denied;
    namespace->parent_could_setfcap = creator->caps_effective & CAP_BIT(CAP_SETFCAP);
    return namespace;
}

struct user_namespace *user_namespace_ref(struct user_namespace *namespace)
{
    if (namespace)
    namespace->refs++;
    return namespace;
}

void user_namespace_unref(struct user_namespace *namespace)
{
    if (!namespace || --namespace->refs > 0)
        return;
    user_namespace_unref(namespace->parent);
    free(namespace);
}

/* Whether the task's root is not that of its mount namespace. */
static bool is_chrooted(const struct task *task)
{
    struct path root;

    mount_namespace_root(task->namespaces.mount, &root);
    bool same = root.mount == task->root.mount && root.dentry == task->root.dentry;
    path_unref(&root);
    return !same;
}

int cred_new_user_namespace(struct task *task)
{
    struct cred *cred = &task->cred;

    if (cred->user->level > LEVELS_MAX)
        return -ENOSPC;
    if (is_chrooted(task))
        return -EPERM;
    if (id_from_world(cred->user, false, cred->euid) == UINT32_MAX || id_from_world(cred->user, true, cred->egid) == UINT32_MAX)
        return -EPERM;
    struct user_namespace *namespace = user_namespace_new(task->world, cred->user, cred);
    cred_enter_user_namespace(cred, namespace);
    user_namespace_unref(namespace);
    return 0;
}

/* ---- ids ---- */

static uint32_t up(const struct user_namespace *namespace, bool group, uint32_t id)
{
    const struct id_range *ranges = group ? namespace->gids : namespace->uids;
    size_t n = group ? namespace->n_gids : namespace->n_uids;

    for (size_t i = 0; i < n; i++) {
        if (id >= ranges[i].inside && id - ranges[i].inside < ranges[i].n)
            return id - ranges[i].inside + ranges[i].outside;
    }
    return UINT32_MAX;
}

static uint32_t down(const struct user_namespace *namespace, bool group, uint32_t id)
{
    const struct id_range *ranges = group ? namespace->gids : namespace->uids;
    size_t n = group ? namespace->n_gids : namespace->n_uids;

    for (size_t i = 0; i < n; i++) {
        if (id >= ranges[i].outside && id - ranges[i].outside < ranges[i].n)
            return id - ranges[i].outside + ranges[i].inside;
    }
    return UINT32_MAX;
}

uint32_t id_to_world(const struct user_namespace *namespace, bool group, uint32_t id)
{
    for (; namespace->parent && id != UINT32_MAX; namespace = namespace->parent)
        id = up(namespace, group, id);
    return id;
}

uint32_t id_from_world(const struct user_namespace *namespace, bool group, uint32_t id)
{
    if (!namespace->parent)
        return id;
    id = id_from_world(namespace->parent, group, id);
    return id == UINT32_MAX ? id : down(namespace, group, id);
}

/* ---- writing a map ---- */

/* One number and the white space behind it; false when there is none. */
static bool number(const char **text, uint32_t *ret)
{
    char *end;

    if (**text < '0' || **text > '9')
        return false;
    *ret = (uint32_t)strtoul(*text, &end, 10);
    *text = end;
    return true;
}

static bool spaces(const char **text)
{
    size_t n = strspn(*text, " \t");

    *text += n;
    return n > 0;
}

static bool parse_line(const char *line, struct id_range *ret)
{
    spaces(&line);
    if (!number(&line, &ret->inside) || !spaces(&line) || !number(&line, &ret->outside) || !spaces(&line) ||
        !number(&line, &ret->n))
        return false;
    spaces(&line);
    if (*line != '\0' || ret->inside == UINT32_MAX || ret->outside == UINT32_MAX)
        return false;
    return ret->inside + ret->n > ret->inside && ret->outside + ret->n > ret->outside;
}

static bool meet(uint32_t a, uint32_t na, uint32_t b, uint32_t nb)
{
    return a < b + nb && b < a + na;
}

static bool overlaps(const struct id_range *ranges, size_t n, const struct id_range *range)
{
    for (size_t i = 0; i < n; i++) {
        if (meet(ranges[i].inside, ranges[i].n, range->inside, range->n) ||
            meet(ranges[i].outside, ranges[i].n, range->outside, range->n))
            return true;
    }
    return false;
}

/* Number of ranges, or -EINVAL. text is changed. */
static int parse_map(char *text, struct id_range ranges[ID_MAP_MAX])
{
    size_t n = 0;

    for (char *line = text; line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        if (end && *end == '\0')
            end = NULL;
        if (n == ID_MAP_MAX || !parse_line(line, &ranges[n]) || overlaps(ranges, n, &ranges[n]))
            return -EINVAL;
        n++;
        line = end;
    }
    return n > 0 ? (int)n : -EINVAL;
}

/* Capabilities of who opened the file, whatever the task is now. */
static bool opener_capable(const struct cred *opener, const struct user_namespace *namespace, int capability)
{
    struct task task = {.cred = *opener};

    return capable_in(&task, namespace, capability);
}

/* Mapping the parent's root gives a name to files' capabilities: it takes CAP_SETFCAP. */
static bool may_map_root(const struct user_namespace *namespace, const struct cred *opener, const struct id_range *ranges,
                         size_t n)
{
    bool maps_root = false;

    for (size_t i = 0; i < n; i++)
        maps_root = maps_root || ranges[i].outside == 0;
    if (!maps_root)
        return true;
    if (opener->user == namespace)
        return namespace->parent_could_setfcap;
    return opener_capable(opener, namespace->parent, CAP_SETFCAP);
}

/* Without capabilities in the parent only the own id, and for groups only without setgroups(2). */
static bool is_own_id(const struct user_namespace *namespace, bool group, const struct cred *opener,
                      const struct id_range *range)
{
    uint32_t world = id_to_world(namespace->parent, group, range->outside);

    if (range->n != 1 || namespace->owner != opener->euid)
        return false;
    return group ? namespace->setgroups_denied && world == opener->egid : world == opener->euid;
}

static bool may_map(const struct user_namespace *namespace, bool group, const struct cred *opener,
                    const struct id_range *ranges, size_t n)
{
    int capability = group ? CAP_SETGID : CAP_SETUID;

    if (!group && !may_map_root(namespace, opener, ranges, n))
        return false;
    if (n == 1 && is_own_id(namespace, group, opener, ranges))
        return true;
    return capable_in(current(), namespace->parent, capability) && opener_capable(opener, namespace->parent, capability);
}

/* Every id must mean something to the parent. */
static bool known_to_parent(const struct user_namespace *parent, bool group, const struct id_range *range)
{
    if (!parent->parent)
        return true;
    const struct id_range *ranges = group ? parent->gids : parent->uids;
    size_t n = group ? parent->n_gids : parent->n_uids;
    for (size_t i = 0; i < n; i++) {
        if (range->outside >= ranges[i].inside && range->outside - ranges[i].inside < ranges[i].n &&
            range->n <= ranges[i].n - (range->outside - ranges[i].inside))
            return true;
    }
    return false;
}

ssize_t user_namespace_set_map(struct user_namespace *namespace, bool group, const struct cred *opener, const char *text,
                               size_t len)
{
    struct id_range ranges[ID_MAP_MAX];
    size_t *n = group ? &namespace->n_gids : &namespace->n_uids;

    if (!namespace->parent || (opener->user != namespace && opener->user != namespace->parent))
        return -EPERM;
    if (len >= 4096)
        return -EINVAL;
    if (*n > 0 || !opener_capable(opener, namespace, CAP_SYS_ADMIN))
        return -EPERM;

    char copy[4096];
    memcpy(copy, text, len);
    copy[len] = '\0';
    int count = parse_map(copy, ranges);
    if (count < 0)
        return count;
    if (!may_map(namespace, group, opener, ranges, (size_t)count))
        return -EPERM;
    for (int i = 0; i < count; i++) {
        if (!known_to_parent(namespace->parent, group, &ranges[i]))
            return -EPERM;
    }
    memcpy(group ? namespace->gids : namespace->uids, ranges, (size_t)count * sizeof(ranges[0]));
    *n = (size_t)count;
    return (ssize_t)len;
}

ssize_t user_namespace_set_setgroups(struct user_namespace *namespace, const char *text, size_t len)
{
    if (len >= 8)
        return -EINVAL;
    const char *word = len >= 5 && memcmp(text, "allow", 5) == 0  ? "allow"
                       : len >= 4 && memcmp(text, "deny", 4) == 0 ? "deny"
                                                                  : NULL;
    if (!word)
        return -EINVAL;
    for (size_t i = strlen(word); i < len; i++) {
        if (!strchr(" \t\n", text[i]))
            return -EINVAL;
    }
    if (*word == 'a')
        return namespace->setgroups_denied ? -EPERM : (ssize_t)len;
    if (namespace->n_gids > 0)
        return -EPERM;
    namespace->setgroups_denied = true;
    return (ssize_t)len;
}

/* The outside ids as the reader's namespace sees them; for a reader inside, as the parent does. */
void user_namespace_show_map(const struct user_namespace *namespace, bool group, struct buf *out)
{
    const struct id_range *ranges = group ? namespace->gids : namespace->uids;
    size_t n = group ? namespace->n_gids : namespace->n_uids;
    const struct user_namespace *reader = current()->cred.user;

    if (reader == namespace && namespace->parent)
        reader = namespace->parent;
    for (size_t i = 0; i < n; i++) {
        uint32_t world = namespace->parent ? id_to_world(namespace->parent, group, ranges[i].outside) : ranges[i].outside;
        buf_printf(out, "%10u %10u %10u\n", ranges[i].inside, id_from_world(reader, group, world), ranges[i].n);
    }
}
