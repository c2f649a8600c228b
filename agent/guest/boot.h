/* SPDX-License-Identifier: Apache-2.0 */
/* Boot: what the agent does for the machine when it is PID 1 (container-jail sheet 7.4), and how it ends the machine.
 *
 * The duties are tables of steps that run in order. Nothing is undone on a failure: the machine is of no use then and the
 * caller reports and powers off. Steps that a guest can live without only warn. */
#pragma once
#include "agent/guest/config.h"
#include "base/error.h"
#include "base/log.h"

/* PATH for programs that the agent starts. */
#define BOOT_PATH "/bin:/sbin/:/usr/bin/:/usr/sbin/"

/* /proc alone, which tells the agent what it runs from. As below. */
int boot_mount_proc(struct error *err);

/* proc, sysfs, devtmpfs, shm, pts and run, in front of everything else, on a root that containers can leave (root.h); then
 * makes sure that descriptors 0 to 2 are open. A target that carries the same file system type already is left alone, so a
 * second call changes nothing. -errno naming the mount or the descriptor. */
int boot_early_mounts(const struct logger *log, struct error *err);

/* The duties that need the configuration: kernel modules, cgroup mounts, /dev/ptmx, session and controlling terminal, host
 * name, ctrl-alt-del, umask, limit of open files, loopback. -errno with "boot: STEP: " in front. */
int boot_as_init(const struct config *config, const struct logger *log, struct error *err);

/* Orphans of containers come to the agent, whether it is PID 1 or not. */
int boot_subreaper(struct error *err);

/* Other processes of the guest cannot look into the agent's memory and descriptors, and no core dump holds them. */
int boot_undumpable(struct error *err);

/* Writes everything to the disks, for five seconds at most, and switches the machine off. Returns only on failure (-errno). */
int boot_power_off(void);
