/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tests/check.h"
#include "runtime-min/container/text.h"

#define SIZE 64

static void a_line_is_shown_and_not_obeyed(void **state)
{
    static const struct {
        const char *label, *text, *want;
    } rows[] = {
        {"words", "cannot open /a/b: No such file", "cannot open /a/b: No such file"},
        {"other alphabets", "größe \xe7\x95\xb3 \xf0\x9f\x9a\xaa", "größe \xe7\x95\xb3 \xf0\x9f\x9a\xaa"},
        {"lines", "one\n\ttwo", "one  two"},
        {"a sequence of a terminal", "a\033[2Jb\033]0;title\ab", "a?[2Jb?]0;title?b"},
        {"a line written over", "x\rroot@host# ", "x?root@host# "},
        {"the same sequences in eight bits",
         "a\xc2\x9b"
         "2Jb\xc2\x9d",
         "a??2Jb??"},
        {"a space that is none of these", "a\xc2\xa0z", "a\xc2\xa0z"},
        {"rubbed out",
         "a\x7f"
         "b\bc",
         "a?b?c"},
        {"another direction",
         "a\xe2\x80\xae"
         "b\xe2\x81\xa6"
         "c",
         "a???b???c"},
        {"no text", "a\xff\xc0\x80z", "a???z"},
        {"half a character", "a\xe7\x95", "a??"},
    };
    char out[SIZE];

    (void)state;
    FOR_ROWS (row, rows) {
        text_make_line(row->text, out, sizeof(out));
        check_string(row->label, out, row->want);
    }
}

static void a_line_is_cut_before_a_character_that_has_no_room(void **state)
{
    static const char text[] = "01234567\xe7\x95\xb3\xe7\x95\xb3";
    char out[SIZE];

    (void)state;
    for (size_t size = 5; size <= sizeof(text) + 4; size++) {
        memset(out, 'x', sizeof(out));
        text_make_line(text, out, size);
        assert_true(strlen(out) < size && strncmp(out, text, strlen(out)) == 0);
        assert_true((strlen(out) <= 8 || (strlen(out) - 8) % 3 == 0) && out[size] == 'x');
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_shown_and_not_obeyed),
        cmocka_unit_test(a_line_is_cut_before_a_character_that_has_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
