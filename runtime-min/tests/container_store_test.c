/* SPDX-License-Identifier: Apache-2.0 */
/* Records on disk, in a directory of its own below /tmp. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/tests/check.h"
#include "runtime-min/container/store.h"

struct world {
    char path[32];
    struct arena *a;
    struct store store;
    struct record record;
    struct error err;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    strcpy(world->path, "/tmp/tatami-XXXXXX");
    if (!mkdtemp(world->path))
        return -1;
    world->a = arena_new(1 << 20);
    world->record = (struct record){
        .id = "c1",
        .guest_id = "c1",
        .bundle = "/b",
        .rootfs = "/b/rootfs",
        .sandbox_id = "s1",
        .owns_sandbox = true,
        .status = CONTAINER_CREATED,
        .created_ns = UINT64_MAX,
        .creator = {.pid = 1, .start = 2},
        .handle = {.pid = 3, .start = UINT64_MAX},
        .cgroup = "/g",
    };
    (void)strlist_add(world->a, &world->record.cgroup_made, "/m/g");
    (void)strlist_add(world->a, &world->record.cgroup_made, "/n/g");
    *state = world;
    return store_open(world->a, world->path, true, &world->store, &world->err);
}

static int tear_down(void **state)
{
    struct world *world = *state;
    char command[64];

    store_close(&world->store);
    arena_free(world->a);
    snprintf(command, sizeof(command), "rm -rf %s", world->path);
    free(world);
    return system(command);
}

static bool exists(const struct world *world, const char *name)
{
    struct stat st;
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", world->path, name);
    return lstat(path, &st) == 0;
}

static void put_file(const struct world *world, const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", world->path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_root_that_others_can_change_is_refused(void **state)
{
    static const struct {
        const char *label;
        mode_t mode;
        uid_t uid;
        gid_t gid;
        const char *why; /* NULL: it is good */
    } rows[] = {
        {"ours alone", 0700, 0, 0, NULL},
        {"seen by all", 0755, 0, 1000, NULL},
        {"written by our group", 0770, 0, 0, NULL},
        {"written by all", 0777, 0, 0, "every user may write to it"},
        {"written by all, removed by their owners", 01777, 0, 0, "every user may write to it"},
        {"written by another group", 0770, 0, 1000, "group 1000 may write to it"},
        {"another user's", 0700, 1000, 0, "belongs to another user, 1000"},
    };
    struct world *world = *state;
    struct store store;

    if (geteuid() != 0) {
        print_message("needs root: owners are changed\n");
        skip();
    }
    FOR_ROWS (row, rows) {
        assert_int_equal(chown(world->path, row->uid, row->gid) + chmod(world->path, row->mode), 0);
        int r = store_open(world->a, world->path, false, &store, &world->err);
        check_int(row->label, r, row->why ? -EACCES : 0);
        if (row->why && !strstr(world->err.text, row->why))
            fail_msg("%s: %s", row->label, world->err.text);
        if (r == 0)
            store_close(&store);
    }
}

