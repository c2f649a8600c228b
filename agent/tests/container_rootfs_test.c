/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way: a root file system is built, entered, finished, and then looked at from inside. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/container/rootfs.h"
#include "agent/tests/support/rootfs_world.h"
#include "lib/tests/check.h"

static void usual_container(struct world *w)
{
    struct stat st;
    char cwd[256];

    child_start(w);
    CHILD_TRUE(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/") == 0);
    CHILD_TRUE(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
    CHILD_TRUE((st.st_mode & 07777) == 0666);
    CHILD_TRUE(child_write("/dev/null", "x") == 0);
    CHILD_TRUE(strncmp(child_read("/proc/self/stat"), "1 (", 3) == 0);
    CHILD_TRUE(child_write("/proc/sys/kernel/domainname", "x") == -EROFS);
    CHILD_TRUE(child_has_option("/sys", "ro"));
    CHILD_TRUE(child_has_option("/dev/pts", "noexec"));
    CHILD_TRUE(child_has_option("/dev/shm", "nodev"));
    CHILD_TRUE(stat("/dev/shm", &st) == 0 && (st.st_mode & 07777) == 01777);
    CHILD_TRUE(access("/dev/pts/ptmx", F_OK) == 0);
    CHILD_TRUE(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) >= 0);
    CHILD_TRUE(child_read("/proc/keys")[0] == '\0');
    CHILD_TRUE(umask(0) == 022);
    CHILD_TRUE(access(w->dir, F_OK) < 0);
}

static void the_usual_spec_gives_the_usual_container(void **state)
{
    struct world *w = *state;

    world_usual_spec(w);
    world_run(w, WORLD_PID_NAMESPACE | WORLD_IPC_NAMESPACE, usual_container);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_usual_spec_gives_the_usual_container, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
