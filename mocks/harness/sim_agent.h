/* SPDX-License-Identifier: Apache-2.0 */
/* The agent in a simulated guest, and clients that tell it stories.
 *
 *     struct sim_agent *guest = sim_agent_boot(&(struct sim_setup){.seed = 1});
 *     sim_agent_tell(guest, story);       story(rig) is written with the calls of agent/tests/support/rig.h
 *     sim_agent_stop(guest);
 *     sim_agent_free(guest);
 *
 * A world holds the agent, as a process or as PID 1, a bundle in /test/rootfs with the tools of mocks/kernel/programs.h, and
 * clients: tasks that wait for their next story, each with a connection of its own. Between two stories everything stands
 * still, so that a test can look at the world, change it, and set faults, hooks and traces. A test function that RIG_TEST()
 * makes runs here as it is, see rig_sim.c. */
#pragma once
#include "agent/tests/support/rig.h"
#include "mocks/kernel/world.h"

#define SIM_CLIENTS_MAX 8

struct sim_setup {
    const char *test; /* its name, for the RPC matrix; may be NULL */
    uint64_t seed;
    bool preempt;   /* tasks are switched at any call */
    bool as_init;   /* the agent is PID 1, boots the machine, and its clients are on the host */
    bool initramfs; /* and its root is one */
    bool unbooted;  /* nothing is mounted yet, as the kernel hands the machine to PID 1 */
    bool logged;    /* what the agent says is kept, for sim_agent_said() */
    enum world_cgroups cgroups;
    program_fn shell;   /* the guest's own /bin/sh, for the debug console; NULL: none */
    const char *config; /* text of the agent's configuration file; NULL: none */
    struct buf *trace;  /* receives the agent's calls from its start on; NULL: not traced */
};

struct sim_client {
    struct rig rig;
    struct sim_agent *guest;
    struct task *task;
    int number;
    void (*story)(struct rig *rig); /* NULL: idle */
};

struct sim_agent {
    struct sim_setup setup;
    char label[128]; /* the test and its tier, for the RPC matrix */
    struct sim *sim;
    struct world *world;
    struct world *host; /* where the clients are, on the other side of a vsock; NULL: in the guest, on a unix socket */
    struct task *agent;
    bool stopped; /* the agent is expected to end */
    bool closing; /* the clients are to end */
    struct sim_client clients[SIM_CLIENTS_MAX];
    int n_clients;
    int n_open; /* of these, those that have not ended */
    int n_busy;
    void *context;           /* a test's own */
    const struct buf *notes; /* shown when a story does not end; may be NULL */
};

static inline struct sim_client *sim_client_of(struct rig *rig)
{
    return CONTAINER_OF(rig, struct sim_client, rig);
}

/* A guest with an agent that listens; fails the test when it does not. The setup is copied, its texts must live on. */
struct sim_agent *sim_agent_boot(const struct sim_setup *setup);
/* Runs the story to its end, and the guest until it has come to rest. Fails the test when the story can never end, or the agent
 * ended although it was not told to. */
void sim_agent_tell(struct sim_agent *guest, void (*story)(struct rig *rig));
/* Several clients at once, each with its story. */
void sim_agent_tell_all(struct sim_agent *guest, void (*const *stories)(struct rig *rig), int n);
/* SIGTERM, and the agent's exit status (as wait(2) has it); of PID 1: 0 when it switched the machine off. */
int sim_agent_stop(struct sim_agent *guest);
void sim_agent_free(struct sim_agent *guest);
/* Before any story: runs the guest until the agent takes connections (true) or has ended (false). Fails the test when it does
 * neither. */
bool sim_agent_start(struct sim_agent *guest);
/* Runs the guest until the agent has ended by itself; fails the test when it does not. */
void sim_agent_await_end(struct sim_agent *guest);
/* No more stories: the clients close their connections and end. */
void sim_agent_dismiss(struct sim_agent *guest);
/* All that the agent has printed; buf_done() is the caller's. */
struct buf sim_agent_said(const struct sim_agent *guest);

/* A root file system with the tools of mocks/kernel/programs.h. */
void sim_make_rootfs(struct world *world, const char *path);
/* Has the agent ended? */
bool sim_agent_ended(const struct sim_agent *guest);
/* What is there in the guest, as text; buf_done() is the caller's. */
struct buf sim_agent_snapshot(const struct sim_agent *guest);
/* Prints what the agent has open. */
void sim_agent_show_descriptors(const struct sim_agent *guest);
/* Fails the test with the first lines that differ unless both are equal. */
void sim_expect_same(const struct buf *before, const struct buf *after, const char *label);

/* ---- in a story ---- */

/* Lets the guest run for a while. */
void sim_pause(struct rig *rig, uint64_t ns);
/* Drops the connection and makes a new one. */
void sim_reconnect(struct rig *rig);
