/* SPDX-License-Identifier: Apache-2.0 */
/* prctl(2). */
#include <sys/prctl.h>

#include "mocks/tests/conform.h"

static const struct {
    const char *label;
    int option;
    unsigned long a, b, c, d;
    int result;
} answers[] = {
    {"subreaper on", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0, 0},
    {"subreaper off", PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0, 0},
    {"subreaper 17 is on", PR_SET_CHILD_SUBREAPER, 17, 0, 0, 0, 0},
    {"keep caps 1", PR_SET_KEEPCAPS, 1, 0, 0, 0, 0},
    {"keep caps are kept", PR_GET_KEEPCAPS, 0, 0, 0, 0, 1},
    {"keep caps 0", PR_SET_KEEPCAPS, 0, 0, 0, 0, 0},
    {"keep caps are not kept", PR_GET_KEEPCAPS, 0, 0, 0, 0, 0},
    {"keep caps 2", PR_SET_KEEPCAPS, 2, 0, 0, 0, -EINVAL},
    {"dumpable at first", PR_GET_DUMPABLE, 0, 0, 0, 0, 1},
    {"dumpable 0", PR_SET_DUMPABLE, 0, 0, 0, 0, 0},
    {"not dumpable", PR_GET_DUMPABLE, 0, 0, 0, 0, 0},
    {"dumpable 1", PR_SET_DUMPABLE, 1, 0, 0, 0, 0},
    {"dumpable again", PR_GET_DUMPABLE, 0, 0, 0, 0, 1},
    {"dumpable 2", PR_SET_DUMPABLE, 2, 0, 0, 0, -EINVAL},
    {"death signal", PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0, 0},
    {"death signal 64", PR_SET_PDEATHSIG, 64, 0, 0, 0, 0},
    {"death signal 65", PR_SET_PDEATHSIG, 65, 0, 0, 0, -EINVAL},
    {"death signal 0", PR_SET_PDEATHSIG, 0, 0, 0, 0, 0},
    {"new privileges at first", PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0},
    {"new privileges: 0 is refused", PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0, -EINVAL},
    {"new privileges: 2 is refused", PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0, -EINVAL},
    {"new privileges: second operand", PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0, -EINVAL},
    {"new privileges: third operand", PR_SET_NO_NEW_PRIVS, 1, 0, 1, 0, -EINVAL},
    {"new privileges: fourth operand", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1, -EINVAL},
    {"no new privileges", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0},
    {"no new privileges again", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0},
    {"none they are", PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 1},
    {"asked with an operand", PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0, -EINVAL},
    {"bounding: first", PR_CAPBSET_READ, 0, 0, 0, 0, 1},
    {"bounding: last", PR_CAPBSET_READ, CAP_LAST_CAP, 0, 0, 0, 1},
    {"bounding: beyond", PR_CAPBSET_READ, CAP_LAST_CAP + 1, 0, 0, 0, -EINVAL},
    {"bounding: far beyond", PR_CAPBSET_READ, 4711, 0, 0, 0, -EINVAL},
    {"drop", PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0, 0},
    {"drop again", PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0, 0},
    {"dropped", PR_CAPBSET_READ, CAP_KILL, 0, 0, 0, 0},
    {"drop beyond", PR_CAPBSET_DROP, CAP_LAST_CAP + 1, 0, 0, 0, -EINVAL},
    {"ambient: not inheritable", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0, -EPERM},
    {"ambient: not set", PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0, 0},
    {"ambient: lower", PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_CHOWN, 0, 0, 0},
    {"ambient: beyond", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_LAST_CAP + 1, 0, 0, -EINVAL},
    {"ambient: third operand", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 1, 0, -EINVAL},
    {"ambient: unknown", PR_CAP_AMBIENT, 99, CAP_CHOWN, 0, 0, -EINVAL},
    {"ambient: clear", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0},
    {"ambient: clear with an operand", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0, -EINVAL},
};

