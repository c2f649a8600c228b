/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/options.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"

#define API_VERSION "0.0.1"
#define HINT "; try 'tatami-agent --help'"

static int set_log_format(struct options *options, const char *value);

/* An option takes a value when it has a place for it, or a function that reads it. */
struct option {
    const char *name;
    const char *short_name;
    enum options_action action; /* of an option without value */
    size_t offset;
    int (*set)(struct options *options, const char *value);
};

static const struct option table[] = {
    {"--help", "-h", .action = OPTIONS_HELP},
    {"--version", "-v", .action = OPTIONS_VERSION},
    {"--config", "-c", .offset = offsetof(struct options, config_file)},
    {"--server-addr", .offset = offsetof(struct options, server_addr)},
    {"--base-dir", .offset = offsetof(struct options, base_dir)},
    {"--cgroup-root", .offset = offsetof(struct options, cgroup_root)},
    {"--log-format", .set = set_log_format},
};

static int set_log_format(struct options *options, const char *value)
{
    if (strcmp(value, "json") == 0)
        options->log_format = OPTIONS_LOG_JSON;
    else if (strcmp(value, "text") == 0)
        options->log_format = OPTIONS_LOG_TEXT;
    else
        return -1;
    return 0;
}

/* The option that argument names; *ret_value is what stands behind its '=', or NULL. */
static const struct option *option_find(const char *argument, const char **ret_value)
{
    FOR_ROWS (option, table) {
        size_t len = strlen(option->name);
        *ret_value = NULL;
        if (strcmp(argument, option->name) == 0 || (option->short_name && strcmp(argument, option->short_name) == 0))
            return option;
        *ret_value = argument + len + 1;
        if (strncmp(argument, option->name, len) == 0 && argument[len] == '=')
            return option;
    }
    return NULL;
}

static int refuse_unknown(const char *argument, struct error *err)
{
    if (strcmp(argument, "init") == 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "sub-command 'init' is not used by this agent" HINT);
    return error_status(err, STATUS_INVALID_ARGUMENT, "unknown %s '%s'" HINT, argument[0] == '-' ? "option" : "argument",
                        argument);
}

/* Takes the option at argv[0] of n arguments. Returns how many it used, or -EINVAL. */
static int option_take(int n, char *const argv[], struct options *options, struct error *err)
{
    const char *value;
    const struct option *option = option_find(argv[0], &value);
    if (!option)
        return refuse_unknown(argv[0], err);

    int used = 1;
    if (option->action != OPTIONS_RUN) {
        if (value)
            return error_status(err, STATUS_INVALID_ARGUMENT, "option '%s' takes no value" HINT, option->name);
        options->action = option->action;
        return used;
    }
    if (!value && n > 1) {
        value = argv[1];
        used = 2;
    }
    if (!value || *value == '\0')
        return error_status(err, STATUS_INVALID_ARGUMENT, "option '%s' needs a value" HINT, option->name);
    if (!option->set)
        *(const char **)((char *)options + option->offset) = value;
    else if (option->set(options, value) < 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "option '%s': bad value '%s'" HINT, option->name, value);
    return used;
}

int options_parse(int argc, char *const argv[], struct options *ret_options, struct error *err)
{
    struct options options = {
        .base_dir = "/run/kata-containers",
        .cgroup_root = "/sys/fs/cgroup",
    };

    for (int i = 1; i < argc;) {
        int r = option_take(argc - i, argv + i, &options, err);
        if (r < 0)
            return r;
        i += r;
    }
    *ret_options = options;
    return 0;
}

const char *options_version(char *p, size_t size, const char *version, const char *commit)
{
    snprintf(p, size, "tatami-agent version %s (api version: %s, commit version: %s, type: c, extra-features: [seccomp])\n",
             version, API_VERSION, commit);
    return p;
}

const char *options_help(void)
{
    return "Usage: tatami-agent [OPTION]...\n"
           "Guest agent for containers in lightweight VMs.\n"
           "\n"
           "  -c, --config FILE         read the configuration from FILE, not from the kernel command line\n"
           "      --server-addr ADDR    listen on ADDR: unix://PATH, vsock://CID:PORT or fd://N\n"
           "      --base-dir DIR        keep bundles in DIR (default /run/kata-containers)\n"
           "      --cgroup-root DIR     mount point of the cgroup hierarchies (default /sys/fs/cgroup)\n"
           "      --log-format FORMAT   json or text (default: text on a terminal, else json)\n"
           "  -v, --version             show the version and exit\n"
           "  -h, --help                show this text and exit\n";
}
