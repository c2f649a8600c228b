/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>

#include "check.h"

static void set_names_the_errno(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(error_set(&err, -ENOENT, "open '%s'", "/x"), -ENOENT);
    assert_int_equal(err.errnum, ENOENT);
    assert_int_equal(err.status, STATUS_INTERNAL);
    assert_string_equal(err.text, "open '/x': ENOENT: No such file or directory");
}

static void set_survives_an_unknown_errno(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(error_set(&err, -4000, "odd"), -4000);
    assert_string_equal(err.text, "odd: E?: Unknown error");
    assert_string_equal(errno_name(4000), "E?");
    assert_string_equal(errno_name(EPERM), "EPERM");
}

static void text_stands_alone(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(error_text(&err, -EIO, "short by %d", 3), -EIO);
    assert_int_equal(err.errnum, EIO);
    assert_int_equal(err.status, STATUS_INTERNAL);
    assert_string_equal(err.text, "short by 3");
}

static void status_keeps_its_own_errno(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(error_status(&err, STATUS_NOT_FOUND, "container %s", "a1"), -ENOENT);
    assert_int_equal(err.errnum, ENOENT);
    assert_int_equal(err.status, STATUS_NOT_FOUND);
    assert_string_equal(err.text, "container a1");
}

static void wrap_puts_context_in_front(void **state)
{
    struct error err = {0};

    (void)state;
    error_status(&err, STATUS_INVALID_ARGUMENT, "bad path");
    assert_int_equal(error_wrap(&err, "mount %d", 2), -EINVAL);
    assert_int_equal(error_wrap(&err, "container a1"), -EINVAL);
    assert_int_equal(err.status, STATUS_INVALID_ARGUMENT);
    assert_string_equal(err.text, "container a1: mount 2: bad path");
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, -ENOENT, "x"), -ENOENT);
    assert_int_equal(error_text(NULL, -EIO, "x"), -EIO);
    assert_int_equal(error_status(NULL, STATUS_NOT_FOUND, "x"), -ENOENT);
    assert_int_equal(error_wrap(NULL, "x"), -EIO);
}

/* A text of n times "a", then as many of the character as fit and more. */
static void fill(char *text, size_t size, size_t n, const char *character)
{
    size_t len = strlen(character);

    memset(text, 'a', n);
    while (n + len < size) {
        memcpy(text + n, character, len);
        n += len;
    }
    text[n] = '\0';
}

static void long_text_ends_on_a_whole_character(void **state)
{
    static const struct {
        const char *label;
        const char *character;
        size_t n;
    } rows[] = {
        {"ascii fills it", "b", 0},
        {"two bytes fit", "\xc3\xa4", 1},
        {"two bytes cut", "\xc3\xa4", 0},
        {"three bytes fit", "\xe2\x82\xac", 0},
        {"three bytes, one left", "\xe2\x82\xac", 1},
        {"three bytes, two left", "\xe2\x82\xac", 2},
        {"four bytes fit", "\xf0\x9f\x98\x80", 3},
        {"four bytes, one left", "\xf0\x9f\x98\x80", 2},
        {"four bytes, two left", "\xf0\x9f\x98\x80", 1},
        {"four bytes, three left", "\xf0\x9f\x98\x80", 0},
        {"only continuation bytes", "\x80", 0},
    };
    char text[4096];

    (void)state;
    FOR_ROWS (row, rows) {
        struct error err = {0};
        size_t want = row->n + (1023 - row->n) / strlen(row->character) * strlen(row->character);
        fill(text, sizeof(text), row->n, row->character);
        error_text(&err, -EIO, "%s", text);
        check_int(row->label, strlen(err.text), want);
    }
    FOR_ROWS (row, rows) {
        struct error err = {0};
        fill(text, ERROR_TEXT_MAX, row->n, row->character);
        error_text(&err, -EIO, "%s", text);
        error_wrap(&err, "12");
        check_int(row->label, strlen(err.text), 4 + row->n + (1019 - row->n) / strlen(row->character) * strlen(row->character));
    }
}

static void context_that_fills_the_text_leaves_no_room(void **state)
{
    struct error err = {0};
    char text[4096];

    (void)state;
    fill(text, sizeof(text), 0, "c");
    error_text(&err, -EIO, "inner");
    error_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    assert_null(strstr(err.text, "inner"));

    error_set(&err, -EPERM, "%s", text);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_names_the_errno),
        cmocka_unit_test(set_survives_an_unknown_errno),
        cmocka_unit_test(text_stands_alone),
        cmocka_unit_test(status_keeps_its_own_errno),
        cmocka_unit_test(wrap_puts_context_in_front),
        cmocka_unit_test(nobody_has_to_listen),
        cmocka_unit_test(long_text_ends_on_a_whole_character),
        cmocka_unit_test(context_that_fills_the_text_leaves_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
