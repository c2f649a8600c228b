/* SPDX-License-Identifier: Apache-2.0 */
/* OOM watches over a tree of plain files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/tests/support/fake_cgroup.h"

struct oom {
    struct fake_cgroup fake;
    struct oom_watch *watch;
    int reports;
    int awaited; /* number of reports that ends the turn */
    bool stop_in_report;
    struct timer end;
};

static void count_report(void *arg)
{
    struct oom *oom = arg;

    if (++oom->reports == oom->awaited)
        loop_stop(oom->fake.loop);
    if (oom->stop_in_report) {
        oom_watch_stop(oom->watch);
        oom->watch = NULL;
    }
}

static void end_loop(struct timer *timer)
{
    loop_stop(CONTAINER_OF(timer, struct oom, end)->fake.loop);
}

/* Lets the loop run for a while. */
static void turn(struct oom *oom, uint64_t ms)
{
    oom->end.expired = end_loop;
    timer_start(oom->fake.loop, &oom->end, loop_deadline(oom->fake.loop, ms * NSEC_PER_MSEC));
    assert_int_equal(loop_run(oom->fake.loop, NULL), 0);
}

/* Lets the loop run until so many reports have come in all. */
static void await_reports(struct oom *oom, int n)
{
    oom->awaited = n;
    if (oom->reports < n)
        turn(oom, 20000);
    timer_stop(&oom->end);
    oom->awaited = 0;
    assert_int_equal(oom->reports, n);
}

static int start_watch(struct oom *oom, struct error *err)
{
    return oom_watch_start(oom->fake.cgroup, oom->fake.loop, count_report, oom, &oom->watch, err);
}

static void start_v2(struct oom *oom, const char *events)
{
    struct error err = {0};

    fake_cgroup_init(&oom->fake, "unified:memory");
    fake_cgroup_create(&oom->fake, "/a");
    fake_cgroup_write(&oom->fake, "unified/a/memory.events", events);
    if (start_watch(oom, &err) < 0)
        fail_msg("%s", err.text);
}

