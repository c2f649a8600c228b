/* SPDX-License-Identifier: Apache-2.0 */
/* Which acceleration is chosen, and what is remembered. Whether KVM works here is the machine's affair. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/tests/check.h"
#include "runtime-min/vmm/accel.h"
#include "sys/fd.h"

struct cache {
    char path[64];
    int fd;
};

static int make_cache(void **state)
{
    struct cache *cache = calloc(1, sizeof(*cache));
    strcpy(cache->path, "/tmp/accel-test-XXXXXX");
    assert_non_null(mkdtemp(cache->path));
    cache->fd = sys_openat(AT_FDCWD, cache->path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    assert_true(cache->fd >= 0);
    *state = cache;
    return 0;
}

static int remove_cache(void **state)
{
    struct cache *cache = *state;
    sys_unlinkat(cache->fd, ".kvm-verdict", 0);
    sys_close(cache->fd);
    int r = rmdir(cache->path);
    free(cache);
    return r;
}

static void keep(const struct cache *cache, const char *boot_id, const char *verdict)
{
    char text[256];
    int len = snprintf(text, sizeof(text), "%s%s", boot_id, verdict);
    _close_ int fd = sys_openat(cache->fd, ".kvm-verdict", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(fd_write_all(fd, text, (size_t)len), 0);
}

static void a_configured_acceleration_is_not_tested(void **state)
{
    (void)state;
    struct error err = {0};
    struct accel accel;
    assert_int_equal(accel_choose("kvm", NULL, &accel, &err), 0);
    assert_true(accel.kvm);
    assert_int_equal(accel_choose("tcg", NULL, &accel, &err), 0);
    assert_false(accel.kvm);
    assert_int_equal(accel_choose("xen", NULL, &accel, &err), -EINVAL);
    assert_string_equal(err.text, "accel 'xen': must be auto, kvm or tcg");
}

static void the_verdict_of_this_boot_is_taken_from_the_cache(void **state)
{
    const struct cache *cache = *state;
    _buf_ struct buf boot_id = BUF_INIT(64);
    struct error err = {0};
    struct accel accel;

    assert_int_equal(file_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &boot_id), 0);
    keep(cache, boot_id.data, "yes it was kept");
    assert_int_equal(accel_choose("auto", cache->path, &accel, &err), 0);
    assert_true(accel.kvm);
    assert_string_equal(accel.why, "it was kept");
    keep(cache, boot_id.data, "no it was kept, too");
    assert_int_equal(accel_choose("auto", cache->path, &accel, &err), 0);
    assert_false(accel.kvm);
    assert_string_equal(accel.why, "it was kept, too");
}

static void another_boots_verdict_or_damage_is_replaced(void **state)
{
    const struct cache *cache = *state;
    static const char *const contents[] = {"00000000-0000-0000-0000-000000000000\nyes kept", "", "\n", "yes kept"};
    _buf_ struct buf boot_id = BUF_INIT(64);
    struct error err = {0};
    struct accel fresh, accel;

    assert_int_equal(file_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &boot_id), 0);
    kvm_test("/dev/kvm", &fresh);
    for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
        _buf_ struct buf kept = BUF_INIT(512);
        keep(cache, contents[i], "");
        assert_int_equal(accel_choose("auto", cache->path, &accel, &err), 0);
        assert_int_equal(accel.kvm, fresh.kvm);
        assert_string_equal(accel.why, fresh.why);
        assert_int_equal(file_read_at(cache->fd, ".kvm-verdict", &kept), 0);
        assert_memory_equal(kept.data, boot_id.data, boot_id.len);
        assert_non_null(strstr(kept.data, fresh.why));
    }
}

static void what_is_not_kvm_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct accel accel;
    kvm_test("/nonexistent", &accel);
    assert_false(accel.kvm);
    assert_string_equal(accel.why, "/nonexistent: ENOENT");
    kvm_test("/dev/null", &accel);
    assert_false(accel.kvm);
    assert_string_equal(accel.why, "it does not speak version 12 of KVM's interface");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_configured_acceleration_is_not_tested),
        cmocka_unit_test_setup_teardown(the_verdict_of_this_boot_is_taken_from_the_cache, make_cache, remove_cache),
        cmocka_unit_test_setup_teardown(another_boots_verdict_or_damage_is_replaced, make_cache, remove_cache),
        cmocka_unit_test(what_is_not_kvm_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
