/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of processes as 64-bit sets. */
#pragma once
#include <linux/capability.h>

#include "mocks/tests/conform.h"

#define CAP(name) (1ull << CAP_##name)

struct caps {
    uint64_t effective, permitted, inheritable;
};

/* pid 0: the caller. */
static inline UNUSED struct caps caps_of(int pid)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = pid};
    struct __user_cap_data_struct data[2] = {{0}};

    sys_capget(&header, data);
    return (struct caps){
        .effective = data[0].effective | (uint64_t)data[1].effective << 32,
        .permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
        .inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
    };
}

static inline UNUSED int caps_set(const struct caps *caps)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)caps->effective, (uint32_t)caps->permitted, (uint32_t)caps->inheritable},
        {(uint32_t)(caps->effective >> 32), (uint32_t)(caps->permitted >> 32), (uint32_t)(caps->inheritable >> 32)},
    };

    return sys_capset(&header, data);
}

/* These are effective and permitted, and no others. */
static inline UNUSED int caps_drop_to(uint64_t caps)
{
    return caps_set(&(struct caps){.effective = caps, .permitted = caps});
}
