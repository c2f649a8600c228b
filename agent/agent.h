/* SPDX-License-Identifier: Apache-2.0 */
/* The agent: one object that owns everything; several of them can live in one process. */
#pragma once
#include <stdbool.h>

#include "cgroup/cgroup.h"
#include "agent/container/seccomp.h"
#include "agent/guest/config.h"
#include "agent/guest/debug_console.h"
#include "agent/guest/modules_late.h"
#include "agent/guest/options.h"
#include "agent/sandbox/sandbox.h"
#include "agent/storage/storage.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/reaper.h"
#include "ttrpc/server.h"

/* What clients see as the version: the protocol is the one of this Kata Containers release. */
#define AGENT_VERSION "4.1.0"
#define AGENT_API_VERSION "0.0.1"

struct agent {
    struct loop *loop;
    struct reaper *reaper;
    const struct logger *log;
    const struct options *options;
    struct config config;
    struct cgroup_host *cgroup_host;
    struct ttrpc_server *server;
    struct seccomp_cache *seccomp_cache;
    int proc_fd;   /* the guest's /proc */
    int base_fd;   /* directory of the bundles, options->base_dir */
    bool is_init;  /* PID 1 of the guest */
    bool no_pivot; /* pivot_root(2) refuses to replace the root */
    struct modules_late modules;
    struct debug_console debug_console;
    struct sandbox sandbox;
    struct storages storages;
    bool stopping;
    struct waitq stop; /* woken when stopping becomes true */
};

struct agent_setup {
    struct loop *loop;
    const struct logger *log;
    const struct options *options;
    const struct config *config;
};

/* Opens everything and listens; the objects of setup must outlive the agent. On failure nothing is left open. */
int agent_init(struct agent *agent, const struct agent_setup *setup, struct error *err);
/* After agent_run() has ended. */
void agent_done(struct agent *agent);
/* The agent's main fiber (arg is the struct agent): serves until agent_stop(), answers what is in flight, removes the
 * containers that are left and stops the loop. */
void agent_run(void *agent);
/* Ends the agent after the replies in flight: called by DestroySandbox and on SIGTERM. */
void agent_stop(struct agent *agent);
