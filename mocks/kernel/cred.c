/* SPDX-License-Identifier: Apache-2.0 */
/* What a process may do (credentials(7), capabilities(7)): the tests that other calls make, and what execve does. The calls
 * that change credentials are in setid.c and capability.c. */
#include "mocks/kernel/cred.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mocks/kernel/capability.h"
#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"

/* A task has a capability towards its own user namespace and those below; the creator's user in the parent has all of them. */
bool capable_in(const struct task *task, const struct user_namespace *namespace, int capability)
{
    const struct cred *cred = &task->cred;

    for (;; namespace = namespace->parent) {
        if (namespace == cred->user)
            return cred->caps_effective & CAP_BIT(capability);
        if (namespace->level <= cred->user->level)
            return false;
        if (namespace->parent == cred->user && namespace->owner == cred->euid)
            return true;
    }
}

bool capable(int capability)
{
    const struct task *task = current();

    return capable_in(task, task->world->user, capability);
}

/* ---- objects ---- */

void cred_copy(struct cred *to, const struct cred *from)
{
    *to = *from;
    user_namespace_ref(to->user);
    to->groups = NULL;
    if (from->n_groups == 0)
        return;
    to->groups = malloc(from->n_groups * sizeof(*to->groups));
    if (!to->groups)
        abort();
    memcpy(to->groups, from->groups, from->n_groups * sizeof(*to->groups));
}

void cred_done(struct cred *cred)
{
    free(cred->groups);
    user_namespace_unref(cred->user);
    memset(cred, 0, sizeof(*cred));
}

/* ---- changes ---- */

/* More rights or another user: the memory may hold what the former user must not see. */
void cred_changed(struct task *task, const struct cred *before)
{
    const struct cred *cred = &task->cred;

    /* All rights in a namespace that it has made are no more than it had: it owned that anyway. */
    bool made_it = cred->user != before->user && cred->user->parent == before->user && cred->user->owner == before->euid;
    bool more = !made_it && (cred->caps_permitted & ~before->caps_permitted);
    if (cred->euid == before->euid && cred->egid == before->egid && cred->fsuid == before->fsuid &&
        cred->fsgid == before->fsgid && !more)
        return;
    task->dumpable = false;
    task->death_signal = 0;
}

void cred_enter_user_namespace(struct cred *cred, struct user_namespace *namespace)
{
    user_namespace_ref(namespace);
    user_namespace_unref(cred->user);
    cred->user = namespace;
    cred->caps_permitted = cred->caps_effective = cred->caps_bounding = CAPS_ALL;
    cred->caps_inheritable = cred->caps_ambient = 0;
    cred->keep_caps = false;
}

/* ---- execve ---- */

/* Set-user-ID and set-group-ID bits count unless the process renounced new privileges or the ids are unknown to it. */
static void take_file_ids(struct task *task, const struct path *path)
{
    const struct inode *exe = path->dentry->inode;
    struct cred *cred = &task->cred;

    if (task->no_new_privs || path_nosuid(path))
        return;
    if (id_from_world(cred->user, false, exe->uid) == UINT32_MAX || id_from_world(cred->user, true, exe->gid) == UINT32_MAX)
        return;
    if (exe->mode & S_ISUID)
        cred->euid = exe->uid;
    if ((exe->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        cred->egid = exe->gid;
}

/* Root gets what the bounding set and the inheritable set leave; others nothing but the ambient set. */
static uint64_t caps_of_root(const struct cred *cred, bool *ret_effective)
{
    uid_t root = id_to_world(cred->user, false, 0);

    *ret_effective = cred->euid == root;
    return cred->euid == root || cred->ruid == root ? cred->caps_bounding | cred->caps_inheritable : 0;
}

void cred_exec(struct task *task, const struct path *path)
{
    struct cred *cred = &task->cred;
    const struct cred before = *cred;
    bool effective;

    take_file_ids(task, path);
    uint64_t permitted = caps_of_root(cred, &effective);
    bool other_ids = cred->euid != before.ruid || cred->egid != before.rgid;
    if ((other_ids || (permitted & ~before.caps_permitted)) && task->no_new_privs) {
        cred->euid = cred->ruid;
        cred->egid = cred->rgid;
        permitted &= before.caps_permitted;
    }
    cred->suid = cred->fsuid = cred->euid;
    cred->sgid = cred->fsgid = cred->egid;
    if (other_ids)
        cred->caps_ambient = 0;
    cred->caps_permitted = permitted | cred->caps_ambient;
    cred->caps_effective = effective ? cred->caps_permitted : cred->caps_ambient;
    cred->keep_caps = false;

    task->dumpable = before.euid == before.ruid && before.egid == before.rgid;
    cred_changed(task, &before);
}

/* ---- looking into others ---- */

static bool same_user(const struct cred *viewer, const struct cred *target)
{
    return viewer->fsuid == target->euid && viewer->fsuid == target->suid && viewer->fsuid == target->ruid &&
           viewer->fsgid == target->egid && viewer->fsgid == target->sgid && viewer->fsgid == target->rgid;
}

/* ptrace(2), "Ptrace access mode checking", PTRACE_MODE_READ_FSCREDS. */
bool may_inspect(const struct task *viewer, const struct task *target)
{
    if (viewer == target)
        return true;
    if (!same_user(&viewer->cred, &target->cred) && !capable_in(viewer, target->cred.user, CAP_SYS_PTRACE))
        return false;
    if (target->memory_user && !target->dumpable && !capable_in(viewer, target->memory_user, CAP_SYS_PTRACE))
        return false;
    if (viewer->cred.user == target->cred.user && (target->cred.caps_permitted & ~viewer->cred.caps_effective) == 0)
        return true;
    return capable_in(viewer, target->cred.user, CAP_SYS_PTRACE);
}
