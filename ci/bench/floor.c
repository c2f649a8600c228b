/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: what the kernel alone needs to run a program in new pid, network, ipc, uts and mount namespaces below another
 * root.
 *
 *     floor ROOTFS
 *
 * No cgroups, devices, seccomp or capabilities: a lower bound, not a peer. */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ci/bench/measure.h"

static void enter(const char *rootfs)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 || mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL) < 0 ||
        chdir(rootfs) < 0 || mount("proc", "proc", "proc", 0, NULL) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0)
        _exit(111);
}

static int run_once(void *rootfs)
{
    struct clone_args args = {
        .flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS,
        .exit_signal = SIGCHLD,
    };
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0) {
        char *argv[] = {"true", NULL};
        enter(rootfs);
        execve("/bin/true", argv, argv + 1);
        _exit(112);
    }
    int status;
    return pid > 0 && waitpid((pid_t)pid, &status, 0) == pid ? status : -1;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: floor ROOTFS\n");
        return 2;
    }
    bench_both_pacings("floor", run_once, argv[1]);
    return 0;
}
