/* SPDX-License-Identifier: Apache-2.0 */
/* The line discipline of terminals: what is made of typed and written bytes. */
#include "mocks/tests/terminals.h"

CONFORM_CASE(settings_from_the_start)
{
    static const unsigned char control[] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0};
    struct pty pty = open_pty();
    struct termios termios, by_master;

    expect(sys_ioctl(pty.slave, TCGETS, &termios), 0);
    expect(termios.c_iflag, 0x500);
    expect(termios.c_oflag, 0x5);
    expect(termios.c_cflag, 0xbf);
    expect(termios.c_lflag, 0x8a3b);
    expect(memcmp(termios.c_cc, control, sizeof(control)), 0);
    expect(sys_ioctl(pty.master, TCGETS, &by_master), 0);
    expect(by_master.c_lflag, 0x8a3b);
    by_master.c_lflag &= ~(unsigned int)ECHO;
    expect(sys_ioctl(pty.master, TCSETS, &by_master), 0);
    expect(sys_ioctl(pty.slave, TCGETS, &termios), 0);
    expect(termios.c_lflag, 0x8a33);
}

CONFORM_CASE(typed_bytes)
{
    static const struct {
        const char *label;
        const char *typed, *echoed, *read;
        unsigned int clear_local, clear_input;
    } rows[] = {
        {"a line", "hello\n", "hello\r\n", "hello\n", 0, 0},
        {"carriage return", "hello\r", "hello\r\n", "hello\n", 0, 0},
        {"carriage return as it is", "hello\r", "hello^M", "-EAGAIN", 0, ICRNL},
        {"no echo", "hello\n", "-EAGAIN", "hello\n", ECHO, 0},
        {"not finished", "hello", "hello", "-EAGAIN", 0, 0},
        {"control bytes", "a\001b\033\n", "a^Ab^[\r\n", "a\001b\033\n", 0, 0},
        {"control bytes as they are", "a\001\n", "a\001\r\n", "a\001\n", ECHOCTL, 0},
        {"tabulator", "a\tb\n", "a\tb\r\n", "a\tb\n", 0, 0},
        {"erase", "ab\177c\n", "ab\b \bc\r\n", "ac\n", 0, 0},
        {"erase nothing", "\177\177c\n", "c\r\n", "c\n", 0, 0},
        {"erase a control byte", "\001\177c\n", "^A\b \b\b \bc\r\n", "c\n", 0, 0},
        {"erase a word", "one two\027\n", "one two\b \b\b \b\b \b\r\n", "one \n", 0, 0},
        {"erase a word with blanks", "one  \027x\n", "one  \b \b\b \b\b \b\b \b\b \bx\r\n", "x\n", 0, 0},
        {"erase the line", "abc\025d\n", "abc\b \b\b \b\b \bd\r\n", "d\n", 0, 0},
        {"erase does not reach the line before", "a\n\177\177b\n", "a\r\nb\r\n", "a\n", 0, 0},
        {"the next byte as it is", "a\026\003\n", "a^\b^C\r\n", "a\003\n", 0, 0},
        {"raw", "a\177\003\r", "-EAGAIN", "a\177\003\r", ICANON | ECHO | ISIG, ICRNL},
        {"raw with echo", "a\003", "a^C", "a\003", ICANON | ISIG, 0},
        {"no signals", "a\003\n", "a^C\r\n", "a\003\n", ISIG, 0},
        {"interrupt", "ab\003c\n", "^Cc\r\n", "c\n", 0, 0},
        {"quit", "ab\034c\n", "^\\c\r\n", "c\n", 0, 0},
        {"end of file after bytes", "ab\004", "ab", "ab", 0, 0},
        {"end of file at once", "\004", "-EAGAIN", "", 0, 0},
        {"start and stop", "a\023\021b\n", "ab\r\n", "ab\n", 0, 0},
        {"start and stop as they are", "a\023\021b\n", "a^S^Qb\r\n", "a\023\021b\n", 0, IXON},
        {"erase a word of letters, digits and lines", "a-b_Z9\027\n", "a-b_Z9\b \b\b \b\b \b\b \b\r\n", "a-\n", 0, 0},
        {"erase a word with a sign behind", "ab--\027\n", "ab--\b \b\b \b\b \b\b \b\r\n", "\n", 0, 0},
        {"erase a word at its first letters", "!az\027\n", "!az\b \b\b \b\r\n", "!\n", 0, 0},
        {"erase as it is without lines", "a\177b", "a^?b", "a\177b", ICANON, 0},
        {"next byte as it is, erase", "a\026\177b\n", "a^\b^?b\r\n", "a\177b\n", 0, 0},
        {"next byte as it is, end of line", "a\026\nb\n", "a^\b^Jb\r\n", "a\nb\n", 0, 0},
        {"next byte without extensions", "a\026b\n", "a^Vb\r\n", "a\026b\n", IEXTEN, 0},
        {"erase a word without extensions", "ab\027\n", "ab^W\r\n", "ab\027\n", IEXTEN, 0},
        {"erase without showing", "ab\177\n", "ab^?\r\n", "a\n", ECHOE, 0},
        {"raw newline with echo", "a\nb\rc", "a^Jb\r\nc", "a\nb\nc", ICANON, 0},
        {"raw newline with echo, control bytes as they are", "a\nb", "a\r\nb", "a\nb", ICANON | ECHOCTL, 0},
        {"suspend", "ab\032c\n", "^Zc\r\n", "c\n", 0, 0},
        {"two ends of file", "a\004\004", "a", "a", 0, 0},
        {"bytes beyond ASCII", "\303\244\n", "\303\244\r\n", "\303\244\n", 0, 0},
        {"vertical tabulator", "a\vb\n", "a^Kb\r\n", "a\vb\n", 0, 0},
        {"form feed", "a\f\n", "a^L\r\n", "a\f\n", 0, 0},
    };
    struct pty pty = open_pty();
    sys_close(pty.master);
    sys_close(pty.slave);

    FOR_CASES(row, rows)
    {
        pty.master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
        unlock(pty.master);
        pty.slave = sys_ioctl(pty.master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_NONBLOCK));
        configure(pty.slave, row->clear_local, row->clear_input);
        type(pty.master, row->typed);
        expect_text(read_text(pty.master), row->echoed);
        expect_text(read_text(pty.slave), row->read);
        sys_close(pty.master);
        sys_close(pty.slave);
    }
}

