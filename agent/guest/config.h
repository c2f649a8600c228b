/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's configuration: kernel command line, TOML file, environment (container-jail sheet 7.1 to 7.3). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct config {
    bool debug_console;
    bool dev_mode;
    bool tracing;
    int log_level; /* enum log_level */
    const char *server_addr;
    uint64_t hotplug_timeout_s;
    uint64_t cdh_api_timeout_s;
    uint64_t image_pull_timeout_s;
    uint64_t cdi_timeout_s;
    uint64_t launch_process_timeout_s;
    bool visible_cdi_devices;
    int32_t debug_console_vport;
    int32_t log_vport;
    int32_t passfd_listener_port;
    int32_t container_pipe_size;
    bool unified_cgroup_hierarchy;
    bool cgroup_no_v1;
    const char *https_proxy;
    const char *no_proxy;
    const char *guest_components_rest_api;
    const char *guest_components_procs;
    bool secure_storage_integrity;
    const char *policy_file;
    bool mem_agent_enable;
    bool mem_agent_memcg_disable;
    bool mem_agent_memcg_swap;
    uint8_t mem_agent_memcg_swappiness_max;
    uint64_t mem_agent_memcg_period_secs;
    uint8_t mem_agent_memcg_period_psi_percent_limit;
    uint8_t mem_agent_memcg_eviction_psi_percent_limit;
    uint64_t mem_agent_memcg_eviction_run_aging_count_min;
    bool mem_agent_compact_disable;
    uint64_t mem_agent_compact_period_secs;
    uint8_t mem_agent_compact_period_psi_percent_limit;
    uint8_t mem_agent_compact_psi_percent_limit;
    int64_t mem_agent_compact_sec_max;
    uint8_t mem_agent_compact_order;
    uint64_t mem_agent_compact_threshold;
    uint64_t mem_agent_compact_force_times;
};

/* A key is described once, in the table of config.c. The words of the memory agent are taken in any order, before and after
 * agent.mem_agent_enable. Every function leaves *config as it was when it fails. Errors are INVALID_ARGUMENT with the source,
 * the word or key and its line, and the text of the sheet behind them. Strings point into a or to constants. */
void config_defaults(struct config *config);
/* Applies a kernel command line, left to right. When it names agent.config_file=PATH: *ret_config_file is that path, the caller
 * loads it with config_parse_toml() over fresh defaults and nothing else counts. */
int config_parse_cmdline(struct arena *a, const char *cmdline, struct config *config, const char **ret_config_file,
                         struct error *err);
/* Applies the text of a TOML file; unknown keys are ignored, a bad value is an error with line, key and value. */
int config_parse_toml(struct arena *a, const char *text, size_t len, struct config *config, struct error *err);
/* Applies KATA_AGENT_* of envp (NULL-terminated). */
int config_parse_environment(struct arena *a, char *const *envp, struct config *config, struct error *err);
/* The whole precedence: file given on the command line of the agent (may be NULL), else /proc/cmdline, then the environment. */
int config_load(struct arena *a, const char *config_file, char *const *envp, struct config *config, struct error *err);
