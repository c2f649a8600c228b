/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/mountinfo.h"

#include <stdio.h>

#include "lib/tests/check.h"

#define STRING(s) ((char *)(uintptr_t)(s))

static void mounts_are_read_line_by_line(void **state)
{
    static const struct {
        const char *line; /* NULL: none is found */
        struct mountinfo want;
    } rows[] = {
        {"31 1 0:26 / /sys rw - sysfs sysfs rw", {31, 1, STRING("/sys"), STRING("sysfs"), STRING("rw")}},
        {"1 1 0:2 / / rw - rootfs rootfs rw,size=1k", {1, 1, STRING("/"), STRING("rootfs"), STRING("rw,size=1k")}},
        {"32 31 0:27 /a /b rw shared:1 master:2 - tmpfs none ro", {32, 31, STRING("/b"), STRING("tmpfs"), STRING("ro")}},
        {"32 31 0:27 / /a\\040b\\011c\\134\\012 rw - tmpfs none rw",
         {32, 31, STRING("/a b\tc\\\n"), STRING("tmpfs"), STRING("rw")}},
        {"32 31 0:27 / /\\101\\377\\1z\\08\\4 rw - tmpfs none rw",
         {32, 31, STRING("/A\377\\1z\\08\\4"), STRING("tmpfs"), STRING("rw")}},
        {"32 31 0:27 / /x rw - tmpfs  rw", {32, 31, STRING("/x"), STRING("tmpfs"), STRING("rw")}},
        {"", {.id = 0}},
        {"32 31 0:27", {.id = 0}},
        {"32 31 0:27 / /x rw", {.id = 0}},
        {"32 31 0:27 / /x rw -", {.id = 0}},
        {"32 31 0:27 / /x rw - tmpfs none", {.id = 0}},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct mountinfo found = {.id = 0};
        char text[256], *cursor = text;

        snprintf(text, sizeof(text), "\n%s\nno line\n99 98 0:1 / /last rw - proc proc rw\n", row->line);
        if (row->want.id != 0) {
            assert_true(mountinfo_next(&cursor, &found));
            check_int(row->line, found.id, row->want.id);
            check_int(row->line, found.parent, row->want.parent);
            check_string(row->line, found.point, row->want.point);
            check_string(row->line, found.type, row->want.type);
            check_string(row->line, found.options, row->want.options);
        }
        assert_true(mountinfo_next(&cursor, &found));
        check_string(row->line, found.point, "/last");
        assert_false(mountinfo_next(&cursor, &found));
        assert_false(mountinfo_next(&cursor, &found));
    }
}

static void no_text_has_no_mounts(void **state)
{
    struct mountinfo found;
    char *cursor = NULL;
    (void)state;

    assert_false(mountinfo_next(&cursor, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mounts_are_read_line_by_line),
        cmocka_unit_test(no_text_has_no_mounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
