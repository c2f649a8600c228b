/* SPDX-License-Identifier: Apache-2.0 */
/* Fault sweep: an operation of the agent with each of its kernel calls failing, in each way that the call can fail.
 *
 * The operation is run once to count the calls that the agent and its children make for it. Then, for every call and every
 * errno that mocks/kernel/errnos.tsv lists for it, it is run with that call failing once, and with that call and all later ones
 * of its kind failing. After each run
 *   - the answer was truthful: done() or undone() finds what the status and the text said,
 *   - clean() brings the guest back, and then the world is as it was before: no process, mount, cgroup, descriptor or file
 * more,
 *   - the agent still runs containers.
 * A run that fails is reported with the command that repeats it alone, and the sweep goes on behind it. */
#pragma once
#include "mocks/harness/sim_agent.h"

enum sweep_kind_name {
    SWEEP_CALL,  /* act() is the operation */
    SWEEP_START, /* the agent's start is, up to its first answer; then done() is told */
    SWEEP_END,   /* act() is, and the agent's end that it brings about; without act(): its end after SIGTERM */
};

struct sweep {
    const char *name;
    struct sim_setup setup;
    void (*prepare)(struct rig *rig); /* without faults; may be NULL */
    enum status_code (*act)(struct rig *rig, struct error *err);
    void (*done)(struct rig *rig);   /* after STATUS_OK; may be NULL */
    void (*undone)(struct rig *rig); /* after any other answer; may be NULL */
    void (*lost)(struct rig *rig);   /* after no answer, as the connection broke; may be NULL */
    void (*clean)(struct rig *rig);  /* may be NULL */
    void (*retry)(struct rig *rig);  /* an inverse that failed may leave something until this; NULL: never */
    enum sweep_kind_name kind;
    bool alone; /* no CreateSandbox before */
};

/* In done() and the others: did a call of this kind fail, and with what? 0: no. */
int sweep_errnum(struct rig *rig, enum sys_call call);
/* What the answer said. */
const struct error *sweep_error(struct rig *rig);
/* And did it fail ever after? */
bool sweep_was_for_ever(struct rig *rig);

/* Stories that many sweeps tell: a container lives and is removed; c1 is removed if it is there. */
void sweep_live(struct rig *rig);
void sweep_remove_c1(struct rig *rig);

/* The main() of a program of sweeps: a test per sweep, which prints "create: 512 calls, 3071 faults: 2904 refused, 167 without
 * effect on the answer". An argument is the pattern of the names that are to be run. With
 * TATAMI_SWEEP=NAME:CALL:ERRNO:once|ever in the environment (see the reports) it plays that fault alone. */
int fault_sweep_main(const struct sweep *sweeps, size_t n, int argc, char **argv);
