/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/harness/fuzz_guest.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "agent/tests/support/expect.h"
#include "mocks/harness/rewind.h"

#define CALL_MS 60000
#define SNAPSHOT_MAX (16 * 1024 * 1024)
#define STRING(s) ((char *)(uintptr_t)(s))

/* libFuzzer calls without an argument: what lives longer than an input has no other place. */
static struct {
    struct sim_agent *guest;
    const struct fuzz_target *target;
    const struct moment *prepared_at; /* NULL: every input boots its own guest */
    struct buf booted, prepared;      /* snapshots */
} fuzz;

/* ---- in a story ---- */

struct fuzz_bytes *fuzz_bytes(struct rig *rig)
{
    return sim_client_of(rig)->guest->context;
}

enum status_code fuzz_call(struct rig *rig, const char *method, const ProtobufCMessage *request)
{
    struct error err;

    enum status_code status = rig_call_service(rig, "grpc.AgentService", method, request, CALL_MS, NULL, &err);
    if (status == STATUS_DEADLINE_EXCEEDED || status == STATUS_UNAVAILABLE)
        fail_msg("%s: %s: %s", method, status_name(status), err.text);
    return status;
}

void fuzz_end_process(struct rig *rig, const char *id, const char *exec_id)
{
    Grpc__SignalProcessRequest kill = GRPC__SIGNAL_PROCESS_REQUEST__INIT;
    Grpc__WaitProcessRequest wait = GRPC__WAIT_PROCESS_REQUEST__INIT;

    kill.container_id = wait.container_id = STRING(id);
    kill.exec_id = wait.exec_id = STRING(exec_id);
    kill.signal = SIGKILL;
    (void)fuzz_call(rig, "SignalProcess", &kill.base);
    (void)fuzz_call(rig, "WaitProcess", &wait.base);
}

void fuzz_end_container(struct rig *rig, const char *id)
{
    Grpc__StartContainerRequest start = GRPC__START_CONTAINER_REQUEST__INIT;
    Grpc__RemoveContainerRequest remove = GRPC__REMOVE_CONTAINER_REQUEST__INIT;

    start.container_id = remove.container_id = STRING(id);
    if (fuzz_call(rig, "StartContainer", &start.base) == STATUS_OK)
        fuzz_end_process(rig, id, "");
    enum status_code status = fuzz_call(rig, "RemoveContainer", &remove.base);
    if (status != STATUS_OK)
        fail_msg("RemoveContainer: %s", status_name(status));
}

void fuzz_run_container(struct rig *rig)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
}

void fuzz_remove_container(struct rig *rig)
{
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

static bool shares_files(const struct rig *rig, const Grpc__Spec *spec)
{
    if (!spec || spec->hooks || (spec->root && strcmp(spec->root->path, rig->rootfs) != 0))
        return true;
    for (size_t i = 0; i < spec->n_mounts; i++) {
        const Grpc__Mount *mount = spec->mounts[i];
        if (strcmp(mount->type, "bind") == 0)
            return true;
        for (size_t k = 0; k < mount->n_options; k++) {
            if (strstr(mount->options[k], "bind"))
                return true;
        }
    }
    return false;
}

void fuzz_allow(struct rig *rig, const Grpc__Spec *spec)
{
    struct fuzz_bytes *bytes = fuzz_bytes(rig);

    bytes->shares_files = shares_files(rig, spec);
    if (!spec || !spec->linux || cgroup_path_for(rig->arena, spec->linux->cgroupspath, "c1", &bytes->cgroup, NULL) < 0)
        bytes->cgroup = NULL;
}

/* ---- looking ---- */

/* "cgroup HIERARCHY:PATH STATE" of a group above the container's; of any group when directories in their file system may be
 * made. */
static bool is_free_group(const char *line, const struct fuzz_bytes *allowed)
{
    const char *path = strncmp(line, "cgroup ", 7) == 0 ? strchr(line, ':') : NULL, *cgroup = allowed->cgroup;

    if (!path || !cgroup)
        return false;
    size_t len = strcspn(++path, " \n");
    bool is_prefix = strncmp(path, cgroup, len) == 0;
    return is_prefix ? cgroup[len] == '/' : allowed->shares_files;
}

/* Lines of a snapshot that the input may not change. */
static bool is_compared(const char *line, const struct fuzz_bytes *allowed)
{
    if (is_free_group(line, allowed))
        return false;
    if (line[0] != '/' || strncmp(line, "/test/run", 9) == 0)
        return true;
    return !allowed->shares_files && strncmp(line, "/test/rootfs", 12) != 0;
}

static struct buf compared_lines(const struct buf *snapshot, const struct fuzz_bytes *allowed)
{
    struct buf out = BUF_INIT(SNAPSHOT_MAX);

    for (const char *line = snapshot->data; *line; line += strcspn(line, "\n") + 1) {
        if (is_compared(line, allowed))
            (void)buf_append(&out, line, strcspn(line, "\n") + 1);
    }
    return out;
}

static void expect_same_lines(const struct buf *before, const struct buf *after, const struct fuzz_bytes *allowed)
{
    struct buf was = compared_lines(before, allowed), is = compared_lines(after, allowed);

    sim_expect_same(&was, &is, "after the input");
    buf_done(&was);
    buf_done(&is);
}

static bool is_same(const struct buf *one, const struct buf *other)
{
    return one->len == other->len && memcmp(one->data, other->data, one->len) == 0;
}

/* ---- life of the guest ---- */

static void boot(const struct fuzz_target *target)
{
    fuzz.target = target;
    fuzz.guest = sim_agent_boot(&(struct sim_setup){.test = "fuzz", .seed = 1});
    sim_agent_tell(fuzz.guest, rig_create_sandbox);
    fuzz.booted = sim_agent_snapshot(fuzz.guest);
    if (target->prepare)
        sim_agent_tell(fuzz.guest, target->prepare);
    fuzz.prepared = sim_agent_snapshot(fuzz.guest);
}

static void expect_restored(const struct fuzz_bytes *allowed)
{
    if (fuzz.target->restore)
        sim_agent_tell(fuzz.guest, fuzz.target->restore);
    struct buf now = sim_agent_snapshot(fuzz.guest);
    expect_same_lines(&fuzz.booted, &now, allowed);
    buf_done(&now);
}

static void end(void)
{
    int status = sim_agent_stop(fuzz.guest);
    if (status != 0)
        fail_msg("the agent ended with status %#x", status);
    sim_agent_free(fuzz.guest);
    buf_done(&fuzz.booted);
    buf_done(&fuzz.prepared);
}

/* The guest of every input is the same one at the same moment, so that a find repeats from its input alone. */
void fuzz_guest_run(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {.data = data, .size = size};
    bool rewinds = rewind_begin();

    if (fuzz.prepared_at)
        rewind_to(fuzz.prepared_at);
    else
        boot(target);
    if (rewinds && !fuzz.prepared_at)
        fuzz.prepared_at = rewind_mark();
    fuzz.guest->context = &bytes;
    sim_agent_tell(fuzz.guest, target->story);
    struct buf now = sim_agent_snapshot(fuzz.guest);
    if (!is_same(&fuzz.prepared, &now))
        expect_restored(&bytes);
    buf_done(&now);
    if (!rewinds)
        end();
    rewind_end();
}
