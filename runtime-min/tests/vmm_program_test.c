/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that serve a machine, and the tail of what they say. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/tests/loop_fixture.h"
#include "runtime-min/tests/jail_user.h"
#include "runtime-min/vmm/program.h"
#include "sys/fd.h"

#define SH "/bin/sh"

static struct reaper *reaper;
static struct program program;
static int exits;

static int set_up(void **state)
{
    exits = 0;
    return loop_setup(state) < 0 ? -1 : reaper_new(loop, &reaper, NULL);
}

static int tear_down(void **state)
{
    reaper_free(reaper);
    return loop_teardown(state);
}

static void exited(void *context)
{
    (void)context;
    exits++;
}

static int start(const char *path, const char *script, const int *fds, size_t n_fds, struct error *err)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)script, NULL};
    const struct program_options options = {
        .name = "part", .path = path, .argv = argv, .fds = fds, .n_fds = n_fds, .log_fd = -1, .on_exit = exited};

    return program_start(reaper, &options, &program, err);
}

static void end_fiber(void *arg)
{
    const uint64_t *limit = arg;

    program_end(&program, sys_monotonic_ns() + *limit);
    loop_stop(loop);
}

static void end(uint64_t limit)
{
    run_fiber(end_fiber, &limit);
}

static void check_print(const char *label, size_t max, const char *want)
{
    _buf_ struct buf text = BUF_INIT(65536);

    program_print(&program, max, &text);
    check_string(label, text.data, want);
}

static void an_end_is_told_in_words(void **state)
{
    static const struct {
        const char *label, *script, *want;
    } rows[] = {
        {"an exit code", "exit 3", "part exited with 3"},
        {"what it said, on either stream", "echo one; echo two >&2; exit 1", "part exited with 1: one | two"},
        {"a signal", "echo x; kill -9 $$", "part was killed by signal 9 (KILL): x"},
        {"bytes that are no text", "printf 'a\\033[1m\\033c\\n\\r\\n\\tb\\377c\\n\\n'", "part exited with 0: a | ?b?c"},
        {"the end of much text", "printf '0123456789012345678901234567890123456789abc'", "part exited with 0: 23456789abc"},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        check_int(row->label, start(SH, row->script, NULL, 0, NULL), 0);
        end(5 * NSEC_PER_SEC);
        check_print(row->label, strstr(row->label, "much") ? 11 : 300, row->want);
        program_done(&program);
    }
    assert_int_equal(exits, ARRAY_SIZE(rows));
}

static void a_program_that_is_missing_says_so(void **state)
{
    (void)state;
    assert_int_equal(start("/none/program", "", NULL, 0, NULL), 0);
    end(5 * NSEC_PER_SEC);
    check_print("missing", 300, "part exited with 127: run /none/program: ENOENT: No such file or directory");
    program_done(&program);
}

static void a_flood_neither_blocks_nor_grows(void **state)
{
    (void)state;
    assert_int_equal(start(SH, "dd if=/dev/zero bs=1M count=100 2>/dev/null | tr '\\0' x; echo; echo end", NULL, 0, NULL), 0);
    end(60 * NSEC_PER_SEC);
    check_print("flood", 10, "part exited with 0: xxxxxx | end");
    program_done(&program);
}

static void a_log_has_a_limit(void **state)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"echo start; head -c 20000000 /dev/zero"}, NULL};
    struct program_options options = {.name = "part", .path = SH, .argv = argv, .on_exit = exited};
    struct stat st;
    char word[6] = "";

    (void)state;
    options.log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_int_equal(program_start(reaper, &options, &program, NULL), 0);
    end(60 * NSEC_PER_SEC);
    program_done(&program);
    assert_int_equal(fstat(options.log_fd, &st), 0);
    assert_true(st.st_size >= TAIL_LOG_MAX && st.st_size <= TAIL_LOG_MAX + 65536);
    assert_int_equal(pread(options.log_fd, word, 5, 0), 5);
    assert_string_equal(word, "start");
    close(options.log_fd);
}

static void a_program_that_stays_is_killed_at_the_limit(void **state)
{
    (void)state;
    assert_int_equal(start(SH, "trap '' TERM; echo up; while :; do sleep 1; done", NULL, 0, NULL), 0);
    assert_false(program_has_exited(&program));
    end(50 * MSEC);
    assert_true(program_has_exited(&program));
    assert_int_equal(exits, 1);
    program_done(&program);
}

