/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/fd.h"

#include <errno.h>

#include "sys_fixture.h"

static char dir[] = "/tmp/tatami-XXXXXX";
static int dirfd_;

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dirfd_ < 0 ? -1 : 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlinkat(dirfd_, "file", 0);
    close(dirfd_);
    return rmdir(dir);
}

static void write_file(const char *text)
{
    int fd = openat(dirfd_, "file", O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void leave_scope(int fd)
{
    _close_ int owned = fd;

    (void)owned;
}

static void owned_descriptors_are_closed_once(void **state)
{
    int fd = dup(dirfd_), other = dup(dirfd_), number = fd;

    (void)state;
    fd_close(&fd);
    assert_int_equal(fd, -1);
    assert_false(is_open(number));
    fd_close(&fd);
    assert_int_equal(fd, -1);

    int taken = fd_take(&other);
    assert_int_equal(other, -1);
    assert_true(is_open(taken));
    leave_scope(taken);
    assert_false(is_open(taken));
    leave_scope(-1);
}

static void replace_closes_the_old_one(void **state)
{
    int fd = dup(dirfd_), old = fd, new = dup(dirfd_);

    (void)state;
    fd_replace(&fd, new);
    assert_int_equal(fd, new);
    assert_false(is_open(old));
    assert_true(is_open(new));
    fd_replace(&fd, -1);
    assert_int_equal(fd, -1);
    assert_false(is_open(new));
}

static void files_are_read_whole(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 20000};

    (void)state;
    FOR_ROWS (size, sizes) {
        char *text = malloc(*size + 1);
        _buf_ struct buf b = BUF_INIT(20000);
        memset(text, 'x', *size);
        text[*size] = '\0';
        write_file(text);
        assert_int_equal(file_read_at(dirfd_, "file", &b), 0);
        assert_int_equal(b.len, *size);
        if (*size)
            assert_string_equal(b.data, text);
        free(text);
    }
}

static void reading_appends(void **state)
{
    _buf_ struct buf b = BUF_INIT(100);

    (void)state;
    write_file("two");
    buf_append_str(&b, "one ");
    assert_int_equal(file_read_at(dirfd_, "file", &b), 0);
    assert_string_equal(b.data, "one two");
}

static void a_file_may_fill_the_buffer_but_not_more(void **state)
{
    _buf_ struct buf fits = BUF_INIT(3);
    _buf_ struct buf small = BUF_INIT(2);

    (void)state;
    write_file("abc");
    assert_int_equal(file_read_at(dirfd_, "file", &fits), 0);
    assert_string_equal(fits.data, "abc");
    assert_int_equal(file_read_at(dirfd_, "file", &small), -EMSGSIZE);
    assert_int_equal(file_read_at(dirfd_, "file", &fits), -EMSGSIZE);
}

static void read_errors_are_passed_on(void **state)
{
    _buf_ struct buf b = BUF_INIT(100);
    _buf_ struct buf full = BUF_INIT(0);

    (void)state;
    assert_int_equal(file_read_at(dirfd_, "missing", &b), -ENOENT);
    assert_int_equal(file_read_at(-1, "file", &b), -EBADF);
    assert_int_equal(fd_read_all(dirfd_, &b), -EISDIR);
    assert_int_equal(fd_read_all(dirfd_, &full), -EISDIR);
    assert_int_equal(fd_read_all(-1, &b), -EBADF);
}

static void files_are_written_in_one_piece(void **state)
{
    _buf_ struct buf b = BUF_INIT(100);

    (void)state;
    write_file("0123456789");
    assert_int_equal(file_write_at(dirfd_, "file", "abc", 3), 0);
    assert_int_equal(file_read_at(dirfd_, "file", &b), 0);
    assert_string_equal(b.data, "abc3456789");
    assert_int_equal(file_write_at(dirfd_, "missing", "abc", 3), -ENOENT);
    assert_int_equal(file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", "x", 1), -EINVAL);
}

static void write_beyond_the_limit(void)
{
    must(setrlimit(RLIMIT_FSIZE, &(struct rlimit){2, 2}) == 0);
    signal(SIGXFSZ, SIG_IGN);
    must_equal(file_write_at(dirfd_, "file", "abc", 3), -EIO);
    must_equal(file_write_at(dirfd_, "file", "ab", 2), 0);
    int fd = openat(dirfd_, "file", O_WRONLY);
    must_equal(fd_write_all(fd, "abc", 3), -EFBIG); /* two bytes go, the third one says why not */
}

static void a_short_write_of_a_file_is_an_error(void **state)
{
    (void)state;
    write_file("");
    in_child(0, write_beyond_the_limit);
}

/* A writer that needs many writes: the pipe is smaller than the text. */
static void write_all_goes_on_until_everything_is_written(void **state)
{
    static char text[300000], got[300000];
    int fds[2], status;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7);
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        must_equal(fd_write_all(fds[1], text, sizeof(text)), 0);
        must_equal(fd_write_all(fds[1], text, 0), 0);
        sys_exit(0);
    }
    close(fds[1]);
    size_t len = 0;
    for (ssize_t n = 1; n > 0; len += (size_t)n)
        n = read(fds[0], got + len, sizeof(got) - len > 1000 ? 1000 : sizeof(got) - len);
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(len, sizeof(text));
    assert_memory_equal(got, text, sizeof(text));
}

static void write_all_passes_errors_on(void **state)
{
    int fds[2];
    char text[100000] = {0};

    (void)state;
    assert_int_equal(fd_write_all(-1, "x", 1), -EBADF);
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    assert_int_equal(fd_write_all(fds[1], text, sizeof(text)), -EAGAIN); /* after what fits */
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owned_descriptors_are_closed_once),
        cmocka_unit_test(replace_closes_the_old_one),
        cmocka_unit_test(files_are_read_whole),
        cmocka_unit_test(reading_appends),
        cmocka_unit_test(a_file_may_fill_the_buffer_but_not_more),
        cmocka_unit_test(read_errors_are_passed_on),
        cmocka_unit_test(files_are_written_in_one_piece),
        cmocka_unit_test(a_short_write_of_a_file_is_an_error),
        cmocka_unit_test(write_all_goes_on_until_everything_is_written),
        cmocka_unit_test(write_all_passes_errors_on),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
