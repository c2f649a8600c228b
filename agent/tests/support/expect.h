/* SPDX-License-Identifier: Apache-2.0 */
/* What process tests expect of a call, and of the guest after it. */
#pragma once
#include <string.h>

#include "agent/tests/support/rig.h"
#include "sys/fd.h"

/* call fills a variable `err` of the macro: EXPECT_OK(rig_start(rig, "c1", &err)). */
#define EXPECT_OK(call)                                                                                                        \
    do {                                                                                                                       \
        struct error err = {.errnum = 0};                                                                                      \
        enum status_code answer = call;                                                                                        \
        if (answer != STATUS_OK)                                                                                               \
            fail_msg("%s: %s: %s", #call, status_name(answer), err.text);                                                      \
    } while (0)

#define EXPECT_REFUSED(want, words, call)                                                                                      \
    do {                                                                                                                       \
        struct error err = {.errnum = 0};                                                                                      \
        enum status_code answer = call;                                                                                        \
        if (answer != (want) || !strstr(err.text, words))                                                                      \
            fail_msg("%s: want %s '%s', got %s '%s'", #call, status_name(want), words, status_name(answer), err.text);         \
    } while (0)

/* What an agent can leave in its guest. */
struct traces {
    long cgroups, bundles, mounts, children, descriptors;
};

/* What there is now; the cgroups are those below the rig's. */
struct traces traces_now(const struct rig *rig);
/* Fails the test, naming the label, unless soon everything is as it was before. */
void traces_expect(const struct rig *rig, const struct traces *before, const char *label);

/* Runs a container to its end and fails the test, with its stderr, unless it exits with 0 and stdout is want. */
void expect_output(struct rig *rig, const char *id, const struct oci_spec *spec, const char *want);
/* The same for a process in a running container; it is waited for. */
void expect_exec_output(struct rig *rig, const char *id, const struct oci_process *process, const char *want);
/* Creates and starts. */
void expect_running(struct rig *rig, const char *id, const struct oci_spec *spec);

/* Calls fn in a child inside the agent's mount namespace; returns its result. */
int in_mounts_of_agent(const struct rig *rig, int (*fn)(const char *arg), const char *arg);
