/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/container/program.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/tests/support/forked.h"
#include "tests/check.h"

#define BIG (1024 * 1024)

static void skip_without_root(void)
{
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
}

/* ---- environment ---- */

static void environment_keeps_order_and_the_last_of_a_key(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        char *env[8];
        const char *want;
    } rows[] = {
        {"as given", {"HOME=/h", "B=2", "A=1"}, "HOME=/h|B=2|A=1"},
        {"no trimming", {"HOME=/h", " A = 1 ", "B= "}, "HOME=/h| A = 1 |B= "},
        {"without '=' or key", {"A", "", "=x", "=", "HOME=", "B="}, "HOME=|B="},
        {"later wins, in its place", {"A=1", "HOME=/h", "A=2", "B=1", "A=3"}, "HOME=/h|B=1|A=3"},
        {"value with '='", {"HOME=/h", "A=b=c", "A=b=d"}, "HOME=/h|A=b=d"},
        {"keys that begin alike", {"AB=1", "A=2", "ABC=3", "HOME=/h", "A=4"}, "AB=1|ABC=3|HOME=/h|A=4"},
        {"a key that begins like HOME", {"HOMER=x", "HOME=/h"}, "HOMER=x|HOME=/h"},
    };
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BIG);
        struct strlist env = {.items = (char **)row->env}, got = {0};
        struct error err;
        char **envp;
        while (row->env[env.n])
            env.n++;
        check_int(row->label, program_environment(a, &env, 0, &envp, &err), 0);
        while (envp[got.n])
            got.n++;
        got.items = envp;
        check_string(row->label, strlist_join(a, &got, "|"), row->want);
    }
}

static void a_hostile_environment_is_cheap(void **state)
{
    (void)state;
    enum { N = 100000 };
    _arena_ struct arena *a = arena_new(64 * BIG);
    struct strlist env = {0};
    struct error err;
    char **envp;
    size_t n = 0;

    for (int i = 0; i < N; i++)
        strlist_add(a, &env, i % 2 ? "A=1" : "HOME=/");
    assert_int_equal(program_environment(a, &env, 0, &envp, &err), 0);
    while (envp[n])
        n++;
    assert_int_equal(n, 2);
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
    _arena_ struct arena *big = arena_new(BIG);
    char *items[] = {"A=1", NULL};
    char *envp_path[] = {"PATH=/bin", NULL};
    struct strlist env = {.items = items, .n = 1};
    char *text = arena_alloc(big, 20000);

    memset(text, 'A', 19999);
    text[1] = '=';
    static const size_t budgets[] = {1, 10000};
    FOR_ROWS (budget, budgets) {
        _arena_ struct arena *a = arena_new(*budget);
        char **envp = NULL, *path = NULL;
        struct error err;
        items[0] = text;
        assert_true(program_environment(a, &env, 0, &envp, &err) < 0);
        check_int("status", err.status, STATUS_RESOURCE_EXHAUSTED);
        assert_null(envp);
        err.status = 0;
        assert_true(program_find(a, "sh", envp_path, &path, &err) < 0);
        check_int("status", err.status, STATUS_RESOURCE_EXHAUSTED);
        assert_null(path);
    }
}

/* ---- a small root file system ---- */

struct home_case {
    const char *label;
    const char *passwd; /* NULL: none */
    size_t padding;     /* bytes of a first line */
    uint32_t uid;
    const char *want;
};

static void write_file(const char *path, const char *text, size_t padding, mode_t mode)
{
    FILE *file = fopen(path, "we");
    if (!file)
        abort();
    for (size_t i = 0; i < padding; i++)
        fputc(i + 1 == padding ? '\n' : '#', file);
    fputs(text, file);
    fclose(file);
    chmod(path, mode);
}

/* The child's root and working directory become an empty tmpfs with a /etc. */
static void enter_empty_root(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
        mount("none", "/tmp", "tmpfs", 0, NULL) < 0 || chdir("/tmp") < 0 || chroot(".") < 0 || mkdir("/etc", 0755) < 0)
        abort();
    umask(0);
}

static int print_home(uint32_t uid, FILE *out)
{
    struct arena *a = arena_new(4 * BIG);
    struct strlist env = {0};
    struct error err;
    char **envp;

    int r = program_environment(a, &env, uid, &envp, &err);
    fputs(r < 0 ? err.text : envp[0], out);
    r = r < 0 || envp[1] ? 9 : 0;
    arena_free(a);
    return r;
}

static int home_in_root(void *arg, FILE *out)
{
    const struct home_case *row = arg;

    enter_empty_root();
    if (row->passwd)
        write_file("/etc/passwd", row->passwd, row->padding, 0644);
    return print_home(row->uid, out);
}