CONFORM_CASE(lines_are_read_one_by_one)
{
    struct pty pty = open_pty();
    int available = -1;

    configure(pty.slave, ECHO, 0);
    expect(poll_now(pty.slave), POLLOUT);
    type(pty.master, "one");
    expect(poll_now(pty.slave), POLLOUT);
    expect(sys_ioctl(pty.slave, FIONREAD, &available), 0);
    expect(available, 0);
    type(pty.master, "\ntwo\n");
    expect(poll_now(pty.slave), POLLIN | POLLOUT);
    expect(sys_read(pty.slave, bytes, 2), 2);
    expect_text(read_text(pty.slave), "e\n");
    expect_text(read_text(pty.slave), "two\n");
    expect(poll_now(pty.slave), POLLOUT);
    type(pty.master, "x\004\004y\n");
    expect(sys_read(pty.slave, bytes, 1), 1);
    expect_text(read_text(pty.slave), "");
    expect_text(read_text(pty.slave), "y\n");
    expect_text(read_text(pty.slave), "-EAGAIN");
}

CONFORM_CASE(a_line_is_as_long_as_a_page)
{
    struct pty pty = open_pty();

    configure(pty.slave, ECHO, 0);
    memset(bytes, 'x', sizeof(bytes));
    bytes[4499] = '\n';
    expect(sys_write(pty.master, bytes, 4500), 4500);
    settle();
    expect(sys_read(pty.slave, bytes, sizeof(bytes)), 4096);
    expect(bytes[4094], 'x');
    expect(bytes[4095], '\n');
}

CONFORM_CASE(written_lines_get_a_carriage_return)
{
    struct pty pty = open_pty();
    struct termios termios;

    expect(sys_write(pty.slave, "a\nb\r\n", 5), 5);
    settle();
    expect(poll_now(pty.master), POLLIN | POLLOUT);
    expect_text(read_text(pty.master), "a\r\nb\r\r\n");
    sys_ioctl(pty.slave, TCGETS, &termios);
    termios.c_oflag = 0;
    sys_ioctl(pty.slave, TCSETS, &termios);
    expect(sys_write(pty.slave, "a\n", 2), 2);
    settle();
    expect_text(read_text(pty.master), "a\n");
}

CONFORM_CASE(output_can_be_stopped)
{
    struct pty pty = open_pty();

    type(pty.master, "\023");
    expect(poll_now(pty.slave), 0);
    expect(sys_write(pty.slave, "x", 1), -EAGAIN);
    type(pty.master, "\021");
    expect(poll_now(pty.slave), POLLOUT);
    expect(sys_write(pty.slave, "x", 1), 1);
    settle();
    expect_text(read_text(pty.master), "x");
}

CONFORM_CASE(changing_the_mode_keeps_or_drops_what_was_typed)
{
    struct pty pty = open_pty();
    struct termios termios;

    configure(pty.slave, ECHO, 0);
    type(pty.master, "ab");
    configure(pty.slave, ICANON, 0);
    expect_text(read_text(pty.slave), "ab");
    type(pty.master, "cd");
    sys_ioctl(pty.slave, TCGETS, &termios);
    expect(sys_ioctl(pty.slave, TCSETSF, &termios), 0);
    expect_text(read_text(pty.slave), "-EAGAIN");
    termios.c_cc[VMIN] = 0;
    expect(sys_ioctl(pty.slave, TCSETS, &termios), 0);
    expect_text(read_text(pty.slave), "");
}

