/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/mount.h>
#include <stdlib.h>

#include "agent/container/mount_options.h"
#include "lib/tests/check.h"

/* Parses words separated by blanks. */
static int parse(const char *words, struct mount_options *ret, struct error *err)
{
    struct arena *arena = arena_new(1 << 20);
    struct strlist list = {0};
    char copy[256];
    char *state = NULL;

    strcpy(copy, words);
    for (char *word = strtok_r(copy, " ", &state); word; word = strtok_r(NULL, " ", &state))
        assert_int_equal(strlist_add(arena, &list, word), 0);
    int r = mount_options_parse(&list, ret, err);
    arena_free(arena);
    return r;
}

#define ATIME MOUNT_ATTR__ATIME

struct expected {
    const char *words;
    uint64_t super_set, super_clr, set, clr, rec_set, rec_clr;
};

static void check_numbers(const struct expected *row)
{
    struct mount_options o;

    assert_int_equal(parse(row->words, &o, NULL), 0);
    check_int(row->words, o.super_set, row->super_set);
    check_int(row->words, o.super_clr, row->super_clr);
    check_int(row->words, o.set, row->set);
    check_int(row->words, o.clr, row->clr);
    check_int(row->words, o.rec_set, row->rec_set);
    check_int(row->words, o.rec_clr, row->rec_clr);
}

static void every_word_has_its_bits(void **state)
{
    static const struct expected rows[] = {
        {"", 0, 0, 0, 0, 0, 0},
        {"defaults", 0, 0, 0, 0, 0, 0},
        {"ro", MS_RDONLY, 0, MOUNT_ATTR_RDONLY, 0, 0, 0},
        {"rw", 0, MS_RDONLY, 0, MOUNT_ATTR_RDONLY, 0, 0},
        {"nosuid", 0, 0, MOUNT_ATTR_NOSUID, 0, 0, 0},
        {"suid", 0, 0, 0, MOUNT_ATTR_NOSUID, 0, 0},
        {"nodev", 0, 0, MOUNT_ATTR_NODEV, 0, 0, 0},
        {"dev", 0, 0, 0, MOUNT_ATTR_NODEV, 0, 0},
        {"noexec", 0, 0, MOUNT_ATTR_NOEXEC, 0, 0, 0},
        {"exec", 0, 0, 0, MOUNT_ATTR_NOEXEC, 0, 0},
        {"sync", MS_SYNCHRONOUS, 0, 0, 0, 0, 0},
        {"async", 0, MS_SYNCHRONOUS, 0, 0, 0, 0},
        {"mand", MS_MANDLOCK, 0, 0, 0, 0, 0},
        {"nomand", 0, MS_MANDLOCK, 0, 0, 0, 0},
        {"dirsync", MS_DIRSYNC, 0, 0, 0, 0, 0},
        {"nosymfollow", 0, 0, MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0},
        {"symfollow", 0, 0, 0, MOUNT_ATTR_NOSYMFOLLOW, 0, 0},
        {"noatime", 0, 0, MOUNT_ATTR_NOATIME, ATIME, 0, 0},
        {"atime", 0, 0, 0, ATIME, 0, 0},
        {"nodiratime", 0, 0, MOUNT_ATTR_NODIRATIME, 0, 0, 0},
        {"diratime", 0, 0, 0, MOUNT_ATTR_NODIRATIME, 0, 0},
        {"silent", MS_SILENT, 0, 0, 0, 0, 0},
        {"loud", 0, MS_SILENT, 0, 0, 0, 0},
        {"acl", MS_POSIXACL, 0, 0, 0, 0, 0},
        {"noacl", 0, MS_POSIXACL, 0, 0, 0, 0},
        {"relatime", 0, 0, MOUNT_ATTR_RELATIME, ATIME, 0, 0},
        {"norelatime", 0, 0, 0, ATIME, 0, 0},
        {"iversion", MS_I_VERSION, 0, 0, 0, 0, 0},
        {"noiversion", 0, MS_I_VERSION, 0, 0, 0, 0},
        {"strictatime", 0, 0, MOUNT_ATTR_STRICTATIME, ATIME, 0, 0},
        {"nostrictatime", 0, 0, 0, ATIME, 0, 0},
        {"lazytime", MS_LAZYTIME, 0, 0, 0, 0, 0},
        {"nolazytime", 0, MS_LAZYTIME, 0, 0, 0, 0},
        {"rro", 0, 0, 0, 0, MOUNT_ATTR_RDONLY, 0},
        {"rrw", 0, MS_RDONLY, 0, 0, 0, MOUNT_ATTR_RDONLY},
        {"rnosuid", 0, 0, 0, 0, MOUNT_ATTR_NOSUID, 0},
        {"rsuid", 0, 0, 0, 0, 0, MOUNT_ATTR_NOSUID},
        {"rnodev", 0, 0, 0, 0, MOUNT_ATTR_NODEV, 0},
        {"rdev", 0, 0, 0, 0, 0, MOUNT_ATTR_NODEV},
        {"rnoexec", 0, 0, 0, 0, MOUNT_ATTR_NOEXEC, 0},
        {"rexec", 0, 0, 0, 0, 0, MOUNT_ATTR_NOEXEC},
        {"rnoatime", 0, 0, 0, 0, MOUNT_ATTR_NOATIME, ATIME},
        {"ratime", 0, 0, 0, 0, 0, ATIME},
        {"rnodiratime", 0, 0, 0, 0, MOUNT_ATTR_NODIRATIME, 0},
        {"rdiratime", 0, 0, 0, 0, 0, MOUNT_ATTR_NODIRATIME},
        {"rrelatime", 0, 0, 0, 0, MOUNT_ATTR_RELATIME, ATIME},
        {"rnorelatime", 0, 0, 0, 0, 0, ATIME},
        {"rstrictatime", 0, 0, 0, 0, MOUNT_ATTR_STRICTATIME, ATIME},
        {"rnostrictatime", 0, 0, 0, 0, 0, ATIME},
        {"rnosymfollow", 0, 0, 0, 0, MOUNT_ATTR_NOSYMFOLLOW, 0},
        {"rsymfollow", 0, 0, 0, 0, 0, MOUNT_ATTR_NOSYMFOLLOW},
        {"rsync", MS_SYNCHRONOUS, 0, 0, 0, 0, 0},
        {"rasync", 0, MS_SYNCHRONOUS, 0, 0, 0, 0},
        {"rdirsync", MS_DIRSYNC, 0, 0, 0, 0, 0},
        {"rmand", MS_MANDLOCK, 0, 0, 0, 0, 0},
        {"rnomand", 0, MS_MANDLOCK, 0, 0, 0, 0},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        check_numbers(row);
        if (row->words[0])
            check_int(row->words, mount_option_is_data(row->words), false);
    }
}