static void home_comes_from_the_containers_passwd(void **state)
{
    (void)state;
    skip_without_root();
    static const struct home_case rows[] = {
        {"found", "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n", 0, 1000, "HOME=/home/bob"},
        {"first of two", "a:x:5:5::/a:\nb:x:5:5::/b:\n", 0, 5, "HOME=/a"},
        {"without newline at the end", "a:x:5:5::/a:", 0, 5, "HOME=/a"},
        {"without a shell", "a:x:5:5::/a", 0, 5, "HOME=/a"},
        {"fields behind", "a:x:5:5::/a:/sh:more:even more", 0, 5, "HOME=/a"},
        {"largest id", "a:x:4294967294:5::/a:\n", 0, 4294967294, "HOME=/a"},
        {"unknown user", "a:x:5:5::/a:\n", 0, 6, "HOME=/"},
        {"no file", NULL, 0, 0, "HOME=/"},
        {"empty file", "", 0, 0, "HOME=/"},
        {"a number as name is no id (CVE-2016-3697)", "1000:x:0:0::/evil:\nbob:x:1000:1000::/bob:\n", 0, 1000, "HOME=/bob"},
        {"id with a sign", "a:x:+5:5::/a:\n", 0, 5, "HOME=/"},
        {"id with a blank", "a:x: 5:5::/a:\n", 0, 5, "HOME=/"},
        {"id in hexadecimal", "a:x:0x5:5::/a:\n", 0, 5, "HOME=/"},
        {"id with more behind", "a:x:5x:5::/a:\n", 0, 5, "HOME=/"},
        {"empty id", "a:x::5::/a:\n", 0, 0, "HOME=/"},
        {"id that overflows 32 bits", "a:x:4294967296:5::/a:\n", 0, 0, "HOME=/"},
        {"id that overflows 64 bits", "a:x:18446744073709551616:5::/a:\n", 0, 0, "HOME=/"},
        {"too few fields", "a:x:5:5:/a\n", 0, 5, "HOME=/"},
        {"empty home", "a:x:5:5:::\nb:x:5:5::/b:\n", 0, 5, "HOME=/b"},
        {"the last line that fits", "a:x:5:5::/a:\n", 65536 - 13, 5, "HOME=/a"},
        {"a line that is cut", "a:x:5:5::/aaaaa:\nb:x:5:5::/b:\n", 65536 - 11, 5, "HOME=/"},
        {"behind the limit", "a:x:5:5::/a:\n", 65536, 5, "HOME=/"},
    };
    FOR_ROWS (row, rows) {
        struct forked got = forked_run(home_in_root, (void *)row);
        check_string(row->label, got.text, row->want);
        check_int(row->label, got.status, 0);
    }
}

enum strange { STRANGE_PIPE, STRANGE_DIRECTORY, STRANGE_LINK, STRANGE_MAGIC, STRANGE_ENDLESS_LINE, STRANGE_FAULT };

static int home_from_strange_file(void *arg, FILE *out)
{
    static const char entry[] = "a:x:5:5::/a:\n";

    enter_empty_root();
    switch (*(enum strange *)arg) {
    case STRANGE_PIPE:
        mkfifo("/etc/passwd", 0644);
        break;
    case STRANGE_DIRECTORY:
        mkdir("/etc/passwd", 0755);
        break;
    case STRANGE_LINK:
        write_file("/users", entry, 0, 0644);
        if (symlink("/users", "/etc/passwd") < 0)
            return 8;
        break;
    case STRANGE_MAGIC:
        write_file("/users", entry, 0, 0644);
        if (mkdir("/proc", 0755) < 0 || mount("none", "/proc", "proc", 0, NULL) < 0 ||
            dup2(open("/users", O_RDONLY), 77) != 77 || symlink("/proc/self/fd/77", "/etc/passwd") < 0)
            return 8;
        break;
    case STRANGE_ENDLESS_LINE:
        write_file("/etc/passwd", "", 0, 0644);
        if (truncate("/etc/passwd", 1 << 30) < 0)
            return 8;
        break;
    case STRANGE_FAULT:
        write_file("/etc/passwd", entry, 0, 0644);
        forked_break(SYS_newfstatat, EIO);
        break;
    }
    alarm(10);
    return print_home(5, out);
}