static void it_gets_its_descriptors_and_nothing_else(void **state)
{
    /* Numbers that the program is to have are taken by others here, the one for the other. */
    int pipes[2][2];
    int stray = fcntl(0, F_DUPFD, 30);

    (void)state;
    assert_int_equal(pipe2(pipes[0], O_CLOEXEC), 0);
    assert_int_equal(pipe2(pipes[1], O_CLOEXEC), 0);
    const int fds[] = {pipes[1][1], pipes[0][1]};
    assert_int_equal(start(SH,
                           "echo first >&3; echo second >&4; for i in 0 1 2 3 4 5 6 7 8 9 30 64 65 66; do test -e "
                           "/proc/$$/fd/$i && printf \"$i \"; done; env | grep -v PWD | grep -v _=; read x; echo $?",
                           fds, 2, NULL),
                     0);
    end(5 * NSEC_PER_SEC);
    check_print("descriptors", 300,
                "part exited with 0: 0 1 2 3 4 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin | 1");
    char text[16] = "";
    assert_int_equal(read(pipes[1][0], text, sizeof(text)), 6);
    assert_string_equal(text, "first\n");
    assert_int_equal(read(pipes[0][0], text, sizeof(text)), 7);
    for (int i = 0; i < 4; i++)
        close(pipes[i / 2][i % 2]);
    close(stray);
    program_done(&program);
}

static void a_jailed_program_is_nobody_and_sees_programs_and_its_device(void **state)
{
    const char script[] =
        "id -u; id -G; ls /dev; ls /proc; test -r /etc/passwd || echo no users; "
        "echo x >/x || echo x >/usr/x || echo x >/dev/x || echo read-only; head -c 2 /dev/zero | wc -c; cat /proc/net/dev";
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)script, NULL};
    const struct program_options options = {
        .name = "part", .path = SH, .argv = argv, .is_jailed = true, .device = "/dev/zero", .log_fd = -1, .on_exit = exited};
    char want[256];

    (void)state;
    if (geteuid() != 0) {
        print_message("needs root: a root directory of its own\n");
        skip();
    }
    assert_int_equal(program_start(reaper, &options, &program, NULL), 0);
    end(5 * NSEC_PER_SEC);
    unsigned int user = jail_user(getpid());
    snprintf(want, sizeof(want), "part exited with 1: %u | %u | null | urandom | zero | self | no users | ", user, user);
    _buf_ struct buf text = BUF_INIT(65536);
    program_print(&program, 4096, &text);
    assert_memory_equal(text.data, want, strlen(want));
    assert_non_null(strstr(text.data, " | read-only | 2 | cat: /proc/net/dev: No such file or directory"));
    program_done(&program);
}

static void a_program_that_its_user_may_not_run_says_so(void **state)
{
    char directory[] = "/tmp/tatami-XXXXXX", path[64], want[256];
    char *const argv[] = {path, NULL};
    const struct program_options options = {
        .name = "part", .path = path, .argv = argv, .is_jailed = true, .log_fd = -1, .on_exit = exited};

    (void)state;
    if (geteuid() != 0) {
        print_message("needs root: a root directory of its own\n");
        skip();
    }
    assert_non_null(mkdtemp(directory)); /* 0700 */
    snprintf(path, sizeof(path), "%s/program", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    close(fd);
    assert_int_equal(program_start(reaper, &options, &program, NULL), 0);
    end(5 * NSEC_PER_SEC);
    snprintf(want, sizeof(want),
             "part exited with 127: run %s: EACCES: it runs as a user of its own; chmod o+rx it and its directory", path);
    check_print("refused", 300, want);
    program_done(&program);
    assert_int_equal(unlink(path) + rmdir(directory), 0);
}

static void it_is_a_session_of_its_own_with_its_death_tied_to_ours(void **state)
{
    (void)state;
    int report[2];

    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    pid_t middle = fork();
    if (middle == 0) {
        /* Whatever kills the monitor kills the program: nobody is left to write behind the first line. */
        loop_free(loop);
        if (loop_new(&loop, NULL) < 0 || reaper_new(loop, &reaper, NULL) < 0 ||
            start(SH, "echo $$ >&3; while :; do sleep 1; done", &report[1], 1, NULL) < 0)
            _exit(1);
        pause();
    }
    char line[16] = "";
    assert_true(read(report[0], line, sizeof(line) - 1) > 0);
    int pid = atoi(line);
    assert_int_equal(getsid(pid), pid);
    kill(middle, SIGKILL);
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    close(report[1]);
    assert_int_equal(read(report[0], line, 1), 0); /* the end: no writer is left */
    close(report[0]);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        test(an_end_is_told_in_words),
        test(a_program_that_is_missing_says_so),
        test(a_flood_neither_blocks_nor_grows),
        test(a_log_has_a_limit),
        test(a_program_that_stays_is_killed_at_the_limit),
        test(it_gets_its_descriptors_and_nothing_else),
        test(a_jailed_program_is_nobody_and_sees_programs_and_its_device),
        test(a_program_that_its_user_may_not_run_says_so),
        test(it_is_a_session_of_its_own_with_its_death_tied_to_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
