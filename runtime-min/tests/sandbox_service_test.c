/* SPDX-License-Identifier: Apache-2.0 */
/* What clients ask of a monitor: to hold processes, to tell of OOM kills, to share directories. */
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "runtime-min/tests/sandbox_world.h"

/* ---- holders ---- */

static const char *signals_of(struct world *world)
{
    char *text = arena_alloc(world->a, 4096);
    FILE *file = fopen(path_in(world, "signals"), "r");

    if (file) {
        text[fread(text, 1, 4095, file)] = '\0';
        fclose(file);
    }
    return text;
}

static void a_process_is_killed_when_its_holder_goes(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    int first = sandbox_hold(world->root, "s1", "c1", "", &world->err);
    int second = sandbox_hold(world->root, "s1", "c1", "e1", &world->err);
    assert_true(first >= 0 && second >= 0);
    close(second);
    eventually(strcmp(signals_of(world), "c1/e1/9\n") == 0);
    close(first);
    eventually(strcmp(signals_of(world), "c1/e1/9\nc1//9\n") == 0);
}

static void a_container_that_is_gone_is_not_killed(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    int gone = sandbox_hold(world->root, "s1", "c1", "", &world->err);
    int other = sandbox_hold(world->root, "s1", "c2", "", &world->err);
    assert_int_equal(sandbox_unshare(world->root, "s1", "c1", &world->err), 0);
    close(gone);
    close(other);
    eventually(strcmp(signals_of(world), "c2//9\n") == 0);
}

/* ---- OOM events ---- */

struct listening {
    struct world *world;
    struct loop *loop;
    int holds[3];
    int monitor;
};

/* The stand-in of the agent tells of a kill for each process that is signalled. */
static void listen_fiber(void *arg)
{
    static const struct {
        const char *label, *container;
        int kills;
    } rows[] = {{"one listener", "c1", 2}, {"another one", "c1", 2}, {"of another container", "c2", 1}};
    struct listening *listening = arg;
    struct world *world = listening->world;
    struct sandbox_oom *ooms[ARRAY_SIZE(rows)];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check_int(rows[i].label, sandbox_oom_open(listening->loop, world->root, "s1", rows[i].container, &ooms[i], &world->err),
                  0);
    for (size_t i = 0; i < ARRAY_SIZE(listening->holds); i++)
        close(listening->holds[i]);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (int n = 0; n < rows[i].kills; n++)
            check_int(rows[i].label, sandbox_oom_next(ooms[i], &world->err), 0);
    kill(listening->monitor, SIGTERM);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        check_int(rows[i].label, sandbox_oom_next(ooms[i], &world->err) < 0, 1);
        sandbox_oom_close(ooms[i]);
    }
    loop_stop(listening->loop);
}

static void every_listener_is_told_of_each_oom_kill_in_its_container(void **state)
{
    struct world *world = *state;

    need_root();
    start(world);
    struct listening listening = {
        .world = world,
        .holds = {sandbox_hold(world->root, "s1", "c1", "", &world->err),
                  sandbox_hold(world->root, "s1", "c1", "e", &world->err),
                  sandbox_hold(world->root, "s1", "c2", "", &world->err)},
        .monitor = status_of(world).monitor_pid,
    };
    assert_int_equal(loop_new(&listening.loop, &world->err), 0);
    assert_int_equal(fiber_start(listening.loop, "listen", listen_fiber, &listening, NULL), 0);
    assert_int_equal(loop_run(listening.loop, &world->err), 0);
    loop_free(listening.loop);
}

/* It has every right to say so: but not that the host works for it without a pause. */
static void an_agent_that_invents_oom_kills_does_not_keep_the_monitor_busy(void **state)
{
    struct world *world = *state;
    uint64_t began = sys_monotonic_ns();

    need_root();
    world->runtime.vsock = path_in(world, "vsock-invents");
    start(world);
    eventually(strlen(signals_of(world)) > 2);
    size_t asked = strlen(signals_of(world));
    assert_true(asked <= (sys_monotonic_ns() - began) / (10 * NSEC_PER_MSEC) + 1);
}

/* ---- shares ---- */

#define GUEST "/run/kata-containers/shared/containers/"