static void strange_passwd_files_do_no_harm(void **state)
{
    (void)state;
    skip_without_root();
    static const struct {
        const char *label;
        enum strange strange;
        const char *want;
    } rows[] = {
        {"pipe without a writer", STRANGE_PIPE, "HOME=/"},          {"directory", STRANGE_DIRECTORY, "HOME=/"},
        {"link inside the root", STRANGE_LINK, "HOME=/a"},          {"link to a descriptor", STRANGE_MAGIC, "HOME=/"},
        {"one line of a gigabyte", STRANGE_ENDLESS_LINE, "HOME=/"}, {"cannot be looked at", STRANGE_FAULT, "HOME=/"},
    };
    FOR_ROWS (row, rows) {
        struct forked got = forked_run(home_from_strange_file, (void *)&row->strange);
        check_string(row->label, got.text, row->want);
        check_int(row->label, got.status, 0);
    }
}

/* ---- look-up ---- */

static char base[] = "/tmp/tatami-XXXXXX";

static const struct {
    const char *path;
    mode_t mode; /* 0: directory */
} tree[] = {
    {"one", 0},         {"two", 0},          {"one/plain", 0644},   {"two/plain", 0755}, {"two/tool", 0755},
    {"one/data", 0644}, {"two/data", 0600},  {"one/onlyone", 0711}, {"one/dir", 0},      {"two/dir", 0755},
    {"here", 0755},     {"two/group", 0610}, {"two/other", 0601},
};

static int make_tree(void **state)
{
    (void)state;
    if (!mkdtemp(base) || chdir(base) < 0)
        return -1;
    FOR_ROWS (row, tree) {
        if (row->mode)
            write_file(row->path, "", 0, row->mode);
        else if (mkdir(row->path, 0755) < 0)
            return -1;
    }
    return symlink("two", "link") < 0 || symlink("nowhere", "dangling") < 0 ? -1 : 0;
}

static int remove_tree(void **state)
{
    (void)state;
    unlink("link");
    unlink("dangling");
    for (size_t i = ARRAY_SIZE(tree); i-- > 0;)
        tree[i].mode ? unlink(tree[i].path) : rmdir(tree[i].path);
    return chdir("/") < 0 ? -1 : rmdir(base);
}

static void programs_are_found_in_the_containers_path(void **state)
{
    (void)state;
    static const struct {
        const char *label, *name, *path, *want;
    } rows[] = {
        {"second directory", "tool", "PATH=one:two", "two/tool"},
        {"one directory", "tool", "PATH=two", "two/tool"},
        {"through a link", "tool", "PATH=link", "link/tool"},
        {"executable before plain", "plain", "PATH=one:two", "two/plain"},
        {"executable by the group", "group", "PATH=one:two", "two/group"},
        {"executable by others", "other", "PATH=one:two", "two/other"},
        {"only plain ones: the first", "data", "PATH=one:two", "one/data"},
        {"directory is no program", "dir", "PATH=one:two", "two/dir"},
        {"nowhere", "absent", "PATH=one:two", NULL},
        {"only a directory", "dir", "PATH=one", NULL},
        {"not in the working directory", "here", "PATH=one:two", NULL},
        {"empty element in front", "here", "PATH=:two", "./here"},
        {"empty element behind", "here", "PATH=two:", "./here"},
        {"empty element inside", "here", "PATH=one::two", "./here"},
        {"empty path", "here", "PATH=", "./here"},
        {"no path", "tool", "XPATH=two", NULL},
        {"empty name", "", "PATH=one", NULL},
        {"dot", ".", "PATH=one", NULL},
        {"as given", "two/tool", "PATH=", "two/tool"},
        {"as given, plain", "one/plain", "PATH=two", "one/plain"},
        {"as given, absent", "two/absent", "PATH=two", NULL},
        {"as given, a directory", "one/dir", "PATH=two", NULL},
        {"as given is not searched for", "nosuch/tool", "PATH=two", NULL},
        {"slash in front is not searched for", "/tool", "PATH=two", NULL},
        {"dangling link", "./dangling", "PATH=.", NULL},
    };
    FOR_ROWS (row, rows) {
        _arena_ struct arena *a = arena_new(BIG);
        char *envp[] = {(char *)"A=1", (char *)row->path, NULL};
        char *path = NULL, want[128];
        struct error err = {.text = ""};
        snprintf(want, sizeof(want), "the file %s was not found", row->name);
        check_int(row->label, program_find(a, row->name, envp, &path, &err), row->want ? 0 : -ENOENT);
        check_string(row->label, path, row->want);
        check_string(row->label, err.text, row->want ? "" : want);
        check_int(row->label, err.status, row->want ? STATUS_OK : STATUS_INTERNAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment_keeps_order_and_the_last_of_a_key),
        cmocka_unit_test(a_hostile_environment_is_cheap),
        cmocka_unit_test(no_memory_is_an_error),
        cmocka_unit_test(home_comes_from_the_containers_passwd),
        cmocka_unit_test(strange_passwd_files_do_no_harm),
        cmocka_unit_test_setup_teardown(programs_are_found_in_the_containers_path, make_tree, remove_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
