/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage/mount_words.h"

#include <sys/mount.h>

#include "tests/check.h"

#define WORDS_MAX 4

static int parse(struct arena *a, char *const words[WORDS_MAX], unsigned long *flags, const char **data, struct error *err)
{
    size_t n = 0;

    while (n < WORDS_MAX && words[n])
        n++;
    return mount_words_parse(a, words, n, flags, data, err);
}

/* Each word sets its flags, or clears them where all are set. */
static void words_set_and_clear_flags(void **state)
{
    static const struct {
        char *word;
        unsigned long set, clear;
    } rows[] = {
        {"defaults", 0, 0},
        {"async", 0, MS_SYNCHRONOUS},
        {"sync", MS_SYNCHRONOUS, 0},
        {"atime", 0, MS_NOATIME},
        {"noatime", MS_NOATIME, 0},
        {"dev", 0, MS_NODEV},
        {"nodev", MS_NODEV, 0},
        {"diratime", 0, MS_NODIRATIME},
        {"nodiratime", MS_NODIRATIME, 0},
        {"exec", 0, MS_NOEXEC},
        {"noexec", MS_NOEXEC, 0},
        {"suid", 0, MS_NOSUID},
        {"nosuid", MS_NOSUID, 0},
        {"loud", 0, MS_SILENT},
        {"silent", MS_SILENT, 0},
        {"iversion", MS_I_VERSION, 0},
        {"noiversion", 0, MS_I_VERSION},
        {"mand", MS_MANDLOCK, 0},
        {"nomand", 0, MS_MANDLOCK},
        {"relatime", MS_RELATIME, 0},
        {"norelatime", 0, MS_RELATIME},
        {"strictatime", MS_STRICTATIME, 0},
        {"nostrictatime", 0, MS_STRICTATIME},
        {"rw", 0, MS_RDONLY},
        {"ro", MS_RDONLY, 0},
        {"bind", MS_BIND, 0},
        {"rbind", MS_BIND | MS_REC, 0},
        {"dirsync", MS_DIRSYNC, 0},
        {"remount", MS_REMOUNT, 0},
        {"private", MS_PRIVATE, 0},
        {"rprivate", MS_PRIVATE | MS_REC, 0},
        {"shared", MS_SHARED, 0},
        {"rshared", MS_SHARED | MS_REC, 0},
        {"slave", MS_SLAVE, 0},
        {"rslave", MS_SLAVE | MS_REC, 0},
        {"unbindable", MS_UNBINDABLE, 0},
        {"runbindable", MS_UNBINDABLE | MS_REC, 0},
    };
    static char *const all[] = {"sync",     "noatime", "nodev",    "nodiratime",  "noexec", "nosuid", "silent",
                                "iversion", "mand",    "relatime", "strictatime", "ro",     NULL};
    unsigned long everything, flags;
    const char *data;
    struct error err;
    (void)state;

    _arena_ struct arena *a = arena_new(1 << 16);
    assert_int_equal(mount_words_parse(a, all, ARRAY_SIZE(all) - 1, &everything, &data, &err), 0);
    FOR_ROWS (row, rows) {
        char *words[ARRAY_SIZE(all)];
        memcpy(words, all, sizeof(all));
        words[ARRAY_SIZE(all) - 1] = row->word;
        check_int(row->word, mount_words_parse(a, &row->word, 1, &flags, &data, &err), 0);
        check_int(row->word, flags, row->set);
        check_string(row->word, data, "");
        check_int(row->word, mount_words_parse(a, words, ARRAY_SIZE(words), &flags, &data, &err), 0);
        check_int(row->word, flags, (everything | row->set) & ~row->clear);
    }
}

static void what_is_no_word_is_data(void **state)
{
    static const struct {
        const char *label;
        char *words[WORDS_MAX];
        unsigned long flags;
        const char *data;
    } rows[] = {
        {"none", {NULL}, 0, ""},
        {"the last word counts", {"ro", "rw"}, 0, ""},
        {"in order", {"b=2", "ro", "a"}, MS_RDONLY, "b=2,a"},
        {"an empty one counts", {"rbind", "", "ro"}, MS_BIND | MS_REC | MS_RDONLY, ""},
        {"an empty one between others", {"a", "", "b"}, 0, "a,,b"},
        {"words are exact", {"RO", " ro", "ro,nosuid"}, 0, "RO, ro,ro,nosuid"},
    };
    unsigned long flags;
    const char *data;
    struct error err;
    (void)state;

    _arena_ struct arena *a = arena_new(1 << 16);
    FOR_ROWS (row, rows) {
        check_int(row->label, parse(a, row->words, &flags, &data, &err), 0);
        check_int(row->label, flags, row->flags);
        check_string(row->label, data, row->data);
    }
}

static void loop_and_too_much_data_are_refused(void **state)
{
    static char longest[4096 + 1], longer[4096 + 2];
    char *loop[WORDS_MAX] = {"ro", "loop"}, *most[WORDS_MAX] = {longest}, *more[WORDS_MAX] = {longer};
    unsigned long flags;
    const char *data;
    struct error err;
    (void)state;

    memset(longest, 'x', sizeof(longest) - 1);
    memset(longer, 'x', sizeof(longer) - 1);
    _arena_ struct arena *a = arena_new(1 << 16), *small = arena_new(1);
    assert_true(parse(a, loop, &flags, &data, &err) < 0);
    check_string("loop", err.text, "Invalid mount option: loop");
    check_int("loop", err.status, STATUS_INTERNAL);
    assert_int_equal(parse(a, most, &flags, &data, &err), 0);
    assert_true(parse(a, more, &flags, &data, &err) < 0);
    check_string("long", err.text, "Mount option exceeds 4K size");
    check_int("long", err.status, STATUS_INTERNAL);
    assert_true(parse(small, most, &flags, &data, &err) < 0);
    check_int("no memory", err.status, STATUS_RESOURCE_EXHAUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_set_and_clear_flags),
        cmocka_unit_test(what_is_no_word_is_data),
        cmocka_unit_test(loop_and_too_much_data_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
