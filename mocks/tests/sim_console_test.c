/* SPDX-License-Identifier: Apache-2.0 */
/* The debug console over vsock: a shell for each connection of the host. The shell here answers each line with "you said:
 * LINE". */
#include "mocks/tests/console.h"

static const struct sim_setup enabled = {
    .test = "debug console", .seed = 1, .as_init = true, .config = CONSOLE_ENABLED, .shell = console_shell};

/* Leaves its option as the name of a directory, and stays. */
static int shell_on_console(int argc, char **argv, char **envp UNUSED)
{
    if (argc == 2 && sys_mkdirat(AT_FDCWD, "/run/shell", 0755) == 0 && sys_chdir("/run/shell") == 0)
        (void)sys_mkdirat(AT_FDCWD, argv[1], 0755);
    sys_nanosleep(3600 * NSEC_PER_SEC);
    return 0;
}

/* ---- the host's side ---- */

static int connect_console(void)
{
    struct error err = {.errnum = 0};
    int fd = console_dial(&err);

    if (fd < 0)
        fail_msg("connect to the console: %s", err.text);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(sys_write(fd, text, strlen(text)), strlen(text));
}

static void hear(struct rig *rig, int fd, const char *words)
{
    if (!console_hears(rig, fd, words))
        fail_msg("the console does not say '%s'", words);
}

/* ---- stories ---- */

static void talk_and_exit(struct rig *rig)
{
    int fd = connect_console();

    say(fd, "hello\n");
    hear(rig, fd, "hello\r\nyou said: hello\r\n");
    say(fd, "exit\n");
    hear(rig, fd, "");
    sys_close(fd);
}

static void hang_up(struct rig *rig)
{
    int fd = connect_console();

    say(fd, "hello\n");
    hear(rig, fd, "you said: hello\r\n");
    sys_close(fd);
}

static void connect_too_often(struct rig *rig)
{
    int fds[9];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = connect_console();
    hear(rig, fds[8], "");
    say(fds[7], "still there\n");
    hear(rig, fds[7], "you said: still there\r\n");
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        sys_close(fds[i]);
}

static void stay_connected(struct rig *rig)
{
    int fd = connect_console();

    say(fd, "hello\n");
    hear(rig, fd, "you said: hello\r\n");
}

static void find_nothing(struct rig *rig UNUSED)
{
    struct error err = {.errnum = 0};

    assert_true(console_dial(&err) < 0);
}

/* ---- tests ---- */

/* Tells a story twice: what is there after the first is there after the second, and nothing more. */
static void tell_twice(void (*story)(struct rig *rig))
{
    struct sim_agent *guest = sim_agent_boot(&enabled);

    sim_agent_tell(guest, story);
    struct buf before = sim_agent_snapshot(guest);
    sim_agent_tell(guest, story);
    struct buf after = sim_agent_snapshot(guest);
    sim_expect_same(&before, &after, "debug console");
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
    buf_done(&before);
    buf_done(&after);
}

static void connection_gets_a_shell_on_a_terminal_and_ends_with_it(void **state UNUSED)
{
    tell_twice(talk_and_exit);
}

static void shell_ends_with_its_connection(void **state UNUSED)
{
    tell_twice(hang_up);
}

static void ninth_connection_is_closed_and_the_others_go_on(void **state UNUSED)
{
    tell_twice(connect_too_often);
}

static void end_of_the_agent_ends_the_shells(void **state UNUSED)
{
    struct sim_agent *guest = sim_agent_boot(&enabled);

    sim_agent_tell(guest, stay_connected);
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

static void no_console_without_the_option_or_without_a_shell(void **state UNUSED)
{
    struct sim_setup off = enabled;
    off.config = "debug_console_vport = 1026\n";
    struct sim_agent *guest = sim_agent_boot(&off);
    sim_agent_tell(guest, find_nothing);
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);

    struct sim_setup no_shell = enabled;
    no_shell.shell = NULL;
    guest = sim_agent_boot(&no_shell);
    sim_agent_tell(guest, find_nothing);
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

static void nothing(struct rig *rig UNUSED)
{
}

static void without_a_port_the_shell_is_on_the_console(void **state UNUSED)
{
    struct sim_setup on_console = enabled;
    on_console.config = "debug_console = true\n";
    on_console.shell = shell_on_console;
    struct sim_agent *guest = sim_agent_boot(&on_console);

    world_remove(guest->world, "/dev/console"); /* the machine has none: a file stands for it */
    world_write(guest->world, "/dev/console", "");
    sim_agent_tell(guest, find_nothing);
    sim_agent_tell(guest, nothing);
    assert_true(world_exists(guest->world, "/run/shell/-i"));
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_gets_a_shell_on_a_terminal_and_ends_with_it),
        cmocka_unit_test(shell_ends_with_its_connection),
        cmocka_unit_test(ninth_connection_is_closed_and_the_others_go_on),
        cmocka_unit_test(end_of_the_agent_ends_the_shells),
        cmocka_unit_test(without_a_port_the_shell_is_on_the_console),
        cmocka_unit_test(no_console_without_the_option_or_without_a_shell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
