/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's configuration: each key on the command line and in the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/guest/config.h"
#include "agent/tests/support/config_show.h"
#include "base/macros.h"

#define BUDGET (1024 * 1024)
#define LONG_TEXT "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void expect_refused(const char *label, int r, const struct error *err, const char *want)
{
    if (r != -EINVAL || err->status != STATUS_INVALID_ARGUMENT || strcmp(err->text, want) != 0)
        fail_msg("%s: got %d '%s', want '%s'", label, r, err->text, want);
}

static void defaults_are_those_of_the_sheet(void **state)
{
    _buf_ struct buf out = BUF_INIT(65536);
    struct config config;
    (void)state;

    memset(&config, 0xff, sizeof(config));
    config_defaults(&config);
    config_show(&config, NULL, &out);
    assert_string_equal(out.data,
                        "debug_console=no dev_mode=no tracing=no log_level=3 server_addr=vsock://-1:1024 hotplug_timeout_s=3 "
                        "cdh_api_timeout_s=50 image_pull_timeout_s=1200 cdi_timeout_s=100 launch_process_timeout_s=6 "
                        "visible_cdi_devices=no debug_console_vport=0 log_vport=0 passfd_listener_port=0 container_pipe_size=0 "
                        "unified_cgroup_hierarchy=no cgroup_no_v1=no https_proxy= no_proxy= guest_components_rest_api=resource "
                        "guest_components_procs=api-server-rest secure_storage_integrity=yes policy_file= mem_agent_enable=no "
                        "mem_agent_memcg_disable=no mem_agent_memcg_swap=no mem_agent_memcg_swappiness_max=50 "
                        "mem_agent_memcg_period_secs=600 mem_agent_memcg_period_psi_percent_limit=1 "
                        "mem_agent_memcg_eviction_psi_percent_limit=1 mem_agent_memcg_eviction_run_aging_count_min=3 "
                        "mem_agent_compact_disable=no mem_agent_compact_period_secs=600 "
                        "mem_agent_compact_period_psi_percent_limit=1 mem_agent_compact_psi_percent_limit=5 "
                        "mem_agent_compact_sec_max=300 mem_agent_compact_order=9 mem_agent_compact_threshold=1024 "
                        "mem_agent_compact_force_times=9223372036854775807");
}

/* ---- command line ---- */

static int parse_cmdline(struct arena *a, const char *line, struct config *config, struct error *err)
{
    const char *file = NULL;

    config_defaults(config);
    int r = config_parse_cmdline(a, line, config, &file, err);
    if (r == 0)
        assert_null(file);
    return r;
}

