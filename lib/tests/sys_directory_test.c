/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/tests/check.h"

#define FILES 300 /* more than one block of the kernel's */

struct seen {
    int files, directories, limit;
};

static int count(void *arg, const char *name, bool is_directory)
{
    struct seen *seen = arg;

    assert_true(name[0] != '.');
    seen->directories += is_directory;
    seen->files += !is_directory;
    return seen->files == seen->limit ? -E2BIG : 0;
}

static void entries_are_told_until_one_fails(void **state)
{
    char dir[] = "/tmp/tatami-XXXXXX", name[64];
    struct seen seen = {.files = 0}, few = {.limit = 3};
    (void)state;

    assert_non_null(mkdtemp(dir));
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(fd, "directory", 0700), 0);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "a-file-with-a-rather-long-name-%d", i);
        assert_int_equal(mknodat(fd, name, S_IFREG | 0600, 0), 0);
    }
    assert_int_equal(directory_read(fd, count, &seen), 0);
    assert_int_equal(seen.files, FILES);
    assert_int_equal(seen.directories, 1);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(directory_read(fd, count, &few), -E2BIG);
    assert_int_equal(few.files, 3);

    snprintf(name, sizeof(name), "rm -r %s", dir);
    assert_int_equal(system(name), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(directory_read(fd, count, &few), 0); /* removed meanwhile */
    close(fd);
}

static void what_is_no_directory_is_an_error(void **state)
{
    struct seen seen = {.files = 0};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)state;

    assert_int_equal(directory_read(fd, count, &seen), -ENOTDIR);
    close(fd);
    assert_int_equal(directory_read(-1, count, &seen), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_told_until_one_fails),
        cmocka_unit_test(what_is_no_directory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