/* Returns the eventfd that was registered, as the kernel would find it. */
static int start_v1(struct oom *oom, const char *control)
{
    struct error err = {0};
    int event, file;
    char path[64];
    char target[128] = "";

    fake_cgroup_init(&oom->fake, "memory");
    fake_cgroup_create(&oom->fake, "/a");
    fake_cgroup_write(&oom->fake, "memory/a/memory.oom_control", control);
    fake_cgroup_write(&oom->fake, "memory/a/cgroup.event_control", "");
    if (start_watch(oom, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(sscanf(fake_cgroup_read(&oom->fake, "memory/a/cgroup.event_control"), "%d %d", &event, &file), 2);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    assert_true(readlink(path, target, sizeof(target) - 1) > 0);
    assert_non_null(strstr(target, "/memory/a/memory.oom_control"));
    return event;
}

static void signal_event(int event)
{
    uint64_t one = 1;
    assert_int_equal(write(event, &one, sizeof(one)), sizeof(one));
}

static void oom_done(struct oom *oom)
{
    oom_watch_stop(oom->watch);
    fake_cgroup_done(&oom->fake);
}

static void version_2_reports_each_growth(void **state)
{
    static const struct {
        const char *events;
        int reports;
    } rows[] = {
        {"oom 1\noom_kill 3\n", 0}, /* what was before the watch */
        {"oom 2\noom_kill 3\n", 0}, /* no kill */
        {"oom 2\noom_kill 4\n", 1},
        {"oom 2\noom_kill 4\n", 1},
        {"oom 9\noom_kill 9\n", 2}, /* several at once are noticed once */
        {"oom 9\n", 2},
        {"oom 9\noom_kill 1\n", 3},
    };
    struct oom oom = {0};
    (void)state;

    int descriptors = count_descriptors();
    start_v2(&oom, "oom 0\noom_kill 3\n");
    FOR_ROWS (row, rows) {
        fake_cgroup_write(&oom.fake, "unified/a/memory.events", row->events);
        if (row->reports > oom.reports)
            await_reports(&oom, row->reports);
        turn(&oom, 2);
        if (oom.reports != row->reports)
            fail_msg("%s: %d reports", row->events, oom.reports);
    }
    oom_done(&oom);
    assert_int_equal(count_descriptors(), descriptors);
}

static void version_1_reports_each_growth(void **state)
{
    struct oom oom = {0};
    (void)state;

    int descriptors = count_descriptors();
    int event = start_v1(&oom, "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    signal_event(event);
    turn(&oom, 2);
    assert_int_equal(oom.reports, 0); /* out of memory, but nothing killed: perhaps the killer is off */
    fake_cgroup_write(&oom.fake, "memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    signal_event(event);
    await_reports(&oom, 1);
    signal_event(event);
    turn(&oom, 2);
    assert_int_equal(oom.reports, 1);
    oom_done(&oom);
    assert_int_equal(count_descriptors(), descriptors);
}

static void version_1_waits_for_the_kill_after_the_signal(void **state)
{
    struct oom oom = {0};
    (void)state;

    int event = start_v1(&oom, "oom_kill 0\n");
    signal_event(event);
    turn(&oom, 3);
    assert_int_equal(oom.reports, 0);
    fake_cgroup_write(&oom.fake, "memory/a/memory.oom_control", "oom_kill 1\n");
    await_reports(&oom, 1);
    oom_done(&oom);
}

static void version_1_counts_the_descendants(void **state)
{
    struct oom oom = {0};
    (void)state;

    int event = start_v1(&oom, "oom_kill 0\n");
    fake_cgroup_write(&oom.fake, "memory/a/x/y/memory.oom_control", "oom_kill 1\n");
    signal_event(event);
    await_reports(&oom, 1);
    oom_done(&oom);
}

static void removed_group_is_not_reported(void **state)
{
    struct oom v1 = {0};
    struct oom v2 = {0};
    (void)state;

    int event = start_v1(&v1, "oom_kill 5\n");
    fake_cgroup_remove(&v1.fake, "memory/a");
    signal_event(event);
    turn(&v1, 5);
    assert_int_equal(v1.reports, 0);
    oom_done(&v1);

    start_v2(&v2, "oom_kill 5\n");
    fake_cgroup_remove(&v2.fake, "unified/a");
    turn(&v2, 5);
    assert_int_equal(v2.reports, 0);
    oom_done(&v2);
}

/* The watched file is reached through a link here, so that it can be away while its events still come. */
static void counter_that_cannot_be_read_for_a_while_keeps_its_value(void **state)
{
    struct oom oom = {0};
    struct error err = {0};
    char link[64];
    (void)state;

    fake_cgroup_init(&oom.fake, "unified:memory");
    fake_cgroup_create(&oom.fake, "/a");
    fake_cgroup_write(&oom.fake, "events", "oom_kill 5\n");
    snprintf(link, sizeof(link), "%s/unified/a/memory.events", oom.fake.root);
    assert_int_equal(symlink("../../events", link), 0);
    assert_int_equal(start_watch(&oom, &err), 0);
    assert_int_equal(unlink(link), 0);
    fake_cgroup_write(&oom.fake, "events", "oom_kill 5\n");
    turn(&oom, 2);
    assert_int_equal(symlink("../../events", link), 0);
    fake_cgroup_write(&oom.fake, "events", "oom_kill 5\n");
    turn(&oom, 2);
    assert_int_equal(oom.reports, 0);
    fake_cgroup_write(&oom.fake, "events", "oom_kill 6\n");
    await_reports(&oom, 1);
    oom_done(&oom);
}

static void watch_may_be_stopped_by_its_report(void **state)
{
    struct oom v1 = {.stop_in_report = true};
    struct oom v2 = {.stop_in_report = true};
    struct oom late = {.stop_in_report = true};
    (void)state;

    int event = start_v1(&v1, "oom_kill 0\n");
    fake_cgroup_write(&v1.fake, "memory/a/memory.oom_control", "oom_kill 1\n");
    signal_event(event);
    await_reports(&v1, 1);
    oom_done(&v1);

    start_v2(&v2, "oom_kill 0\n");
    fake_cgroup_write(&v2.fake, "unified/a/memory.events", "oom_kill 1\n");
    await_reports(&v2, 1);
    oom_done(&v2);

    event = start_v1(&late, "oom_kill 0\n");
    signal_event(event);
    turn(&late, 1);
    fake_cgroup_write(&late.fake, "memory/a/memory.oom_control", "oom_kill 1\n");
    await_reports(&late, 1);
    oom_done(&late);
}

static void watch_outlives_the_group_object(void **state)
{
    struct oom oom = {0};
    (void)state;

    start_v2(&oom, "oom_kill 0\n");
    cgroup_free(oom.fake.cgroup);
    oom.fake.cgroup = NULL;
    fake_cgroup_write(&oom.fake, "unified/a/memory.events", "oom_kill 1\n");
    await_reports(&oom, 1);
    oom_done(&oom);
}

static void watch_needs_the_memory_controller(void **state)
{
    struct oom oom = {0};
    struct error err = {0};
    (void)state;

    fake_cgroup_init(&oom.fake, "cpu unified:");
    fake_cgroup_create(&oom.fake, "/a");
    assert_int_equal(start_watch(&oom, &err), -EOPNOTSUPP);
    assert_string_equal(err.text, "memory controller missing");
    assert_null(oom.watch);
    oom_done(&oom);
}

static void watch_that_cannot_start_leaves_nothing(void **state)
{
    static const struct {
        const char *layout;
        const char *file; /* the one that is there */
        const char *name;
    } rows[] = {
        {"memory", NULL, "memory"},
        {"memory", "memory/a/memory.oom_control", "memory"},
        {"unified:memory", NULL, "unified"},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct oom oom = {0};
        struct error err = {0};
        char text[128];
        fake_cgroup_init(&oom.fake, row->layout);
        fake_cgroup_create(&oom.fake, "/a");
        if (row->file)
            fake_cgroup_write(&oom.fake, row->file, "oom_kill 0\n");
        int descriptors = count_descriptors();
        assert_int_equal(start_watch(&oom, &err), -ENOENT);
        snprintf(text, sizeof(text), "watch cgroup %s/%s/a for OOM kills: ENOENT: No such file or directory", oom.fake.root,
                 row->name);
        assert_string_equal(err.text, text);
        assert_int_equal(count_descriptors(), descriptors);
        oom_done(&oom);
    }
}

static void watch_survives_a_lack_of_descriptors(void **state)
{
    static const char *const layouts[] = {"memory", "unified:memory"};
    (void)state;

    FOR_ROWS (layout, layouts) {
        struct oom oom = {0};
        struct error err = {0};
        struct rlimit old, few;
        fake_cgroup_init(&oom.fake, *layout);
        fake_cgroup_create(&oom.fake, "/a");
        fake_cgroup_write(&oom.fake, "memory/a/memory.oom_control", "oom_kill 0\n");
        fake_cgroup_write(&oom.fake, "memory/a/cgroup.event_control", "");
        fake_cgroup_write(&oom.fake, "unified/a/memory.events", "oom_kill 0\n");
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
        int n = 0;
        for (few = old, few.rlim_cur = 1;; few.rlim_cur++) {
            assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
            int r = start_watch(&oom, &err);
            assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
            if (r == 0)
                break;
            assert_int_equal(r, -EMFILE);
            assert_null(oom.watch);
            n++;
        }
        assert_true(n >= 3);
        oom_done(&oom);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_2_reports_each_growth),
        cmocka_unit_test(version_1_reports_each_growth),
        cmocka_unit_test(version_1_waits_for_the_kill_after_the_signal),
        cmocka_unit_test(version_1_counts_the_descendants),
        cmocka_unit_test(removed_group_is_not_reported),
        cmocka_unit_test(counter_that_cannot_be_read_for_a_while_keeps_its_value),
        cmocka_unit_test(watch_may_be_stopped_by_its_report),
        cmocka_unit_test(watch_outlives_the_group_object),
        cmocka_unit_test(watch_needs_the_memory_controller),
        cmocka_unit_test(watch_that_cannot_start_leaves_nothing),
        cmocka_unit_test(watch_survives_a_lack_of_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
