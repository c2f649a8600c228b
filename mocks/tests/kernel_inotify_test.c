/* SPDX-License-Identifier: Apache-2.0 */
/* Watching files. */
#include "mocks/tests/conform.h"

#include <sys/inotify.h>
#include <sys/ioctl.h>

#define FILE_PATH "/tmp/file"

static char events[4096] __attribute__((aligned(8)));

/* What was read, as text: "wd:mask[:name] ". */
static const char *read_events(int fd)
{
    static char text[1000];
    size_t len = 0;

    text[0] = '\0';
    ssize_t n = sys_read(fd, events, sizeof(events));
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)(events + at);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%d:%x%s%s", len ? " " : "", event->wd, event->mask,
                                event->len ? ":" : "", event->len ? event->name : "");
        at += (ssize_t)sizeof(*event) + event->len;
    }
    return text;
}

static int make_file(const char *path)
{
    return sys_openat(AT_FDCWD, path, O_RDWR | O_CREAT, 0644);
}

CONFORM_CASE(inotify_flags)
{
    static const struct {
        const char *label;
        int flags, result;
    } rows[] = {
        {"none", 0, 0},
        {"close-on-exec", IN_CLOEXEC, 0},
        {"non-blocking", IN_NONBLOCK, 0},
        {"both", IN_CLOEXEC | IN_NONBLOCK, 0},
        {"one", 1, -EINVAL},
        {"append", O_APPEND, -EINVAL},
    };

    FOR_CASES(row, rows)
    {
        int fd = sys_inotify_init1(row->flags);
        if (!expect(fd < 0 ? fd : 0, row->result) || fd < 0)
            continue;
        expect(sys_fcntl(fd, F_GETFL, 0), O_RDONLY | (row->flags & IN_NONBLOCK));
        expect(sys_fcntl(fd, F_GETFD, 0), row->flags & IN_CLOEXEC ? FD_CLOEXEC : 0);
    }
}

CONFORM_CASE(adding_watches)
{
    int fd = sys_inotify_init1(IN_NONBLOCK), other = sys_eventfd(0, 0);

    sys_close(make_file(FILE_PATH));
    sys_mkdirat(AT_FDCWD, "/tmp/dir", 0755);
    sys_symlinkat("file", AT_FDCWD, "/tmp/link");
    const struct {
        const char *label;
        int fd;
        const char *path;
        uint32_t mask;
        int result;
    } rows[] = {
        {"file", fd, FILE_PATH, IN_MODIFY, 1},
        {"the same again", fd, FILE_PATH, IN_MODIFY, 1},
        {"another mask", fd, FILE_PATH, IN_MODIFY | IN_ATTRIB, 1},
        {"by its link", fd, "/tmp/link", IN_MODIFY, 1},
        {"the link itself", fd, "/tmp/link", IN_MODIFY | IN_DONT_FOLLOW, 2},
        {"directory", fd, "/tmp/dir", IN_CREATE | IN_ONLYDIR, 3},
        {"only a directory", fd, FILE_PATH, IN_MODIFY | IN_ONLYDIR, -ENOTDIR},
        {"only new, but there", fd, FILE_PATH, IN_MODIFY | IN_MASK_CREATE, -EEXIST},
        {"only new and added", fd, FILE_PATH, IN_MODIFY | IN_MASK_CREATE | IN_MASK_ADD, -EINVAL},
        {"missing", fd, "/tmp/none", IN_MODIFY, -ENOENT},
        {"empty", fd, "", IN_MODIFY, -ENOENT},
        {"below a file", fd, FILE_PATH "/x", IN_MODIFY, -ENOTDIR},
        {"no events", fd, FILE_PATH, 0, -EINVAL},
        {"unknown bits only", fd, FILE_PATH, 1 << 20, -EINVAL},
        {"no descriptor", 99, FILE_PATH, IN_MODIFY, -EBADF},
        {"no descriptor and no events", 99, FILE_PATH, 0, -EINVAL},
        {"another descriptor", other, FILE_PATH, IN_MODIFY, -EINVAL},
        {"next number", fd, "/tmp/link", IN_MODIFY | IN_DONT_FOLLOW | IN_MASK_ADD, 2},
    };
    FOR_CASES(row, rows)
    expect(sys_inotify_add_watch(row->fd, row->path, row->mask), row->result);
    sys_fchmodat(AT_FDCWD, FILE_PATH, 0200);
    expect(sys_setresuid(1000, 1000, 1000), 0);
    expect(sys_inotify_add_watch(fd, FILE_PATH, IN_MODIFY), -EACCES);
}