/* A path as the guest's file server sees it: a directory and a number below what is shared, and a name in there. */
static const char *exported(struct world *world, const char *guest, const char *name)
{
    assert_int_equal(strncmp(guest, GUEST, strlen(GUEST)), 0);
    return arena_printf(world->a, "/proc/%d/cwd/share/export/%s%s", status_of(world).monitor_pid, guest + strlen(GUEST), name);
}

static const char *share(struct world *world, const char *container, const char *source, bool read_only)
{
    const char *guest = NULL;

    if (sandbox_share(world->a, world->root, "s1", container, source, read_only, NULL, &guest, &world->err) < 0)
        fail_msg("%s", world->err.text);
    return guest;
}

/* The places of one container lie side by side. */
static void check_beside(const char *guest, const char *other)
{
    assert_int_equal(strrchr(guest, '/') - guest, strrchr(other, '/') - other);
    assert_int_equal(strncmp(guest, other, (size_t)(strrchr(guest, '/') - guest)), 0);
    assert_string_not_equal(guest, other);
}

static void shares_are_seen_by_the_guest_alone(void **state)
{
    struct world *world = *state;
    const char *source = path_in(world, "source");

    need_root();
    assert_int_equal(mkdir(source, 0755), 0);
    assert_int_equal(try_write(path_in(world, "source/file")), 0);
    start(world);
    const char *writable = share(world, "c1", source, false);
    const char *read_only = share(world, "c1", source, true);
    const char *file = share(world, "c2", path_in(world, "source/file"), true);
    check_beside(writable, read_only);

    assert_int_equal(try_write(exported(world, writable, "/new")), 0);
    assert_int_equal(access(path_in(world, "source/new"), F_OK), 0);
    assert_int_equal(try_write(exported(world, read_only, "/new")), -EROFS);
    assert_int_equal(try_write(exported(world, file, "")), -EROFS);
    assert_int_equal(mkdir(exported(world, GUEST, "planted"), 0700), -1);
    assert_int_equal(errno, EROFS);
    assert_int_equal(access(arena_printf(world->a, "%s/.sandboxes/s1/share/export", world->root), F_OK), -1);

    assert_int_equal(sandbox_unshare(world->root, "s1", "c1", &world->err), 0);
    assert_int_equal(access(exported(world, writable, "/.."), F_OK), -1);
    assert_int_equal(access(exported(world, file, ""), F_OK), 0);
    assert_int_equal(access(path_in(world, "source/file"), F_OK), 0);
    assert_int_equal(sandbox_unshare(world->root, "s1", "c1", &world->err), 0);

    /* The guest may still remember where a name led to. */
    assert_string_not_equal(share(world, "c1", source, false), writable);
}

static void ids_of_a_share_can_be_mapped(void **state)
{
    static const struct oci_id_mapping mapping = {.container_id = 0, .host_id = 3000, .size = 10};
    static const struct idmap idmap = {.uids = &mapping, .n_uids = 1, .gids = &mapping, .n_gids = 1};
    struct world *world = *state;
    const char *source = path_in(world, "source"), *guest;
    struct stat st;

    need_root();
    assert_int_equal(mkdir(source, 0755), 0);
    assert_int_equal(try_write(path_in(world, "source/file")), 0);
    assert_int_equal(chown(path_in(world, "source/file"), 2, 3), 0);
    start(world);
    int r = sandbox_share(world->a, world->root, "s1", "c1", source, false, &idmap, &guest, &world->err);
    if (r == -EINVAL) {
        print_message("this file system maps no ids: %s\n", world->err.text);
        skip();
    }
    assert_int_equal(r, 0);
    assert_int_equal(stat(exported(world, guest, "/file"), &st), 0);
    assert_int_equal(st.st_uid, 3002);
    assert_int_equal(st.st_gid, 3003);
    assert_int_equal(stat(path_in(world, "source/file"), &st), 0);
    assert_int_equal(st.st_uid, 2);
    /* What it cannot map, it names. */
    assert_int_equal(sandbox_share(world->a, world->root, "s1", "c1", "/proc", false, &idmap, &guest, &world->err), -EINVAL);
    assert_string_equal(world->err.text, "share /proc: map ids: the file system cannot: EINVAL: Invalid argument");
}

