/* SPDX-License-Identifier: Apache-2.0 */
/* A guest for fuzz targets: every input finds the same one. Under libFuzzer it boots once and is put back before each input
 * (mocks/harness/rewind.h), since booting costs more than a request.
 *
 * Each input is told as a story that ends as it began: its containers and processes are gone. Then everything in the guest must
 * be as it was. What an input may change are files below the root file system, the groups above its cgroup, and any file when
 * the request itself gave the container the guest's files. */
#pragma once
#include "mocks/harness/sim_agent.h"

struct fuzz_target {
    void (*prepare)(struct rig *rig); /* after boot; may be NULL */
    void (*story)(struct rig *rig);   /* fuzz_bytes() is the input; the agent must answer all its calls */
    void (*restore)(struct rig *rig); /* inverse of prepare, for the last look at a guest; may be NULL */
};

struct fuzz_bytes {
    const uint8_t *data;
    size_t size;
    /* Set by the story: what the guest may keep. */
    bool shares_files; /* any file may change */
    char *cgroup;      /* the groups above this one stay, as with every runtime; NULL: none does. Lives until the next story */
};

struct fuzz_bytes *fuzz_bytes(struct rig *rig);
/* One input. The process ends with a message when something is wrong. */
void fuzz_guest_run(const struct fuzz_target *target, const uint8_t *data, size_t size);

/* ---- in a story ---- */

/* A call that must be answered by the agent itself, and in time. */
enum status_code fuzz_call(struct rig *rig, const char *method, const ProtobufCMessage *request);
/* Starts what was created, kills it, collects its exit code and removes it; none of it has to succeed. */
void fuzz_end_process(struct rig *rig, const char *id, const char *exec_id);
void fuzz_end_container(struct rig *rig, const char *id);
/* prepare and restore for a target that needs a container: "c1", idle. */
void fuzz_run_container(struct rig *rig);
void fuzz_remove_container(struct rig *rig);
/* The usual spec of container "c1" as a message; rich: with a bit of everything that a spec can ask for. */
Grpc__Spec *fuzz_spec(struct rig *rig, bool rich);
/* Notes what a container with this spec may change in the guest. */
void fuzz_allow(struct rig *rig, const Grpc__Spec *spec);
