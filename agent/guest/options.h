/* SPDX-License-Identifier: Apache-2.0 */
/* Command line of the agent itself: tatami-agent [OPTION]... */
#pragma once
#include <stddef.h>

#include "base/error.h"

enum options_action {
    OPTIONS_RUN,
    OPTIONS_VERSION, /* print options_version() and end */
    OPTIONS_HELP,    /* print options_help() and end */
};

enum options_log_format {
    OPTIONS_LOG_AUTO, /* text on a terminal, JSON otherwise */
    OPTIONS_LOG_JSON,
    OPTIONS_LOG_TEXT,
};

struct options {
    enum options_action action;
    enum options_log_format log_format;
    const char *config_file; /* NULL: the kernel command line is read */
    const char *server_addr; /* overrides every other source; NULL: not given */
    const char *base_dir;    /* where bundles live */
    const char *cgroup_root; /* mount point of the cgroup hierarchies */
};

/* Fills *ret_options from argv (argv[argc] need not be NULL); strings point into argv or to constants. --version and --help win
 * over the other options but not over an error. INVALID_ARGUMENT with the option and a hint at --help; the caller exits with 2.
 */
int options_parse(int argc, char *const argv[], struct options *ret_options, struct error *err);

/* Writes the version line with its newline to p (size bytes, cut if it does not fit) and returns p. commit: id of the source.
 */
const char *options_version(char *p, size_t size, const char *version, const char *commit);
/* The help text. */
const char *options_help(void);
