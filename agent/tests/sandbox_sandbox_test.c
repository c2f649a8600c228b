/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/container/container.h"
#include "base/macros.h"

/* ---- namespaces of a container's spec ---- */

#define MAX_ENTRIES 4

static const struct {
    const char *label;
    struct oci_namespace in[MAX_ENTRIES];
    size_t n;
    bool created, share_pid;
    int pid_fd;
    const char *want; /* "type=path ..." */
} share_rows[] = {
    {"ipc and uts are shared",
     {{OCI_NS_IPC, NULL}, {OCI_NS_UTS, NULL}},
     2,
     true,
     false,
     -1,
     "ipc=/proc/self/fd/100 uts=/proc/self/fd/101 pid=new "},
    {"paths of the host are replaced",
     {{OCI_NS_IPC, (char *)"/proc/1/ns/ipc"}},
     1,
     true,
     false,
     -1,
     "ipc=/proc/self/fd/100 pid=new "},
    {"before CreateSandbox they are new", {{OCI_NS_IPC, (char *)"/proc/1/ns/ipc"}}, 1, false, false, -1, "ipc=new pid=new "},
    {"pid entries of the host are dropped",
     {{OCI_NS_PID, (char *)"/proc/1/ns/pid"}, {OCI_NS_MOUNT, NULL}},
     2,
     true,
     false,
     102,
     "mount=new pid=new "},
    {"pid is shared when asked for", {{OCI_NS_MOUNT, NULL}}, 1, true, true, 102, "mount=new pid=/proc/self/fd/102 "},
    {"first container makes the pid namespace that is shared", {{OCI_NS_MOUNT, NULL}}, 1, true, true, -1, "mount=new pid=new "},
    {"other entries stay",
     {{OCI_NS_NETWORK, (char *)"/run/netns/x"}, {OCI_NS_CGROUP, NULL}},
     2,
     true,
     false,
     -1,
     "network=/run/netns/x cgroup=new pid=new "},
};

static void entries_point_at_what_the_sandbox_shares(void **state)
{
    (void)state;

    FOR_ROWS (row, share_rows) {
        struct arena *a = arena_new(65536);
        struct sandbox sandbox;
        struct oci_namespace entries[MAX_ENTRIES];
        struct oci_linux linux_ = {.namespaces = entries, .n_namespaces = row->n};
        char got[256] = "";
        struct error err;

        memcpy(entries, row->in, sizeof(entries));
        sandbox_init(&sandbox);
        if (row->created) {
            sandbox.ipc_fd = 100;
            sandbox.uts_fd = 101;
        }
        sandbox.pid_fd = row->pid_fd;
        assert_int_equal(sandbox_share_namespaces(&sandbox, a, &linux_, row->share_pid, &err), 0);
        for (size_t i = 0; i < linux_.n_namespaces; i++)
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s=%s ", oci_namespace_name(linux_.namespaces[i].type),
                     linux_.namespaces[i].path ?: "new");
        if (strcmp(got, row->want) != 0)
            fail_msg("%s: want '%s', got '%s'", row->label, row->want, got);
        arena_free(a);
    }
}

static void sharing_fails_where_it_must(void **state)
{
    struct arena *a = arena_new(65536), *full = arena_new(16);
    struct sandbox sandbox;
    struct oci_namespace entry = {OCI_NS_MOUNT, NULL};
    struct oci_linux none = {.n_namespaces = 0}, one = {.namespaces = &entry, .n_namespaces = 1};
    struct container other = {.id = "other"};
    struct error err;
    (void)state;

    sandbox_init(&sandbox);
    assert_true(sandbox_share_namespaces(&sandbox, a, &none, false, &err) < 0);
    assert_string_equal(err.text, "cannot find the pid ns");
    assert_true(sandbox_share_namespaces(&sandbox, full, &one, false, &err) < 0);
    assert_int_equal(err.status, STATUS_RESOURCE_EXHAUSTED);
    list_append(&sandbox.containers, &other.link);
    assert_true(sandbox_share_namespaces(&sandbox, a, &one, true, &err) < 0);
    assert_string_equal(err.text, "Sandbox does not have sandbox_pidns");
    assert_ptr_equal(one.namespaces, &entry);
    arena_free(a);
    arena_free(full);
}

/* ---- table of containers ---- */

static void look_up_sees_only_containers_that_clients_may_address(void **state)
{
    struct sandbox sandbox;
    struct container created = {.id = "a", .state = CONTAINER_CREATED}, creating = {.id = "b", .state = CONTAINER_CREATING},
                     removing = {.id = "c", .state = CONTAINER_RUNNING, .removing = true};
    (void)state;

    sandbox_init(&sandbox);
    list_append(&sandbox.containers, &created.link);
    list_append(&sandbox.containers, &creating.link);
    list_append(&sandbox.containers, &removing.link);
    assert_ptr_equal(sandbox_find(&sandbox, "a"), &created);
    assert_null(sandbox_find(&sandbox, "b"));
    assert_null(sandbox_find(&sandbox, "c"));
    assert_null(sandbox_find(&sandbox, "d"));
    assert_true(sandbox_has(&sandbox, "b"));
    assert_true(sandbox_has(&sandbox, "c"));
    assert_false(sandbox_has(&sandbox, "d"));
}

/* ---- shared namespaces ---- */

struct creation {
    struct loop *loop;
    struct reaper *reaper;
    struct sandbox *sandbox;
    const char *id;
    const char *hostname;
    int result;
    struct error err;
};

static void create(void *arg)
{
    struct creation *creation = arg;

    creation->result = sandbox_create(creation->sandbox, creation->reaper, creation->id, creation->hostname, &creation->err);
    loop_stop(creation->loop); /* the reaper's watch would keep it running */
}

static ino_t inode_of(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

static void check_hostname(int uts_fd, const char *want)
{
    char name[65];
    int status;

    int pid = fork();
    if (pid == 0) {
        if (setns(uts_fd, CLONE_NEWUTS) < 0 || gethostname(name, sizeof(name)) < 0)
            _exit(1);
        _exit(strcmp(name, want) == 0 ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void sandbox_makes_namespaces_with_its_host_name(void **state)
{
    struct loop *loop;
    struct sandbox sandbox;
    struct creation creation = {.sandbox = &sandbox, .id = "pod", .hostname = "tatami-pod"};
    struct error err;
    (void)state;

    if (geteuid() != 0) {
        print_message("[  SKIP    ] making namespaces needs root\n");
        skip();
    }
    assert_int_equal(loop_new(&loop, &err), 0);
    assert_int_equal(reaper_new(loop, &creation.reaper, &err), 0);
    creation.loop = loop;
    sandbox_init(&sandbox);
    assert_int_equal(fiber_start(loop, "create", create, &creation, NULL), 0);
    assert_int_equal(loop_run(loop, &err), 0);
    if (creation.result < 0)
        fail_msg("%s", creation.err.text);
    int own = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
    assert_int_not_equal(inode_of(sandbox.ipc_fd), inode_of(own));
    close(own);
    check_hostname(sandbox.uts_fd, "tatami-pod");
    assert_string_equal(sandbox.id, "pod");
    assert_true(sandbox.running);
    sandbox_done(&sandbox);
    reaper_free(creation.reaper);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_point_at_what_the_sandbox_shares),
        cmocka_unit_test(sharing_fails_where_it_must),
        cmocka_unit_test(look_up_sees_only_containers_that_clients_may_address),
        cmocka_unit_test(sandbox_makes_namespaces_with_its_host_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
