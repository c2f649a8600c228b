/* SPDX-License-Identifier: Apache-2.0 */
/* Removing groups, and walking through trees of groups. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/tests/support/fake_cgroup.h"

static int create(struct fake_cgroup *fake, const char *path, struct error *err)
{
    *err = (struct error){0};
    fake->cgroup = NULL;
    return cgroup_create(fake->host, path, &fake->cgroup, err);
}

/* ---- delete ---- */

struct deletion {
    struct fake_cgroup *fake;
    uint64_t in_ns;
    int result;
    struct error err;
};

static void run_delete(void *arg)
{
    struct deletion *deletion = arg;
    struct loop *loop = deletion->fake->loop;

    deletion->result = cgroup_delete(deletion->fake->cgroup, loop_deadline(loop, deletion->in_ns), &deletion->err);
}

static struct deletion delete_now(struct fake_cgroup *fake, uint64_t in_ns)
{
    struct deletion deletion = {.fake = fake, .in_ns = in_ns, .result = 1};
    fiber_run(fake->loop, run_delete, &deletion);
    return deletion;
}

static void delete_removes_group_and_descendants(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "memory unified:");
    fake_cgroup_mkdir(&fake, "memory/pod");
    fake_cgroup_mkdir(&fake, "unified/pod");
    fake_cgroup_create(&fake, "/pod/a");
    fake_cgroup_mkdir(&fake, "memory/pod/a/x/y/z");
    fake_cgroup_mkdir(&fake, "memory/pod/a/x/y2");
    fake_cgroup_mkdir(&fake, "memory/pod/a/w");
    fake_cgroup_mkdir(&fake, "memory/pod/b");
    int descriptors = count_descriptors();
    assert_int_equal(delete_now(&fake, 0).result, 0);
    assert_false(fake_cgroup_exists(&fake, "memory/pod/a"));
    assert_false(fake_cgroup_exists(&fake, "unified/pod/a"));
    assert_true(fake_cgroup_exists(&fake, "memory/pod/b"));
    assert_true(fake_cgroup_exists(&fake, "unified/pod")); /* empty, but not ours */
    assert_int_equal(delete_now(&fake, 0).result, 0);      /* gone already */
    assert_int_equal(count_descriptors(), descriptors);
    fake_cgroup_done(&fake);
}

static void parents_go_with_the_last_group(void **state)
{
    struct fake_cgroup fake;
    struct error err;
    (void)state;

    fake_cgroup_init(&fake, "memory cpu");
    fake_cgroup_mkdir(&fake, "memory/pods");
    assert_int_equal(create(&fake, "/pods/pod/a", &err), 0);
    struct cgroup *a = fake.cgroup;
    assert_int_equal(create(&fake, "/pods/pod/b", &err), 0);
    struct cgroup *b = fake.cgroup;
    fake.cgroup = a;
    assert_int_equal(delete_now(&fake, 0).result, 0);
    assert_false(fake_cgroup_exists(&fake, "memory/pods/pod/a"));
    assert_true(fake_cgroup_exists(&fake, "memory/pods/pod/b"));
    fake.cgroup = b;
    assert_int_equal(delete_now(&fake, 0).result, 0);
    assert_false(fake_cgroup_exists(&fake, "memory/pods/pod"));
    assert_true(fake_cgroup_exists(&fake, "memory/pods"));
    assert_false(fake_cgroup_exists(&fake, "cpu/pods"));
    /* Somebody else makes the parent now: it is not ours any more. */
    fake_cgroup_mkdir(&fake, "cpu/pods/pod");
    cgroup_free(a);
    assert_int_equal(create(&fake, "/pods/pod/a", &err), 0);
    assert_int_equal(delete_now(&fake, 0).result, 0);
    assert_true(fake_cgroup_exists(&fake, "cpu/pods/pod"));
    assert_false(fake_cgroup_exists(&fake, "memory/pods/pod"));
    cgroup_free(b);
    fake_cgroup_done(&fake);
}

/* A group that we once made and removed is no parent of ours when somebody else makes it again. */
static void group_itself_is_not_remembered_as_a_parent(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    assert_int_equal(delete_now(&fake, 0).result, 0);
    cgroup_free(fake.cgroup);
    fake_cgroup_mkdir(&fake, "memory/a");
    fake_cgroup_create(&fake, "/a/b");
    assert_int_equal(delete_now(&fake, 0).result, 0);
    assert_true(fake_cgroup_exists(&fake, "memory/a"));
    fake_cgroup_done(&fake);
}

static void free_keeps_the_group(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a/b");
    int descriptors = count_descriptors();
    cgroup_free(fake.cgroup);
    fake.cgroup = NULL;
    assert_int_equal(count_descriptors(), descriptors - 1);
    assert_true(fake_cgroup_exists(&fake, "memory/a/b"));
    fake_cgroup_done(&fake);
}

static void busy_group_is_reported_at_the_deadline(void **state)
{
    struct fake_cgroup fake;
    char text[128];
    (void)state;

    fake_cgroup_init(&fake, "memory cpu");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_write(&fake, "memory/a/busy/file", "");
    fake_cgroup_mkdir(&fake, "memory/a/idle");
    uint64_t start = loop_now(fake.loop);
    struct deletion deletion = delete_now(&fake, 30 * NSEC_PER_MSEC);
    assert_int_equal(deletion.result, -EBUSY);
    snprintf(text, sizeof(text), "remove cgroup %s/memory/a: EBUSY: Device or resource busy", fake.root);
    assert_string_equal(deletion.err.text, text);
    assert_true(loop_now(fake.loop) - start >= 30 * NSEC_PER_MSEC);
    assert_false(fake_cgroup_exists(&fake, "memory/a/idle"));
    assert_true(fake_cgroup_exists(&fake, "memory/a/busy"));
    assert_false(fake_cgroup_exists(&fake, "cpu/a"));
    fake_cgroup_done(&fake);
}

