/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the configuration and the order in which their sources count. */
#include "agent/guest/config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "agent/guest/config_value.h"
#include "base/log.h"
#include "base/macros.h"
#include "sys/fd.h"

#define CMDLINE_PATH "/proc/cmdline"
#define CMDLINE_MAX (64 * 1024)
#define CONFIG_FILE_WORD "agent.config_file="

#define BAD_TIMEOUT .lowest = 1, .bad_format = "invalid timeout parameter", .bad_value = "unable to parse timeout"

static const char *const rest_api_choices[] = {"all", "attestation", "resource", NULL};
static const char *const procs_choices[] = {"none", "attestation-agent", "confidential-data-hub", "api-server-rest", NULL};

#define AT(member) .offset = offsetof(struct config, member)

/* One row per key: container-jail sheet 7.2 and 7.3. */
static const struct config_key keys[] = {
    {"agent.debug_console", "debug_console", .kind = CONFIG_FLAG, .bare = true, AT(debug_console)},
    {"agent.devmode", "dev_mode", .kind = CONFIG_FLAG, .bare = true, AT(dev_mode)},
    {"agent.trace", "tracing", "KATA_AGENT_TRACING", .kind = CONFIG_BOOL, .bare = true, AT(tracing)},
    {"agent.log", "log_level", "KATA_AGENT_LOG_LEVEL", .kind = CONFIG_LEVEL, AT(log_level), .number = LOG_INFO,
     .bad_format = "invalid log level parameter", .bad_value = "invalid log level"},
    {"agent.server_addr", "server_addr", "KATA_AGENT_SERVER_ADDR", .kind = CONFIG_STRING, AT(server_addr),
     .text = "vsock://-1:1024"},
    {"agent.hotplug_timeout", "hotplug_timeout", .kind = CONFIG_SECONDS, AT(hotplug_timeout_s), .number = 3, BAD_TIMEOUT},
    {"agent.cdh_api_timeout", "cdh_api_timeout", .kind = CONFIG_SECONDS, AT(cdh_api_timeout_s), .number = 50, BAD_TIMEOUT},
    {"agent.image_pull_timeout", "image_pull_timeout", .kind = CONFIG_SECONDS, AT(image_pull_timeout_s), .number = 1200,
     BAD_TIMEOUT},
    {"agent.cdi_timeout", "cdi_timeout", .kind = CONFIG_SECONDS, AT(cdi_timeout_s), .number = 100, BAD_TIMEOUT},
    {"agent.launch_process_timeout", "launch_process_timeout", .kind = CONFIG_SECONDS, AT(launch_process_timeout_s),
     .number = 6, BAD_TIMEOUT},
    {"agent.visible_cdi_devices", "visible_cdi_devices", .kind = CONFIG_BOOL, AT(visible_cdi_devices)},
    {"agent.debug_console_vport", "debug_console_vport", .kind = CONFIG_I32, AT(debug_console_vport), .lowest = 1},
    {"agent.log_vport", "log_vport", .kind = CONFIG_I32, AT(log_vport), .lowest = 1},
    {"agent.passfd_listener_port", "passfd_listener_port", .kind = CONFIG_I32, AT(passfd_listener_port), .lowest = 1},
    {"agent.container_pipe_size", "container_pipe_size", .kind = CONFIG_I32, AT(container_pipe_size),
     .too_low = "container pipe size should not be negative", .bad_format = "invalid container pipe size parameter",
     .bad_value = "unable to parse container pipe size"},
    {"cgroup_no_v1", .kind = CONFIG_WORD_ALL, AT(cgroup_no_v1)},
    {"systemd.unified_cgroup_hierarchy", "unified_cgroup_hierarchy", .kind = CONFIG_BOOL, AT(unified_cgroup_hierarchy)},
    {"agent.https_proxy", "https_proxy", .kind = CONFIG_URL, AT(https_proxy), .text = ""},
    {"agent.no_proxy", "no_proxy", .kind = CONFIG_STRING, AT(no_proxy), .text = ""},
    {"agent.guest_components_rest_api", "guest_components_rest_api", .kind = CONFIG_CHOICE, AT(guest_components_rest_api),
     .text = "resource", .choices = rest_api_choices,
     .bad_value = "invalid guest components rest api feature given. Valid values are `all`, `attestation`, `resource`"},
    {"agent.guest_components_procs", "guest_components_procs", .kind = CONFIG_CHOICE, AT(guest_components_procs),
     .text = "api-server-rest", .choices = procs_choices,
     .bad_value = "invalid guest components process param given. Valid values are `attestation-agent`, "
                  "`confidential-data-hub`, `api-server-rest`, or `none`"},
    {"agent.secure_storage_integrity", "secure_storage_integrity", .kind = CONFIG_BOOL, AT(secure_storage_integrity),
     .number = true},
    {NULL, "policy_file", "KATA_AGENT_POLICY_FILE", .kind = CONFIG_STRING, AT(policy_file), .text = ""},
#define MEM_AGENT(name, key_kind, key_default)                                                                                 \
    {                                                                                                                          \
        "agent." #name, #name, .kind = key_kind, AT(name), .number = key_default, .lowest = INT64_MIN                          \
    }
    MEM_AGENT(mem_agent_enable, CONFIG_BOOL, false),
    MEM_AGENT(mem_agent_memcg_disable, CONFIG_STRICT_BOOL, false),
    MEM_AGENT(mem_agent_memcg_swap, CONFIG_STRICT_BOOL, false),
    MEM_AGENT(mem_agent_memcg_swappiness_max, CONFIG_U8, 50),
    MEM_AGENT(mem_agent_memcg_period_secs, CONFIG_U64, 600),
    MEM_AGENT(mem_agent_memcg_period_psi_percent_limit, CONFIG_U8, 1),
    MEM_AGENT(mem_agent_memcg_eviction_psi_percent_limit, CONFIG_U8, 1),
    MEM_AGENT(mem_agent_memcg_eviction_run_aging_count_min, CONFIG_U64, 3),
    MEM_AGENT(mem_agent_compact_disable, CONFIG_STRICT_BOOL, false),
    MEM_AGENT(mem_agent_compact_period_secs, CONFIG_U64, 600),
    MEM_AGENT(mem_agent_compact_period_psi_percent_limit, CONFIG_U8, 1),
    MEM_AGENT(mem_agent_compact_psi_percent_limit, CONFIG_U8, 5),
    MEM_AGENT(mem_agent_compact_sec_max, CONFIG_I64, 300),
    MEM_AGENT(mem_agent_compact_order, CONFIG_U8, 9),
    MEM_AGENT(mem_agent_compact_threshold, CONFIG_U64, 1024),
    MEM_AGENT(mem_agent_compact_force_times, CONFIG_U64, INT64_MAX),
#undef MEM_AGENT
};

