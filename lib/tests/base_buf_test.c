/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"

static void appended_parts_form_a_string(void **state)
{
    _buf_ struct buf b = BUF_INIT(100);

    (void)state;
    assert_int_equal(buf_append(&b, "abc", 2), 0);
    assert_int_equal(buf_append_str(&b, "cd"), 0);
    assert_int_equal(buf_printf(&b, "-%d-%s", 7, "x"), 0);
    assert_string_equal(b.data, "abcd-7-x");
    assert_int_equal(b.len, 8);
}

static void printed_text_makes_the_room_it_needs(void **state)
{
    _buf_ struct buf b = BUF_INIT(1000);

    (void)state;
    for (int len = 60; len < 70; len++) { /* around the first size */
        b.len = 0;
        assert_int_equal(buf_printf(&b, "<%*d>", len, 7), 0);
        assert_int_equal(b.len, len + 2);
        assert_int_equal(strlen(b.data), len + 2);
        assert_string_equal(b.data + len, "7>");
    }
}

static void an_empty_part_makes_an_empty_string(void **state)
{
    _buf_ struct buf b = BUF_INIT(0);

    (void)state;
    assert_int_equal(buf_append(&b, NULL, 0), 0);
    assert_string_equal(b.data, "");
    assert_int_equal(buf_append(&b, "x", 1), -EMSGSIZE);
}

static void the_cap_is_reached_but_never_passed(void **state)
{
    _buf_ struct buf b = BUF_INIT(5);

    (void)state;
    assert_int_equal(buf_append_str(&b, "123"), 0);
    assert_int_equal(buf_append_str(&b, "456"), -EMSGSIZE);
    assert_int_equal(buf_printf(&b, "%s", "456"), -EMSGSIZE);
    assert_string_equal(b.data, "123");
    assert_int_equal(buf_append_str(&b, "45"), 0);
    assert_string_equal(b.data, "12345");
    assert_int_equal(b.len, 5);
    assert_int_equal(b.cap, 6);
    assert_int_equal(buf_append_str(&b, "6"), -EMSGSIZE);
    assert_int_equal(buf_append(&b, "", SIZE_MAX), -EMSGSIZE);
}

static void reserve_makes_room_without_content(void **state)
{
    _buf_ struct buf b = BUF_INIT(1000);

    (void)state;
    assert_int_equal(buf_reserve(&b, 300), 0);
    assert_true(b.cap > 300);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.data, "");
    const char *data = b.data;
    assert_int_equal(buf_reserve(&b, b.cap - 1), 0);
    assert_ptr_equal(b.data, data);
    assert_int_equal(buf_reserve(&b, 1001), -EMSGSIZE);
}

static void the_largest_cap_does_not_overflow(void **state)
{
    _buf_ struct buf b = BUF_INIT(SIZE_MAX);

    (void)state;
    assert_int_equal(buf_append_str(&b, "abc"), 0);
    assert_string_equal(b.data, "abc");
    assert_int_equal(buf_reserve(&b, SIZE_MAX), -EMSGSIZE);
    assert_int_equal(buf_reserve(&b, SIZE_MAX - 3), -EMSGSIZE);
    assert_string_equal(b.data, "abc");
}

static void growth_keeps_the_content(void **state)
{
    _buf_ struct buf b = BUF_INIT(100000);

    (void)state;
    for (int i = 0; i < 50000; i++)
        buf_append(&b, &(char){(char)('a' + i % 26)}, 1);
    assert_int_equal(b.len, 50000);
    for (int i = 0; i < 50000; i++)
        assert_int_equal(b.data[i], 'a' + i % 26);
    assert_true(b.cap < 200000);
}

static void consumed_bytes_are_gone(void **state)
{
    _buf_ struct buf b = BUF_INIT(100);

    (void)state;
    buf_append_str(&b, "abcdef");
    buf_consume(&b, 0);
    assert_string_equal(b.data, "abcdef");
    buf_consume(&b, 2);
    assert_string_equal(b.data, "cdef");
    assert_int_equal(b.len, 4);
    buf_consume(&b, 4);
    assert_string_equal(b.data, "");
    buf_append_str(&b, "g");
    assert_string_equal(b.data, "g");
}

static void a_finished_buffer_can_be_used_again(void **state)
{
    struct buf b = BUF_INIT(3);

    (void)state;
    buf_append_str(&b, "abc");
    buf_done(&b);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_append_str(&b, "xyz"), 0);
    assert_int_equal(buf_append_str(&b, "!"), -EMSGSIZE);
    assert_string_equal(b.data, "xyz");
    buf_done(&b);
    buf_consume(&b, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_parts_form_a_string),
        cmocka_unit_test(printed_text_makes_the_room_it_needs),
        cmocka_unit_test(an_empty_part_makes_an_empty_string),
        cmocka_unit_test(the_cap_is_reached_but_never_passed),
        cmocka_unit_test(reserve_makes_room_without_content),
        cmocka_unit_test(the_largest_cap_does_not_overflow),
        cmocka_unit_test(growth_keeps_the_content),
        cmocka_unit_test(consumed_bytes_are_gone),
        cmocka_unit_test(a_finished_buffer_can_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
