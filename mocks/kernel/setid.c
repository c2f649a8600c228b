/* SPDX-License-Identifier: Apache-2.0 */
/* Changing users and groups: setresuid(2), setresgid(2), setgroups(2), and what that does to capabilities (capabilities(7),
 * "Effect of user ID changes on capabilities"). */
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/process.h"
#include "sys/sys.h"

#define UNCHANGED ((uint32_t)-1)

/* World ids of the three, UNCHANGED ones as they are. 0 or -EINVAL. */
static int translate(const struct cred *cred, bool group, const uint32_t ids[3], uint32_t ret_ids[3])
{
    for (int i = 0; i < 3; i++) {
        ret_ids[i] = ids[i] == UNCHANGED ? UNCHANGED : id_to_world(cred->user, group, ids[i]);
        if (ids[i] != UNCHANGED && ret_ids[i] == UNCHANGED)
            return -EINVAL;
    }
    return 0;
}

/* Without the capability only among the present ones. */
static bool all_known(const uint32_t ids[3], uint32_t real, uint32_t effective, uint32_t saved)
{
    for (int i = 0; i < 3; i++) {
        if (ids[i] != UNCHANGED && ids[i] != real && ids[i] != effective && ids[i] != saved)
            return false;
    }
    return true;
}

static void replace(uint32_t *id, uint32_t with)
{
    if (with != UNCHANGED)
        *id = with;
}

/* Leaving root with all three gives the capabilities up, unless they are kept; the effective ones follow the effective user. */
static void adjust_capabilities(struct cred *cred, const struct cred *before)
{
    uid_t root = id_to_world(cred->user, false, 0);
    bool was_root = before->ruid == root || before->euid == root || before->suid == root;
    bool is_root = cred->ruid == root || cred->euid == root || cred->suid == root;

    if (was_root && !is_root) {
        if (!cred->keep_caps)
            cred->caps_permitted = cred->caps_effective = 0;
        cred->caps_ambient = 0;
    }
    if (before->euid == root && cred->euid != root)
        cred->caps_effective = 0;
    if (before->euid != root && cred->euid == root)
        cred->caps_effective = cred->caps_permitted;
}

static int change_users(const uint32_t ids[3])
{
    struct task *task = current();
    struct cred *cred = &task->cred;
    const struct cred before = *cred;
    uint32_t world[3];

    int r = translate(cred, false, ids, world);
    if (r < 0)
        return r;
    if (!capable_in(task, cred->user, CAP_SETUID) && !all_known(world, cred->ruid, cred->euid, cred->suid))
        return -EPERM;
    replace(&cred->ruid, world[0]);
    /* The others of that user count. */
    if (cred->ruid != before.ruid)
        task->processes_exceeded = cred->ruid != 0 && task_processes(task) - 1 > task->rlimits[RLIMIT_NPROC].rlim_cur;
    replace(&cred->euid, world[1]);
    replace(&cred->suid, world[2]);
    cred->fsuid = cred->euid;
    adjust_capabilities(cred, &before);
    cred_changed(task, &before);
    return 0;
}

static int change_groups(const uint32_t ids[3])
{
    struct task *task = current();
    struct cred *cred = &task->cred;
    const struct cred before = *cred;
    uint32_t world[3];

    int r = translate(cred, true, ids, world);
    if (r < 0)
        return r;
    if (!capable_in(task, cred->user, CAP_SETGID) && !all_known(world, cred->rgid, cred->egid, cred->sgid))
        return -EPERM;
    replace(&cred->rgid, world[0]);
    replace(&cred->egid, world[1]);
    replace(&cred->sgid, world[2]);
    cred->fsgid = cred->egid;
    cred_changed(task, &before);
    return 0;
}

int sys_setresuid(uid_t real, uid_t effective, uid_t saved)
{
    CALL_ENTER(setresuid, "%d, %d, %d", (int)real, (int)effective, (int)saved);
    return (int)call_leave(change_users((uint32_t[3]){real, effective, saved}));
}

int sys_setresgid(gid_t real, gid_t effective, gid_t saved)
{
    CALL_ENTER(setresgid, "%d, %d, %d", (int)real, (int)effective, (int)saved);
    return (int)call_leave(change_groups((uint32_t[3]){real, effective, saved}));
}

static int set_groups(size_t n, const gid_t *groups)
{
    struct task *task = current();
    struct cred *cred = &task->cred;
    const struct user_namespace *user = cred->user;

    if (!capable_in(task, user, CAP_SETGID) || user->n_gids == 0 || user->setgroups_denied)
        return -EPERM;
    if (n > NGROUPS_MAX)
        return -EINVAL;
    gid_t *copy = malloc((n + 1) * sizeof(*copy));
    if (!copy)
        abort();
    for (size_t i = 0; i < n; i++) {
        copy[i] = id_to_world(user, true, groups[i]);
        if (copy[i] == UNCHANGED) {
            free(copy);
            return -EINVAL;
        }
    }
    free(cred->groups);
    cred->groups = copy;
    cred->n_groups = n;
    return 0;
}

int sys_setgroups(size_t n, const gid_t *groups)
{
    CALL_ENTER(setgroups, "%zu, %p", n, (const void *)groups);
    return (int)call_leave(set_groups(n, groups));
}

uid_t sys_geteuid(void)
{
    (void)call_enter(CALL_SITE, CALL_geteuid, " ");
    uint32_t id = id_from_world(current()->cred.user, false, current()->cred.euid);
    return (uid_t)call_leave(id == UINT32_MAX ? OVERFLOW_ID : id);
}

gid_t sys_getegid(void)
{
    (void)call_enter(CALL_SITE, CALL_getegid, " ");
    uint32_t id = id_from_world(current()->cred.user, true, current()->cred.egid);
    return (gid_t)call_leave(id == UINT32_MAX ? OVERFLOW_ID : id);
}
