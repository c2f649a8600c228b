/* SPDX-License-Identifier: Apache-2.0 */
/* The container child, from fork to exec: what runs between the agent and the workload.
 *
 * Nothing it writes may be seen by the agent, and nothing it holds may reach the workload: it keeps only the descriptors it
 * needs from its first step on, since a container that waits for its start would otherwise hold the pipes of others open. */
#include "agent/container/launch.h"

#include <ctype.h>
#include <errno.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "agent/container/hook.h"
#include "agent/container/program.h"
#include "agent/container/sync.h"
#include "agent/container/sysctl.h"
#include "agent/container/terminal.h"
#include "sys/fd.h"

#define EXIT_CHILD_FAILED 1
#define HOOK_UMASK 022

/* ---- descriptors ---- */

/* Puts stdio on 0, 1, 2 and closes everything else but keep (ascending, all above 2). */
static int child_descriptors(const int stdio[3], const int *keep, size_t n_keep, struct error *err)
{
    for (int i = 0; i < 3; i++) {
        int r = sys_dup3(stdio[i] >= 0 ? stdio[i] : stdio[0], i, 0);
        if (r < 0)
            return error_set(err, r, "set up descriptor %d of the process", i);
    }
    unsigned int first = 3;
    for (size_t i = 0; i < n_keep; i++) {
        unsigned int kept = (unsigned int)keep[i];
        int r = kept > first ? sys_close_range(first, kept - 1, 0) : 0;
        if (r < 0)
            return error_set(err, r, "close inherited descriptors");
        first = kept + 1;
    }
    int r = sys_close_range(first, ~0U, 0);
    return r < 0 ? error_set(err, r, "close inherited descriptors") : 0;
}

/* Inserts fd into the ascending list, unless it is negative. */
static void keep_descriptor(int *keep, size_t *n, int fd)
{
    if (fd < 0)
        return;
    size_t at = *n;
    while (at > 0 && keep[at - 1] > fd) {
        keep[at] = keep[at - 1];
        at--;
    }
    keep[at] = fd;
    (*n)++;
}

static int keep_what_is_needed(const struct launch *launch, struct error *err)
{
    int keep[5];
    size_t n = 0;

    keep_descriptor(keep, &n, launch->sync_fd);
    keep_descriptor(keep, &n, launch->mqueue_fd);
    keep_descriptor(keep, &n, launch->namespaces.user_fd);
    keep_descriptor(keep, &n, launch->namespaces.mount_fd);
    keep_descriptor(keep, &n, launch->namespaces.time_fd);
    return child_descriptors(launch->stdio, keep, n, err);
}

/* ---- namespaces ---- */

static int join(int fd, int type, const char *name, struct error *err)
{
    if (fd < 0)
        return 0;
    int r = sys_setns(fd, type);
    return r < 0 ? error_set(err, r, "join the %s namespace", name) : 0;
}

static int become_namespace_root(const struct namespace_plan *plan, struct error *err)
{
    if (!plan->new_user && !plan->joins_user)
        return 0;
    int r = sys_setresgid(0, 0, 0);
    if (r == 0)
        r = sys_setresuid(0, 0, 0);
    return r < 0 ? error_set(err, r, "become root of the user namespace") : 0;
}

/* The namespaces that a process enters by itself, mount last: paths change with it. */
static int enter_namespaces(const struct launch *launch, struct error *err)
{
    const struct namespace_plan *plan = &launch->namespaces;

    int r = join(plan->time_fd, CLONE_NEWTIME, "time", err);
    if (r == 0)
        r = join(plan->user_fd, CLONE_NEWUSER, "user", err);
    if (r == 0)
        r = become_namespace_root(plan, err);
    if (r == 0 && launch->new_cgroup_namespace) {
        r = sys_unshare(CLONE_NEWCGROUP);
        if (r < 0)
            return error_set(err, r, "create the cgroup namespace");
    }
    return r < 0 ? r : join(plan->mount_fd, CLONE_NEWNS, "mount", err);
}

/* ---- build ---- */

/* Makes the process's terminal below the root of the container and hands the agent its side: whoever kept it here would keep
 * the terminal from being hung up. console: it is put on /dev/console, too. */
static int make_terminal(const struct launch *launch, int root_fd, bool console, struct error *err)
{
    _close_ int master = -1, slave = -1;

    int r = terminal_open(root_fd, launch->process, &master, &slave, err);
    if (r == 0 && console)
        r = terminal_place_console(root_fd, slave, err);
    for (int fd = 0; fd < 3 && r >= 0; fd++) {
        r = sys_dup3(slave, fd, 0);
        if (r < 0)
            return error_set(err, r, "set up descriptor %d of the process", fd);
    }
    return r < 0 ? r : sync_send_descriptor(launch->sync_fd, master, err);
}

static int await_hooks_of_guest(const struct launch *launch, struct error *err)
{
    if (!hook_is_wanted(launch->spec, "prestart"))
        return 0;
    int r = sync_send(launch->sync_fd, SYNC_READY);
    if (r == 0)
        r = sync_expect(launch->sync_fd, SYNC_GO);
    return r < 0 ? error_set(err, r, "wait for the hooks of the guest") : 0;
}

/* The umask is 0 while the root file system is built. */
static int run_create_hooks(const struct launch *launch, struct error *err)
{
    int r = await_hooks_of_guest(launch, err);
    if (r < 0)
        return r;
    mode_t mask = sys_umask(HOOK_UMASK);
    r = hook_run_all(launch, "createContainer", launch->bundle, err);
    sys_umask(mask);
    return r;
}