CONFORM_CASE(changes_of_a_file)
{
    int file = make_file(FILE_PATH), fd = sys_inotify_init1(IN_NONBLOCK);

    expect(sys_inotify_add_watch(fd, FILE_PATH, IN_MODIFY), 1);
    expect_text(read_events(fd), "");
    sys_write(file, "a", 1);
    expect_text(read_events(fd), "1:2");
    sys_write(file, "a", 1);
    sys_write(file, "b", 1);
    expect_text(read_events(fd), "1:2");
    sys_write(file, "", 0);
    expect_text(read_events(fd), "");
    expect(sys_ftruncate(file, 0), 0);
    expect_text(read_events(fd), "1:2");
    expect(sys_ftruncate(file, 0), 0);
    expect_text(read_events(fd), "1:2");
    sys_close(sys_openat(AT_FDCWD, FILE_PATH, O_WRONLY | O_TRUNC, 0));
    expect_text(read_events(fd), "1:2");
    expect(sys_pwrite(file, "x", 1, 100), 1);
    expect_text(read_events(fd), "1:2");
    sys_fchmodat(AT_FDCWD, FILE_PATH, 0600);
    sys_read(file, events, 1);
    sys_renameat2(AT_FDCWD, FILE_PATH, AT_FDCWD, "/tmp/other", 0);
    expect_text(read_events(fd), "");
    sys_write(file, "a", 1);
    expect_text(read_events(fd), "1:2");
}

CONFORM_CASE(other_events_of_a_file)
{
    int file = make_file(FILE_PATH), fd = sys_inotify_init1(IN_NONBLOCK);

    expect(sys_inotify_add_watch(fd, FILE_PATH, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF), 1);
    sys_fchmod(file, 0600);
    expect_text(read_events(fd), "1:4");
    sys_fchown(file, 0, 7);
    expect_text(read_events(fd), "1:4");
    sys_renameat2(AT_FDCWD, FILE_PATH, AT_FDCWD, "/tmp/other", 0);
    expect_text(read_events(fd), "1:800");
    sys_unlinkat(AT_FDCWD, "/tmp/other", 0);
    expect_text(read_events(fd), "1:4");
    sys_write(file, "a", 1);
    expect_text(read_events(fd), "1:2");
    sys_close(file);
    expect_text(read_events(fd), "1:400 1:8000");
    expect_text(read_events(fd), "");
    sys_close(make_file(FILE_PATH));
    expect(sys_inotify_add_watch(fd, FILE_PATH, IN_MODIFY), 2);
}

CONFORM_CASE(a_deleted_file_ends_its_watch)
{
    int fd = sys_inotify_init1(IN_NONBLOCK);

    sys_close(make_file(FILE_PATH));
    expect(sys_inotify_add_watch(fd, FILE_PATH, IN_MODIFY), 1);
    expect(sys_unlinkat(AT_FDCWD, FILE_PATH, 0), 0);
    expect_text(read_events(fd), "1:8000");
}

