/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tests/check.h"
#include "runtime-min/cli/options.h"

struct values {
    const char *text;
    struct strlist list;
    bool flag;
};

static const struct option rows[] = {
    {"text", 't', OPTION_TEXT, offsetof(struct values, text), "WORD", "a text"},
    {"list", 'l', OPTION_LIST, offsetof(struct values, list), "WORD", "a list"},
    {"flag", 'f', OPTION_FLAG, offsetof(struct values, flag), NULL, "a flag"},
    {"none", 0, OPTION_IGNORED_FLAG, 0, NULL, "accepted"},
    {"old", 0, OPTION_IGNORED_TEXT, 0, "WORD", "accepted"},
};

static const struct option_table table = OPTION_TABLE(rows);

static void every_form_of_a_word_is_read(void **state)
{
    static const struct {
        const char *label;
        const char *words[6];
        int taken;
        const char *text;
        bool flag;
        size_t n_list;
    } cases[] = {
        {"nothing", {NULL}, 0, NULL, false, 0},
        {"separate value", {"--text", "a", "b"}, 2, "a", false, 0},
        {"value behind =", {"--text=a=b"}, 1, "a=b", false, 0},
        {"empty value", {"--text="}, 1, "", false, 0},
        {"letter", {"-t", "a", "-f"}, 3, "a", true, 0},
        {"one dash and a long name", {"-text", "a", "-none"}, 3, "a", false, 0},
        {"the last text counts", {"--text=a", "--text=b"}, 2, "b", false, 0},
        {"a list grows", {"-l", "a", "--list=b"}, 3, NULL, false, 2},
        {"a flag turned off", {"-f", "--flag=false"}, 2, NULL, false, 0},
        {"options end at a word", {"-f", "id", "--text=a"}, 1, NULL, true, 0},
        {"options end at --", {"--", "-f"}, 1, NULL, false, 0},
        {"a dash alone is a word", {"-"}, 0, NULL, false, 0},
        {"ignored ones take their value", {"--old", "-f", "-f"}, 3, NULL, true, 0},
        {"a value may look like an option", {"--text", "-1"}, 2, "-1", false, 0},
    };
    (void)state;

    FOR_ROWS (row, cases) {
        _arena_ struct arena *a = arena_new(65536);
        struct values values = {.text = NULL};
        struct error err = {.errnum = 0};
        bool help = true;
        int n = 0;

        while (n < 6 && row->words[n])
            n++;
        int taken = options_parse(&table, a, &values, (char *const *)(uintptr_t)row->words, n, &help, &err);
        check_int(row->label, taken, row->taken);
        check_string(row->label, values.text, row->text);
        check_int(row->label, values.flag, row->flag);
        check_int(row->label, values.list.n, row->n_list);
        check_int(row->label, help, false);
    }
}

static void what_is_no_option_is_refused_with_its_name(void **state)
{
    static const struct {
        const char *word, *error;
    } cases[] = {
        {"--bogus", "unknown option '--bogus'"},
        {"-x", "unknown option '-x'"},
        {"--tex", "unknown option '--tex'"},
        {"--text", "option --text needs a value: WORD"},
        {"--flag=maybe", "option --flag: 'maybe' is neither true nor false"},
        {"---flag", "unknown option '---flag'"},
    };
    (void)state;

    FOR_ROWS (row, cases) {
        _arena_ struct arena *a = arena_new(65536);
        char *words[] = {(char *)(uintptr_t)row->word};
        struct values values = {.text = NULL};
        struct error err = {.errnum = 0};
        bool help;

        check_int(row->word, options_parse(&table, a, &values, words, 1, &help, &err), -EINVAL);
        check_string(row->word, err.text, row->error);
    }
}

static void options_behind_words_are_gathered(void **state)
{
    static const struct {
        const char *label;
        const char *args[8];
        int left;
        const char *words[4];
        const char *text;
        bool flag;
    } cases[] = {
        {"nothing", {NULL}, 0, {NULL}, NULL, false},
        {"in front", {"-f", "id"}, 1, {"id"}, NULL, true},
        {"behind", {"id", "--text", "a", "-f"}, 1, {"id"}, "a", true},
        {"a number", {"id", "-1", "-f"}, 2, {"id", "-1"}, NULL, true},
        {"between", {"id", "--text=a", "-", "-f"}, 2, {"id", "-"}, "a", true},
        {"up to --", {"id", "-f", "--", "-t", "--"}, 3, {"id", "-t", "--"}, NULL, true},
    };
    (void)state;

    FOR_ROWS (row, cases) {
        _arena_ struct arena *a = arena_new(65536);
        struct values values = {.text = NULL};
        struct error err = {.errnum = 0};
        char *args[9] = {NULL};
        bool help = true;
        int n = 0;

        for (; row->args[n]; n++)
            args[n] = (char *)(uintptr_t)row->args[n];
        check_int(row->label, options_gather(&table, a, &values, args, n, &help, &err), row->left);
        for (int i = 0; i <= row->left; i++)
            check_string(row->label, args[i], row->words[i]);
        check_string(row->label, values.text, row->text);
        check_int(row->label, values.flag, row->flag);
        check_int(row->label, help, false);
    }
    struct values values = {.text = NULL};
    struct error err = {.errnum = 0};
    char *args[] = {(char *)"id", (char *)"--bogus", NULL};
    bool help;
    assert_int_equal(options_gather(&table, NULL, &values, args, 2, &help, &err), -EINVAL);
    assert_string_equal(err.text, "unknown option '--bogus'");
    args[1] = (char *)"--help";
    assert_int_equal(options_gather(&table, NULL, &values, args, 2, &help, &err), 1);
    assert_true(help);
}

static void help_is_told_apart(void **state)
{
    _arena_ struct arena *a = arena_new(65536);
    _buf_ struct buf text = BUF_INIT(65536);
    char *words[] = {(char *)"-f", (char *)"--help", (char *)"--bogus"};
    struct values values = {.text = NULL};
    bool help = false;
    (void)state;

    assert_int_equal(options_parse(&table, a, &values, words, 3, &help, NULL), 2);
    assert_true(help);
    options_print(&table, &text);
    assert_non_null(strstr(text.data, "-t, --text WORD"));
    assert_non_null(strstr(text.data, "    --none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_word_is_read),
        cmocka_unit_test(what_is_no_option_is_refused_with_its_name),
        cmocka_unit_test(options_behind_words_are_gathered),
        cmocka_unit_test(help_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