static int read_line(void *arg)
{
    int fd = sys_openat(AT_FDCWD, "/tmp/pts/0", O_RDWR | O_NOCTTY, 0);

    (void)arg;
    return fd < 0 ? 99 : (int)sys_read(fd, bytes, 100);
}

CONFORM_CASE(a_reader_waits_for_its_line)
{
    struct pty pty = open_pty();

    int pid = spawn(read_line, NULL);
    sys_nanosleep(10000000);
    type(pty.master, "ab");
    type(pty.master, "c\n");
    expect(collect(pid), 4);
}

/* ---- other settings ---- */

static void change(int fd, unsigned int set_local, unsigned int set_input, unsigned int clear_input)
{
    struct termios termios;

    expect(sys_ioctl(fd, TCGETS, &termios), 0);
    termios.c_lflag |= set_local;
    termios.c_iflag = (termios.c_iflag & ~clear_input) | set_input;
    expect(sys_ioctl(fd, TCSETS, &termios), 0);
}

CONFORM_CASE(typed_bytes_with_more_settings)
{
    static const struct {
        const char *label;
        unsigned int local, input, clear_input;
        const char *typed, *echoed, *read;
    } rows[] = {
        {"no flush", NOFLSH, 0, 0, "ab\003c\n", "ab^Cc\r\n", "abc\n"},
        {"newline to carriage return", 0, INLCR, ICRNL, "a\nb", "a^Mb", "-EAGAIN"},
        {"newline and carriage return exchanged", 0, INLCR, 0, "a\nb\r", "a^Mb\r\n", "a\rb\n"},
        {"no carriage return", 0, IGNCR, 0, "a\rb\n", "ab\r\n", "ab\n"},
        {"no carriage return wins", 0, IGNCR | INLCR, 0, "a\rb", "ab", "-EAGAIN"},
    };

    mount_devpts();
    FOR_CASES(row, rows)
    {
        int master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
        unlock(master);
        int slave = sys_ioctl(master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_NONBLOCK));
        change(slave, row->local, row->input, row->clear_input);
        type(master, row->typed);
        expect_text(read_text(master), row->echoed);
        expect_text(read_text(slave), row->read);
        sys_close(master);
        sys_close(slave);
    }
}

CONFORM_CASE(what_starts_stopped_output)
{
    static const struct {
        const char *label, *typed;
        unsigned int set_input, clear_input;
        bool starts;
    } rows[] = {
        {"the start byte", "\021", 0, 0, true},         {"any byte", "x", 0, 0, false},
        {"any byte with IXANY", "x", IXANY, 0, true},   {"a line", "x\n", 0, 0, false},
        {"another stop byte", "\023", 0, 0, false},     {"the interrupt byte", "\003", 0, 0, true},
        {"flow control turned off", "", 0, IXON, true}, {"a setting that does not matter", "", 0, ICRNL, false},
    };

    mount_devpts();
    FOR_CASES(row, rows)
    {
        int master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
        unlock(master);
        int slave = sys_ioctl(master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_NONBLOCK));
        change(slave, 0, row->set_input, 0);
        type(master, "\023");
        expect(sys_write(slave, "o", 1), -EAGAIN);
        if (row->clear_input)
            change(slave, 0, 0, row->clear_input);
        type(master, row->typed);
        expect(sys_write(slave, "o", 1), row->starts ? 1 : -EAGAIN);
        sys_close(master);
        sys_close(slave);
    }
}

CONFORM_CASE(bytes_that_can_be_read_are_counted)
{
    static const struct {
        const char *label, *typed;
        unsigned int clear_local;
        int available;
        short events;
    } rows[] = {
        {"nothing", "", 0, 0, POLLOUT},
        {"no line", "abc", 0, 0, POLLOUT},
        {"a line", "abc\n", 0, 4, POLLIN | POLLOUT},
        {"an empty line", "\n", 0, 1, POLLIN | POLLOUT},
        {"end of file", "\004", 0, 0, POLLIN | POLLOUT},
        {"end of file behind bytes", "ab\004", 0, 2, POLLIN | POLLOUT},
        {"raw bytes", "abc", ICANON, 3, POLLIN | POLLOUT},
        {"raw nothing", "", ICANON, 0, POLLOUT},
    };

    mount_devpts();
    FOR_CASES(row, rows)
    {
        int available = -1;
        int master = sys_openat(AT_FDCWD, PTMX, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
        unlock(master);
        int slave = sys_ioctl(master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_NONBLOCK));
        configure(slave, ECHO | row->clear_local, 0);
        type(master, row->typed);
        expect(sys_ioctl(slave, FIONREAD, &available), 0);
        expect(available, row->available);
        expect(poll_now(slave), row->events);
        sys_close(master);
        sys_close(slave);
    }
}
