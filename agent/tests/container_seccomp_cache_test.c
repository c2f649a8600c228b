/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "agent/tests/support/forked.h"
#include "agent/tests/support/seccomp_names.h"
#include "tests/check.h"

#define BIG (4 * 1024 * 1024)

struct cached {
    struct seccomp_cache *cache;
    struct arena *a;
};

/* Whether the program was compiled: a hit needs no memfd. Runs in a child, so what it adds to the cache is lost. */
static int is_miss(void *arg, FILE *out)
{
    void **pointers = arg;
    struct cached *cached = pointers[0];
    struct seccomp_program program;
    struct error err;

    (void)out;
    forked_break(SYS_memfd_create, EMFILE);
    return seccomp_cache_compile(cached->cache, cached->a, pointers[1], &program, &err) < 0;
}

static bool is_cached(struct cached *cached, const struct oci_seccomp *profile)
{
    void *pointers[] = {cached, (void *)profile};
    return forked_run(is_miss, pointers).status == 0;
}

static void a_known_profile_is_not_compiled_again(void **state)
{
    (void)state;
    _arena_ struct arena *a = arena_new(BIG);
    struct cached cached = {seccomp_cache_new(), a};
    struct oci_seccomp_rule rule = {.names = words(two_names), .action = "SCMP_ACT_ERRNO"};
    struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW",
                                  .flags = words((char *[]){"SECCOMP_FILTER_FLAG_LOG", NULL}),
                                  .rules = &rule,
                                  .n_rules = 1};
    struct seccomp_program first, second;
    struct error err;

    assert_false(is_cached(&cached, &profile));
    assert_int_equal(seccomp_cache_compile(cached.cache, a, &profile, &first, &err), 0);
    assert_true(is_cached(&cached, &profile));
    assert_int_equal(seccomp_cache_compile(cached.cache, a, &profile, &second, &err), 0);
    assert_int_equal(second.flags, SECCOMP_FILTER_FLAG_LOG);
    assert_int_equal(second.filter.len, first.filter.len);
    assert_memory_equal(second.filter.filter, first.filter.filter, first.filter.len * sizeof(*first.filter.filter));
    assert_ptr_not_equal(second.filter.filter, first.filter.filter);
    seccomp_cache_free(cached.cache);
    /* The copies outlive the cache. */
    assert_int_equal(second.filter.filter[second.filter.len - 1].code, BPF_RET | BPF_K);
}

static void every_field_of_a_profile_counts(void **state)
{
    (void)state;
    static const struct oci_seccomp_arg arg = {.index = 1, .op = "SCMP_CMP_EQ", .value = 2, .value_two = 3};
    static const struct oci_seccomp_rule rule = {.names = {two_names, 2, 0},
                                                 .action = "SCMP_ACT_ERRNO",
                                                 .errno_ret = {true, 5},
                                                 .args = (struct oci_seccomp_arg *)&arg,
                                                 .n_args = 1};
    static const struct oci_seccomp profile = {
        .default_action = "SCMP_ACT_ALLOW", .rules = (struct oci_seccomp_rule *)&rule, .n_rules = 1};
    _arena_ struct arena *a = arena_new(BIG);
    struct cached cached = {seccomp_cache_new(), a};
    struct seccomp_program program;
    struct error err;

    assert_int_equal(seccomp_cache_compile(cached.cache, a, &profile, &program, &err), 0);
    assert_true(is_cached(&cached, &profile));

#define OTHER(label, change)                                                                                                   \
    do {                                                                                                                       \
        struct oci_seccomp_arg other_arg = arg;                                                                                \
        struct oci_seccomp_rule other_rules[] = {rule, rule};                                                                  \
        struct oci_seccomp other = profile;                                                                                    \
        other_rules[0].args = &other_arg;                                                                                      \
        other.rules = other_rules;                                                                                             \
        change;                                                                                                                \
        if (is_cached(&cached, &other))                                                                                        \
            fail_msg("%s: taken for the same profile", label);                                                                 \
    } while (0)

    OTHER("default action", other.default_action = (char *)"SCMP_ACT_LOG");
    OTHER("architectures", other.architectures = words((char *[]){"SCMP_ARCH_X86_64", NULL}));
    OTHER("flags", other.flags = words((char *[]){"SECCOMP_FILTER_FLAG_LOG", NULL}));
    OTHER("number of rules", other.n_rules = 2);
    OTHER("no rules", other.n_rules = 0);
    OTHER("fewer names", other_rules[0].names.n = 1);
    OTHER("other names", other_rules[0].names = words((char *[]){"getppid", "getpgrp", NULL}));
    OTHER("action", other_rules[0].action = (char *)"SCMP_ACT_TRACE");
    OTHER("errno", other_rules[0].errno_ret.value = 6);
    OTHER("errno absent", other_rules[0].errno_ret.set = false);
    OTHER("no conditions", other_rules[0].n_args = 0);
    OTHER("index", other_arg.index = 0);
    OTHER("value", other_arg.value = 1);
    OTHER("second value", other_arg.value_two = 1);
    OTHER("operator", other_arg.op = (char *)"SCMP_CMP_NE");
    assert_true(is_cached(&cached, &profile));
    seccomp_cache_free(cached.cache);
}

