/* SPDX-License-Identifier: Apache-2.0 */
/* `crun run` of a bundle, timed from spawn to exit.
 *
 *     crun BUNDLE
 *
 * Debian 12's crun refuses a hybrid hierarchy whose v2 part has controllers, so that part is hidden in a mount namespace. */
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ci/bench/measure.h"

extern char **environ;

static int run_once(void *bundle)
{
    char *argv[] = {"crun", "run", "--bundle", bundle, "tatami-bench", NULL};
    pid_t pid;
    int status;
    if (posix_spawnp(&pid, "crun", NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: crun BUNDLE\n");
        return 2;
    }
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        perror("mount namespace");
        return 1;
    }
    umount2("/sys/fs/cgroup/unified", MNT_DETACH);
    bench_both_pacings("crun-run", run_once, argv[1]);
    return 0;
}
