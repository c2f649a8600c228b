/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

struct filling {
    size_t len;
    int result;
    int fd;
};

static int fill(int fd, void *arg)
{
    struct filling *filling = arg;

    filling->fd = fd;
    for (size_t i = 0; i < filling->len; i++) {
        if (write(fd, &(char){(char)('a' + i % 26)}, 1) != 1)
            abort();
    }
    return filling->result;
}

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        size_t len, cap;
        int result, want;
    } rows[] = {
        {"nothing", 0, 8, 0, 0},         {"less than fits", 3, 8, 0, 3},
        {"as much as fits", 8, 8, 0, 8}, {"more than fits", 9, 8, 0, -EMSGSIZE},
        {"no room", 1, 0, 0, -EMSGSIZE}, {"failed", 3, 8, -EDOM, -EDOM},
    };
    FOR_ROWS (row, rows) {
        struct filling filling = {.len = row->len, .result = row->result};
        char got[9] = "--------";
        check_int(row->label, sys_capture(fill, &filling, got, row->cap), row->want);
        for (int i = 0; i < row->want; i++)
            check_int(row->label, got[i], 'a' + i);
        check_int(row->label, got[row->want > 0 ? row->want : 0], row->want == 8 ? '\0' : '-');
        assert_true(fcntl(filling.fd, F_GETFD) < 0); /* closed */
    }
}

static int is_close_on_exec(int fd, void *arg)
{
    *(int *)arg = fcntl(fd, F_GETFD);
    return 0;
}

static void the_descriptor_is_not_inherited(void **state)
{
    (void)state;
    int flags = 0;
    assert_int_equal(sys_capture(is_close_on_exec, &flags, NULL, 0), 0);
    assert_int_equal(flags, FD_CLOEXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(the_descriptor_is_not_inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