static struct oci_seccomp numbered(unsigned int i, struct oci_seccomp_rule *rule)
{
    *rule = (struct oci_seccomp_rule){.names = words(one_name), .action = "SCMP_ACT_ERRNO", .errno_ret = {true, i}};
    return (struct oci_seccomp){.default_action = "SCMP_ACT_ALLOW", .rules = rule, .n_rules = 1};
}

static void the_least_recently_used_profile_goes_first(void **state)
{
    (void)state;
    _arena_ struct arena *a = arena_new(BIG);
    struct cached cached = {seccomp_cache_new(), a};
    static const unsigned int uses[] = {1, 2, 3, 4, 1, 5};
    static const bool want[] = {[1] = true, [2] = false, [3] = true, [4] = true, [5] = true};
    struct seccomp_program program;
    struct oci_seccomp_rule rule;
    struct error err;

    FOR_ROWS (use, uses) {
        struct oci_seccomp profile = numbered(*use, &rule);
        assert_int_equal(seccomp_cache_compile(cached.cache, a, &profile, &program, &err), 0);
    }
    for (unsigned int i = 1; i < ARRAY_SIZE(want); i++) {
        struct oci_seccomp profile = numbered(i, &rule);
        check_int("profile", is_cached(&cached, &profile), want[i]);
    }
    seccomp_cache_free(cached.cache);
}

static void what_cannot_be_cached_is_compiled(void **state)
{
    (void)state;
    enum { N = 1000 };
    _arena_ struct arena *a = arena_new(BIG);
    struct cached cached = {seccomp_cache_new(), a};
    char name[128];
    char *names[N];
    struct oci_seccomp_rule rule = {.names = {.items = names, .n = N}, .action = "SCMP_ACT_ERRNO"};
    struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW", .rules = &rule, .n_rules = 1};
    struct seccomp_program program;
    struct error err;

    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    for (size_t i = 0; i < N; i++)
        names[i] = name;
    assert_int_equal(seccomp_cache_compile(cached.cache, a, &profile, &program, &err), 0);
    assert_false(is_cached(&cached, &profile)); /* its key is too long */
    rule.names.n = 10;
    assert_int_equal(seccomp_cache_compile(NULL, a, &profile, &program, &err), 0);
    assert_int_equal(seccomp_cache_compile(cached.cache, a, &profile, &program, &err), 0);
    assert_true(is_cached(&cached, &profile));

    rule.action = "SCMP_ACT_WRONG";
    assert_int_equal(seccomp_cache_compile(cached.cache, a, &profile, &program, &err), -EINVAL);
    assert_false(is_cached(&cached, &profile));
    seccomp_cache_free(cached.cache);
    seccomp_cache_free(NULL);
}

static void a_hit_without_memory_is_an_error(void **state)
{
    (void)state;
    _arena_ struct arena *a = arena_new(BIG);
    _arena_ struct arena *poor = arena_new(1);
    struct seccomp_cache *cache = seccomp_cache_new();
    struct oci_seccomp profile = {.default_action = "SCMP_ACT_ALLOW"};
    struct seccomp_program program;
    struct error err;

    assert_int_equal(seccomp_cache_compile(cache, a, &profile, &program, &err), 0);
    assert_true(seccomp_cache_compile(cache, poor, &profile, &program, &err) < 0);
    check_int("status", err.status, STATUS_RESOURCE_EXHAUSTED);
    seccomp_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_profile_is_not_compiled_again),      cmocka_unit_test(every_field_of_a_profile_counts),
        cmocka_unit_test(the_least_recently_used_profile_goes_first), cmocka_unit_test(what_cannot_be_cached_is_compiled),
        cmocka_unit_test(a_hit_without_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
