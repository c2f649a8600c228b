/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include "check.h"

struct item {
    char name;
    struct list link;
};

/* The names on the list, in order. */
static const char *names(struct list *head, char text[8])
{
    struct item *item;
    size_t n = 0;

    LIST_FOREACH (item, head, link)
        text[n++] = item->name;
    text[n] = '\0';
    return text;
}

static struct item a, b, c;
static struct list head;

static int three_items(void **state)
{
    (void)state;
    a.name = 'a';
    b.name = 'b';
    c.name = 'c';
    list_init(&head);
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_append(&head, &c.link);
    return 0;
}

static void a_new_list_is_empty(void **state)
{
    struct list empty;
    char text[8];

    (void)state;
    list_init(&empty);
    assert_true(list_is_empty(&empty));
    assert_null(list_pop(&empty));
    assert_string_equal(names(&empty, text), "");
}

static void items_keep_their_order(void **state)
{
    char text[8];

    (void)state;
    assert_false(list_is_empty(&head));
    assert_string_equal(names(&head, text), "abc");
}

static void removing_twice_is_harmless(void **state)
{
    char text[8];

    (void)state;
    list_remove(&b.link);
    list_remove(&b.link);
    assert_string_equal(names(&head, text), "ac");
    list_append(&head, &b.link);
    assert_string_equal(names(&head, text), "acb");
}

static void pop_takes_the_oldest(void **state)
{
    char text[8];

    (void)state;
    assert_ptr_equal(list_pop(&head), &a.link);
    assert_true(list_is_empty(&a.link));
    assert_string_equal(names(&head, text), "bc");
    list_pop(&head);
    list_pop(&head);
    assert_true(list_is_empty(&head));
}

static void an_item_may_remove_itself_during_a_walk(void **state)
{
    struct item *item;
    char text[8];

    (void)state;
    LIST_FOREACH (item, &head, link) {
        if (item->name != 'b')
            list_remove(&item->link);
    }
    assert_string_equal(names(&head, text), "b");
}

static void a_walk_can_be_left(void **state)
{
    struct item *item;
    int seen = 0;

    (void)state;
    LIST_FOREACH (item, &head, link) {
        seen++;
        if (item->name == 'b')
            break;
    }
    assert_int_equal(seen, 2);
    assert_ptr_equal(item, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_list_is_empty),
        cmocka_unit_test_setup(items_keep_their_order, three_items),
        cmocka_unit_test_setup(removing_twice_is_harmless, three_items),
        cmocka_unit_test_setup(pop_takes_the_oldest, three_items),
        cmocka_unit_test_setup(an_item_may_remove_itself_during_a_walk, three_items),
        cmocka_unit_test_setup(a_walk_can_be_left, three_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
