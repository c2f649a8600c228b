/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of a monitor. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "proto/monitor.pb-c.h"
#include "runtime-min/container/unix_path.h"
#include "runtime-min/sandbox/rundir.h"
#include "runtime-min/sandbox/sandbox.h"
#include "runtime-min/sandbox/share.h"
#include "runtime-min/sandbox/visit.h"
#include "sys/fd.h"
#include "ttrpc/client.h"
#include "ttrpc/server.h"

#define SERVICE "tatami.monitor.v1.Monitor"
#define PATH_CAP 8192
#define CALL_BYTES (256 * 1024)
/* A monitor answers at once, and needs five seconds for an end in which nothing goes well; one that is stuck is killed. */
#define CALL_NS (3 * NSEC_PER_SEC)
#define STOP_NS (7 * NSEC_PER_SEC)
#define DEATH_NS (5 * NSEC_PER_SEC)
#define END_NS (8 * NSEC_PER_SEC) /* of a machine, from the death of a part on */
#define PAUSE_NS (10 * NSEC_PER_MSEC)

#define SHARE_FLAGS (MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID)

#define MESSAGE(name) &tatami__monitor__v1__##name##__descriptor

/* ---- one conversation ---- */

struct conversation {
    const char *method;
    const ProtobufCMessage *request;
    const ProtobufCMessageDescriptor *reply_type;
    uint64_t timeout_ns;
    struct arena *arena;
    ProtobufCMessage *reply;

    struct loop *loop;
    struct ttrpc_client *client;
    int (*fn)(struct conversation *conversation, struct error *err);
    int result;
    struct error *err;
};

static void conversation_fiber(void *arg)
{
    struct conversation *conversation = arg;

    conversation->result = conversation->fn(conversation, conversation->err);
    loop_stop(conversation->loop);
}

static int call(struct conversation *conversation, struct error *err)
{
    return ttrpc_client_call(conversation->client, SERVICE, conversation->method, conversation->request,
                             conversation->reply_type, conversation->arena, conversation->timeout_ns, &conversation->reply,
                             err);
}

static int not_running(const char *root, const char *id, bool was_refused, struct error *err)
{
    _buf_ struct buf reason = BUF_INIT(ERROR_TEXT_MAX);

    rundir_reason(root, id, &reason);
    if (reason.len == 0 && was_refused)
        (void)buf_append_str(&reason, "its monitor was killed");
    if (reason.len == 0)
        return error_status(err, STATUS_NOT_FOUND, "sandbox %s does not run", id);
    return error_status(err, STATUS_NOT_FOUND, "sandbox %s does not run any more: %.*s", id, (int)reason.len, reason.data);
}

/* Connected to the monitor; NOT_FOUND when there is none. */
static int dial(const char *root, const char *id, struct error *err)
{
    char path[PATH_CAP];

    int r = rundir_check_id(id, err);
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "%s/" RUNDIR_ROOT "/%s/" RUNDIR_CONTROL, root, id);
    int fd = unix_path_connect(path, SOCK_STREAM);
    if (fd == -ENOENT || fd == -ECONNREFUSED || fd == -ENOTDIR)
        return not_running(root, id, fd == -ECONNREFUSED, err);
    return fd < 0 ? error_set(err, fd, "connect to the monitor of sandbox %s", id) : fd;
}

/* Runs conversation->fn in a fiber, connected by fd, which it takes over. */
static int converse(struct conversation *conversation, int fd, struct error *err)
{
    conversation->err = err;
    int r = loop_new(&conversation->loop, err);
    if (r < 0) {
        sys_close(fd);
        return r;
    }
    r = ttrpc_client_new(conversation->loop, fd, &conversation->client, err);
    if (r == 0)
        r = fiber_start(conversation->loop, "monitor", conversation_fiber, conversation, NULL);
    if (r == 0)
        r = loop_run(conversation->loop, err);
    ttrpc_client_free(conversation->client);
    loop_free(conversation->loop);
    return r < 0 ? r : conversation->result;
}

static int ask(const char *root, const char *id, struct conversation *conversation, struct error *err)
{
    int fd = dial(root, id, err);

    conversation->fn = call;
    int r = fd < 0 ? fd : converse(conversation, fd, err);
    return r == -ETIMEDOUT ? error_text(err, r, "the monitor of sandbox %s does not answer", id) : r;
}

/* ---- calls ---- */

const char *sandbox_socket_path(struct arena *a, const char *root, const char *id)
{
    return arena_printf(a, "%s/" RUNDIR_ROOT "/%s/" RUNDIR_VSOCK, root, id);
}

