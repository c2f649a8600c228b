/* SPDX-License-Identifier: Apache-2.0 */
/* The sources of the agent's configuration: environment, files, and which one counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/guest/config.h"
#include "agent/tests/support/config_show.h"
#include "base/macros.h"

#define BUDGET (1024 * 1024)
#define LONG_TEXT "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* ---- environment ---- */

static void variables_of_the_environment_are_applied(void **state)
{
    static const struct {
        const char *label;
        char *env[5];
        const char *changes;
    } rows[] = {
        {"nothing", {NULL}, ""},
        {"others", {"PATH=/bin", "KATA_AGENT_TRACINGS=1", "XKATA_AGENT_TRACING=1", "KATA_AGENT_TRACING"}, ""},
        {"address", {"KATA_AGENT_SERVER_ADDR=unix:///a=b"}, "server_addr=unix:///a=b"},
        {"the first counts", {"KATA_AGENT_SERVER_ADDR=a", "KATA_AGENT_SERVER_ADDR=b"}, "server_addr=a"},
        {"level", {"KATA_AGENT_LOG_LEVEL=debug"}, "log_level=4"},
        {"unknown level is ignored", {"KATA_AGENT_LOG_LEVEL=loud"}, ""},
        {"tracing", {"KATA_AGENT_TRACING=true"}, "tracing=yes"},
        {"tracing number", {"KATA_AGENT_TRACING=3"}, "tracing=yes"},
        {"tracing off", {"KATA_AGENT_TRACING=maybe"}, ""},
        {"tracing empty", {"KATA_AGENT_TRACING="}, ""},
        {"policy", {"KATA_AGENT_POLICY_FILE=/p"}, "policy_file=/p"},
        {"all",
         {"KATA_AGENT_POLICY_FILE=/p", "KATA_AGENT_TRACING=1", "KATA_AGENT_LOG_LEVEL=error", "KATA_AGENT_SERVER_ADDR=s"},
         "tracing=yes log_level=1 server_addr=s policy_file=/p"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct config config;
        config_defaults(&config);
        if (config_parse_environment(a, row->env, &config, NULL) != 0)
            fail_msg("%s", row->label);
        config_expect_changes(row->label, &config, row->changes);
    }
}

static void an_environment_beyond_the_budget_is_refused(void **state)
{
    char *env[] = {"KATA_AGENT_TRACING=1", "KATA_AGENT_SERVER_ADDR=" LONG_TEXT, NULL};
    _arena_ struct arena *a = arena_new(64);
    struct config config;
    struct error err = {0};
    (void)state;

    config_defaults(&config);
    assert_int_equal(config_parse_environment(a, env, &config, &err), -ENOBUFS);
    assert_string_equal(err.text, "KATA_AGENT_SERVER_ADDR: out of memory");
    config_expect_changes("untouched", &config, "");
}

/* ---- precedence ---- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void a_file_given_to_the_agent_counts_before_the_environment(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    char *env[] = {"KATA_AGENT_SERVER_ADDR=from-env", NULL};
    char *nothing[] = {NULL};
    struct config config;
    struct error err = {0};
    (void)state;

    if (config_load(a, "fixtures/config/full.toml", env, &config, &err) != 0)
        fail_msg("%s", err.text);
    config_expect_changes("full.toml", &config,
                          "debug_console=yes dev_mode=yes tracing=yes log_level=5 server_addr=from-env hotplug_timeout_s=7 "
                          "cdh_api_timeout_s=8 image_pull_timeout_s=9 cdi_timeout_s=10 launch_process_timeout_s=11 "
                          "visible_cdi_devices=yes debug_console_vport=1026 log_vport=1025 passfd_listener_port=1027 "
                          "container_pipe_size=65536 unified_cgroup_hierarchy=yes https_proxy=http://proxy.example:3128 "
                          "no_proxy=10.0.0.0/8,.example guest_components_rest_api=all guest_components_procs=none "
                          "secure_storage_integrity=no policy_file=/etc/policy.rego mem_agent_enable=yes "
                          "mem_agent_memcg_disable=yes mem_agent_memcg_swap=yes mem_agent_memcg_swappiness_max=60 "
                          "mem_agent_memcg_period_secs=601 mem_agent_memcg_period_psi_percent_limit=2 "
                          "mem_agent_memcg_eviction_psi_percent_limit=3 mem_agent_memcg_eviction_run_aging_count_min=4 "
                          "mem_agent_compact_disable=yes mem_agent_compact_period_secs=602 "
                          "mem_agent_compact_period_psi_percent_limit=5 mem_agent_compact_psi_percent_limit=6 "
                          "mem_agent_compact_sec_max=301 mem_agent_compact_order=8 mem_agent_compact_threshold=1025 "
                          "mem_agent_compact_force_times=7");
    assert_int_equal(config_load(a, "fixtures/config/full.toml", nothing, &config, &err), 0);
    assert_string_equal(config.server_addr, "vsock://-1:2048");
}

/* Loads the configuration in a child that sees line as its kernel's command line; out: the changes, or the error. */
static void load_with_cmdline(const char *dir, const char *line, char *const *env, struct buf *out)
{
    int fds[2], status;
    char path[64], chunk[1024];

    snprintf(path, sizeof(path), "%s/cmdline", dir);
    write_file(path, line);
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct arena *a = arena_new(BUDGET);
        struct config config, defaults;
        struct error err = {0};
        if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount(path, "/proc/cmdline", NULL, MS_BIND, NULL))
            _exit(2);
        config_defaults(&defaults);
        if (config_load(a, NULL, env, &config, &err) == 0)
            config_show(&config, &defaults, out);
        else
            buf_append_str(out, err.text);
        ssize_t n = write(fds[1], out->data, out->len);
        _exit(n < 0);
    }
    close(fds[1]);
    for (ssize_t n; (n = read(fds[0], chunk, sizeof(chunk))) > 0;)
        buf_append(out, chunk, (size_t)n);
    close(fds[0]);
    unlink(path);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        buf_printf(out, "child: %#x", (unsigned int)status);
}