void config_defaults(struct config *config)
{
    *config = (struct config){0};
    FOR_ROWS (key, keys)
        config_value_default(key, config);
}

/* ---- kernel command line ---- */

static int apply_word(struct arena *a, const char *word, struct config *config, const char **config_file, struct error *err)
{
    if (strncmp(word, CONFIG_FILE_WORD, strlen(CONFIG_FILE_WORD)) == 0) {
        *config_file = word + strlen(CONFIG_FILE_WORD);
        if (**config_file == '\0')
            return error_status(err, STATUS_INVALID_ARGUMENT, "'%s': name=value parameter missing value", word);
        return 0;
    }
    FOR_ROWS (key, keys) {
        if (config_value_matches(key, word))
            return config_value_from_word(a, key, word, config, err);
    }
    return 0;
}

int config_parse_cmdline(struct arena *a, const char *cmdline, struct config *config, const char **ret_config_file,
                         struct error *err)
{
    static const char white_space[] = " \t\n\f\r";
    const char *config_file = NULL;
    struct config next = *config;

    for (const char *p = cmdline + strspn(cmdline, white_space); *p && !config_file; p += strspn(p, white_space)) {
        size_t len = strcspn(p, white_space);
        const char *word = arena_strndup(a, p, len);
        if (!word) {
            error_status(err, STATUS_RESOURCE_EXHAUSTED, "kernel command line: out of memory");
            return -ENOBUFS;
        }
        int r = apply_word(a, word, &next, &config_file, err);
        if (r < 0) {
            error_wrap(err, "kernel command line");
            return r;
        }
        p += len;
    }
    *config = next;
    *ret_config_file = config_file;
    return 0;
}

/* ---- file ---- */

static int apply_document(struct arena *a, const struct toml_value *root, struct config *config, struct error *err)
{
    FOR_ROWS (key, keys) {
        const struct toml_value *value = key->file_key ? toml_member(root, key->file_key, strlen(key->file_key)) : NULL;
        if (!value)
            continue;
        int r = config_value_from_file(a, key, value, config, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int config_parse_toml(struct arena *a, const char *text, size_t len, struct config *config, struct error *err)
{
    const struct toml_value *root;
    struct config next = *config;

    int r = toml_parse(a, text, len, &root, err);
    if (r < 0)
        return r;
    r = apply_document(a, root, &next, err);
    if (r < 0)
        return r;
    *config = next;
    return 0;
}

/* Defaults, overlaid by the file. */
static int config_read_file(struct arena *a, const char *path, struct config *config, struct error *err)
{
    _buf_ struct buf text = BUF_INIT(TOML_TEXT_MAX);
    struct config next;

    int r = file_read_at(AT_FDCWD, path, &text);
    if (r < 0)
        return error_set(err, r, "read configuration file '%s'", path);
    config_defaults(&next);
    r = config_parse_toml(a, text.data ? text.data : "", text.len, &next, err);
    if (r < 0) {
        error_wrap(err, "configuration file '%s'", path);
        return r;
    }
    *config = next;
    return 0;
}

/* ---- environment ---- */

static const char *environment_find(char *const *envp, const char *name)
{
    size_t len = strlen(name);

    for (; *envp; envp++) {
        if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=')
            return *envp + len + 1;
    }
    return NULL;
}

int config_parse_environment(struct arena *a, char *const *envp, struct config *config, struct error *err)
{
    struct config next = *config;

    FOR_ROWS (key, keys) {
        const char *value = key->variable ? environment_find(envp, key->variable) : NULL;
        int r = value ? config_value_from_variable(a, key, value, &next, err) : 0;
        if (r < 0)
            return r;
    }
    *config = next;
    return 0;
}

/* ---- precedence ---- */

int config_load(struct arena *a, const char *config_file, char *const *envp, struct config *config, struct error *err)
{
    _buf_ struct buf cmdline = BUF_INIT(CMDLINE_MAX);
    const char *named_file = NULL;
    struct config next;
    int r;

    if (config_file) {
        r = config_read_file(a, config_file, &next, err);
    } else {
        r = file_read_at(AT_FDCWD, CMDLINE_PATH, &cmdline);
        if (r < 0)
            return error_set(err, r, "read '%s'", CMDLINE_PATH);
        config_defaults(&next);
        r = config_parse_cmdline(a, cmdline.data ? cmdline.data : "", &next, &named_file, err);
    }
    if (r < 0)
        return r;
    r = named_file ? config_read_file(a, named_file, &next, err) : config_parse_environment(a, envp, &next, err);
    if (r < 0)
        return r;
    *config = next;
    return 0;
}
