/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/tests/vsock_guest.h"

#define MB (UINT64_C(1) << 20)

static void regions_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *label;
        struct guest_region region;
        int r;
    } rows[] = {
        {"fits behind the first", {GUEST_BASE + GUEST_BYTES, MB, USER_BASE + GUEST_BYTES, 0}, 0},
        {"offset that is none of a page", {GUEST_BASE + GUEST_BYTES, MB, USER_BASE + GUEST_BYTES, 3}, 0},
        {"empty", {0, 0, 0, 0}, -EINVAL},
        {"guest address overflows", {UINT64_MAX - 10, MB, 0, 0}, -EINVAL},
        {"frontend address overflows", {0, MB, UINT64_MAX - 10, 0}, -EINVAL},
        {"offset overflows", {0, MB, 0, UINT64_MAX - 10}, -EINVAL},
        {"offset beyond what a file can have", {0, MB, 0, INT64_MAX}, -EINVAL},
        {"guest addresses overlap", {GUEST_BASE + GUEST_BYTES - 1, MB, 0, 0}, -EINVAL},
        {"frontend addresses overlap", {0, MB / 2, USER_BASE - MB / 2 + 1, 0}, -EINVAL},
        {"contains another", {0, 64 * MB, 0, 0}, -EINVAL},
        {"one byte beyond the file", {0, MB, 0, GUEST_BYTES - MB + 1}, -EINVAL},
        {"ends with the file", {0, MB, 0, GUEST_BYTES - MB}, 0},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        struct guest guest;
        struct error err = {0};
        guest_init(&guest);
        check_int(row->label, guest_memory_add(&guest.memory, &row->region, guest.memfd, &err), row->r);
        check_int(row->label, guest.memory.n, row->r == 0 ? 2 : 1);
        check_int(row->label, err.text[0] != '\0', row->r < 0);
        guest_done(&guest);
    }
}

static void there_are_so_many_regions_and_no_more(void **state)
{
    struct guest guest;
    struct error err = {0};
    (void)state;

    guest_init(&guest);
    for (uint64_t i = 1; i < GUEST_REGIONS_MAX; i++) {
        const struct guest_region region = {i << 32, 4096, i << 32, 0};
        assert_int_equal(guest_memory_add(&guest.memory, &region, guest.memfd, &err), 0);
    }
    assert_int_equal(guest_memory_add(&guest.memory, &(struct guest_region){1, 1, 1, 0}, guest.memfd, &err), -ENOSPC);
    guest_done(&guest);
}

static void a_descriptor_that_is_no_memory_is_refused(void **state)
{
    struct guest_memory memory = {0};
    struct error err = {0};
    int pipe_fds[2];
    (void)state;

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(guest_memory_add(&memory, &(struct guest_region){0, 1, 0, 0}, pipe_fds[0], &err), -EINVAL);
    assert_int_equal(guest_memory_add(&memory, &(struct guest_region){0, 1, 0, 0}, -1, &err), -EBADF);
    assert_int_equal(memory.n, 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void translation_ends_with_the_region(void **state)
{
    struct guest guest;
    static const struct {
        const char *label;
        uint64_t guest, len, got;
    } rows[] = {
        {"first byte", GUEST_BASE, 1, 1},
        {"all", GUEST_BASE, GUEST_BYTES, GUEST_BYTES},
        {"cut at the end", GUEST_BASE + GUEST_BYTES - 10, 44, 10},
        {"one before", GUEST_BASE - 1, 2, 0},
        {"one behind", GUEST_BASE + GUEST_BYTES, 1, 0},
        {"overflow", UINT64_MAX, UINT64_MAX, 0},
    };
    (void)state;

    guest_init(&guest);
    FOR_ROWS (row, rows) {
        void *p = NULL;
        check_int(row->label, guest_memory_at(&guest.memory, row->guest, row->len, &p), row->got);
        if (row->got) {
            *(char *)p = 'x';
            check_int(row->label, guest.mem[row->guest - GUEST_BASE], 'x');
        }
    }
    assert_non_null(guest_memory_user(&guest.memory, USER_BASE, GUEST_BYTES));
    assert_null(guest_memory_user(&guest.memory, USER_BASE + 1, GUEST_BYTES));
    assert_null(guest_memory_user(&guest.memory, USER_BASE + 1, UINT64_MAX));
    assert_null(guest_memory_user(&guest.memory, USER_BASE - 1, 1));
    guest_done(&guest);
}

static void only_the_very_region_is_removed(void **state)
{
    struct guest guest;
    struct guest_region region = {GUEST_BASE, GUEST_BYTES - 1, USER_BASE, 0};
    void *p;
    (void)state;

    guest_init(&guest);
    assert_int_equal(guest_memory_remove(&guest.memory, &region, NULL), -ENOENT);
    region.size++;
    assert_int_equal(guest_memory_remove(&guest.memory, &region, NULL), 0);
    assert_int_equal(guest_memory_at(&guest.memory, GUEST_BASE, 1, &p), 0);
    assert_int_equal(guest_memory_remove(&guest.memory, &region, NULL), -ENOENT);
    guest_done(&guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_that_cannot_be_are_refused),        cmocka_unit_test(there_are_so_many_regions_and_no_more),
        cmocka_unit_test(a_descriptor_that_is_no_memory_is_refused), cmocka_unit_test(translation_ends_with_the_region),
        cmocka_unit_test(only_the_very_region_is_removed),
    };
    return cmocka_run_group_tests_name("vsock_memory", tests, NULL, NULL);
}