CONFORM_CASE(events_of_a_directory)
{
    int fd = sys_inotify_init1(IN_NONBLOCK);

    sys_mkdirat(AT_FDCWD, "/tmp/dir", 0755);
    expect(sys_inotify_add_watch(fd, "/tmp/dir", IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF), 1);
    sys_close(make_file("/tmp/dir/a"));
    expect_text(read_events(fd), "1:100:a");
    sys_mkdirat(AT_FDCWD, "/tmp/dir/sub", 0755);
    expect_text(read_events(fd), "1:40000100:sub");
    sys_renameat2(AT_FDCWD, "/tmp/dir/a", AT_FDCWD, "/tmp/dir/a_name_that_is_long", 0);
    expect_text(read_events(fd), "1:40:a 1:80:a_name_that_is_long");
    sys_renameat2(AT_FDCWD, "/tmp/dir/a_name_that_is_long", AT_FDCWD, "/tmp/b", 0);
    expect_text(read_events(fd), "1:40:a_name_that_is_long");
    int under = sys_inotify_init1(IN_NONBLOCK);
    expect(sys_inotify_add_watch(under, "/tmp/dir/sub", IN_MOVE_SELF), 1);
    sys_renameat2(AT_FDCWD, "/tmp/dir/sub", AT_FDCWD, "/tmp/dir/under", 0);
    expect_text(read_events(fd), "1:40000040:sub 1:40000080:under");
    expect_text(read_events(under), "1:800");
    sys_unlinkat(AT_FDCWD, "/tmp/dir/under", AT_REMOVEDIR);
    expect_text(read_events(fd), "1:40000200:under");
    expect_text(read_events(under), "1:8000");
    sys_unlinkat(AT_FDCWD, "/tmp/dir", AT_REMOVEDIR);
    expect_text(read_events(fd), "1:400 1:8000");
}

CONFORM_CASE(a_mask_is_replaced_or_added_to)
{
    int file = make_file(FILE_PATH), fd = sys_inotify_init1(IN_NONBLOCK);

    sys_inotify_add_watch(fd, FILE_PATH, IN_MODIFY);
    sys_inotify_add_watch(fd, FILE_PATH, IN_ATTRIB);
    sys_write(file, "a", 1);
    expect_text(read_events(fd), "");
    sys_inotify_add_watch(fd, FILE_PATH, IN_MODIFY | IN_MASK_ADD);
    sys_write(file, "a", 1);
    sys_fchmod(file, 0600);
    expect_text(read_events(fd), "1:2 1:4");
    sys_inotify_add_watch(fd, FILE_PATH, IN_MODIFY | IN_ONESHOT);
    sys_write(file, "a", 1);
    sys_write(file, "a", 1);
    expect_text(read_events(fd), "1:2 1:8000");
}

CONFORM_CASE(sizes_of_reads)
{
    int file = make_file(FILE_PATH), fd = sys_inotify_init1(IN_NONBLOCK), size = 0;
    struct pollfd pollfd = {.fd = fd, .events = POLLIN | POLLOUT};

    sys_inotify_add_watch(fd, FILE_PATH, IN_MODIFY | IN_ATTRIB);
    expect(sys_read(fd, events, 1), -EAGAIN);
    expect(sys_poll(&pollfd, 1, 0), 0);
    sys_write(file, "a", 1);
    sys_fchmod(file, 0600);
    expect(sys_poll(&pollfd, 1, 0), 1);
    expect(pollfd.revents, POLLIN);
    expect(sys_ioctl(fd, FIONREAD, &size), 0);
    expect(size, 32);
    expect(sys_read(fd, events, 15), -EINVAL);
    expect(sys_read(fd, events, 31), 16);
    expect(sys_read(fd, events, 100), 16);
    expect(sys_write(fd, events, 16), -EBADF);
}

static int write_later(void *arg)
{
    sys_nanosleep(3000000);
    return sys_write(*(int *)arg, "x", 1) == 1 ? 0 : 1;
}

CONFORM_CASE(a_reader_waits_for_a_change)
{
    int file = make_file(FILE_PATH), fd = sys_inotify_init1(0);

    sys_inotify_add_watch(fd, FILE_PATH, IN_MODIFY);
    int pid = spawn(write_later, &file);
    expect_text(read_events(fd), "1:2");
    expect(collect(pid), 0);
}

CONFORM_CASE(watches_of_two_descriptors)
{
    int file = make_file(FILE_PATH), one = sys_inotify_init1(IN_NONBLOCK), two = sys_inotify_init1(IN_NONBLOCK);

    sys_inotify_add_watch(one, FILE_PATH, IN_MODIFY);
    sys_inotify_add_watch(two, FILE_PATH, IN_MODIFY);
    sys_write(file, "a", 1);
    expect_text(read_events(one), "1:2");
    sys_close(one);
    expect_text(read_events(two), "1:2");
}