CONFORM_CASE(prctl_answers)
{
    FOR_CASES(row, answers)
    expect(sys_prctl(row->option, row->a, row->b, row->c, row->d), row->result);
}

CONFORM_CASE(names_are_cut_to_15_bytes)
{
    static const struct {
        const char *label, *name, *result;
    } rows[] = {
        {"short", "a", "a"},
        {"empty", "", ""},
        {"15", "123456789012345", "123456789012345"},
        {"16", "1234567890123456", "123456789012345"},
        {"with blanks", "a b", "a b"},
    };
    char name[16];

    FOR_CASES(row, rows)
    {
        expect(sys_prctl(PR_SET_NAME, (unsigned long)row->name, 0, 0, 0), 0);
        expect(sys_prctl(PR_GET_NAME, (unsigned long)name, 0, 0, 0), 0);
        expect_text(name, row->result);
    }
}

CONFORM_CASE(settings_can_be_asked_for)
{
    int value = 99;

    expect(sys_prctl(PR_GET_PDEATHSIG, (unsigned long)&value, 0, 0, 0), 0);
    expect(value, 0);
    sys_prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
    sys_prctl(PR_GET_PDEATHSIG, (unsigned long)&value, 0, 0, 0);
    expect(value, SIGUSR1);
    sys_prctl(PR_SET_CHILD_SUBREAPER, 17, 0, 0, 0);
    expect(sys_prctl(PR_GET_CHILD_SUBREAPER, (unsigned long)&value, 0, 0, 0), 0);
    expect(value, 1);
}

struct settings {
    int subreaper, death_signal, no_new_privs, dumpable, keep_caps;
    char name[16];
};

static struct settings ask(void)
{
    struct settings settings;

    sys_prctl(PR_GET_CHILD_SUBREAPER, (unsigned long)&settings.subreaper, 0, 0, 0);
    sys_prctl(PR_GET_PDEATHSIG, (unsigned long)&settings.death_signal, 0, 0, 0);
    settings.no_new_privs = sys_prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    settings.dumpable = sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    settings.keep_caps = sys_prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0);
    sys_prctl(PR_GET_NAME, (unsigned long)settings.name, 0, 0, 0);
    return settings;
}

static int status_of(const struct settings *settings)
{
    return settings->subreaper | (settings->death_signal == SIGUSR1) << 1 | settings->no_new_privs << 2 |
           settings->dumpable << 3 | settings->keep_caps << 4 | (strcmp(settings->name, "somebody") == 0) << 5;
}

static void set_all(void)
{
    sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sys_prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
    sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    sys_prctl(PR_SET_NAME, (unsigned long)"somebody", 0, 0, 0);
}

static int ask_in_child(void *arg)
{
    struct settings settings = ask();

    (void)arg;
    return status_of(&settings);
}

CONFORM_CASE(a_child_inherits_some_settings)
{
    set_all();
    expect(in_child(ask_in_child, NULL), 4 | 16 | 32);
}

CONFORM_PROGRAM(asker)
{
    struct settings settings = ask();

    return status_of(&settings) | (strcmp(settings.name, "asker") == 0) << 6;
}

static int execute(void *arg)
{
    (void)arg;
    set_all();
    sys_execveat(AT_FDCWD, CONFORM_BIN "asker", (char *[]){"renamed", NULL}, NULL, 0);
    return 255;
}

CONFORM_CASE(a_program_inherits_some_settings)
{
    expect(in_child(execute, NULL), 1 | 2 | 4 | 8 | 64);
}

static int drop_without_right(void *arg)
{
    (void)arg;
    sys_setresuid(5, 5, 5);
    if (sys_prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0) != -EPERM)
        return 1;
    return sys_prctl(PR_CAPBSET_DROP, 4711, 0, 0, 0) == -EPERM ? 0 : 2;
}

CONFORM_CASE(a_user_cannot_drop_from_the_bounding_set)
{
    expect(in_child(drop_without_right, NULL), 0);
}
