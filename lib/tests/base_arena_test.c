/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>

#include "check.h"

#define BIG (10 * 1024 * 1024)

static bool is_zero(const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i])
            return false;
    }
    return true;
}

static void memory_is_zeroed_aligned_and_distinct(void **state)
{
    _arena_ struct arena *a = arena_new(BIG);
    unsigned char *previous = NULL;

    (void)state;
    for (size_t size = 0; size < 3000; size++) {
        unsigned char *p = arena_alloc(a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        assert_true(is_zero(p, size));
        memset(p, 0xff, size);
        assert_ptr_not_equal(p, previous);
        previous = p;
    }
    assert_false(arena_exhausted(a));
}

static void reset_memory_is_zeroed_again(void **state)
{
    _arena_ struct arena *a = arena_new(BIG);

    (void)state;
    unsigned char *p = arena_alloc(a, 1000);
    memset(p, 0xff, 1000);
    assert_int_equal(arena_used(a), 1008);
    arena_reset(a);
    assert_int_equal(arena_used(a), 0);
    unsigned char *again = arena_alloc(a, 1000);
    assert_ptr_equal(again, p);
    assert_true(is_zero(again, 1000));
}

static void reset_gives_the_budget_back(void **state)
{
    _arena_ struct arena *a = arena_new(20000);

    (void)state;
    arena_reset(a); /* nothing in it yet */
    for (int round = 0; round < 10; round++) {
        assert_non_null(arena_alloc(a, 500));
        assert_non_null(arena_alloc(a, 12000));
        assert_null(arena_alloc(a, 12000));
        assert_true(arena_exhausted(a));
        arena_reset(a);
        assert_false(arena_exhausted(a));
    }
}

static void the_budget_bounds_everything(void **state)
{
    _arena_ struct arena *a = arena_new(64 * 1024);
    size_t got = 0;

    (void)state;
    while (arena_alloc(a, 100))
        got += 112;
    assert_true(arena_exhausted(a));
    assert_true(got <= 64 * 1024);
    assert_true(got > 62 * 1024);
    assert_int_equal(arena_used(a), got);
}

static void refusals_leave_the_rest_usable(void **state)
{
    static const struct {
        const char *label;
        size_t n, size;
    } rows[] = {
        {"too large", 1, 1 << 20},
        {"all memory", 1, SIZE_MAX},
        {"almost all memory", 1, SIZE_MAX - 16},
        {"overflow", SIZE_MAX / 2, 3},
        {"wraps to small", (SIZE_MAX >> 1) + 2, 2},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(8192);
        check_int(row->label, arena_calloc(a, row->n, row->size) == NULL, true);
        check_int(row->label, arena_exhausted(a), true);
        check_int(row->label, arena_alloc(a, 16) != NULL, true);
        check_int(row->label, arena_exhausted(a), true);
    }
}

static void budgets_below_one_block_work(void **state)
{
    (void)state;
    for (size_t budget = 0; budget < 200; budget++) {
        _arena_ struct arena *a = arena_new(budget);
        size_t got = 0;
        while (arena_alloc(a, 16))
            got += 16;
        assert_true(got <= budget);
        assert_true(got + 16 + 64 > budget);
    }
}

static void large_objects_get_their_own_block(void **state)
{
    _arena_ struct arena *a = arena_new(BIG);

    (void)state;
    unsigned char *small = arena_alloc(a, 10);
    unsigned char *large = arena_alloc(a, 1024 * 1024);
    small[9] = 1;
    large[1024 * 1024 - 1] = 1;
    for (int i = 0; i < 5; i++) /* block sizes stop doubling */
        assert_non_null(arena_alloc(a, 1024 * 1024));
    assert_non_null(arena_alloc(a, 100));
    assert_int_equal(arena_used(a), 16 + 6 * 1024 * 1024 + 112);
}

static void strings_are_copied(void **state)
{
    _arena_ struct arena *a = arena_new(BIG);
    const char bytes[] = {1, 0, 2};

    (void)state;
    assert_string_equal(arena_strdup(a, "text"), "text");
    assert_string_equal(arena_strdup(a, ""), "");
    assert_null(arena_strdup(a, NULL));
    assert_string_equal(arena_strndup(a, "text", 2), "te");
    assert_string_equal(arena_strndup(a, "text", 100), "text");
    assert_null(arena_strndup(a, NULL, 5));
    assert_memory_equal(arena_memdup(a, bytes, sizeof(bytes)), bytes, sizeof(bytes));
    assert_non_null(arena_memdup(a, NULL, 0));
    assert_string_equal(arena_printf(a, "%d-%s", 12, "x"), "12-x");
    const char *text = arena_printf(a, "%300d", 5);
    assert_int_equal(strlen(text), 300);
    assert_string_equal(text + 298, " 5");
    assert_false(arena_exhausted(a));
}

static void strings_respect_the_budget(void **state)
{
    _arena_ struct arena *a = arena_new(64);
    char big[100] = {0};

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    assert_null(arena_strdup(a, big));
    assert_null(arena_memdup(a, big, sizeof(big)));
    assert_null(arena_printf(a, "%s", big));
    assert_true(arena_exhausted(a));
    assert_int_equal(arena_used(a), 0);
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    arena_free(NULL);
    arena_free(arena_new(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_distinct),
        cmocka_unit_test(reset_memory_is_zeroed_again),
        cmocka_unit_test(reset_gives_the_budget_back),
        cmocka_unit_test(the_budget_bounds_everything),
        cmocka_unit_test(refusals_leave_the_rest_usable),
        cmocka_unit_test(budgets_below_one_block_work),
        cmocka_unit_test(large_objects_get_their_own_block),
        cmocka_unit_test(strings_are_copied),
        cmocka_unit_test(strings_respect_the_budget),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
