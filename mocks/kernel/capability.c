/* SPDX-License-Identifier: Apache-2.0 */
/* capget(2), capset(2). */
#include "mocks/kernel/capability.h"

#include <errno.h>

#include "mocks/kernel/process.h"
#include "sys/sys.h"

static int check_version(struct __user_cap_header_struct *header)
{
    if (header->version == _LINUX_CAPABILITY_VERSION_3)
        return 0;
    if (header->version == _LINUX_CAPABILITY_VERSION_1 || header->version == _LINUX_CAPABILITY_VERSION_2)
        unsupported("capget, capset: version 0x%x", header->version);
    header->version = _LINUX_CAPABILITY_VERSION_3;
    return -EINVAL;
}

static int get(struct __user_cap_header_struct *header, struct __user_cap_data_struct data[2])
{
    int r = check_version(header);
    if (r < 0)
        return data ? r : 0;
    if (header->pid < 0)
        return -EINVAL;
    const struct task *task = header->pid ? task_find(header->pid) : current();
    if (!task)
        return -ESRCH;
    for (int i = 0; data && i < 2; i++) {
        data[i].effective = (uint32_t)(task->cred.caps_effective >> 32 * i);
        data[i].permitted = (uint32_t)(task->cred.caps_permitted >> 32 * i);
        data[i].inheritable = (uint32_t)(task->cred.caps_inheritable >> 32 * i);
    }
    return 0;
}

int sys_capget(struct __user_cap_header_struct *header, struct __user_cap_data_struct data[2])
{
    CALL_ENTER(capget, "%p, %p", (void *)header, (void *)data);
    return (int)call_leave(get(header, data));
}

/* Permitted only shrinks; effective stays within permitted; inheritable grows within the bounding set, and beyond permitted
 * only with CAP_SETPCAP. */
static int change(struct task *task, uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct cred *cred = &task->cred;
    const struct cred before = *cred;

    if (!capable_in(task, cred->user, CAP_SETPCAP) && (inheritable & ~(cred->caps_inheritable | cred->caps_permitted)))
        return -EPERM;
    if (inheritable & ~(cred->caps_inheritable | cred->caps_bounding))
        return -EPERM;
    if ((permitted & ~cred->caps_permitted) || (effective & ~permitted))
        return -EPERM;
    cred->caps_effective = effective;
    cred->caps_permitted = permitted;
    cred->caps_inheritable = inheritable;
    cred->caps_ambient &= permitted & inheritable;
    cred_changed(task, &before);
    return 0;
}

static uint64_t join(uint32_t low, uint32_t high)
{
    return ((uint64_t)high << 32 | low) & CAPS_ALL;
}

static int set(struct __user_cap_header_struct *header, const struct __user_cap_data_struct data[2])
{
    struct task *self = current();

    int r = check_version(header);
    if (r < 0)
        return r;
    if (header->pid != 0 && header->pid != task_pid_in(self, self->pid_namespace))
        return -EPERM;
    return change(self, join(data[0].effective, data[1].effective), join(data[0].permitted, data[1].permitted),
                  join(data[0].inheritable, data[1].inheritable));
}

int sys_capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct data[2])
{
    CALL_ENTER(capset, "0x%x%08x, 0x%x%08x, 0x%x%08x", data[1].effective, data[0].effective, data[1].permitted,
               data[0].permitted, data[1].inheritable, data[0].inheritable);
    return (int)call_leave(set(header, data));
}
