/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hooks/hooks.h"
#include "lib/tests/check.h"
#include "sys/sys.h"

#define STATE "{\"id\":\"c1\"}"

static const char *const own_words[] = {"HOOK=1", NULL};

/* A hook that runs a shell script. */
static struct oci_hook script(char **args, const char *text)
{
    args[0] = (char *)"sh";
    args[1] = (char *)"-c";
    args[2] = (char *)(uintptr_t)text;
    args[3] = NULL;
    return (struct oci_hook){
        .path = (char *)"/bin/sh", .args = {.items = args, .n = 3}, .env = {.items = (char **)(uintptr_t)own_words, .n = 1}};
}

static int run(struct oci_hook *hooks, size_t n, bool keeps_going, struct error *err)
{
    struct oci_hook_list list = {.items = hooks, .n = n};
    struct hook_run args = {
        .kind = "prestart", .directory = "/tmp", .state = STATE, .environment = environ, .keeps_going = keeps_going};

    return hooks_run(&list, &args, err);
}

static void the_outcome_of_a_hook_is_told(void **state)
{
    static const struct {
        const char *label, *script;
        int timeout_s, result;
        const char *error;
    } rows[] = {
        {"success", "exit 0", 0, 0, ""},
        {"status", "echo why >&2; exit 3", 0, -EIO, "hook prestart: /bin/sh: exit status 3: why"},
        {"signal", "kill -9 $$", 0, -EIO, "hook prestart: /bin/sh was killed by signal 9"},
        {"timeout", "sleep 100", 1, -ETIMEDOUT, "hook prestart: /bin/sh did not finish within 1 s"},
        {"its descendants go with it", "sleep 100 & sleep 100", 1, -ETIMEDOUT,
         "hook prestart: /bin/sh did not finish within 1 s"},
        {"stdin unread", "exec <&-; exit 0", 0, 0, ""},
        {"state", "[ \"$(cat)\" = '" STATE "' ]", 0, 0, ""},
        {"environment is its own alone",
         "[ \"$(env | grep -vc -e ^PWD= -e ^SHLVL= -e ^_= -e ^HOOK=1$)\" = 0 ] && [ \"$HOOK\" = 1 ]", 0, 0, ""},
        {"working directory", "[ \"$(/bin/pwd)\" = /tmp ]", 0, 0, ""},
        {"no descriptor of ours", "for fd in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$fd ] || exit 1; done", 0, 0, ""},
        {"a megabyte of output", "yes 2>&1 | head -c 1000000 >&2; echo; exit 0", 0, 0, ""},
        {"a daemon that holds its streams", "sleep 3 & exit 0", 0, 0, ""},
    };
    (void)state;

    FOR_ROWS (row, rows) {
        char *args[4];
        struct error err = {.errnum = 0};
        struct oci_hook hook = script(args, row->script);
        hook.timeout_s = (struct opt_i64){.set = row->timeout_s > 0, .value = row->timeout_s};
        check_int(row->label, run(&hook, 1, false, &err), row->result);
        check_string(row->label, err.text, row->error);
    }
}

static void a_hook_that_names_no_environment_has_that_of_the_runtime(void **state)
{
    char *args[4];
    struct error err = {.errnum = 0};
    struct oci_hook hook = script(args, "[ \"$TATAMI_TEST_HOOK\" = seen ]");
    (void)state;

    assert_int_equal(setenv("TATAMI_TEST_HOOK", "seen", 1), 0);
    assert_int_equal(run(&hook, 1, false, &err), -EIO);
    hook.env = (struct strlist){.n = 0};
    assert_int_equal(run(&hook, 1, false, &err), 0);
}

static void a_program_that_cannot_run_is_named(void **state)
{
    struct oci_hook absent = {.path = (char *)"/nowhere/hook"}, plain = {.path = (char *)"/etc/passwd"};
    struct error err = {.errnum = 0};
    (void)state;

    assert_int_equal(run(&absent, 1, false, &err), -EIO);
    assert_string_equal(err.text, "hook prestart: /nowhere/hook: exit status 127: No such file or directory");
    assert_int_equal(run(&plain, 1, false, &err), -EIO);
    assert_string_equal(err.text, "hook prestart: /etc/passwd: exit status 127: Permission denied");
}