struct busy {
    struct timer timer;
    struct fake_cgroup *fake;
};

static void become_idle(struct timer *timer)
{
    struct busy *busy = CONTAINER_OF(timer, struct busy, timer);
    fake_cgroup_remove(busy->fake, "memory/a/file");
}

static void delete_retries_while_processes_leave(void **state)
{
    struct fake_cgroup fake;
    struct busy busy = {.timer.expired = become_idle, .fake = &fake};
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_write(&fake, "memory/a/file", "");
    timer_start(fake.loop, &busy.timer, loop_deadline(fake.loop, 20 * NSEC_PER_MSEC));
    assert_int_equal(delete_now(&fake, 10 * NSEC_PER_SEC).result, 0);
    assert_false(fake_cgroup_exists(&fake, "memory/a"));
    fake_cgroup_done(&fake);
}

struct cancellation {
    struct timer timer;
    struct fiber *fiber;
};

static void cancel_fiber(struct timer *timer)
{
    fiber_cancel(CONTAINER_OF(timer, struct cancellation, timer)->fiber);
}

static void delete_can_be_cancelled(void **state)
{
    struct fake_cgroup fake;
    struct deletion deletion = {.fake = &fake, .in_ns = 60 * NSEC_PER_SEC};
    struct cancellation cancellation = {.timer.expired = cancel_fiber};
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_write(&fake, "memory/a/file", "");
    assert_int_equal(fiber_start(fake.loop, "delete", run_delete, &deletion, &cancellation.fiber), 0);
    timer_start(fake.loop, &cancellation.timer, loop_deadline(fake.loop, 5 * NSEC_PER_MSEC));
    assert_int_equal(loop_run(fake.loop, NULL), 0);
    assert_int_equal(deletion.result, -ECANCELED);
    assert_string_equal(deletion.err.text, "remove cgroup /a: ECANCELED: Operation canceled");
    fake_cgroup_done(&fake);
}

static void delete_gives_up_on_other_errors_at_once(void **state)
{
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_remove(&fake, "memory/a");
    fake_cgroup_write(&fake, "memory/a", "");
    struct deletion deletion = delete_now(&fake, 60 * NSEC_PER_SEC);
    assert_int_equal(deletion.result, -ENOTDIR);
    fake_cgroup_done(&fake);
}

/* ---- tree ---- */

static void paths_longer_than_the_kernel_takes_are_an_error(void **state)
{
    char name[252];
    struct fake_cgroup fake;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    int fd = dup(fake.cgroup->members[0].fd);
    for (int i = 0; i < 17; i++) {
        assert_int_equal(mkdirat(fd, name, 0755), 0);
        int child = openat(fd, name, O_DIRECTORY);
        assert_true(child >= 0);
        close(fd);
        fd = child;
    }
    close(fd);
    assert_int_equal(tree_signal(fake.cgroup->members[0].fd, 0), -ENAMETOOLONG);
    assert_int_equal(delete_now(&fake, 0).result, -ENAMETOOLONG);

    for (int depth = 17; depth > 0; depth--) {
        fd = dup(fake.cgroup->members[0].fd);
        for (int i = 1; i < depth; i++) {
            int child = openat(fd, name, O_DIRECTORY);
            close(fd);
            fd = child;
        }
        assert_int_equal(unlinkat(fd, name, AT_REMOVEDIR), 0);
        close(fd);
    }
    fake_cgroup_done(&fake);
}

static void broad_trees_are_listed_whole(void **state)
{
    struct fake_cgroup fake;
    char path[64];
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    for (int i = 0; i < 200; i++) { /* more than one getdents64(2) returns */
        snprintf(path, sizeof(path), "memory/a/some-longer-name-%d/cgroup.procs", i);
        fake_cgroup_write(&fake, path, "1\n2\n\n");
    }
    assert_int_equal(tree_signal(fake.cgroup->members[0].fd, 0), 400);
    fake_cgroup_done(&fake);
}

static void tree_functions_report_failures(void **state)
{
    struct fake_cgroup fake;
    struct rlimit old, few;
    (void)state;

    fake_cgroup_init(&fake, "memory");
    fake_cgroup_create(&fake, "/a");
    fake_cgroup_mkdir(&fake, "memory/a/b");
    char text[32];
    snprintf(text, sizeof(text), "%d\n", getpid());
    fake_cgroup_write(&fake, "memory/a/b/cgroup.procs", text);
    int fd = fake.cgroup->members[0].fd;
    assert_int_equal(tree_signal(fd, 999), -EINVAL); /* no such signal */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = old;
    few.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int listed = tree_signal(fd, 0);
    int removed = tree_remove(fake.host->hierarchies[0].fd, "a");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(listed, -EMFILE);
    assert_int_equal(removed, -EMFILE);
    fake_cgroup_done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delete_removes_group_and_descendants),
        cmocka_unit_test(parents_go_with_the_last_group),
        cmocka_unit_test(group_itself_is_not_remembered_as_a_parent),
        cmocka_unit_test(free_keeps_the_group),
        cmocka_unit_test(busy_group_is_reported_at_the_deadline),
        cmocka_unit_test(delete_retries_while_processes_leave),
        cmocka_unit_test(delete_can_be_cancelled),
        cmocka_unit_test(delete_gives_up_on_other_errors_at_once),
        cmocka_unit_test(paths_longer_than_the_kernel_takes_are_an_error),
        cmocka_unit_test(broad_trees_are_listed_whole),
        cmocka_unit_test(tree_functions_report_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
