/* SPDX-License-Identifier: Apache-2.0 */
/* Process tier: containers from creation to removal. */
#include "agent/tests/support/expect.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "oci/signal.h"

#define CYCLES 500

#ifdef __SANITIZE_ADDRESS__ /* it keeps freed memory in quarantine */
#define FREED_MEMORY_STAYS true
#else
#define FREED_MEMORY_STAYS false
#endif

RIG_TEST(container_runs_and_its_output_and_exit_code_arrive)
{
    char *out, *errors;

    rig_create_sandbox(rig);
    int code = rig_run_container(rig, "c1", rig_spec(rig, "c1", "echo hello; echo oops >&2; exit 42"), &out, &errors);
    assert_int_equal(code, 42);
    assert_string_equal(out, "hello\n");
    assert_string_equal(errors, "oops\n");
}

RIG_TEST(exit_codes_are_those_of_the_program)
{
    static const struct {
        const char *script;
        int code;
    } rows[] = {
        {"exit 0", 0},
        {"exit 1", 1},
        {"/etc/passwd", 126},     /* the shell cannot execute it */
        {"no-such-program", 127}, /* the shell does not find it */
        {"exit 255", 255},
        {"sh -c 'kill -9 $$'; exit $?", 128 + 9}, /* the shell passes on how its child died */
    };

    FOR_ROWS (row, rows) {
        char id[16];
        snprintf(id, sizeof(id), "exit-%d", row->code);
        int code = rig_run_container(rig, id, rig_spec(rig, id, row->script), NULL, NULL);
        if (code != row->code)
            fail_msg("'%s': want %d, got %d", row->script, row->code, code);
    }
}

RIG_TEST(exec_of_a_file_that_is_no_program_exits_with_its_errno_and_says_why)
{
    const char *const directory_entry[] = {"/etc/passwd", NULL};
    struct oci_spec *spec = rig_spec(rig, "noexec", NULL);
    char *errors;

    rig_args(rig, spec->process, directory_entry);
    assert_int_equal(rig_run_container(rig, "noexec", spec, NULL, &errors), 13); /* EACCES */
    assert_string_equal(errors, "exec /etc/passwd: permission denied\n");
}

RIG_TEST(program_that_does_not_exist_is_refused_at_creation)
{
    const char *const missing[] = {"/bin/missing", NULL}, *const unknown[] = {"missing", NULL};
    struct oci_spec *spec = rig_spec(rig, "missing", NULL);

    rig_args(rig, spec->process, missing);
    EXPECT_REFUSED(STATUS_INTERNAL, "the file /bin/missing was not found", rig_create(rig, "missing", spec, &err));
    rig_args(rig, spec->process, unknown);
    EXPECT_REFUSED(STATUS_INTERNAL, "the file missing was not found", rig_create(rig, "missing", spec, &err));
    assert_int_equal(rig_run_container(rig, "missing", rig_spec(rig, "missing", "exit 3"), NULL, NULL), 3);
}

RIG_TEST(signals_end_containers_with_128_plus_their_number)
{
    static const struct {
        const char *id;
        int sig, code;
    } rows[] = {{"kill", SIGKILL, 137}, {"term", SIGTERM, 137 /* init does not handle it: KILL is sent */}};

    FOR_ROWS (row, rows) {
        EXPECT_OK(rig_create(rig, row->id, rig_spec(rig, row->id, NULL), &err));
        EXPECT_OK(rig_start(rig, row->id, &err));
        EXPECT_OK(rig_signal(rig, row->id, row->id, row->sig, &err));
        assert_int_equal(rig_wait(rig, row->id, ""), row->code);
        EXPECT_OK(rig_remove(rig, row->id, &err));
    }
}

RIG_TEST(an_exact_term_is_one_for_init_too)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    EXPECT_OK(rig_signal(rig, "c1", "c1", (int)(SIGTERM | OCI_SIGNAL_EXACT), &err));
    EXPECT_OK(rig_signal(rig, "c1", "c1", OCI_SIGNAL_EXACT, &err)); /* the kernel drops it */
    EXPECT_OK(rig_signal(rig, "c1", "", (int)(SIGKILL | OCI_SIGNAL_EXACT), &err));
    assert_int_equal(rig_wait(rig, "c1", ""), 137);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(an_exact_term_ends_a_container_that_was_not_started)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_signal(rig, "c1", "c1", (int)(SIGTERM | OCI_SIGNAL_EXACT), &err));
    assert_int_equal(rig_wait(rig, "c1", ""), 137);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(handled_signal_reaches_the_handler)
{
    struct oci_spec *spec = rig_spec(rig, "trap", "trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.01; done");
    Grpc__ReadStreamRequest read = GRPC__READ_STREAM_REQUEST__INIT;
    Grpc__ReadStreamResponse *reply;

    EXPECT_OK(rig_create(rig, "trap", spec, &err));
    EXPECT_OK(rig_start(rig, "trap", &err));
    read.container_id = (char *)"trap";
    read.len = 100;
    EXPECT_OK(rig_call(rig, "ReadStdout", &read, &reply, &err));
    EXPECT_OK(rig_signal(rig, "trap", "", SIGTERM, &err));
    assert_string_equal(rig_read_all(rig, "trap", "", false), "caught\n");
    assert_int_equal(rig_wait(rig, "trap", ""), 7);
    EXPECT_OK(rig_remove(rig, "trap", &err));
}

