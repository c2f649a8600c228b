/* SPDX-License-Identifier: Apache-2.0 */
/* A directory tree that stands in for the cgroup file systems: what is written stays in ordinary files, and a test decides what
 * is there to read. Directories made by the code under test stay empty, unlike the kernel's. */
#pragma once
#include <stdbool.h>

#include "cgroup/cgroup_internal.h"

struct fake_cgroup {
    char root[32];
    struct loop *loop;
    struct cgroup_host *host;
    struct cgroup *cgroup;
    char text[8192]; /* what fake_cgroup_read() returns */
};

/* layout: hierarchies, blank-separated. "cpu,cpuacct" is a version 1 hierarchy mounted in a directory of that name,
 * "name=systemd" one in "systemd", "unified:cpu+memory" a version 2 hierarchy in "unified" with these controllers. */
void fake_cgroup_init(struct fake_cgroup *fake, const char *layout);
void fake_cgroup_done(struct fake_cgroup *fake);

/* Makes a directory with its parents; path is below the root. */
void fake_cgroup_mkdir(struct fake_cgroup *fake, const char *path);
/* Makes a file with its directories, or replaces its content. */
void fake_cgroup_write(struct fake_cgroup *fake, const char *path, const char *text);
/* Content of a file; "(none)" if there is no such file. Valid until the next call. */
const char *fake_cgroup_read(struct fake_cgroup *fake, const char *path);
bool fake_cgroup_exists(struct fake_cgroup *fake, const char *path);
void fake_cgroup_remove(struct fake_cgroup *fake, const char *path);
/* fake->cgroup = cgroup_create(path), which must succeed. */
void fake_cgroup_create(struct fake_cgroup *fake, const char *path);

/* Runs fn(arg) in a fiber until it and everything it started has ended. */
void fiber_run(struct loop *loop, void (*fn)(void *arg), void *arg);
/* Number of open descriptors of this process. */
int count_descriptors(void);
/* Some cgroup file system is mounted below /sys/fs/cgroup for writing. */
bool is_cgroup_mounted(void);
