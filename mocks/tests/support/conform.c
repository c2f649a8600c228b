/* SPDX-License-Identifier: Apache-2.0 */
/* What both kernels share: expectations, counting, the walk through the cases. */
#include "mocks/tests/conform.h"

#include <stdarg.h>
#include <sys/mman.h>

struct conform_counts *conform_counts;

static void complain(const char *file, int line, const char *what)
{
    conform_counts->case_failed = true;
    fprintf(stderr, "%s:%d: %s%s%s: ", file, line, conform_counts->label, conform_counts->label[0] ? ": " : "", what);
}

static const char *value_name(long value, char *p, size_t size)
{
    const char *name = value < 0 && value > -4096 ? strerrorname_np((int)-value) : NULL;

    if (name)
        snprintf(p, size, "-%s", name);
    else
        snprintf(p, size, "%ld", value);
    return p;
}

bool conform_expect(const char *file, int line, const char *what, long result, long value)
{
    char a[32], b[32];

    if (result == value)
        return true;
    complain(file, line, what);
    fprintf(stderr, "%s, expected %s\n", value_name(result, a, sizeof(a)), value_name(value, b, sizeof(b)));
    return false;
}

bool conform_expect_text(const char *file, int line, const char *what, const char *text, const char *value)
{
    if (strcmp(text, value) == 0)
        return true;
    complain(file, line, what);
    fprintf(stderr, "\"%s\", expected \"%s\"\n", text, value);
    return false;
}

static void uncount(const char *prefix, const char *label, const char *reason)
{
    conform_counts->cases--;
    conform_counts->not_runnable++;
    fprintf(stderr, "  %s: not runnable: %s%s%s%s\n", conform_counts->test, label, label[0] ? ": " : "", prefix, reason);
}

static void close_row(void)
{
    const char *reason = conform_counts->case_failed ? conform_difference(conform_counts->test, conform_counts->label) : NULL;

    if (reason)
        uncount("differs, ", conform_counts->label, reason);
    else if (conform_counts->case_failed)
        conform_counts->failed++;
    conform_counts->case_failed = false;
    conform_counts->label[0] = '\0';
}

bool conform_row(const char *label)
{
    close_row();
    conform_counts->cases++;
    snprintf(conform_counts->label, sizeof(conform_counts->label), "%s", label);
    return true;
}

void conform_row_not_runnable(const char *reason)
{
    uncount("", conform_counts->label, reason);
}

void conform_not_runnable(const char *reason)
{
    conform_counts->not_run = true;
    snprintf(conform_counts->reason, sizeof(conform_counts->reason), "%s", reason);
    sys_exit(0);
    abort();
}

/* ---- help for cases ---- */

int spawn(int (*fn)(void *arg), void *arg)
{
    return sys_spawn(&(struct sys_spawn){.cgroup_fd = -1}, fn, arg);
}

int collect(int pid)
{
    siginfo_t info;

    int r = sys_waitid(P_PID, pid, &info, WEXITED);
    if (r < 0)
        return r;
    return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

int in_child(int (*fn)(void *arg), void *arg)
{
    int pid = spawn(fn, arg);

    return pid < 0 ? pid : collect(pid);
}

/* ---- running ---- */

static int case_main(void *arg)
{
    const struct conform_case *test = arg;

    test->run();
    return 0;
}

/* Process 1 also collects what the case leaves behind. */
int conform_init(const struct conform_case *test)
{
    siginfo_t info;

    int pid = spawn(case_main, (void *)test);
    if (pid < 0)
        return pid;
    do {
        if (sys_waitid(P_ALL, 0, &info, WEXITED) < 0)
            return -ECHILD;
    } while (info.si_pid != pid);
    return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

static void run_case(const struct conform_case *test)
{
    bool ended;

    conform_counts->cases++;
    conform_counts->test = test->name;
    conform_counts->not_run = false;
    ended = conform_run(test);
    if (!ended)
        conform_counts->case_failed = true;
    unsigned int failed = conform_counts->failed;
    close_row();
    if (conform_counts->failed > failed)
        printf("  %s failed\n", test->name);
    if (conform_counts->not_run)
        uncount("", "", conform_counts->reason);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    conform_counts = mmap(NULL, sizeof(*conform_counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (conform_counts == MAP_FAILED)
        return 1;

    for (const struct conform_case *test = __start_conform_cases; test < __stop_conform_cases; test++) {
        if (argc < 2 || strstr(test->name, argv[1]))
            run_case(test);
    }
    printf("%s: %u agreed, %u failed, %u not runnable\n", conform_is_mock() ? "mock" : "real",
           conform_counts->cases - conform_counts->failed, conform_counts->failed, conform_counts->not_runnable);
    return conform_counts->failed > 0;
}
