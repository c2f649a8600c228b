/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel modules that are loaded while the agent serves already: they take longer than all the rest of the boot. Nobody
 * waits for them: who needs one now loads it with modules_load(), which does no harm. */
#pragma once
#include "base/log.h"
#include "loop/reaper.h"

struct modules_late {
    struct reaper *reaper;
    const struct logger *log;
    struct fiber *fiber; /* NULL: not started, or done */
    struct waitq done;
};

/* Starts to load MODULES_LATER in a process of its own. 0 or -errno, and then none is loaded. */
int modules_late_start(struct modules_late *late, struct reaper *reaper, const struct logger *log);
/* Ends the loading, if it still goes on; from a fiber. Harmless on a zeroed object. */
void modules_late_stop(struct modules_late *late);