static int ask_status(const char *root, const char *id, struct sandbox_status *ret_status, struct error *err)
{
    const Tatami__Monitor__V1__StatusRequest request = TATAMI__MONITOR__V1__STATUS_REQUEST__INIT;
    _arena_ struct arena *a = arena_new(CALL_BYTES);
    struct conversation conversation = {
        .method = "Status", .request = &request.base, .reply_type = MESSAGE(status_reply), .timeout_ns = CALL_NS, .arena = a};

    int r = ask(root, id, &conversation, err);
    if (r < 0)
        return r;
    const Tatami__Monitor__V1__StatusReply *reply = (const void *)conversation.reply;
    *ret_status = (struct sandbox_status){.vm_pid = reply->vm_pid,
                                          .monitor_pid = reply->monitor_pid,
                                          .uptime_ns = reply->uptime_ns,
                                          .guest_cid = reply->guest_cid};
    strncat(ret_status->accel, reply->accel, sizeof(ret_status->accel) - 1);
    return 0;
}

/* A machine that is just ending has ended: callers need not know of the moments between. */
int sandbox_status(const char *root, const char *id, struct sandbox_status *ret_status, struct error *err)
{
    uint64_t deadline = sys_monotonic_ns() + END_NS;

    for (;;) {
        struct error failure = {.errnum = 0};
        int r = ask_status(root, id, ret_status, &failure);
        if (r < 0 && failure.status == STATUS_UNAVAILABLE && sys_monotonic_ns() < deadline) {
            sys_nanosleep(PAUSE_NS);
            continue;
        }
        if (r < 0 && err)
            *err = failure;
        return r;
    }
}

/* A copy of the mounts at source, detached, as the guest will see it: mounts that come and go at the source do so there, too,
 * and never the other way round. Device nodes are the guest's own devices, to its kernel: the file server opens none, whoever
 * asks it to. */
static int copy_tree(const char *source, bool read_only, const struct idmap *idmap, struct error *err)
{
    const struct mount_attr attr = {.propagation = MS_SLAVE, .attr_set = SHARE_FLAGS | (read_only ? MOUNT_ATTR_RDONLY : 0)};

    _close_ int tree = sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0)
        return error_set(err, tree, "share %s with the virtual machine", source);
    int r = sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr);
    if (r < 0)
        return error_set(err, r, "prepare %s to be shared%s", source, read_only ? " read-only" : "");
    r = idmap ? idmap_apply(tree, idmap, err) : 0;
    return r < 0 ? error_wrap(err, "share %s", source) : fd_take(&tree);
}

struct addition {
    int tree;
    const char *container;
};

static int add_share(void *arg, char text[static VISIT_TEXT_BYTES], struct error *err)
{
    const struct addition *addition = arg;

    return share_add(addition->tree, addition->container, text, err);
}

static int remove_shares(void *arg, char text[static VISIT_TEXT_BYTES], struct error *err)
{
    (void)text;
    return share_remove(arg, err);
}

int sandbox_share(struct arena *a, const char *root, const char *id, const char *container_id, const char *source,
                  bool read_only, const struct idmap *idmap, const char **ret_guest_path, struct error *err)
{
    char name[VISIT_TEXT_BYTES];

    _close_ int tree = copy_tree(source, read_only, idmap, err);
    if (tree < 0)
        return tree;
    struct addition addition = {.tree = tree, .container = container_id};
    _close_ int monitor = dial(root, id, err);
    if (monitor < 0)
        return monitor;
    int r = visit(monitor, add_share, &addition, name, err);
    if (r < 0)
        return error_wrap(err, "share %s", source);
    *ret_guest_path = arena_printf(a, SHARE_GUEST "/%s", name);
    return 0;
}

int sandbox_unshare(const char *root, const char *id, const char *container_id, struct error *err)
{
    Tatami__Monitor__V1__ReleaseRequest request = TATAMI__MONITOR__V1__RELEASE_REQUEST__INIT;
    _arena_ struct arena *a = arena_new(CALL_BYTES);
    struct conversation conversation = {.method = "Release",
                                        .request = &request.base,
                                        .reply_type = &google__protobuf__empty__descriptor,
                                        .timeout_ns = CALL_NS,
                                        .arena = a};

    _close_ int monitor = dial(root, id, err);
    if (monitor < 0)
        return monitor;
    int r = visit(monitor, remove_shares, (void *)(uintptr_t)container_id, NULL, err);
    if (r < 0)
        return r;
    request.container_id = (char *)(uintptr_t)container_id;
    return ask(root, id, &conversation, err);
}

static int hold(struct conversation *conversation, struct error *err)
{
    static const struct ttrpc_stream_method method = {
        {SERVICE, "Hold", MESSAGE(hold_request), MESSAGE(hold_reply), NULL}, NULL, .server_streams = true};
    struct ttrpc_client_stream *stream;

    int r = ttrpc_client_stream_open(conversation->client, &method, conversation->request, 0, &stream, err);
    if (r < 0)
        return r;
    r = ttrpc_client_stream_recv(stream, conversation->arena, &conversation->reply, err);
    ttrpc_client_stream_free(stream);
    if (r == 0)
        return error_text(err, -EPROTO, "the monitor does not hold the process");
    return r < 0 ? r : 0;
}

