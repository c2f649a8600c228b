/* SPDX-License-Identifier: Apache-2.0 */
/* What fault sweeps saw at each call site, for the fault matrix of the coverage report (coverage/fault_matrix.py).
 *
 * A call site is a place in the program that enters the kernel, told by the address it goes on at. The log is the file that
 * TATAMI_FAULT_LOG names; without that nothing is kept. Its lines, one per sweep and site, separated by tabs:
 *     PROGRAM SWEEP CALL ADDRESS REACHED SURE [ERRNO:REFUSED:UNAFFECTED:LOST:LATER]...
 * ADDRESS is for addr2line(1); REACHED and SURE count the calls made, and those that no fault can strike. The others count the
 * faults of the site with ERRNO by the end of their runs, and the calls that failed later, after one at another site had. */
#pragma once
#include "mocks/kernel/sim.h"

enum fault_outcome {
    FAULT_REFUSED,    /* the answer was an error */
    FAULT_UNAFFECTED, /* the answer was good */
    FAULT_LOST,       /* the connection broke before the answer */
    FAULT_LATER,      /* of no run of its own: the fault had struck another site and stayed */
    FAULT_OUTCOMES,
};

struct fault_log;

/* NULL without TATAMI_FAULT_LOG; the functions below take that. sweep must outlive the log. */
struct fault_log *fault_log_new(const char *sweep);
/* Counts one run: all calls behind number first. */
void fault_log_add(struct fault_log *log, const struct sim *sim, uint64_t first, enum fault_outcome outcome);
/* Appends the lines to the file and forgets the log. */
void fault_log_close(struct fault_log *log);
