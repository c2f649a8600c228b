/* SPDX-License-Identifier: Apache-2.0 */
/* PID 1 of the VM in which the conformance suite runs: makes the machine ready, executes every program of /tests in the order
 * of their names with the console as output, says how each ended, and switches off. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/guest/boot.h"
#include "agent/guest/modules.h"

#define TESTS "/tests"

static void complain(const char *what, const struct error *err)
{
    printf("conform_init: %s: %s\n", what, err->text);
}

static void make_machine(void)
{
    struct buf problems = BUF_INIT(MODULES_PROBLEMS_MAX);
    struct logger silent = {.level = LOG_CRITICAL};
    struct error err = {.errnum = 0};

    mkdir("/tmp", 01777);
    if (boot_early_mounts(&silent, &err) < 0)
        complain("mounts", &err);
    modules_load_list(MODULES_FIRST, &problems);
    modules_load_list(MODULES_LATER, &problems);
    printf("%s", problems.data ?: "");
    buf_done(&problems);
}

/* Orphans of the test are collected on the way. Returns its wait status. */
static int run(const char *path, const char *only)
{
    int status = -1;

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, only, NULL);
        _exit(127);
    }
    for (pid_t ended = 0; ended >= 0 && ended != pid;)
        ended = wait(&status);
    return status;
}

static int is_program(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **names;
    /* A word "only=..." of the kernel's command line becomes a variable of init's environment. */
    const char *only = getenv("only");

    (void)argc;
    (void)argv;
    make_machine();
    setenv("CONFORM_OWN_MACHINE", "1", 1);
    int n = scandir(TESTS, &names, is_program, alphasort);
    for (int i = 0; i < n; i++) {
        char path[512];
        snprintf(path, sizeof(path), TESTS "/%s", names[i]->d_name);
        printf("\n=== %s\n", names[i]->d_name);
        int status = run(path, only);
        printf("\n=== ended with status 0x%x\n", (unsigned int)status);
    }
    printf("\n=== all\n");
    fflush(stdout);
    boot_power_off();
    return 1;
}