static void sources_count_in_their_order(void **state)
{
    static const struct {
        const char *label, *line;
        char *env[2];
        const char *result;
    } rows[] = {
        {"command line alone", "agent.log=debug\n", {NULL}, "log_level=4"},
        {"environment over command line",
         "agent.log=debug agent.devmode\n",
         {"KATA_AGENT_LOG_LEVEL=error"},
         "dev_mode=yes log_level=1"},
        {"nothing at all", "", {NULL}, ""},
        {"a named file alone, with defaults, without environment",
         "agent.devmode agent.config_file=fixtures/config/log-level.toml agent.debug_console\n",
         {"KATA_AGENT_LOG_LEVEL=error"},
         "log_level=4"},
        {"bad word", "agent.log=loud\n", {NULL}, "kernel command line: 'agent.log=loud': invalid log level"},
        {"bad file",
         "agent.config_file=fixtures/config/none.toml\n",
         {NULL},
         "read configuration file 'fixtures/config/none.toml': ENOENT: No such file or directory"},
    };
    char dir[] = "/tmp/tatami-XXXXXX";
    (void)state;

    if (geteuid() != 0) {
        print_message("needs root: it puts a file over /proc/cmdline\n");
        skip();
    }
    const char *wrong = NULL;
    assert_non_null(mkdtemp(dir));
    FOR_ROWS (row, rows) {
        _buf_ struct buf out = BUF_INIT(65536);
        load_with_cmdline(dir, row->line, row->env, &out);
        if (strcmp(out.data ? out.data : "", row->result) != 0) {
            print_error("%s: got '%s', want '%s'\n", row->label, out.data, row->result);
            wrong = row->label;
        }
    }
    rmdir(dir);
    assert_null(wrong);
}

static void the_command_line_of_the_kernel_is_read_without_a_file(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    char *env[] = {"KATA_AGENT_SERVER_ADDR=from-env", NULL};
    struct config config;
    struct error err = {0};
    (void)state;

    if (access("/proc/cmdline", R_OK) != 0)
        skip();
    if (config_load(a, NULL, env, &config, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(config.server_addr, "from-env");
}

static void files_that_cannot_be_used_are_refused(void **state)
{
    static const struct {
        const char *path;
        int r;
        const char *text;
    } rows[] = {
        {"fixtures/config/none.toml", -ENOENT,
         "read configuration file 'fixtures/config/none.toml': ENOENT: No such file or directory"},
        {"fixtures/config", -EISDIR, "read configuration file 'fixtures/config': EISDIR: Is a directory"},
        {"fixtures/config/bad-key.toml", -EINVAL,
         "configuration file 'fixtures/config/bad-key.toml': server_addr (line 2): expected a string, found an integer"},
        {"fixtures/config/bad-syntax.toml", -EINVAL,
         "configuration file 'fixtures/config/bad-syntax.toml': line 1, column 19: line end in a one-line string"},
    };
    char *env[] = {"KATA_AGENT_SERVER_ADDR=from-env", NULL};
    (void)state;

    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BUDGET);
        struct config config = {.server_addr = "untouched"};
        struct error err = {0};
        if (config_load(a, row->path, env, &config, &err) != row->r || strcmp(err.text, row->text) != 0)
            fail_msg("%s: %s", row->path, err.text);
        assert_string_equal(config.server_addr, "untouched");
    }
}

static void an_empty_file_gives_the_defaults(void **state)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    char dir[] = "/tmp/tatami-XXXXXX", path[64];
    char *nothing[] = {NULL};
    struct config config;
    (void)state;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/empty.toml", dir);
    write_file(path, "");
    int r = config_load(a, path, nothing, &config, NULL);
    unlink(path);
    rmdir(dir);
    assert_int_equal(r, 0);
    config_expect_changes("empty", &config, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_of_the_environment_are_applied),
        cmocka_unit_test(an_environment_beyond_the_budget_is_refused),
        cmocka_unit_test(a_file_given_to_the_agent_counts_before_the_environment),
        cmocka_unit_test(sources_count_in_their_order),
        cmocka_unit_test(the_command_line_of_the_kernel_is_read_without_a_file),
        cmocka_unit_test(files_that_cannot_be_used_are_refused),
        cmocka_unit_test(an_empty_file_gives_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