static void a_record_comes_back_as_it_was_written(void **state)
{
    struct world *world = *state;
    _slot_ struct slot slot = SLOT_INIT;
    struct record back;
    struct stat st;

    assert_int_equal(slot_create(&world->store, "c1", &world->record, &slot, &world->err), 0);
    assert_int_equal(slot_read_record(world->a, &slot, &back, &world->err), 0);
    assert_string_equal(back.id, "c1");
    assert_string_equal(back.rootfs, "/b/rootfs");
    assert_string_equal(back.sandbox_id, "s1");
    assert_true(back.owns_sandbox);
    assert_false(back.terminal);
    assert_int_equal(back.status, CONTAINER_CREATED);
    assert_true(back.created_ns == UINT64_MAX && back.handle.start == UINT64_MAX && back.handle.pid == 3);
    assert_string_equal(back.cgroup, "/g");
    assert_int_equal(back.cgroup_made.n, 2);
    assert_string_equal(back.cgroup_made.items[1], "/n/g");
    assert_int_equal(fstat(slot.fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(fstatat(slot.fd, "state.json", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_name_is_taken_once(void **state)
{
    struct world *world = *state;
    _slot_ struct slot first = SLOT_INIT, second = SLOT_INIT;
    struct record back;

    assert_int_equal(slot_create(&world->store, "c1", &world->record, &first, &world->err), 0);
    world->record.bundle = "/other";
    assert_int_equal(slot_create(&world->store, "c1", &world->record, &second, &world->err), -EEXIST);
    assert_non_null(strstr(world->err.text, "already exists"));
    assert_int_equal(slot_read_record(world->a, &first, &back, &world->err), 0);
    assert_string_equal(back.bundle, "/b");
    struct strlist ids = {.n = 0}, strays = {.n = 0};
    assert_int_equal(store_list(world->a, &world->store, &ids, &strays, &world->err), 0);
    assert_int_equal(ids.n, 1);
    assert_int_equal(strays.n, 0); /* the loser left nothing */
}

static void the_lock_is_held_by_one(void **state)
{
    struct world *world = *state;
    _slot_ struct slot holder = SLOT_INIT, other = SLOT_INIT;

    assert_int_equal(slot_create(&world->store, "c1", &world->record, &holder, &world->err), 0);
    assert_int_equal(slot_open(&world->store, "c1", &other, &world->err), 0);
    assert_int_equal(slot_lock(&world->store, &other, sys_monotonic_ns(), &world->err), -ETIMEDOUT);
    fd_close(&holder.lock_fd);
    assert_int_equal(slot_lock(&world->store, &other, sys_monotonic_ns(), &world->err), 0);
}

static void a_container_that_was_removed_meanwhile_does_not_exist(void **state)
{
    struct world *world = *state;
    _slot_ struct slot mine = SLOT_INIT, other = SLOT_INIT, again = SLOT_INIT;

    assert_int_equal(slot_create(&world->store, "c1", &world->record, &mine, &world->err), 0);
    assert_int_equal(slot_open(&world->store, "c1", &other, &world->err), 0);
    assert_int_equal(slot_remove(&world->store, &mine, &world->err), 0);
    assert_int_equal(slot_lock(&world->store, &other, sys_monotonic_ns(), &world->err), -ENOENT);
    assert_string_equal(world->err.text, "container \"c1\" does not exist");
    assert_int_equal(slot_create(&world->store, "c1", &world->record, &again, &world->err), 0);
    assert_int_equal(slot_lock(&world->store, &other, sys_monotonic_ns(), &world->err), -ENOENT);
}

static void what_is_not_ours_is_not_touched(void **state)
{
    struct world *world = *state;
    _slot_ struct slot slot = SLOT_INIT;

    mkdirat(world->store.fd, "foreign", 0700);
    put_file(world, "foreign/state.json", "{}");
    symlinkat("/", world->store.fd, "link");
    assert_int_equal(slot_open(&world->store, "foreign", &slot, &world->err), -ENOENT);
    assert_int_equal(slot_open(&world->store, "link", &slot, &world->err), -ENOENT);
    assert_int_equal(slot_create(&world->store, "foreign", &world->record, &slot, &world->err), -EEXIST);
    assert_true(exists(world, "foreign/state.json"));

    assert_int_equal(slot_create(&world->store, "c1", &world->record, &slot, &world->err), 0);
    put_file(world, "c1/precious", "data");
    assert_int_equal(slot_remove(&world->store, &slot, &world->err), -ENOTEMPTY);
    assert_true(exists(world, "c1/precious"));
    assert_true(exists(world, "c1/lock")); /* still ours: once the file is gone it can be removed */
    unlinkat(slot.fd, "precious", 0);
    assert_int_equal(slot_remove(&world->store, &slot, &world->err), 0);
    assert_false(exists(world, "c1"));
}

static void damaged_records_are_refused_with_the_reason(void **state)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"", "unexpected end of data"},
        {"[]", "not a record"},
        {"{\"version\":1}", "version 1 instead of 2"},
        {"{\"version\":\"2\"}", "version 2 instead of 2"},
        {"{\"version\":2}", "field 'id'"},
        {"{\"version\":2,\"id\":7}", "field 'id'"},
    };
    struct world *world = *state;
    _slot_ struct slot slot = SLOT_INIT;
    struct record back;

    assert_int_equal(slot_create(&world->store, "c1", &world->record, &slot, &world->err), 0);
    FOR_ROWS (row, rows) {
        put_file(world, "c1/state.json", row->text);
        check_int(row->text, slot_read_record(world->a, &slot, &back, &world->err), -EINVAL);
        if (!strstr(world->err.text, row->reason))
            fail_msg("%s: %s", row->text, world->err.text);
    }
}

static void processes_are_told_from_those_that_reuse_their_pid(void **state)
{
    struct proc self, other;
    (void)state;

    assert_int_equal(proc_identify(getpid(), &self), 0);
    assert_true(proc_is_alive(&self));
    other = self;
    other.start++;
    assert_false(proc_is_alive(&other));
    assert_int_equal(proc_signal(&other, 0), -ESRCH);
    assert_int_equal(proc_signal(&self, 0), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    assert_int_equal(proc_identify(child, &other), -ESRCH); /* a zombie has ended */
    waitid(P_PID, (id_t)child, &info, WEXITED);
    assert_int_equal(proc_identify(0, &other), -ESRCH);
}

/* A command that is killed while it creates has made a part of this. */
static void what_a_killed_creation_left_is_swept_away(void **state)
{
    struct world *world = *state;
    _slot_ struct slot slot = SLOT_INIT;

    mkdirat(world->store.fd, ".new=0123456789abcdef", 0700);
    put_file(world, ".new=0123456789abcdef/lock", "");
    put_file(world, ".new=0123456789abcdef/state.json", "{");
    mkdirat(world->store.fd, ".new=00000000000000ff", 0700);
    put_file(world, ".new=00000000000000ff/somebody's", "x");
    mkdirat(world->store.fd, ".new=mine", 0700);
    put_file(world, ".new=mine/lock", "");
    assert_int_equal(slot_create(&world->store, "c1", &world->record, &slot, &world->err), 0);
    assert_false(exists(world, ".new=0123456789abcdef"));
    assert_true(exists(world, ".new=00000000000000ff/somebody's"));
    assert_true(exists(world, ".new=mine/lock"));
}

static void what_is_being_created_is_not_swept_away(void **state)
{
    struct world *world = *state;

    int creator = open(world->path, O_RDONLY);
    mkdirat(world->store.fd, ".new=0123456789abcdef", 0700);
    assert_int_equal(flock(creator, LOCK_SH), 0);
    store_sweep(&world->store);
    assert_true(exists(world, ".new=0123456789abcdef"));
    close(creator);
    store_sweep(&world->store);
    assert_false(exists(world, ".new=0123456789abcdef"));
}

static void who_holds_a_container_is_known(void **state)
{
    struct world *world = *state;
    _slot_ struct slot slot = SLOT_INIT, seen = SLOT_INIT;
    struct proc self, holder;
    int code;

    assert_int_equal(proc_identify(getpid(), &self), 0);
    assert_int_equal(slot_create(&world->store, "c1", &world->record, &slot, &world->err), 0);
    assert_int_equal(slot_open(&world->store, "c1", &seen, &world->err), 0);
    assert_int_equal(slot_holder(&seen, &holder), 0);
    assert_true(holder.pid == self.pid && holder.start == self.start);
    fd_close(&slot.lock_fd);
    pid_t child = fork();
    if (child == 0)
        _exit(slot_lock(&world->store, &slot, 0, NULL) == 0 && slot_holder(&seen, &holder) == 0 && holder.pid == getpid() ? 0
                                                                                                                          : 1);
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    assert_int_equal(slot_holder(&seen, &holder), -ESRCH);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_root_that_others_can_change_is_refused),
        CASE(a_record_comes_back_as_it_was_written),
        CASE(a_name_is_taken_once),
        CASE(the_lock_is_held_by_one),
        CASE(a_container_that_was_removed_meanwhile_does_not_exist),
        CASE(what_is_not_ours_is_not_touched),
        CASE(damaged_records_are_refused_with_the_reason),
        CASE(processes_are_told_from_those_that_reuse_their_pid),
        CASE(what_a_killed_creation_left_is_swept_away),
        CASE(what_is_being_created_is_not_swept_away),
        CASE(who_holds_a_container_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
