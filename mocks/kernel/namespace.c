/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces of a process (namespaces(7)): made by clone and unshare(2), entered by setns(2). Mounts, pids and users have files
 * of their own; the other kinds are little more than an identity here. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/mount.h"
#include "mocks/kernel/nsfs.h"
#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

#define ALL_NEW                                                                                                                \
    (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWTIME)
#define SYSCTLS_MAX 65536

/* ---- simple ones ---- */

struct simple_namespace *simple_namespace_new(struct world *world, int type, struct user_namespace *owner)
{
    struct simple_namespace *namespace = zalloc(sizeof(*namespace));

    namespace->type = type;
    namespace->owner = user_namespace_ref(owner);
    namespace->inum = world->next_inum++;
    namespace->sysctls = BUF_INIT(SYSCTLS_MAX);
    namespace->refs = 1;
    return namespace;
}

struct simple_namespace *simple_namespace_ref(struct simple_namespace *namespace)
{
    namespace->refs++;
    return namespace;
}

void simple_namespace_unref(struct simple_namespace *namespace)
{
    if (!namespace || --namespace->refs > 0)
        return;
    if (namespace->type == CLONE_NEWCGROUP)
        cgroup_set_unref(namespace->data);
    user_namespace_unref(namespace->owner);
    buf_done(&namespace->sysctls);
    free(namespace);
}

/* Replaces one that a task holds; takes over the reference. */
static void put_simple(struct simple_namespace **at, struct simple_namespace *namespace)
{
    simple_namespace_unref(*at);
    *at = namespace;
}

/* A copy for the task: host names are copied, everything else starts afresh. */
static void renew(struct task *task, struct simple_namespace **at, int type)
{
    struct simple_namespace *namespace = simple_namespace_new(task->world, type, task->cred.user);

    memcpy(namespace->hostname, (*at)->hostname, sizeof(namespace->hostname));
    memcpy(namespace->domainname, (*at)->domainname, sizeof(namespace->domainname));
    if (type == CLONE_NEWCGROUP)
    namespace->data = cgroup_set_ref(current()->cgroups);
    put_simple(at, namespace);
}

/* ---- all of a task ---- */

void namespaces_copy(struct namespaces *to, const struct namespaces *from)
{
    to->mount = mount_namespace_ref(from->mount);
    to->pid_for_children = pid_namespace_ref(from->pid_for_children);
    to->net = simple_namespace_ref(from->net);
    to->ipc = simple_namespace_ref(from->ipc);
    to->uts = simple_namespace_ref(from->uts);
    to->cgroup = simple_namespace_ref(from->cgroup);
    to->time = simple_namespace_ref(from->time_for_children); /* a child is born into it */
    to->time_for_children = simple_namespace_ref(from->time_for_children);
}

void namespaces_done(struct namespaces *namespaces)
{
    if (namespaces->mount)
        mount_namespace_unref(namespaces->mount);
    pid_namespace_unref(namespaces->pid_for_children);
    simple_namespace_unref(namespaces->net);
    simple_namespace_unref(namespaces->ipc);
    simple_namespace_unref(namespaces->uts);
    simple_namespace_unref(namespaces->cgroup);
    simple_namespace_unref(namespaces->time);
    simple_namespace_unref(namespaces->time_for_children);
    memset(namespaces, 0, sizeof(*namespaces));
}

void namespaces_exec(struct task *task)
{
    put_simple(&task->namespaces.time, simple_namespace_ref(task->namespaces.time_for_children));
}

/* ---- new ones ---- */

int namespaces_allowed(const struct task *task, uint64_t flags)
{
    if (!(flags & ALL_NEW & ~(uint64_t)CLONE_NEWUSER) || (flags & CLONE_NEWUSER))
        return 0;
    return capable_in(task, task->cred.user, CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static void renew_mounts(struct task *task)
{
    struct namespaces *namespaces = &task->namespaces;
    struct mount_namespace *copy = mount_namespace_copy(namespaces->mount, task->cred.user, &task->root, &task->cwd);

    mount_namespace_unref(namespaces->mount);
    namespaces->mount = copy;
}

int namespaces_create(struct task *task, uint64_t flags)
{
    struct namespaces *namespaces = &task->namespaces;

    if (flags & CLONE_NEWPID) {
        /* One that was unshared or joined must be used by a child before another one is made. */
        struct pid_namespace *active = current()->pid_namespace;
        if (namespaces->pid_for_children != active)
            return -EINVAL;
        namespaces->pid_for_children = pid_namespace_new(task->world, active, task->cred.user);
        pid_namespace_unref(active);
    }
    if (flags & CLONE_NEWNS)
        renew_mounts(task);
    if (flags & CLONE_NEWNET)
        renew(task, &namespaces->net, CLONE_NEWNET);
    if (flags & CLONE_NEWIPC)
        renew(task, &namespaces->ipc, CLONE_NEWIPC);
    if (flags & CLONE_NEWUTS)
        renew(task, &namespaces->uts, CLONE_NEWUTS);
    if (flags & CLONE_NEWCGROUP)
        renew(task, &namespaces->cgroup, CLONE_NEWCGROUP);
    if (flags & CLONE_NEWTIME)
        renew(task, &namespaces->time_for_children, CLONE_NEWTIME);
    return 0;
}

static int unshare_all(int flags)
{
    struct task *task = current();
    const struct cred before = task->cred;

    if (flags & ~(ALL_NEW | CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM))
        return -EINVAL;
    if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM))
        unsupported("unshare: flags 0x%x", (unsigned int)flags);
    int r = namespaces_allowed(task, (uint64_t)flags);
    if (r == 0 && (flags & CLONE_NEWPID) && task->namespaces.pid_for_children != task->pid_namespace)
        r = -EINVAL;
    if (r == 0 && (flags & CLONE_NEWUSER))
        r = cred_new_user_namespace(task);
    if (r < 0)
        return r;
    if (flags & CLONE_NEWUSER)
        cred_changed(task, &before);
    return namespaces_create(task, (uint64_t)flags);
}