static int build_container(const struct launch *launch, struct error *err)
{
    struct rootfs rootfs = ROOTFS_INIT(launch->spec, launch->cgroup);
    const char *hostname = launch->spec->hostname;
    uint64_t new_flags = launch->namespaces.new_flags;

    rootfs.new_user_namespace = launch->namespaces.new_user || launch->namespaces.joins_user;
    rootfs.no_pivot = launch->no_pivot;
    rootfs.mqueue_fd = launch->mqueue_fd;
    if (hostname && (new_flags & CLONE_NEWUTS)) {
        int r = sys_sethostname(hostname, strlen(hostname));
        if (r < 0)
            return error_set(err, r, "set the host name '%s'", hostname);
    }
    if (!(new_flags & CLONE_NEWNS)) {
        int r = run_create_hooks(launch, err);
        return r < 0 ? r : rootfs_chdir(launch->process->cwd, err);
    }

    int r = rootfs_build(&rootfs, err);
    if (r == 0)
        r = run_create_hooks(launch, err);
    if (r == 0)
        r = rootfs_enter(&rootfs, err);
    if (r == 0 && launch->makes_terminal)
        r = make_terminal(launch, rootfs.root_fd, !rootfs.dev_is_bind, err);
    if (r == 0)
        r = sysctl_apply(launch->spec->linux_, rootfs.new_user_namespace ? SYSCTL_OF_OWN : SYSCTL_OF_ALL, rootfs.proc_fd, err);
    if (r == 0)
        r = rootfs_finish(&rootfs, launch->process->cwd, err);
    rootfs_done(&rootfs);
    return r;
}

/* The container that the process has joined is there already. */
static int join_container(const struct launch *launch, struct error *err)
{
    if (launch->makes_terminal) {
        _close_ int root_fd = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        int r = root_fd < 0 ? error_set(err, root_fd, "open the root of the container")
                            : make_terminal(launch, root_fd, false, err);
        if (r < 0)
            return r;
    }
    return rootfs_chdir(launch->process->cwd, err);
}

struct program {
    char *path;
    char **envp;
};

static int become_process(const struct launch *launch, struct program *program, struct error *err)
{
    int r = sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (r < 0)
        return error_set(err, r, "make the process undumpable");
    r = enter_namespaces(launch, err);
    if (r == 0)
        r = launch->init ? build_container(launch, err) : join_container(launch, err);
    if (r == 0)
        r = terminal_take(launch->process->terminal, err);
    if (r == 0)
        r = program_environment(launch->scratch, &launch->process->env, launch->identity->uid, &program->envp, err);
    if (r == 0)
        r = program_find(launch->scratch, launch->process->args.items[0], program->envp, &program->path, err);
    if (r < 0)
        return r;

    /* From here on a filter may be loaded: nothing but the calls it must allow follows. */
    r = sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (r < 0)
        return error_set(err, r, "mark descriptors close-on-exec");
    return identity_apply(launch->identity, err);
}

/* With the program's own filter: what runs is the image's, too. */
static int run_start_hooks(const struct launch *launch, struct error *err)
{
    if (!hook_is_wanted(launch->spec, "startContainer"))
        return 0;
    int r = hook_run_all(launch, "startContainer", NULL, err);
    if (r < 0)
        return r;
    r = sync_send(launch->sync_fd, SYNC_READY);
    return r < 0 ? error_set(err, r, "tell the agent that the hooks have run") : 0;
}

/* The last that can be said, to whoever reads the program's errors, in the words of other runtimes. */
static void tell_exec_failure(const struct launch *launch, const char *path, int errnum)
{
    char *line = arena_printf(launch->scratch, "exec %s: %s\n", path, strerrordesc_np(errnum) ?: "unknown error");

    if (!line)
        return;
    char *reason = line + strlen("exec ") + strlen(path) + strlen(": ");
    *reason = (char)tolower(*reason);
    (void)sys_write(2, line, strlen(line));
}

int launch_child(void *arg)
{
    const struct launch *launch = arg;
    struct program program = {.path = NULL};
    struct error err = {.errnum = 0};

    int r = keep_what_is_needed(launch, &err);
    if (r == 0 && sync_expect(launch->sync_fd, SYNC_GO) < 0)
        return EXIT_CHILD_FAILED; /* the agent gave up or died: nobody to tell */
    if (r == 0)
        r = become_process(launch, &program, &err);
    if (r < 0) {
        sync_send_error(launch->sync_fd, &err);
        return EXIT_CHILD_FAILED;
    }
    if (sync_send(launch->sync_fd, SYNC_READY) < 0)
        return EXIT_CHILD_FAILED;
    if (launch->init && sync_expect(launch->sync_fd, SYNC_START) < 0)
        return EXIT_CHILD_FAILED;
    r = identity_seal(launch->identity, &err);
    if (r == 0 && launch->init)
        r = run_start_hooks(launch, &err);
    if (r < 0) {
        sync_send_error(launch->sync_fd, &err);
        return EXIT_CHILD_FAILED;
    }

    r = sys_execveat(AT_FDCWD, program.path, launch->process->args.items, program.envp, 0);
    tell_exec_failure(launch, program.path, -r);
    return -r; /* clients see an exec failure as the errno in the exit code */
}
