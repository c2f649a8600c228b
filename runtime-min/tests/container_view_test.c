/* SPDX-License-Identifier: Apache-2.0 */
/* What a process sees that enters the mount namespace of a handle. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/tests/check.h"
#include "runtime-min/container/view.h"

#define DIR_TEMPLATE "/tmp/tatami-XXXXXX"

struct world {
    char dir[sizeof(DIR_TEMPLATE)];
    char root[64], volume[64], fixed[64];
};

static void shell(const char *dir, const char *script)
{
    char command[1024];

    snprintf(command, sizeof(command), "cd %s && %s", dir, script);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    static struct world world;

    memcpy(world.dir, DIR_TEMPLATE, sizeof(DIR_TEMPLATE));
    assert_non_null(mkdtemp(world.dir));
    snprintf(world.root, sizeof(world.root), "%s/root", world.dir);
    snprintf(world.volume, sizeof(world.volume), "%s/volume", world.dir);
    snprintf(world.fixed, sizeof(world.fixed), "%s/fixed", world.dir);
    shell(world.dir, "mkdir -p root/etc root/data volume fixed && echo inside >root/etc/name && echo kept >volume/file"
                     " && echo fixed >fixed/file && touch root/etc/one && ln -s / root/link && mkdir root/place");
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    const struct world *world = *state;

    shell(world->dir, "rm -rf root volume fixed");
    return rmdir(world->dir);
}

static bool holds(const char *path, const char *text)
{
    char found[64] = "";

    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool same = fgets(found, sizeof(found), file) && strcmp(found, text) == 0;
    fclose(file);
    return same;
}

static bool can_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

/* Exit code of a check that runs in a process that entered the view as callers do. */
static int visit(const struct view *view, bool (*check)(const struct world *), const struct world *world)
{
    int status = 0;

    pid_t pid = fork();
    if (pid == 0) {
        struct error err = {.errnum = 0};
        if (view_enter(view, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            _exit(2);
        }
        /* The handle still sees the host. */
        if (access(world->dir, F_OK) != 0)
            _exit(3);
        int ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        if (ns < 0 || setns(ns, CLONE_NEWNS) < 0)
            _exit(4);
        _exit(check(world) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static bool sees_all(const struct world *world)
{
    return holds("/etc/name", "inside\n") && holds("/data/file", "kept\n") && holds("/place/file", "fixed\n") &&
           holds("/etc/one", "kept\n") && access(world->dir, F_OK) != 0 && can_write("/new") && can_write("/data/new") &&
           !can_write("/place/new");
}

static bool sees_a_fixed_root(const struct world *world)
{
    (void)world;
    return holds("/etc/name", "inside\n") && !can_write("/new") && can_write("/data/new");
}

static void who_enters_sees_the_container_and_the_handle_the_host(void **state)
{
    const struct world *world = *state;
    char file[96], name[96];
    snprintf(file, sizeof(file), "%s/file", world->volume);

    const struct view_mount mounts[] = {
        {world->root, "/", false}, {world->volume, "/data", false},      {world->fixed, "/link/place", true},
        {file, "/etc/one", false}, {world->volume, "/not/there", false}, {world->volume, "/etc/name", false},
    };
    const struct view view = {mounts, ARRAY_SIZE(mounts)};
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
    assert_int_equal(visit(&view, sees_all, world), 0);
    /* It went to the files behind it, and nothing stays mounted on the host. */
    snprintf(name, sizeof(name), "%s/new", world->volume);
    assert_int_equal(access(name, F_OK), 0);
    snprintf(name, sizeof(name), "%s/data/new", world->root);
    assert_int_not_equal(access(name, F_OK), 0);
}

static void a_read_only_root_is_read_only_and_its_volumes_are_not(void **state)
{
    const struct world *world = *state;
    const struct view_mount mounts[] = {{world->root, "/", true}, {world->volume, "/data", false}};
    const struct view view = {mounts, ARRAY_SIZE(mounts)};

    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
    assert_int_equal(visit(&view, sees_a_fixed_root, world), 0);
}

static void a_source_that_is_gone_is_an_error_that_names_it(void **state)
{
    const struct world *world = *state;
    const struct view_mount mounts[] = {{world->root, "/", false}, {"/tmp/tatami-absent", "/data", false}};
    const struct view view = {mounts, ARRAY_SIZE(mounts)};

    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
    assert_int_equal(visit(&view, sees_all, world), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_enters_sees_the_container_and_the_handle_the_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_only_root_is_read_only_and_its_volumes_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_that_is_gone_is_an_error_that_names_it, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