static void the_later_of_two_words_wins(void **state)
{
    static const struct expected rows[] = {
        {"ro rw", 0, MS_RDONLY, 0, MOUNT_ATTR_RDONLY, 0, 0},
        {"rw ro", MS_RDONLY, 0, MOUNT_ATTR_RDONLY, 0, 0, 0},
        {"sync async", 0, MS_SYNCHRONOUS, 0, 0, 0, 0},
        {"noexec exec noexec", 0, 0, MOUNT_ATTR_NOEXEC, 0, 0, 0},
        {"noatime strictatime", 0, 0, MOUNT_ATTR_STRICTATIME, ATIME, 0, 0},
        {"strictatime noatime", 0, 0, MOUNT_ATTR_NOATIME, ATIME, 0, 0},
        {"noatime relatime", 0, 0, MOUNT_ATTR_RELATIME, ATIME, 0, 0},
        {"noatime atime", 0, 0, 0, ATIME, 0, 0},
        {"strictatime atime", 0, 0, MOUNT_ATTR_STRICTATIME, ATIME, 0, 0},
        {"noatime nostrictatime", 0, 0, MOUNT_ATTR_NOATIME, ATIME, 0, 0},
        {"strictatime nostrictatime", 0, 0, 0, ATIME, 0, 0},
        {"ro nosuid", MS_RDONLY, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, 0, 0},
    };

    (void)state;
    FOR_ROWS (row, rows)
        check_numbers(row);
}