static void the_first_failure_ends_the_list_unless_it_keeps_going(void **state)
{
    char *args[3][4], dir[] = "/tmp/tatami-XXXXXX", texts[3][64];
    struct oci_hook hooks[3];
    struct error err = {.errnum = 0};
    (void)state;

    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < 3; i++) {
        snprintf(texts[i], sizeof(texts[i]), "echo %d >>%s/log; exit %d", i, dir, i);
        hooks[i] = script(args[i], texts[i]);
    }
    assert_int_equal(run(hooks, 3, false, &err), -EIO);
    assert_int_equal(run(hooks, 3, true, &err), -EIO);
    assert_non_null(strstr(err.text, "exit status 1"));
    char path[64], text[64] = "";
    snprintf(path, sizeof(path), "%s/log", dir);
    FILE *file = fopen(path, "r");
    assert_int_equal(fread(text, 1, sizeof(text) - 1, file), 10);
    assert_string_equal(text, "0\n1\n0\n1\n2\n");
    fclose(file);
    unlink(path);
    rmdir(dir);
}

static void hooks_that_cannot_be_run_are_refused_before(void **state)
{
    struct oci_hook relative = {.path = (char *)"hook"}, hasty = {.path = (char *)"/hook", .timeout_s = {.set = true}};
    struct oci_hooks hooks = {.prestart = {.items = &relative, .n = 1}};
    struct error err = {.errnum = 0};
    (void)state;

    assert_int_equal(hooks_check(NULL, &err), 0);
    assert_int_equal(hooks_check(&hooks, &err), -EINVAL);
    assert_string_equal(err.text, "hooks.prestart[0].path: 'hook' is not an absolute path");
    hooks = (struct oci_hooks){.poststop = {.items = &hasty, .n = 1}};
    assert_int_equal(hooks_check(&hooks, &err), -EINVAL);
    assert_string_equal(err.text, "hooks.poststop[0].timeout: 0 is not above 0");
    hooks = (struct oci_hooks){.create_container = {.items = &relative, .n = 1}};
    assert_int_equal(hooks_check(&hooks, &err), -EINVAL);
}

static void remember(void *arg, const char *path, const char *text)
{
    char *said = arg;

    strcat(strcat(strcat(said, path), ": "), text);
}

static void what_successful_hooks_print_is_passed_on(void **state)
{
    char *args[2][4], said[2048] = "";
    struct oci_hook hooks[] = {script(args[0], "echo out; echo err >&2"), script(args[1], "true")};
    struct oci_hook_list list = {.items = hooks, .n = 2};
    struct hook_run run = {.kind = "startContainer", .state = STATE, .said = remember, .arg = said};
    struct error err = {.errnum = 0};
    (void)state;

    assert_int_equal(hooks_run(&list, &run, &err), 0);
    assert_string_equal(said, "/bin/sh: out\nerr");
    list.n = 1;
    hooks[0] = script(args[0], "seq 1 1000");
    said[0] = '\0';
    assert_int_equal(hooks_run(&list, &run, &err), 0);
    assert_int_equal(strlen(said), strlen("/bin/sh: ") + 511); /* the last ones */
    assert_non_null(strstr(said, "\n999\n1000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_outcome_of_a_hook_is_told),
        cmocka_unit_test(a_hook_that_names_no_environment_has_that_of_the_runtime),
        cmocka_unit_test(a_program_that_cannot_run_is_named),
        cmocka_unit_test(what_successful_hooks_print_is_passed_on),
        cmocka_unit_test(the_first_failure_ends_the_list_unless_it_keeps_going),
        cmocka_unit_test(hooks_that_cannot_be_run_are_refused_before),
    };
    sys_signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