RIG_TEST(signal_0_tells_whether_a_process_lives_until_it_is_waited_for)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    EXPECT_OK(rig_signal(rig, "c1", "c1", 0, &err));
    EXPECT_OK(rig_signal(rig, "c1", "", SIGKILL, &err));
    while (rig_signal(rig, "c1", "c1", 0, NULL) == STATUS_OK)
        ;
    EXPECT_REFUSED(STATUS_NOT_FOUND, "InitProcessNotFound", rig_signal(rig, "c1", "c1", 0, &err));
    EXPECT_OK(rig_signal(rig, "c1", "c1", SIGTERM, &err)); /* it is gone, which is what was asked for */
    assert_int_equal(rig_wait(rig, "c1", ""), 137);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(exec_runs_in_the_same_namespaces_and_cgroup)
{
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    struct oci_process *process = rig_spec(rig, "c1",
                                           "readlink /proc/self/ns/mnt; readlink /proc/1/ns/mnt; cat /proc/self/cgroup; "
                                           "cat /proc/1/cgroup; ps | grep -c 'sleep 1000'; exit 5")
                                      ->process;

    EXPECT_OK(rig_create(rig, "c1", spec, &err));
    EXPECT_OK(rig_exec(rig, "c1", "before-start", process, &err)); /* a created container accepts exec */
    char *before = rig_read_all(rig, "c1", "before-start", false);
    assert_int_equal(rig_wait(rig, "c1", "before-start"), 5);
    EXPECT_OK(rig_start(rig, "c1", &err));
    EXPECT_OK(rig_exec(rig, "c1", "e1", process, &err));
    char *text = rig_read_all(rig, "c1", "e1", false);
    assert_int_equal(rig_wait(rig, "c1", "e1"), 5);
    (void)before;

    char *line1 = strtok(text, "\n"), *line2 = strtok(NULL, "\n");
    assert_string_equal(line1, line2);
    const char *lines[64];
    size_t n = 0;
    for (char *line; n < ARRAY_SIZE(lines) && (line = strtok(NULL, "\n"));)
        lines[n++] = line;
    assert_true(n > 1 && n % 2 == 1); /* two equal lists of cgroups and a count */
    for (size_t i = 0; i < n / 2; i++)
        assert_string_equal(lines[i], lines[n / 2 + i]);
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(exec_id_is_unique_until_it_was_waited_for)
{
    struct oci_process *process = rig_spec(rig, "c1", "exit 0")->process;

    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    EXPECT_OK(rig_exec(rig, "c1", "e", process, &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "exec_id 'e' already exists", rig_exec(rig, "c1", "e", process, &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "exec_id 'c1' already exists", rig_exec(rig, "c1", "c1", process, &err));
    assert_int_equal(rig_wait(rig, "c1", "e"), 0);
    EXPECT_OK(rig_exec(rig, "c1", "e", process, &err));
    assert_int_equal(rig_wait(rig, "c1", "e"), 0);
    EXPECT_REFUSED(STATUS_NOT_FOUND, "InvalidExecId", rig_signal(rig, "c1", "e", SIGTERM, &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

struct waiter {
    struct rig *rig;
    struct waitq *done;
    int code;
    enum status_code status;
    struct error err;
};

static void wait_for_c1(void *arg)
{
    struct waiter *waiter = arg;
    Grpc__WaitProcessRequest request = GRPC__WAIT_PROCESS_REQUEST__INIT;
    Grpc__WaitProcessResponse *reply;

    request.container_id = (char *)"c1";
    waiter->status = rig_call(waiter->rig, "WaitProcess", &request, &reply, &waiter->err);
    waiter->code = waiter->status == STATUS_OK ? reply->status : -1;
    waitq_wake_all(waiter->done);
}

RIG_TEST(all_waiters_get_the_code_and_later_ones_not_found)
{
    struct waitq done;
    struct waiter first = {.rig = rig, .done = &done, .code = -2}, second = first;

    waitq_init(&done);
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", "sleep 0.05; exit 9"), &err));
    fiber_start(rig->loop, "first", wait_for_c1, &first, NULL);
    fiber_start(rig->loop, "second", wait_for_c1, &second, NULL);
    EXPECT_OK(rig_start(rig, "c1", &err));
    while (first.code == -2 || second.code == -2)
        waitq_wait(rig->loop, &done, NO_DEADLINE);
    assert_int_equal(first.code, 9);
    assert_int_equal(second.code, 9);
    Grpc__WaitProcessRequest late = GRPC__WAIT_PROCESS_REQUEST__INIT;
    late.container_id = (char *)"c1";
    rig_refused(rig, "WaitProcess", &late.base, STATUS_NOT_FOUND, "InitProcessNotFound");
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(removal_ends_a_waiting_call)
{
    struct waitq done;
    struct waiter waiter = {.rig = rig, .done = &done, .code = -2};

    waitq_init(&done);
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    fiber_start(rig->loop, "wait", wait_for_c1, &waiter, NULL);
    fiber_yield(rig->loop);
    EXPECT_OK(rig_remove(rig, "c1", &err));
    while (waiter.code == -2)
        waitq_wait(rig->loop, &done, NO_DEADLINE);
    assert_int_equal(waiter.status, STATUS_INTERNAL);
    assert_string_equal(waiter.err.text, "Invalid container id");
}

RIG_TEST(id_is_taken_while_the_container_lives_and_free_afterwards)
{
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_start(rig, "c1", &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "exec fifo exists", rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_signal(rig, "c1", "c1", 0, &err)); /* the first one was not touched */
    EXPECT_REFUSED(STATUS_FAILED_PRECONDITION, "started before", rig_start(rig, "c1", &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
    EXPECT_REFUSED(STATUS_INTERNAL, "Invalid container id", rig_remove(rig, "c1", &err));
    EXPECT_OK(rig_create(rig, "c1", rig_spec(rig, "c1", NULL), &err));
    EXPECT_OK(rig_remove(rig, "c1", &err));
}

RIG_TEST(directory_that_a_client_prepared_survives_a_failed_creation)
{
    const char *const missing[] = {"/bin/missing", NULL};
    struct oci_spec *spec = rig_spec(rig, "c1", NULL);
    char dir[128], file[160];

    snprintf(dir, sizeof(dir), "%s/run/c1", rig->dir);
    snprintf(file, sizeof(file), "%s/layer", dir);
    assert_int_equal(sys_mkdirat(AT_FDCWD, dir, 0755), 0);
    assert_int_equal(sys_mknodat(AT_FDCWD, file, S_IFREG | 0644, 0), 0);
    rig_args(rig, spec->process, missing);
    EXPECT_REFUSED(STATUS_INTERNAL, "was not found", rig_create(rig, "c1", spec, &err));
    assert_int_equal(sys_faccessat(AT_FDCWD, file, F_OK, 0), 0);
    assert_int_equal(rig_run_container(rig, "c1", rig_spec(rig, "c1", "exit 0"), NULL, NULL), 0);
    assert_int_equal(sys_faccessat(AT_FDCWD, dir, F_OK, 0), -ENOENT); /* removing a container takes its directory with it */
}

/* ---- nothing accumulates ---- */

static long resident_kib(const struct rig *rig)
{
    _buf_ struct buf text = BUF_INIT(65536);
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/status", rig->agent_pid);
    assert_int_equal(file_read_at(AT_FDCWD, path, &text), 0);
    const char *line = strstr(text.data, "VmRSS:");
    return line ? strtol(line + 6, NULL, 10) : 0;
}

RIG_TEST(five_hundred_life_cycles_leave_nothing_behind)
{
    struct traces before = {0};
    long resident = 0;

    for (int i = 0; i <= CYCLES; i++) {
        rig_run_container(rig, "cycle", rig_spec(rig, "cycle", "exit 0"), NULL, NULL);
        if (i == 20) { /* pools are warm */
            before = traces_now(rig);
            resident = resident_kib(rig);
        }
        if (i % 50 == 49)
            arena_reset(rig->arena);
    }
    traces_expect(rig, &before, "500 containers");
    if (!FREED_MEMORY_STAYS && resident_kib(rig) > resident + 128)
        fail_msg("memory grew from %ld to %ld KiB", resident, resident_kib(rig));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(container_runs_and_its_output_and_exit_code_arrive),
        cmocka_unit_test(exit_codes_are_those_of_the_program),
        cmocka_unit_test(exec_of_a_file_that_is_no_program_exits_with_its_errno_and_says_why),
        cmocka_unit_test(program_that_does_not_exist_is_refused_at_creation),
        cmocka_unit_test(signals_end_containers_with_128_plus_their_number),
        cmocka_unit_test(an_exact_term_is_one_for_init_too),
        cmocka_unit_test(an_exact_term_ends_a_container_that_was_not_started),
        cmocka_unit_test(handled_signal_reaches_the_handler),
        cmocka_unit_test(signal_0_tells_whether_a_process_lives_until_it_is_waited_for),
        cmocka_unit_test(exec_runs_in_the_same_namespaces_and_cgroup),
        cmocka_unit_test(exec_id_is_unique_until_it_was_waited_for),
        cmocka_unit_test(all_waiters_get_the_code_and_later_ones_not_found),
        cmocka_unit_test(removal_ends_a_waiting_call),
        cmocka_unit_test(id_is_taken_while_the_container_lives_and_free_afterwards),
        cmocka_unit_test(directory_that_a_client_prepared_survives_a_failed_creation),
        cmocka_unit_test(five_hundred_life_cycles_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