static void a_recursive_word_includes_the_mount_itself(void **state)
{
    static const struct expected rows[] = {
        {"rw rro", 0, MS_RDONLY, 0, 0, MOUNT_ATTR_RDONLY, 0},
        {"rro rw", 0, MS_RDONLY, 0, MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY, 0},
        {"ro rrw", 0, MS_RDONLY, 0, 0, 0, MOUNT_ATTR_RDONLY},
        {"strictatime rnoatime", 0, 0, 0, 0, MOUNT_ATTR_NOATIME, ATIME},
        {"rro rrw", 0, MS_RDONLY, 0, 0, 0, MOUNT_ATTR_RDONLY},
    };

    (void)state;
    FOR_ROWS (row, rows)
        check_numbers(row);
}

static void words_for_the_kind_of_mount_are_kept(void **state)
{
    static const struct {
        const char *words;
        bool bind, rbind, remount, copy_up;
    } rows[] = {
        {"bind", true, false, false, false},      {"rbind", true, true, false, false},
        {"rbind bind", true, true, false, false}, {"remount bind", true, false, true, false},
        {"tmpcopyup", false, false, false, true}, {"size=1m", false, false, false, false},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct mount_options o;
        assert_int_equal(parse(row->words, &o, NULL), 0);
        check_int(row->words, o.bind, row->bind);
        check_int(row->words, o.rbind, row->rbind);
        check_int(row->words, o.remount, row->remount);
        check_int(row->words, o.copy_up, row->copy_up);
    }
}

static void propagation_is_the_last_word_said(void **state)
{
    static const struct {
        const char *words;
        uint64_t type;
        bool rec;
    } rows[] = {
        {"", 0, false},
        {"private", MS_PRIVATE, false},
        {"rprivate", MS_PRIVATE, true},
        {"slave", MS_SLAVE, false},
        {"rslave", MS_SLAVE, true},
        {"shared", MS_SHARED, false},
        {"rshared", MS_SHARED, true},
        {"unbindable", MS_UNBINDABLE, false},
        {"runbindable", MS_UNBINDABLE, true},
        {"rshared private", MS_PRIVATE, false},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct mount_options o;
        assert_int_equal(parse(row->words, &o, NULL), 0);
        check_int(row->words, o.propagation, row->type);
        check_int(row->words, o.propagation_rec, row->rec);
        check_int(row->words, o.super_set | o.set | o.rec_set, 0);
        if (!strchr(row->words, ' '))
            check_int(row->words, mount_propagation_parse(row->words), row->type);
    }
    check_int("no propagation", mount_propagation_parse("ro"), 0);
    check_int("unknown", mount_propagation_parse("Shared"), 0);
}

static void id_mapped_mounts_are_refused_by_name(void **state)
{
    static const struct {
        const char *words, *text;
    } rows[] = {
        {"rbind idmap", "mount option 'idmap' is not supported"},
        {"ridmap", "mount option 'ridmap' is not supported"},
        {"idmap=uids=0-1-2;gids=0-1-2", "mount option 'idmap=uids=0-1-2;gids=0-1-2' is not supported"},
        {"ridmap=uids=0-1-2", "mount option 'ridmap=uids=0-1-2' is not supported"},
    };

    (void)state;
    FOR_ROWS (row, rows) {
        struct mount_options o = {.set = 77};
        struct error err = {0};
        check_int(row->words, parse(row->words, &o, &err), -EINVAL);
        check_string(row->words, err.text, row->text);
        check_int(row->words, o.set, 77);
    }
}

static void other_words_belong_to_the_file_system(void **state)
{
    static const char *const rows[] = {"size=1m", "mode=755", "RO", "r", "", "roo", "idmapped", "ro,nosuid", "zzz", "a"};

    (void)state;
    FOR_ROWS (row, rows)
        check_int(*row, mount_option_is_data(*row), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_has_its_bits),
        cmocka_unit_test(the_later_of_two_words_wins),
        cmocka_unit_test(a_recursive_word_includes_the_mount_itself),
        cmocka_unit_test(words_for_the_kind_of_mount_are_kept),
        cmocka_unit_test(propagation_is_the_last_word_said),
        cmocka_unit_test(id_mapped_mounts_are_refused_by_name),
        cmocka_unit_test(other_words_belong_to_the_file_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
