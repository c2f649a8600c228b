/* SPDX-License-Identifier: Apache-2.0 */
/* Test rig of the process tier: the real agent binary as root in fresh namespaces, a client, and busybox bundles.
 *
 *     static void sleeps(struct rig *rig) { ... rig_call(...) ... }
 *     RIG_TEST(container_runs) { ... }    one agent per test; the body runs in a fiber and may start more
 *
 * The agent runs below a small init in pid, mount, net, ipc and uts namespaces of its own, so whatever a test leaves behind
 * dies with it. Cgroups are made in the real hierarchy below a name of the rig's own, which must be gone at the end. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "loop/loop.h"
#include "oci/spec.h"
#include "proto/agent.pb-c.h"
#include "ttrpc/client.h"

struct rig {
    const char *test; /* name of the test, for the RPC matrix */
    struct loop *loop;
    struct ttrpc_client *client;
    struct arena *arena; /* everything a test builds */
    int init_pid;
    int agent_pid;   /* in our pid namespace */
    char dir[64];    /* temporary directory, gone after the test */
    char rootfs[96]; /* busybox root file system in dir */
    char socket[96];
    char config[96]; /* the agent's configuration file, "" for none */
    char cgroup[64]; /* "/tatami-test-XXXXXX": parent of the containers' cgroups */
};

/* The cmocka test functions that RIG_TEST() makes call this. config: text of the agent's configuration file; NULL: without one.
 */
void rig_run(void **state, const char *name, const char *config, void (*body)(struct rig *rig));
#define RIG_TEST_WITH_CONFIG(name, config)                                                                                     \
    static void name##_body(struct rig *rig);                                                                                  \
    static void name(void **state)                                                                                             \
    {                                                                                                                          \
        rig_run(state, #name, config, name##_body);                                                                            \
    }                                                                                                                          \
    static void name##_body(struct rig *rig)
#define RIG_TEST(name) RIG_TEST_WITH_CONFIG(name, NULL)

/* Waits until the agent has ended on its own; returns its exit code. Fails the test when it does not end. */
int rig_agent_exit_code(struct rig *rig);

/* ---- calls ---- */

/* One RPC of grpc.AgentService (Health: service "grpc.Health"). Returns the status; *ret_reply (may be NULL) lives in
 * rig->arena, err (may be NULL) has the text. Every call is noted for the RPC matrix. timeout_ms 0: none. */
enum status_code rig_call_service(struct rig *rig, const char *service, const char *method, const ProtobufCMessage *request,
                                  uint64_t timeout_ms, ProtobufCMessage **ret_reply, struct error *err);
#define rig_call(rig, method, request, reply, err)                                                                             \
    rig_call_service(rig, "grpc.AgentService", method, &(request)->base, 0, (ProtobufCMessage **)(void *)(reply), err)
/* Adds an outcome that a test has seen in another way than by rig_call_service(). */
void rig_note_outcome(const struct rig *rig, const char *method, enum status_code status);
/* Fails the test with method, status and text unless the call succeeds. */
void rig_ok(struct rig *rig, const char *method, const ProtobufCMessage *request, ProtobufCMessage **ret_reply);
/* Fails the test unless the call is answered with status and text contains the given words. */
void rig_refused(struct rig *rig, const char *method, const ProtobufCMessage *request, enum status_code status,
                 const char *words);

/* ---- containers ---- */

/* A usual containerd spec for the rig's root file system that runs `sh -c SCRIPT` (script NULL: `sleep 1000`), to be changed
 * freely. Its cgroup is below rig->cgroup. */
struct oci_spec *rig_spec(struct rig *rig, const char *id, const char *script);
/* One namespace more; path NULL: a new one. */
void rig_add_namespace(struct rig *rig, struct oci_spec *spec, enum oci_namespace_type type, const char *path);
/* One hook more of that kind ("prestart", ...), which runs `sh -c SCRIPT` with the image's shell: in the container for
 * startContainer, else in the guest, where the image is rig->rootfs. To be changed freely. */
struct oci_hook *rig_add_hook(struct rig *rig, struct oci_spec *spec, const char *kind, const char *script);
/* Sets argv from a NULL-terminated list. */
void rig_args(struct rig *rig, struct oci_process *process, const char *const *argv);

void rig_create_sandbox(struct rig *rig);
enum status_code rig_create(struct rig *rig, const char *id, const struct oci_spec *spec, struct error *err);
enum status_code rig_start(struct rig *rig, const char *id, struct error *err);
enum status_code rig_exec(struct rig *rig, const char *id, const char *exec_id, const struct oci_process *process,
                          struct error *err);
enum status_code rig_signal(struct rig *rig, const char *id, const char *exec_id, int sig, struct error *err);
enum status_code rig_remove(struct rig *rig, const char *id, struct error *err);
/* Waits for the exit code; fails the test when the call fails. */
int rig_wait(struct rig *rig, const char *id, const char *exec_id);
/* Reads a stream to its end as a string; fails the test on an error other than the end of a terminal. */
char *rig_read_all(struct rig *rig, const char *id, const char *exec_id, bool want_stderr);

/* Creates, starts, collects stdout, waits and removes. All must succeed. Returns the exit code. */
int rig_run_container(struct rig *rig, const char *id, const struct oci_spec *spec, char **ret_stdout, char **ret_stderr);