/* An image may bring a name for the host's disk along. */
static void devices_and_rights_of_files_are_not_shared(void **state)
{
    struct world *world = *state;
    const char *source = path_in(world, "source");
    struct statvfs st;

    need_root();
    assert_int_equal(mkdir(source, 0755), 0);
    if (mknod(path_in(world, "source/device"), S_IFCHR | 0666, makedev(1, 3)) < 0) {
        print_message("no devices can be made here\n");
        skip();
    }
    start(world);
    const char *guest = share(world, "c1", source, false);
    assert_int_equal(open(path_in(world, "source/device"), O_RDONLY | O_CLOEXEC) < 0, 0);
    assert_int_equal(open(exported(world, guest, "/device"), O_RDONLY | O_CLOEXEC), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(statvfs(exported(world, guest, ""), &st), 0);
    assert_true(st.f_flag & ST_NOSUID);
}

/* It has no part in them. */
static void shares_are_made_while_the_monitor_is_stuck(void **state)
{
    struct world *world = *state;
    const char *source = path_in(world, "source");

    need_root();
    assert_int_equal(mkdir(source, 0755), 0);
    start(world);
    const char *directory = exported(world, GUEST, "");
    int monitor = status_of(world).monitor_pid;
    kill(monitor, SIGSTOP);
    const char *guest = share(world, "c1", source, false);
    kill(monitor, SIGCONT);
    assert_int_equal(access(arena_printf(world->a, "%s%s", directory, guest + strlen(GUEST)), F_OK), 0);
}

static void what_a_killed_caller_left_of_a_share_is_taken_back(void **state)
{
    struct world *world = *state;
    const char *source = path_in(world, "source");

    need_root();
    assert_int_equal(mkdir(source, 0755), 0);
    start(world);
    const char *guest = share(world, "c1", source, false);
    const char *place =
        arena_printf(world->a, "/proc/%d/cwd/share/mounts/%s", status_of(world).monitor_pid, guest + strlen(GUEST));
    const char *next = arena_printf(world->a, "%.*s1", (int)strlen(place) - 1, place);
    assert_int_equal(mkdir(next, 0700), 0); /* where nothing was mounted yet */
    assert_int_equal(sandbox_unshare(world->root, "s1", "c1", &world->err), 0);
    assert_int_equal(access(next, F_OK), -1);
    assert_int_equal(access(place, F_OK), -1);
}

static void shares_that_cannot_be_made_are_refused(void **state)
{
    struct world *world = *state;
    const char *guest = NULL;

    need_root();
    start(world);
    assert_int_equal(sandbox_share(world->a, world->root, "s1", "c1", "/none", false, NULL, &guest, &world->err), -ENOENT);
    assert_non_null(strstr(world->err.text, "share /none with the virtual machine: ENOENT"));
    assert_int_equal(
        sandbox_share(world->a, world->root, "s1", "../x", path_in(world, "root"), false, NULL, &guest, &world->err), -EINVAL);
    kill(status_of(world).monitor_pid, SIGKILL);
    eventually(sandbox_share(world->a, world->root, "s1", "c1", path_in(world, "root"), false, NULL, &guest, &world->err) ==
               -ENOENT);
    assert_string_equal(world->err.text, "sandbox s1 does not run any more: its monitor was killed");
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        test(a_process_is_killed_when_its_holder_goes),
        test(a_container_that_is_gone_is_not_killed),
        test(every_listener_is_told_of_each_oom_kill_in_its_container),
        test(an_agent_that_invents_oom_kills_does_not_keep_the_monitor_busy),
        test(shares_are_seen_by_the_guest_alone),
        test(ids_of_a_share_can_be_mapped),
        test(devices_and_rights_of_files_are_not_shared),
        test(shares_are_made_while_the_monitor_is_stuck),
        test(what_a_killed_caller_left_of_a_share_is_taken_back),
        test(shares_that_cannot_be_made_are_refused),
    };

    int r = world_main(argc, argv);
    return r < 0 ? cmocka_run_group_tests(tests, NULL, NULL) : r;
}
