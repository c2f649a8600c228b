/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use a device node: version 1 has lists (cgroup_device_v1.c), version 2 programs on groups (bpf(2),
 * BPF_CGROUP_DEVICE). Every program of a task's group and of those above it must agree. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "mocks/kernel/capability.h"
#include "mocks/kernel/cgroup_internal.h"
#include "mocks/kernel/ebpf.h"
#include "mocks/kernel/memory.h"
#include "mocks/kernel/sys_fd.h"
#include "sys/sys.h"

#define CONTEXT_WORDS (sizeof(struct bpf_cgroup_dev_ctx) / sizeof(uint32_t))
#define PROGRAMS_MAX 64 /* on one group, of those that bear others */

struct device_program {
    unsigned int refs;
    struct bpf_insn code[];
};

struct attached_program {
    struct list link; /* in group.device_programs */
    struct device_program *program;
};

static void program_unref(struct device_program *program)
{
    if (--program->refs == 0)
        free(program);
}

/* ---- programs ---- */

static void release_program(struct file *file)
{
    program_unref(file->data);
}

static const struct file_ops program_ops = {.name = "bpf-prog", .release = release_program, .stream = true};

static int load(unsigned int type, const struct bpf_insn *code, size_t n)
{
    if (type != BPF_PROG_TYPE_CGROUP_DEVICE)
        unsupported("bpf: a program of type %u", type);
    if (n > 0 && !capable(CAP_SYS_ADMIN))
        return -EPERM;
    int r = ebpf_check(code, n, CONTEXT_WORDS);
    if (r < 0)
        return r;
    struct device_program *program = zalloc(sizeof(*program) + n * sizeof(*code));
    program->refs = 1;
    memcpy(program->code, code, n * sizeof(*code));
    return fd_publish(file_new(&program_ops, 0600, O_RDWR, program), true);
}

int sys_bpf_load(unsigned int type, const struct bpf_insn *code, size_t n, const char *license)
{
    CALL_ENTER(bpf_load, "%u, %p, %zu, \"%s\"", type, (const void *)code, n, license);
    return (int)call_leave(load(type, code, n));
}

/* ---- groups ---- */

static struct device_program *program_of(int fd)
{
    const struct file *file = fd_usable(fd);

    return file && file->ops == &program_ops ? file->data : NULL;
}

static struct attached_program *find(const struct group *group, const struct device_program *program)
{
    struct attached_program *attached;

    LIST_FOREACH (attached, &group->device_programs, link) {
        if (attached->program == program)
            return attached;
    }
    return NULL;
}

static int add(struct group *group, struct device_program *program)
{
    struct attached_program *attached;
    size_t n = 0;

    LIST_FOREACH (attached, &group->device_programs, link)
        n++;
    if (n >= PROGRAMS_MAX)
        return -E2BIG;
    attached = zalloc(sizeof(*attached));
    attached->program = program;
    program->refs++;
    list_append(&group->device_programs, &attached->link);
    return 0;
}

static int replace(struct group *group, struct device_program *program, const struct device_program *old)
{
    struct attached_program *attached = find(group, old);

    if (!attached)
        return -ENOENT;
    program->refs++;
    program_unref(attached->program);
    attached->program = program;
    return 0;
}

static int attach(int target_fd, int program_fd, unsigned int type, unsigned int flags, int replaced_fd)
{
    struct device_program *program = program_of(program_fd), *old = NULL;
    const struct file *target = fd_get(current(), target_fd);

    if (type != BPF_CGROUP_DEVICE)
        unsupported("bpf: attach type %u", type);
    if (!(flags & BPF_F_ALLOW_MULTI) || (flags & ~(unsigned int)(BPF_F_ALLOW_MULTI | BPF_F_REPLACE)))
        unsupported("bpf: attach flags 0x%x", flags);
    if (!fd_usable(program_fd))
        return -EBADF;
    if (!program)
        return -EINVAL;
    if (!capable(CAP_NET_ADMIN) && !capable(CAP_SYS_ADMIN))
        return -EPERM;
    struct group *group = target ? inode_group(target->inode) : NULL;
    if (!group || group->hierarchy->version != 2 || !S_ISDIR(target->inode->mode))
        return -EBADF;
    if (group->dead)
        return -ENODEV;
    if (flags & BPF_F_REPLACE) {
        old = program_of(replaced_fd);
        if (!old)
            return fd_usable(replaced_fd) ? -EINVAL : -EBADF;
    }
    if (find(group, program))
        return -EINVAL;
    return old ? replace(group, program, old) : add(group, program);
}

int sys_bpf_attach(int target_fd, int program_fd, unsigned int type, unsigned int flags, int replaced_fd)
{
    CALL_ENTER(bpf_attach, "%d, %d, %u, 0x%x, %d", target_fd, program_fd, type, flags, replaced_fd);
    return (int)call_leave(attach(target_fd, program_fd, type, flags, replaced_fd));
}

void group_detach_programs(struct group *group)
{
    while (!list_is_empty(&group->device_programs)) {
        struct attached_program *first = CONTAINER_OF(group->device_programs.next, struct attached_program, link);
        list_remove(&first->link);
        program_unref(first->program);
        free(first);
    }
}

/* ---- judgement ---- */

static bool group_allows(const struct group *group, const uint32_t *context)
{
    struct attached_program *attached;

    LIST_FOREACH (attached, &group->device_programs, link) {
        if (ebpf_run(attached->program->code, context) == 0)
            return false;
    }
    return true;
}

/* Nodes that overlay file systems use as marks are no devices. */
static bool is_device(mode_t mode, dev_t rdev)
{
    return S_ISBLK(mode) || (S_ISCHR(mode) && rdev != 0);
}

static bool allowed_by_version_1(const struct task *task, const uint32_t *context)
{
    const struct hierarchy *hierarchy = controller_hierarchy(world_cgroups(task->world), CG_DEVICES);

    return !hierarchy || hierarchy->version != 1 ||
           devices_allow(task_group(task, hierarchy), context[0] & 0xffff, context[1], context[2], context[0] >> 16);
}

static int judge(mode_t mode, dev_t rdev, uint32_t access)
{
    const struct task *task = current();
    uint32_t type = S_ISBLK(mode) ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    uint32_t context[CONTEXT_WORDS] = {type | access << 16, major(rdev), minor(rdev)};

    if (!task || !is_device(mode, rdev))
        return 0;
    bool allowed = allowed_by_version_1(task, context);
    for (const struct group *group = task_group(task, world_cgroups(task->world)->hierarchies[0]); group && allowed;
         group = group->parent)
        allowed = group_allows(group, context);
    return allowed ? 0 : -EPERM;
}

int cgroup_may_use_device(const struct inode *inode, int mask)
{
    uint32_t access = (mask & R_OK ? BPF_DEVCG_ACC_READ : 0) | (mask & W_OK ? BPF_DEVCG_ACC_WRITE : 0);

    return judge(inode->mode, inode->rdev, access);
}

int cgroup_may_make_device(mode_t mode, dev_t rdev)
{
    return judge(mode, rdev, BPF_DEVCG_ACC_MKNOD);
}