/* The connection itself is what is held: a second descriptor of it outlives the conversation. */
int sandbox_hold(const char *root, const char *id, const char *container_id, const char *exec_id, struct error *err)
{
    Tatami__Monitor__V1__HoldRequest request = TATAMI__MONITOR__V1__HOLD_REQUEST__INIT;
    _arena_ struct arena *a = arena_new(CALL_BYTES);
    struct conversation conversation = {.request = &request.base, .arena = a, .fn = hold};

    int fd = dial(root, id, err);
    if (fd < 0)
        return fd;
    _close_ int kept = sys_fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (kept < 0) {
        sys_close(fd);
        return error_set(err, kept, "keep the connection to the monitor");
    }
    request.container_id = (char *)(uintptr_t)container_id;
    request.exec_id = (char *)(uintptr_t)exec_id;
    int r = converse(&conversation, fd, err);
    return r < 0 ? r : fd_take(&kept);
}

/* ---- OOM events ---- */

struct sandbox_oom {
    struct ttrpc_client *client;
    struct ttrpc_client_stream *stream;
    struct arena *arena;
};

void sandbox_oom_close(struct sandbox_oom *oom)
{
    if (!oom)
        return;
    ttrpc_client_stream_free(oom->stream);
    ttrpc_client_free(oom->client);
    arena_free(oom->arena);
    free(oom);
}

int sandbox_oom_next(struct sandbox_oom *oom, struct error *err)
{
    ProtobufCMessage *event;

    arena_reset(oom->arena);
    int r = ttrpc_client_stream_recv(oom->stream, oom->arena, &event, err);
    if (r == 0)
        return error_text(err, -EPIPE, "the monitor tells of no more OOM events");
    return r < 0 ? r : 0;
}

int sandbox_oom_open(struct loop *loop, const char *root, const char *id, const char *container_id,
                     struct sandbox_oom **ret_oom, struct error *err)
{
    static const struct ttrpc_stream_method method = {
        {SERVICE, "ListenOom", MESSAGE(listen_oom_request), MESSAGE(oom_event), NULL}, NULL, .server_streams = true};
    Tatami__Monitor__V1__ListenOomRequest request = TATAMI__MONITOR__V1__LISTEN_OOM_REQUEST__INIT;

    int fd = dial(root, id, err);
    if (fd < 0)
        return fd;
    struct sandbox_oom *oom = calloc(1, sizeof(*oom));
    if (!oom)
        abort();
    oom->arena = arena_new(CALL_BYTES);
    request.container_id = (char *)(uintptr_t)container_id;
    int r = ttrpc_client_new(loop, fd, &oom->client, err);
    if (r == 0)
        r = ttrpc_client_stream_open(oom->client, &method, &request.base, 0, &oom->stream, err);
    if (r == 0)
        r = sandbox_oom_next(oom, err);
    if (r < 0)
        sandbox_oom_close(oom);
    else
        *ret_oom = oom;
    return r;
}

/* ---- stop ---- */

static void ask_to_stop(const char *root, const char *id)
{
    const Tatami__Monitor__V1__StopRequest request = TATAMI__MONITOR__V1__STOP_REQUEST__INIT;
    _arena_ struct arena *a = arena_new(CALL_BYTES);
    struct conversation conversation = {.method = "Stop",
                                        .request = &request.base,
                                        .reply_type = &google__protobuf__empty__descriptor,
                                        .timeout_ns = STOP_NS,
                                        .arena = a};

    (void)ask(root, id, &conversation, NULL);
}

/* Its parts die with it. Exactly the process that wrote its name down is killed, whoever has the pid now. */
static void kill_monitor(const struct rundir *rundir)
{
    struct proc owner;

    if (rundir_owner(rundir, &owner) == 0)
        (void)proc_signal(&owner, SIGKILL);
}

/* Takes the lock from a monitor that does not give it up. One that was just born has not written its name yet. */
static int wrest_lock(struct rundir *rundir)
{
    uint64_t deadline = sys_monotonic_ns() + DEATH_NS;

    for (;;) {
        int r = rundir_lock(rundir);
        if (r != -EWOULDBLOCK || sys_monotonic_ns() > deadline)
            return r;
        kill_monitor(rundir);
        sys_nanosleep(PAUSE_NS);
    }
}

int sandbox_stop(const char *root, const char *id, struct error *err)
{
    _rundir_ struct rundir rundir = RUNDIR_NONE;

    int r = rundir_open(root, id, &rundir, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    ask_to_stop(root, id);
    r = wrest_lock(&rundir);
    if (r == -ENOENT)
        return 0; /* another one removed it */
    if (r < 0)
        return error_set(err, r, "end the monitor of sandbox %s", id);
    return rundir_remove(rundir.parent_fd, rundir.fd, id, err);
}