static void words_of_the_command_line_set_their_keys(void **state)
{
    static const struct {
        const char *line, *changes;
    } rows[] = {
        {"", ""},
        {"  \t\n\f\r ", ""},
        {"root=/dev/vda1 quiet agent agent. agent.unknown=1 xagent.debug_console panic=1", ""},
        {"\tagent.debug_console\n", "debug_console=yes"},
        {"agent.debug_console=1 agent.debug_consoles", ""},
        {"agent.debug_console\vagent.devmode", ""},
        {"agent.devmode", "dev_mode=yes"},
        {"agent.devmode=true", ""},
        {"agent.trace", "tracing=yes"},
        {"agent.trace=true", "tracing=yes"},
        {"agent.trace=1", "tracing=yes"},
        {"agent.trace=18446744073709551615", "tracing=yes"},
        {"agent.trace=18446744073709551616", ""},
        {"agent.trace=0", ""},
        {"agent.trace=-1", ""},
        {"agent.trace=", ""},
        {"agent.trace=yes", ""},
        {"agent.trace=true=true", ""},
        {"agent.trace agent.trace=false", ""},
        {"agent.tracer", ""},
        {"agent.log=fatal", "log_level=0"},
        {"agent.log=panic", "log_level=0"},
        {"agent.log=critical", "log_level=0"},
        {"agent.log=error", "log_level=1"},
        {"agent.log=warn", "log_level=2"},
        {"agent.log=warning", "log_level=2"},
        {"agent.log=trace agent.log=info", ""},
        {"agent.log=debug", "log_level=4"},
        {"agent.log=trace", "log_level=5"},
        {"agent.log", ""},
        {"agent.server_addr=unix:///run/a=b", "server_addr=unix:///run/a=b"},
        {"agent.server_addr", ""},
        {"agent.hotplug_timeout=1", "hotplug_timeout_s=1"},
        {"agent.hotplug_timeout=+5 agent.hotplug_timeout=0", "hotplug_timeout_s=5"},
        {"agent.hotplug_timeout=18446744073709551615", "hotplug_timeout_s=18446744073709551615"},
        {"agent.cdh_api_timeout=600 agent.cdh_api_timeout=0", "cdh_api_timeout_s=600"},
        {"agent.image_pull_timeout=1 agent.image_pull_timeout=0", "image_pull_timeout_s=1"},
        {"agent.cdi_timeout=1 agent.cdi_timeout=0", "cdi_timeout_s=1"},
        {"agent.launch_process_timeout=1 agent.launch_process_timeout=0", "launch_process_timeout_s=1"},
        {"agent.visible_cdi_devices=true", "visible_cdi_devices=yes"},
        {"agent.visible_cdi_devices=2", "visible_cdi_devices=yes"},
        {"agent.visible_cdi_devices", ""},
        {"agent.visible_cdi_devices=no", ""},
        {"agent.debug_console_vport=1026", "debug_console_vport=1026"},
        {"agent.debug_console_vport=2147483647", "debug_console_vport=2147483647"},
        {"agent.debug_console_vport=1 agent.debug_console_vport=0 agent.debug_console_vport=-1", "debug_console_vport=1"},
        {"agent.log_vport=1025", "log_vport=1025"},
        {"agent.log_vport=1 agent.log_vport=0 agent.log_vport=-2147483648", "log_vport=1"},
        {"agent.passfd_listener_port=1027", "passfd_listener_port=1027"},
        {"agent.passfd_listener_port=1 agent.passfd_listener_port=0 agent.passfd_listener_port=-1", "passfd_listener_port=1"},
        {"agent.container_pipe_size=2097152", "container_pipe_size=2097152"},
        {"agent.container_pipe_size=5 agent.container_pipe_size=0", ""},
        {"agent.container_pipe_size=5 agent.container_pipe_size=-0", ""},
        {"cgroup_no_v1=all", "cgroup_no_v1=yes"},
        {"cgroup_no_v1=memory cgroup_no_v1", ""},
        {"cgroup_no_v1=all cgroup_no_v1=memory", ""},
        {"systemd.unified_cgroup_hierarchy=true", "unified_cgroup_hierarchy=yes"},
        {"systemd.unified_cgroup_hierarchy=1", "unified_cgroup_hierarchy=yes"},
        {"systemd.unified_cgroup_hierarchy=0", ""},
        {"systemd.unified_cgroup_hierarchy", ""},
        {"agent.https_proxy=http://Proxy.Example:81/x", "https_proxy=http://proxy.example:81/x"},
        {"agent.https_proxy=http://proxy", "https_proxy=http://proxy/"},
        {"agent.https_proxy=http://proxy?a=B", "https_proxy=http://proxy/?a=B"},
        {"agent.https_proxy=HTTPS://proxy:443", "https_proxy=https://proxy/"},
        {"agent.https_proxy=https://proxy:80", "https_proxy=https://proxy:80/"},
        {"agent.https_proxy=http://proxy:80/", "https_proxy=http://proxy/"},
        {"agent.https_proxy=http:proxy:65535", "https_proxy=http://proxy:65535/"},
        {"agent.https_proxy=http://User@[FE80::1]:3128", "https_proxy=http://User@[fe80::1]:3128/"},
        {"agent.https_proxy=http://u:p@h:1/", "https_proxy=http://u:p@h:1/"},
        {"agent.https_proxy=http://[::1]", "https_proxy=http://[::1]/"},
        {"agent.https_proxy=http://AZ.Example", "https_proxy=http://az.example/"},
        {"agent.https_proxy=ftps://Host:80", "https_proxy=ftps://Host:80"},
        {"agent.https_proxy=http://proxy:", "https_proxy=http://proxy/"},
        {"agent.https_proxy=SOCKS5+x-y.z://Host:1080", "https_proxy=socks5+x-y.z://Host:1080"},
        {"agent.no_proxy=10.0.0.0/8,a=b", "no_proxy=10.0.0.0/8,a=b"},
        {"agent.guest_components_rest_api=all", "guest_components_rest_api=all"},
        {"agent.guest_components_rest_api=attestation", "guest_components_rest_api=attestation"},
        {"agent.guest_components_rest_api=all agent.guest_components_rest_api=resource", ""},
        {"agent.guest_components_procs=none", "guest_components_procs=none"},
        {"agent.guest_components_procs=attestation-agent", "guest_components_procs=attestation-agent"},
        {"agent.guest_components_procs=confidential-data-hub", "guest_components_procs=confidential-data-hub"},
        {"agent.guest_components_procs=none agent.guest_components_procs=api-server-rest", ""},
        {"agent.secure_storage_integrity=false", "secure_storage_integrity=no"},
        {"agent.secure_storage_integrity=0 agent.secure_storage_integrity=1", ""},
        {"agent.policy_file=/x agent.cgroup_no_v1=all", ""},
        {"agent.mem_agent_enable=1", "mem_agent_enable=yes"},
        {"agent.mem_agent_enable=true", "mem_agent_enable=yes"},
        {"agent.mem_agent_memcg_disable=true", "mem_agent_memcg_disable=yes"},
        {"agent.mem_agent_memcg_disable=true agent.mem_agent_memcg_disable=false", ""},
        {"agent.mem_agent_memcg_swap=true", "mem_agent_memcg_swap=yes"},
        {"agent.mem_agent_compact_disable=true", "mem_agent_compact_disable=yes"},
        {"agent.mem_agent_memcg_swappiness_max=0", "mem_agent_memcg_swappiness_max=0"},
        {"agent.mem_agent_memcg_swappiness_max=255", "mem_agent_memcg_swappiness_max=255"},
        {"agent.mem_agent_memcg_period_secs=0", "mem_agent_memcg_period_secs=0"},
        {"agent.mem_agent_memcg_period_psi_percent_limit=100", "mem_agent_memcg_period_psi_percent_limit=100"},
        {"agent.mem_agent_memcg_eviction_psi_percent_limit=2", "mem_agent_memcg_eviction_psi_percent_limit=2"},
        {"agent.mem_agent_memcg_eviction_run_aging_count_min=18446744073709551615",
         "mem_agent_memcg_eviction_run_aging_count_min=18446744073709551615"},
        {"agent.mem_agent_compact_period_secs=1", "mem_agent_compact_period_secs=1"},
        {"agent.mem_agent_compact_period_psi_percent_limit=0", "mem_agent_compact_period_psi_percent_limit=0"},
        {"agent.mem_agent_compact_psi_percent_limit=6", "mem_agent_compact_psi_percent_limit=6"},
        {"agent.mem_agent_compact_sec_max=-9223372036854775808", "mem_agent_compact_sec_max=-9223372036854775808"},
        {"agent.mem_agent_compact_sec_max=9223372036854775807", "mem_agent_compact_sec_max=9223372036854775807"},
        {"agent.mem_agent_compact_order=10", "mem_agent_compact_order=10"},
        {"agent.mem_agent_compact_threshold=1", "mem_agent_compact_threshold=1"},
        {"agent.mem_agent_compact_force_times=1", "mem_agent_compact_force_times=1"},
        /* The order of the words about the memory agent does not matter. */
        {"agent.mem_agent_compact_order=8 agent.mem_agent_enable=1", "mem_agent_enable=yes mem_agent_compact_order=8"},
        {"agent.log=debug agent.debug_console agent.log=error", "debug_console=yes log_level=1"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct config config;
        struct error err = {0};
        if (parse_cmdline(a, row->line, &config, &err) != 0)
            fail_msg("%s: %s", row->line, err.text);
        config_expect_changes(row->line, &config, row->changes);
    }
}

static void bad_words_of_the_command_line_are_refused(void **state)
{
    static const struct {
        const char *word, *text;
    } rows[] = {
        {"agent.log=verbose", "invalid log level"},
        {"agent.log=", "invalid log level"},
        {"agent.log=INFO", "invalid log level"},
        {"agent.log=info=x", "invalid log level parameter"},
        {"agent.server_addr=", "name=value parameter missing value"},
        {"agent.no_proxy=", "name=value parameter missing value"},
        {"cgroup_no_v1=", "name=value parameter missing value"},
        {"agent.config_file=", "name=value parameter missing value"},
        {"agent.https_proxy=", "name=value parameter missing value"},
        {"agent.https_proxy=proxy", "relative URL without a base"},
        {"agent.https_proxy=1http://x", "relative URL without a base"},
        {"agent.https_proxy=://x", "relative URL without a base"},
        {"agent.https_proxy=[http://x", "relative URL without a base"},
        {"agent.https_proxy=http://", "empty host"},
        {"agent.https_proxy=http://u@:80", "empty host"},
        {"agent.https_proxy=http://x:65536", "invalid port number"},
        {"agent.https_proxy=http://x:000080", "invalid port number"},
        {"agent.https_proxy=http://x:8o", "invalid port number"},
        {"agent.https_proxy=http://[::1", "invalid IPv6 address"},
        {"agent.hotplug_timeout=", "unable to parse timeout"},
        {"agent.hotplug_timeout=+", "unable to parse timeout"},
        {"agent.hotplug_timeout=1s", "unable to parse timeout"},
        {"agent.hotplug_timeout=0x1", "unable to parse timeout"},
        {"agent.hotplug_timeout=-1", "unable to parse timeout"},
        {"agent.hotplug_timeout=18446744073709551616", "unable to parse timeout"},
        {"agent.hotplug_timeout=1=2", "invalid timeout parameter"},
        {"agent.cdh_api_timeout=x", "unable to parse timeout"},
        {"agent.cdh_api_timeout=1=", "invalid timeout parameter"},
        {"agent.image_pull_timeout=x", "unable to parse timeout"},
        {"agent.image_pull_timeout=1=", "invalid timeout parameter"},
        {"agent.cdi_timeout=x", "unable to parse timeout"},
        {"agent.cdi_timeout=1=", "invalid timeout parameter"},
        {"agent.launch_process_timeout=x", "unable to parse timeout"},
        {"agent.launch_process_timeout=1=", "invalid timeout parameter"},
        {"agent.debug_console_vport=x", "parse from x failed: invalid digit"},
        {"agent.debug_console_vport=", "parse from  failed: no digits"},
        {"agent.debug_console_vport=1=2", "format of agent.debug_console_vport=1=2 is invalid"},
        {"agent.log_vport=2147483648", "parse from 2147483648 failed: number too large"},
        {"agent.log_vport=-2147483649", "parse from -2147483649 failed: number too small"},
        {"agent.log_vport=1=", "format of agent.log_vport=1= is invalid"},
        {"agent.passfd_listener_port=1.5", "parse from 1.5 failed: invalid digit"},
        {"agent.passfd_listener_port=1=2", "format of agent.passfd_listener_port=1=2 is invalid"},
        {"agent.container_pipe_size=-1", "container pipe size should not be negative"},
        {"agent.container_pipe_size=x", "unable to parse container pipe size"},
        {"agent.container_pipe_size=2147483648", "unable to parse container pipe size"},
        {"agent.container_pipe_size=1=2", "invalid container pipe size parameter"},
        {"agent.guest_components_rest_api=",
         "invalid guest components rest api feature given. Valid values are `all`, `attestation`, `resource`"},
        {"agent.guest_components_rest_api=none",
         "invalid guest components rest api feature given. Valid values are `all`, `attestation`, `resource`"},
        {"agent.guest_components_procs=all",
         "invalid guest components process param given. Valid values are `attestation-agent`, `confidential-data-hub`, "
         "`api-server-rest`, or `none`"},
        {"agent.mem_agent_memcg_disable=1", "parse from 1 failed: neither true nor false"},
        {"agent.mem_agent_memcg_disable=true=", "format of agent.mem_agent_memcg_disable=true= is invalid"},
        {"agent.mem_agent_memcg_swap=", "parse from  failed: neither true nor false"},
        {"agent.mem_agent_compact_disable=no", "parse from no failed: neither true nor false"},
        {"agent.mem_agent_memcg_swappiness_max=256", "parse from 256 failed: number too large"},
        {"agent.mem_agent_memcg_swappiness_max=-1", "parse from -1 failed: number too small"},
        {"agent.mem_agent_memcg_period_secs=18446744073709551616", "parse from 18446744073709551616 failed: number too large"},
        {"agent.mem_agent_memcg_period_psi_percent_limit=300", "parse from 300 failed: number too large"},
        {"agent.mem_agent_memcg_eviction_psi_percent_limit=x", "parse from x failed: invalid digit"},
        {"agent.mem_agent_memcg_eviction_run_aging_count_min=-1", "parse from -1 failed: number too small"},
        {"agent.mem_agent_compact_period_secs=1=2", "format of agent.mem_agent_compact_period_secs=1=2 is invalid"},
        {"agent.mem_agent_compact_period_psi_percent_limit=256", "parse from 256 failed: number too large"},
        {"agent.mem_agent_compact_psi_percent_limit=256", "parse from 256 failed: number too large"},
        {"agent.mem_agent_compact_sec_max=9223372036854775808", "parse from 9223372036854775808 failed: number too large"},
        {"agent.mem_agent_compact_sec_max=-9223372036854775809", "parse from -9223372036854775809 failed: number too small"},
        {"agent.mem_agent_compact_order=256", "parse from 256 failed: number too large"},
        {"agent.mem_agent_compact_threshold=x", "parse from x failed: invalid digit"},
        {"agent.mem_agent_compact_force_times=x", "parse from x failed: invalid digit"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        char line[512], text[512];
        struct config config;
        struct error err = {0};
        snprintf(line, sizeof(line), "agent.devmode %s agent.debug_console", row->word);
        snprintf(text, sizeof(text), "kernel command line: '%s': %s", row->word, row->text);
        expect_refused(row->word, parse_cmdline(a, line, &config, &err), &err, text);
        config_expect_changes(row->word, &config, ""); /* the good word in front of it neither */
    }
}

static void long_words_are_cut_in_errors(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct config config;
    struct error err = {0};
    (void)state;

    assert_int_equal(parse_cmdline(a, "agent.log_vport=" LONG_TEXT LONG_TEXT LONG_TEXT, &config, &err), -EINVAL);
    assert_true(strlen(err.text) < 512);
}

static void a_used_up_budget_is_reported(void **state)
{
    static const struct {
        const char *line, *text;
    } rows[] = {
        {"agent.devmode", "kernel command line: out of memory"},
        {"agent.no_proxy=x", "kernel command line: out of memory"},
        {"agent.no_proxy=x", "kernel command line: 'agent.no_proxy=x': out of memory"},
        {"agent.https_proxy=http://x", "kernel command line: 'agent.https_proxy=http://x': out of memory"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        bool seen = false;
        for (size_t waste = 0; waste < 1024 && !seen; waste += 16) {
            _arena_ struct arena *a = arena_new(1024);
            struct config config;
            struct error err = {0};
            arena_alloc(a, waste);
            int r = parse_cmdline(a, row->line, &config, &err);
            seen = r == -ENOBUFS && err.status == STATUS_RESOURCE_EXHAUSTED && strcmp(err.text, row->text) == 0;
        }
        if (!seen)
            fail_msg("never seen: %s", row->text);
    }
}

static void a_config_file_on_the_command_line_ends_it(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    struct config config;
    const char *file = NULL;
    (void)state;

    config_defaults(&config);
    assert_int_equal(config_parse_cmdline(a, "quiet agent.config_file=/etc/a=b.toml agent.log=nonsense", &config, &file, NULL),
                     0);
    assert_string_equal(file, "/etc/a=b.toml");

    file = NULL;
    assert_int_equal(config_parse_cmdline(a, "agent.log=nonsense agent.config_file=/x", &config, &file, NULL), -EINVAL);
    assert_null(file);
}

/* ---- file ---- */

static int parse_toml(struct arena *a, const char *text, struct config *config, struct error *err)
{
    config_defaults(config);
    return config_parse_toml(a, text, strlen(text), config, err);
}

static void keys_of_the_file_are_set(void **state)
{
    static const struct {
        const char *text, *changes;
    } rows[] = {
        {"", ""},
        {"unknown = 1\n[table]\ndev_mode = true", ""},
        {"agent.log_level = 'debug'\ndevmode = 1\ntrace = 1\nlog = 1\ncgroup_no_v1 = 5", ""},
        {"debug_console = true\ndev_mode = true\ntracing = true", "debug_console=yes dev_mode=yes tracing=yes"},
        {"debug_console = false\nsecure_storage_integrity = false", "secure_storage_integrity=no"},
        {"log_level = 'panic'", "log_level=0"},
        {"server_addr = ''\nno_proxy = ''", "server_addr="},
        {"https_proxy = 'HTTP://proxy'", "https_proxy=HTTP://proxy"},
        {"hotplug_timeout = { secs = 0, nanos = 0 }", "hotplug_timeout_s=0"},
        {"hotplug_timeout = { secs = 4, nanos = 1, more = 1 }", "hotplug_timeout_s=5"},
        {"hotplug_timeout = { secs = 9223372036854775807, nanos = 4294967295 }", "hotplug_timeout_s=9223372036854775812"},
        {"cdi_timeout = { secs = 1, nanos = 1000000000 }", "cdi_timeout_s=2"},
        {"[cdh_api_timeout]\nsecs = 7", "cdh_api_timeout_s=7"},
        {"log_vport = -1\ndebug_console_vport = -2147483648\npassfd_listener_port = 2147483647",
         "debug_console_vport=-2147483648 log_vport=-1 passfd_listener_port=2147483647"},
        {"container_pipe_size = -1", "container_pipe_size=-1"},
        {"guest_components_procs = 'none'\nguest_components_rest_api = 'attestation'",
         "guest_components_rest_api=attestation guest_components_procs=none"},
        {"mem_agent_memcg_swappiness_max = 0\nmem_agent_compact_order = 255",
         "mem_agent_memcg_swappiness_max=0 mem_agent_compact_order=255"},
        {"mem_agent_compact_sec_max = -9223372036854775808", "mem_agent_compact_sec_max=-9223372036854775808"},
        {"mem_agent_compact_threshold = 9223372036854775807", "mem_agent_compact_threshold=9223372036854775807"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct config config;
        struct error err = {0};
        if (parse_toml(a, row->text, &config, &err) != 0)
            fail_msg("%s: %s", row->text, err.text);
        config_expect_changes(row->text, &config, row->changes);
    }
}

/* Every key of the file refuses a value of another type; the error names key, line and what was found. */
static void values_of_another_type_are_refused(void **state)
{
    static const struct {
        const char *type, *keys[24];
    } rows[] = {
        {"a boolean",
         {"debug_console", "dev_mode", "tracing", "visible_cdi_devices", "unified_cgroup_hierarchy", "secure_storage_integrity",
          "mem_agent_enable", "mem_agent_memcg_disable", "mem_agent_memcg_swap", "mem_agent_compact_disable"}},
        {"a string",
         {"log_level", "server_addr", "https_proxy", "no_proxy", "guest_components_rest_api", "guest_components_procs",
          "policy_file"}},
        {"a table { secs = N, nanos = N }",
         {"hotplug_timeout", "cdh_api_timeout", "image_pull_timeout", "cdi_timeout", "launch_process_timeout"}},
        {"an integer",
         {"debug_console_vport", "log_vport", "passfd_listener_port", "container_pipe_size", "mem_agent_memcg_swappiness_max",
          "mem_agent_memcg_period_secs", "mem_agent_memcg_period_psi_percent_limit",
          "mem_agent_memcg_eviction_psi_percent_limit", "mem_agent_memcg_eviction_run_aging_count_min",
          "mem_agent_compact_period_secs", "mem_agent_compact_period_psi_percent_limit", "mem_agent_compact_psi_percent_limit",
          "mem_agent_compact_sec_max", "mem_agent_compact_order", "mem_agent_compact_threshold",
          "mem_agent_compact_force_times"}},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        for (const char *const *key = row->keys; *key; key++) {
            _arena_ struct arena *a = arena_new(BUDGET);
            char text[256], want[256];
            struct config config;
            struct error err = {0};
            snprintf(text, sizeof(text), "\n%s = []", *key);
            snprintf(want, sizeof(want), "%s (line 2): expected %s, found an array", *key, row->type);
            expect_refused(*key, parse_toml(a, text, &config, &err), &err, want);
        }
    }
}

static void bad_values_of_the_file_are_refused(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"log_level = 5", "log_level (line 1): expected a string, found an integer"},
        {"tracing = 'true'", "tracing (line 1) 'true': expected a boolean, found a string"},
        {"log_level = 'loud'", "log_level (line 1) 'loud': invalid log level"},
        {"log_level = \"info\\u0000\"", "log_level (line 1) 'info': the string holds a NUL character"},
        {"server_addr = \"a\\u0000b\"", "server_addr (line 1) 'a': the string holds a NUL character"},
        {"guest_components_rest_api = 'none'",
         "guest_components_rest_api (line 1) 'none': invalid guest components rest api feature given. Valid values are `all`, "
         "`attestation`, `resource`"},
        {"guest_components_procs = ''",
         "guest_components_procs (line 1) '': invalid guest components process param given. Valid values are "
         "`attestation-agent`, `confidential-data-hub`, `api-server-rest`, or `none`"},
        {"hotplug_timeout = {}", "hotplug_timeout (line 1): secs is missing"},
        {"hotplug_timeout = { secs = 1.5 }", "hotplug_timeout (line 1): secs (line 1): expected an integer, found a float"},
        {"hotplug_timeout = { secs = 1, nanos = '' }",
         "hotplug_timeout (line 1): nanos (line 1): expected an integer, found a string"},
        {"cdi_timeout = { secs = -1 }", "cdi_timeout (line 1): secs = -1 is negative"},
        {"cdi_timeout = { secs = 1, nanos = -1 }", "cdi_timeout (line 1): nanos = -1 is not between 0 and 4294967295"},
        {"cdi_timeout = { secs = 1, nanos = 4294967296 }",
         "cdi_timeout (line 1): nanos = 4294967296 is not between 0 and 4294967295"},
        {"log_vport = 2147483648", "log_vport (line 1): 2147483648: number too large"},
        {"container_pipe_size = -2147483649", "container_pipe_size (line 1): -2147483649: number too small"},
        {"mem_agent_compact_order = 256", "mem_agent_compact_order (line 1): 256: number too large"},
        {"mem_agent_compact_order = -1", "mem_agent_compact_order (line 1): -1: number too small"},
        {"mem_agent_compact_threshold = -1", "mem_agent_compact_threshold (line 1): -1: number too small"},
        {"dev_mode = true\nlog_level", "line 2, column 10: '=' is expected behind the key 'log_level'"},
        {"dev_mode = true\nlog_vport = 'x'", "log_vport (line 2) 'x': expected an integer, found a string"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct config config;
        struct error err = {0};
        expect_refused(row->text, parse_toml(a, row->text, &config, &err), &err, row->error);
        config_expect_changes(row->text, &config, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_sheet),
        cmocka_unit_test(words_of_the_command_line_set_their_keys),
        cmocka_unit_test(bad_words_of_the_command_line_are_refused),
        cmocka_unit_test(long_words_are_cut_in_errors),
        cmocka_unit_test(a_used_up_budget_is_reported),
        cmocka_unit_test(a_config_file_on_the_command_line_ends_it),
        cmocka_unit_test(keys_of_the_file_are_set),
        cmocka_unit_test(values_of_another_type_are_refused),
        cmocka_unit_test(bad_values_of_the_file_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
