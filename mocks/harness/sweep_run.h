/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the fault sweep share: fault_sweep.c plays all faults in order, a kind of sweep knows how one is played. */
#pragma once
#include "mocks/harness/errno_table.h"
#include "mocks/harness/fault_log.h"
#include "mocks/harness/fault_sweep.h"

struct sweep_run {
    const struct sweep *sweep;
    const struct errno_table *table;
    struct sim_agent *guest;
    struct buf before;         /* the world as it has to be again */
    size_t n_warnings;         /* in the log then */
    uint64_t limit;            /* calls up to there are no circle */
    uint64_t at;               /* number of the call that is to fail; 0: none */
    enum sys_call wanted_call; /* that it should be */
    int wanted_errnum;
    enum sys_call struck_call; /* CALL_MAX: none */
    int struck_errnum;
    bool for_ever;
    enum status_code status;
    struct error err;
    size_t refused, unaffected;
    struct fault_log *log; /* NULL: nobody asks for one */
    struct buf circle;
};

struct sweep_fault {
    uint64_t call; /* among those of the operation, from 1 */
    int errnum;
    bool for_ever;
};

struct sweep_kind {
    /* Without a fault: the operation makes the *ret_n calls behind number *ret_first. The guest stays until settle(). */
    void (*rehearse)(struct sweep_run *run, uint64_t *ret_first, uint64_t *ret_n);
    void (*settle)(struct sweep_run *run);
    void (*open)(struct sweep_run *run); /* a guest for some faults of one call */
    /* Returns false when the operation made another call in that place. */
    bool (*play)(struct sweep_run *run, const struct sweep_fault *fault);
    void (*close)(struct sweep_run *run);
};

extern const struct sweep_kind sweep_of_call, sweep_of_start, sweep_of_end;

/* ---- for the kinds ---- */

/* The hook of a guest that was just made: watches over the number of calls, and over the fault. */
void sweep_watch(struct sweep_run *run);
/* The call that is so far behind number first fails from now on. */
void sweep_set_fault(struct sweep_run *run, uint64_t first, const struct sweep_fault *fault);
/* No longer. Returns whether it struck; logs the calls behind first if so. */
bool sweep_clear_fault(struct sweep_run *run, uint64_t first);
enum fault_outcome sweep_outcome(const struct sweep_run *run);
/* Counts the answer; fails the test when an error has no text. */
void sweep_count(struct sweep_run *run, bool struck);
void sweep_tell_if(struct sweep_run *run, void (*story)(struct rig *rig));
/* A story: the agent serves, if need be on a new connection. */
void sweep_serve(struct rig *rig);
bool sweep_same_world(const struct sweep_run *run);
void sweep_expect_same_world(const struct sweep_run *run);
