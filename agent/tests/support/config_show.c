/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tests/support/config_show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"

enum member_type { BOOL, INT, U64, U8, I32, I64, TEXT };

#define MEMBER(type, name)                                                                                                     \
    {                                                                                                                          \
        type, #name, offsetof(struct config, name)                                                                             \
    }
static const struct {
    enum member_type type;
    const char *name;
    size_t offset;
} members[] = {
    MEMBER(BOOL, debug_console),
    MEMBER(BOOL, dev_mode),
    MEMBER(BOOL, tracing),
    MEMBER(INT, log_level),
    MEMBER(TEXT, server_addr),
    MEMBER(U64, hotplug_timeout_s),
    MEMBER(U64, cdh_api_timeout_s),
    MEMBER(U64, image_pull_timeout_s),
    MEMBER(U64, cdi_timeout_s),
    MEMBER(U64, launch_process_timeout_s),
    MEMBER(BOOL, visible_cdi_devices),
    MEMBER(I32, debug_console_vport),
    MEMBER(I32, log_vport),
    MEMBER(I32, passfd_listener_port),
    MEMBER(I32, container_pipe_size),
    MEMBER(BOOL, unified_cgroup_hierarchy),
    MEMBER(BOOL, cgroup_no_v1),
    MEMBER(TEXT, https_proxy),
    MEMBER(TEXT, no_proxy),
    MEMBER(TEXT, guest_components_rest_api),
    MEMBER(TEXT, guest_components_procs),
    MEMBER(BOOL, secure_storage_integrity),
    MEMBER(TEXT, policy_file),
    MEMBER(BOOL, mem_agent_enable),
    MEMBER(BOOL, mem_agent_memcg_disable),
    MEMBER(BOOL, mem_agent_memcg_swap),
    MEMBER(U8, mem_agent_memcg_swappiness_max),
    MEMBER(U64, mem_agent_memcg_period_secs),
    MEMBER(U8, mem_agent_memcg_period_psi_percent_limit),
    MEMBER(U8, mem_agent_memcg_eviction_psi_percent_limit),
    MEMBER(U64, mem_agent_memcg_eviction_run_aging_count_min),
    MEMBER(BOOL, mem_agent_compact_disable),
    MEMBER(U64, mem_agent_compact_period_secs),
    MEMBER(U8, mem_agent_compact_period_psi_percent_limit),
    MEMBER(U8, mem_agent_compact_psi_percent_limit),
    MEMBER(I64, mem_agent_compact_sec_max),
    MEMBER(U8, mem_agent_compact_order),
    MEMBER(U64, mem_agent_compact_threshold),
    MEMBER(U64, mem_agent_compact_force_times),
};

static void member_show(const struct config *config, size_t i, char *out, size_t size)
{
    const void *p = (const char *)config + members[i].offset;

    switch (members[i].type) {
    case BOOL:
        snprintf(out, size, "%s=%s", members[i].name, *(const bool *)p ? "yes" : "no");
        break;
    case INT:
        snprintf(out, size, "%s=%d", members[i].name, *(const int *)p);
        break;
    case U64:
        snprintf(out, size, "%s=%llu", members[i].name, (unsigned long long)*(const uint64_t *)p);
        break;
    case U8:
        snprintf(out, size, "%s=%u", members[i].name, *(const uint8_t *)p);
        break;
    case I32:
        snprintf(out, size, "%s=%d", members[i].name, *(const int32_t *)p);
        break;
    case I64:
        snprintf(out, size, "%s=%lld", members[i].name, (long long)*(const int64_t *)p);
        break;
    case TEXT:
        snprintf(out, size, "%s=%s", members[i].name, *(const char *const *)p);
        break;
    }
}

void config_show(const struct config *config, const struct config *base, struct buf *out)
{
    out->len = 0;
    buf_append_str(out, "");
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        char is[512], was[512] = "";
        member_show(config, i, is, sizeof(is));
        if (base)
            member_show(base, i, was, sizeof(was));
        if (strcmp(is, was) != 0)
            buf_printf(out, "%s%s", out->len ? " " : "", is);
    }
}

void config_expect_changes(const char *label, const struct config *config, const char *changes)
{
    _buf_ struct buf out = BUF_INIT(65536);
    struct config defaults;

    config_defaults(&defaults);
    config_show(config, &defaults, &out);
    if (strcmp(out.data ? out.data : "", changes) != 0)
        fail_msg("%s: got '%s', want '%s'", label, out.data, changes);
}
