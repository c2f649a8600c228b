/* SPDX-License-Identifier: Apache-2.0 */
/* The debug console over vsock: a shell for each connection of the host. The shell here answers each line with "you said:
 * LINE". */
#include "mocks/harness/sim_agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "agent/tests/support/expect.h"
#include "ttrpc/address.h"

#define CONSOLE "vsock://3:1026"
#define ENABLED "debug_console = true\ndebug_console_vport = 1026\n"
#define TEXT_MAX 65536

static const struct sim_setup enabled = {.test = "debug console", .seed = 1, .as_init = true, .config = ENABLED};

/* ---- the shell ---- */

static int shell(int argc, char **argv UNUSED, char **envp UNUSED)
{
    struct termios settings;
    char line[128], answer[256];

    if (argc != 1 || sys_ioctl(0, TCGETS, &settings) < 0)
        return 1;
    for (;;) {
        ssize_t n = sys_read(0, line, sizeof(line) - 1);
        if (n <= 0)
            return 2;
        line[n] = '\0';
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "exit") == 0)
            return 0;
        int len = snprintf(answer, sizeof(answer), "you said: %s\n", line);
        (void)sys_write(1, answer, (size_t)len);
    }
}

/* Leaves its option as the name of a directory, and stays. */
static int shell_on_console(int argc, char **argv, char **envp UNUSED)
{
    if (argc == 2 && sys_mkdirat(AT_FDCWD, "/run/shell", 0755) == 0 && sys_chdir("/run/shell") == 0)
        (void)sys_mkdirat(AT_FDCWD, argv[1], 0755);
    sys_nanosleep(3600 * NSEC_PER_SEC);
    return 0;
}

static struct sim_agent *boot(const struct sim_setup *setup)
{
    struct sim_agent *guest = sim_agent_boot(setup);

    world_program(guest->world, "/bin/sh", shell);
    return guest;
}

/* ---- the host's side ---- */

static int dial(struct error *err)
{
    struct address address;

    assert_int_equal(address_parse(CONSOLE, &address, err), 0);
    return address_connect(&address, err);
}

static int connect_console(void)
{
    struct error err = {.errnum = 0};
    int fd = dial(&err);

    if (fd < 0)
        fail_msg("connect to the console: %s", err.text);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(sys_write(fd, text, strlen(text)), strlen(text));
}

/* Reads until the text ends with words (""; until the end). */
static void hear(struct rig *rig, int fd, const char *words)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    char chunk[256];

    while (!*words || !text.data || text.len < strlen(words) || strcmp(text.data + text.len - strlen(words), words) != 0) {
        assert_true(fiber_wait_fd(rig->loop, fd, EPOLLIN, loop_deadline(rig->loop, 10 * NSEC_PER_SEC)) > 0);
        ssize_t n = sys_read(fd, chunk, sizeof(chunk));
        if (n <= 0 && *words)
            fail_msg("the console ends behind '%s', not behind '%s'", text.data ?: "", words);
        if (n <= 0)
            break;
        (void)buf_append(&text, chunk, (size_t)n);
    }
    buf_done(&text);
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

    assert_true(dial(&err) < 0);
}

/* ---- tests ---- */

/* Tells a story twice: what is there after the first is there after the second, and nothing more. */
static void tell_twice(void (*story)(struct rig *rig))
{
    struct sim_agent *guest = boot(&enabled);

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
    struct sim_agent *guest = boot(&enabled);

    sim_agent_tell(guest, stay_connected);
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);
}

static void no_console_without_the_option_or_without_a_shell(void **state UNUSED)
{
    struct sim_setup off = enabled;
    off.config = "debug_console_vport = 1026\n";
    struct sim_agent *guest = boot(&off);
    sim_agent_tell(guest, find_nothing);
    assert_int_equal(sim_agent_stop(guest), 0);
    sim_agent_free(guest);

    guest = sim_agent_boot(&enabled);
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
    struct sim_agent *guest = sim_agent_boot(&on_console);

    world_program(guest->world, "/bin/sh", shell_on_console);
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
