/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/dirtree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "loop/loop.h"

struct place {
    char dir[32];
    int fd;
};

static void make_dir(const struct place *place, const char *name)
{
    assert_int_equal(mkdirat(place->fd, name, 0755), 0);
}

static void make_file(const struct place *place, const char *name)
{
    int fd = openat(place->fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    close(fd);
}

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    strcpy(place->dir, "/tmp/tatami-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    place->fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    char command[64];

    close(place->fd);
    snprintf(command, sizeof(command), "rm -rf %s", place->dir);
    int r = system(command);
    free(place);
    return r;
}

static int exists(const struct place *place, const char *name)
{
    struct stat st;

    return fstatat(place->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void tree_with_everything_in_it_goes(void **state)
{
    const struct place *place = *state;
    char name[64];

    make_dir(place, "t");
    make_dir(place, "t/d");
    make_dir(place, "t/d/e");
    for (int i = 0; i < 300; i++) { /* more than one getdents64 block */
        snprintf(name, sizeof(name), "t/d/a-rather-long-file-name-%d", i);
        make_file(place, name);
    }
    assert_int_equal(mkfifoat(place->fd, "t/fifo", 0644), 0);
    assert_int_equal(dirtree_remove(place->fd, "t"), 0);
    assert_false(exists(place, "t"));
}

static void links_are_removed_and_not_followed(void **state)
{
    const struct place *place = *state;

    make_dir(place, "victim");
    make_file(place, "victim/file");
    make_dir(place, "t");
    assert_int_equal(symlinkat("../victim", place->fd, "t/link"), 0);
    assert_int_equal(symlinkat("victim", place->fd, "top"), 0);
    assert_int_equal(dirtree_remove(place->fd, "t"), 0);
    assert_int_equal(dirtree_remove(place->fd, "top"), 0);
    assert_true(exists(place, "victim/file"));
    assert_false(exists(place, "top"));
}

static void nothing_there_is_success_and_a_missing_directory_an_error(void **state)
{
    const struct place *place = *state;

    assert_int_equal(dirtree_remove(place->fd, "absent"), 0);
    assert_int_equal(dirtree_remove(-1, "absent"), -EBADF);
}

static void make_chain(const struct place *place, int depth)
{
    char name[512] = "t";

    make_dir(place, name);
    for (int i = 1; i < depth; i++) {
        strcat(name, "/d");
        make_dir(place, name);
    }
}

static void remove_chain(void *arg)
{
    const struct place *place = arg;

    assert_int_equal(dirtree_remove(place->fd, "t"), 0);
}

/* Where containers are removed. */
static void deep_tree_fits_into_the_stack_of_a_fiber(void **state)
{
    const struct place *place = *state;
    struct error err = {.errnum = 0};
    struct loop *loop;

    make_chain(place, 64);
    assert_int_equal(loop_new(&loop, &err), 0);
    assert_int_equal(fiber_start(loop, "remove", remove_chain, *state, NULL), 0);
    assert_int_equal(loop_run(loop, &err), 0);
    loop_free(loop);
    assert_false(exists(place, "t"));
}

static void too_deep_a_tree_is_refused(void **state)
{
    const struct place *place = *state;

    make_chain(place, 71);
    assert_int_equal(dirtree_remove(place->fd, "t"), -ELOOP);
    assert_true(exists(place, "t/d/d"));
}

static int remove_below_mount(const struct place *outside)
{
    struct place inside = *outside, *place = &inside;
    char path[64];

    snprintf(path, sizeof(path), "%s/t/mnt", place->dir);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", path, "tmpfs", 0, NULL) < 0)
        return 1;
    inside.fd = open(inside.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* the old descriptor leads to the old namespace */
    make_file(place, "t/mnt/precious");
    int r = dirtree_remove(place->fd, "t");
    if (r != -EXDEV && r != -EBUSY)
        return 2;
    return exists(place, "t/mnt/precious") ? 0 : 3;
}

static void mount_points_are_not_entered(void **state)
{
    const struct place *place = *state;
    int status;

    if (geteuid() != 0) {
        print_message("[  SKIP    ] mounting needs root\n");
        skip();
    }
    make_dir(place, "t");
    make_dir(place, "t/mnt");
    int pid = fork();
    if (pid == 0)
        _exit(remove_below_mount(place));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tree_with_everything_in_it_goes),
        TEST(links_are_removed_and_not_followed),
        TEST(nothing_there_is_success_and_a_missing_directory_an_error),
        TEST(deep_tree_fits_into_the_stack_of_a_fiber),
        TEST(too_deep_a_tree_is_refused),
        TEST(mount_points_are_not_entered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
