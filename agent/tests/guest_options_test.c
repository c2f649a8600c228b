/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/guest/options.h"
#include "base/macros.h"

static int parse(char *const *arguments, struct options *options, struct error *err)
{
    char *argv[16] = {"tatami-agent"};
    int argc = 1;

    while (arguments[argc - 1]) {
        argv[argc] = arguments[argc - 1];
        argc++;
    }
    return options_parse(argc, argv, options, err);
}

static void options_are_read(void **state)
{
    static const struct {
        const char *label;
        char *arguments[14];
        struct options want; /* NULL strings stand for the defaults */
    } rows[] = {
        {"none", {NULL}, {0}},
        {"config", {"--config", "/c"}, {.config_file = "/c"}},
        {"config with =", {"--config=/c=d"}, {.config_file = "/c=d"}},
        {"config, short", {"-c", "/c"}, {.config_file = "/c"}},
        {"the last one counts", {"-c", "/c", "-c", "/d"}, {.config_file = "/d"}},
        {"a value may look like an option", {"-c", "-v"}, {.config_file = "-v"}},
        {"version", {"--version"}, {.action = OPTIONS_VERSION}},
        {"version, short", {"-v"}, {.action = OPTIONS_VERSION}},
        {"help", {"--help"}, {.action = OPTIONS_HELP}},
        {"help, short", {"-c", "/c", "-h"}, {.action = OPTIONS_HELP, .config_file = "/c"}},
        {"json", {"--log-format", "json"}, {.log_format = OPTIONS_LOG_JSON}},
        {"text", {"--log-format=text"}, {.log_format = OPTIONS_LOG_TEXT}},
        {"all",
         {"--server-addr", "unix:///s", "--base-dir", "/b", "--cgroup-root", "/g"},
         {.server_addr = "unix:///s", .base_dir = "/b", .cgroup_root = "/g"}},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct options options = {0};
        struct error err = {0};
        if (parse(row->arguments, &options, &err) != 0)
            fail_msg("%s: %s", row->label, err.text);
        if (options.action != row->want.action || options.log_format != row->want.log_format)
            fail_msg("%s: action %d, format %d", row->label, options.action, options.log_format);
        const struct {
            const char *is, *want;
        } texts[] = {
            {options.config_file ?: "", row->want.config_file ?: ""},
            {options.server_addr ?: "", row->want.server_addr ?: ""},
            {options.base_dir, row->want.base_dir ?: "/run/kata-containers"},
            {options.cgroup_root, row->want.cgroup_root ?: "/sys/fs/cgroup"},
        };
        FOR_ROWS (text, texts) {
            if (strcmp(text->is, text->want) != 0)
                fail_msg("%s: '%s' is not '%s'", row->label, text->is, text->want);
        }
        assert_true((options.config_file != NULL) == (row->want.config_file != NULL));
        assert_true((options.server_addr != NULL) == (row->want.server_addr != NULL));
    }
}

static void bad_options_are_refused_with_a_hint(void **state)
{
    static const struct {
        char *arguments[4];
        const char *text;
    } rows[] = {
        {{"--what"}, "unknown option '--what'"},
        {{"-x"}, "unknown option '-x'"},
        {{"--configs=/c"}, "unknown option '--configs=/c'"},
        {{"-c=/c"}, "unknown option '-c=/c'"},
        {{""}, "unknown argument ''"},
        {{"word"}, "unknown argument 'word'"},
        {{"-v", "init"}, "sub-command 'init' is not used by this agent"},
        {{"--config"}, "option '--config' needs a value"},
        {{"-c"}, "option '--config' needs a value"},
        {{"--config="}, "option '--config' needs a value"},
        {{"--base-dir", ""}, "option '--base-dir' needs a value"},
        {{"--version=1"}, "option '--version' takes no value"},
        {{"--log-format", "xml"}, "option '--log-format': bad value 'xml'"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct options options = {.config_file = "untouched"};
        struct error err = {0};
        char text[256];
        snprintf(text, sizeof(text), "%s; try 'tatami-agent --help'", row->text);
        if (parse(row->arguments, &options, &err) != -EINVAL || strcmp(err.text, text) != 0)
            fail_msg("%s: got '%s'", row->text, err.text);
        assert_int_equal(err.status, STATUS_INVALID_ARGUMENT);
        assert_string_equal(options.config_file, "untouched");
    }
}

static void the_version_line_is_that_of_the_sheet(void **state)
{
    char text[256], cut[13];
    (void)state;

    assert_string_equal(options_version(text, sizeof(text), "1.2.3", "abc"),
                        "tatami-agent version 1.2.3 (api version: 0.0.1, commit version: abc, type: c, "
                        "extra-features: [seccomp])\n");
    assert_string_equal(options_version(cut, sizeof(cut), "1.2.3", "abc"), "tatami-agent");
}

static void the_help_names_every_option(void **state)
{
    static const char *const names[] = {"-c, --config FILE",   "--server-addr ADDR", "--base-dir DIR", "--cgroup-root DIR",
                                        "--log-format FORMAT", "-v, --version",      "-h, --help"};
    (void)state;

    FOR_ROWS (name, names)
        assert_non_null(strstr(options_help(), *name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(bad_options_are_refused_with_a_hint),
        cmocka_unit_test(the_version_line_is_that_of_the_sheet),
        cmocka_unit_test(the_help_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