int sys_unshare(int flags)
{
    CALL_ENTER(unshare, "0x%x", (unsigned int)flags);
    return (int)call_leave(unshare_all(flags));
}

/* ---- setns ---- */

/* Power over the namespace, and over the own user namespace. */
static bool may_enter(const struct task *task, const struct user_namespace *owner)
{
    return capable_in(task, owner, CAP_SYS_ADMIN) && capable_in(task, task->cred.user, CAP_SYS_ADMIN);
}

static int enter_mounts(struct task *task, struct mount_namespace *namespace)
{
    if (!may_enter(task, namespace->owner) || !capable_in(task, task->cred.user, CAP_SYS_CHROOT))
        return -EPERM;
    if (namespace->anonymous)
        return -EINVAL;
    mount_namespace_ref(namespace);
    mount_namespace_unref(task->namespaces.mount);
    task->namespaces.mount = namespace;
    path_unref(&task->root);
    path_unref(&task->cwd);
    mount_namespace_root(namespace, &task->root);
    task->cwd = task->root;
    path_ref(&task->cwd);
    return 0;
}

/* Only children change; only into the own namespace or one below it. */
static int enter_pids(struct task *task, struct pid_namespace *namespace)
{
    const struct pid_namespace *active = current()->pid_namespace;
    const struct pid_namespace *at = namespace;

    if (!may_enter(task, namespace->owner))
        return -EPERM;
    while (at->level > active->level)
        at = at->parent;
    if (at != active)
        return -EINVAL;
    pid_namespace_ref(namespace);
    pid_namespace_unref(task->namespaces.pid_for_children);
    task->namespaces.pid_for_children = namespace;
    return 0;
}

static int enter_user(struct task *task, struct user_namespace *namespace)
{
    const struct cred before = task->cred;

    if (namespace == task->cred.user)
        return -EINVAL;
    if (!capable_in(task, namespace, CAP_SYS_ADMIN))
        return -EPERM;
    cred_enter_user_namespace(&task->cred, namespace);
    cred_changed(task, &before);
    return 0;
}

static int enter_simple(struct task *task, struct simple_namespace *namespace)
{
    struct namespaces *own = &task->namespaces;
    struct simple_namespace **places[] = {&own->net, &own->ipc, &own->uts, &own->cgroup, &own->time};

    if (!may_enter(task, namespace->owner))
        return -EPERM;
    FOR_ROWS (place, places) {
        if ((**place)->type == namespace->type)
            put_simple(*place, simple_namespace_ref(namespace));
    }
    if (namespace->type == CLONE_NEWTIME)
        put_simple(&own->time_for_children, simple_namespace_ref(namespace));
    return 0;
}

static int enter(struct task *task, struct namespace_id id)
{
    switch (id.type) {
    case CLONE_NEWNS:
        return enter_mounts(task, id.object);
    case CLONE_NEWPID:
        return enter_pids(task, id.object);
    case CLONE_NEWUSER:
        return enter_user(task, id.object);
    default:
        return enter_simple(task, id.object);
    }
}

int namespace_join(struct task *task, int fd, int type)
{
    struct file *file = fd_get(current(), fd);
    struct namespace_id id;

    if (!file)
        return -EBADF;
    if (pidfd_task(fd, NULL)) {
        if (type == 0 || (type & ~ALL_NEW))
            return -EINVAL;
        unsupported("setns: pidfd");
    }
    if ((file->flags & O_PATH))
        return -EBADF;
    if (!nsfs_of_file(file, &id) || (type != 0 && type != id.type))
        return -EINVAL;
    return enter(task, id);
}

int sys_setns(int fd, int type)
{
    CALL_ENTER(setns, "%d, 0x%x", fd, (unsigned int)type);
    return (int)call_leave(namespace_join(current(), fd, type));
}

/* ---- host name ---- */

static int set_hostname(const char *name, size_t len)
{
    struct task *task = current();
    struct simple_namespace *uts = task->namespaces.uts;

    if (!capable_in(task, uts->owner, CAP_SYS_ADMIN))
        return -EPERM;
    if (len > sizeof(uts->hostname) - 1)
        return -EINVAL;
    if (!name && len > 0)
        return -EFAULT;
    memcpy(uts->hostname, name, len);
    memset(uts->hostname + len, 0, sizeof(uts->hostname) - len);
    return 0;
}

int sys_sethostname(const char *name, size_t len)
{
    CALL_ENTER(sethostname, "%p, %zu", (const void *)name, len);
    return (int)call_leave(set_hostname(name, len));
}
