/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strlist.h"

#include <errno.h>
#include <stdio.h>

#include "check.h"

static void added_strings_are_copies_in_order(void **state)
{
    _arena_ struct arena *a = arena_new(4096);
    struct strlist list = {0};
    char word[] = "one";

    (void)state;
    assert_int_equal(strlist_add(a, &list, word), 0);
    word[0] = 'x';
    assert_int_equal(strlist_add(a, &list, "two"), 0);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[0], "one");
    assert_string_equal(list.items[1], "two");
    assert_null(list.items[2]);
}

static void a_long_list_keeps_its_end_marker(void **state)
{
    _arena_ struct arena *a = arena_new(1024 * 1024);
    struct strlist list = {0};
    char word[16];

    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(word, sizeof(word), "%d", i);
        assert_int_equal(strlist_add(a, &list, word), 0);
        assert_null(list.items[list.n]);
    }
    assert_int_equal(list.n, 100);
    for (int i = 0; i < 100; i++) {
        snprintf(word, sizeof(word), "%d", i);
        assert_string_equal(list.items[i], word);
    }
}

static void copy_appends_deeply(void **state)
{
    _arena_ struct arena *a = arena_new(4096);
    struct strlist list = {0};
    char one[] = "one", two[] = "two";
    char *items[] = {one, two};

    (void)state;
    strlist_add(a, &list, "zero");
    assert_int_equal(strlist_copy(a, &list, items, 2), 0);
    one[0] = 'x';
    assert_int_equal(list.n, 3);
    assert_string_equal(list.items[0], "zero");
    assert_string_equal(list.items[1], "one");
    assert_string_equal(list.items[2], "two");
    assert_int_equal(strlist_copy(a, &list, NULL, 0), 0);
    assert_int_equal(list.n, 3);
}

static void contains_compares_whole_strings(void **state)
{
    _arena_ struct arena *a = arena_new(4096);
    struct strlist list = {0};

    (void)state;
    assert_false(strlist_contains(&list, "a"));
    strlist_add(a, &list, "ab");
    strlist_add(a, &list, "cd");
    assert_true(strlist_contains(&list, "ab"));
    assert_true(strlist_contains(&list, "cd"));
    assert_false(strlist_contains(&list, "a"));
    assert_false(strlist_contains(&list, ""));
}

static void join_puts_the_separator_between(void **state)
{
    _arena_ struct arena *a = arena_new(4096);
    struct strlist list = {0};

    (void)state;
    assert_string_equal(strlist_join(a, &list, ","), "");
    strlist_add(a, &list, "a");
    assert_string_equal(strlist_join(a, &list, ", "), "a");
    strlist_add(a, &list, "");
    strlist_add(a, &list, "ccc");
    assert_string_equal(strlist_join(a, &list, ", "), "a, , ccc");
    assert_string_equal(strlist_join(a, &list, ""), "accc");
}

static void the_budget_of_the_arena_is_respected(void **state)
{
    _arena_ struct arena *a = arena_new(400);
    struct strlist list = {0};
    char big[300];
    char *items[] = {big};

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    assert_int_equal(strlist_add(a, &list, "small"), 0);
    assert_int_equal(strlist_add(a, &list, big), -ENOBUFS);
    assert_int_equal(strlist_copy(a, &list, items, 1), -ENOBUFS);
    assert_int_equal(list.n, 1);
    assert_null(list.items[1]);

    int r = 0;
    while (r == 0)
        r = strlist_add(a, &list, "s");
    assert_int_equal(r, -ENOBUFS);
    assert_null(strlist_join(a, &list, "a separator that makes the text longer than what is left of the budget"));

    _arena_ struct arena *none = arena_new(0);
    struct strlist empty = {0};
    assert_int_equal(strlist_add(none, &empty, "x"), -ENOBUFS);
    assert_null(empty.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(added_strings_are_copies_in_order),
        cmocka_unit_test(a_long_list_keeps_its_end_marker),
        cmocka_unit_test(copy_appends_deeply),
        cmocka_unit_test(contains_compares_whole_strings),
        cmocka_unit_test(join_puts_the_separator_between),
        cmocka_unit_test(the_budget_of_the_arena_is_respected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
