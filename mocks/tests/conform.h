/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance: the same cases against the mock kernel and against the real one.
 *
 * A test file holds cases and programs and includes nothing but this header; it is linked once with the mock (NAME_test) and
 * once with the real seam (NAME_real, as root). Every case runs in a process of its own, the child of a process 1 of fresh
 * namespaces (pid, mount, ipc, uts, net), as root with all capabilities; "/" is writable in the mock only, so files belong
 * below "/tmp", an empty tmpfs.
 *
 *     CONFORM_CASE(kill_of_nobody)
 *     {
 *         expect(sys_kill(4711, 0), -ESRCH);
 *     }
 *
 * A case counts once, and once more for every row that it walks through with FOR_CASES. A failed expectation prints the file,
 * the line, the row's label, both values, and lets the case go on. */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/macros.h"
#include "sys/sys.h"

struct conform_case {
    const char *name;
    void (*run)(void);
};

struct conform_program {
    const char *name;
    int (*run)(int argc, char **argv, char **envp);
};

#define CONFORM_CASE(name)                                                                                                     \
    static void name(void);                                                                                                    \
    static const struct conform_case name##_case __attribute__((used, section("conform_cases"))) = {#name, name};              \
    static void name(void)

/* Folders of kernel modules, by release; fat.ko, vfat.ko and dummy.ko are there where conform_owns_machine(). */
#define CONFORM_MODULES "/lib/modules/"

/* A program that cases can execute as CONFORM_BIN "NAME"; it runs on sys_*() alone, its result is the exit status. */
#define CONFORM_BIN "/tmp/bin/"
#define CONFORM_PROGRAM(name)                                                                                                  \
    static int name(int argc, char **argv, char **envp);                                                                       \
    static const struct conform_program name##_program __attribute__((used, section("conform_programs"))) = {#name, name};     \
    static int name(UNUSED int argc, UNUSED char **argv, UNUSED char **envp)

/* Compares; returns whether they are equal. */
#define expect(result, value) conform_expect(__FILE__, __LINE__, #result, (long)(result), (long)(value))
#define expect_true(condition) conform_expect(__FILE__, __LINE__, #condition, (condition) ? 1 : 0, 1)
#define expect_text(text, value) conform_expect_text(__FILE__, __LINE__, #text, text, value)

/* Walks through rows with a member "const char *label". */
#define FOR_CASES(row, rows)                                                                                                   \
    FOR_ROWS (row, rows)                                                                                                       \
        if (conform_row(row->label))

/* The row cannot run on this kernel; goes on. */
void conform_row_not_runnable(const char *reason);
/* Ends the case: it cannot run on this kernel ("no cgroup version 2 controllers"). */
void conform_not_runnable(const char *reason) __attribute__((noreturn));
/* True in the mock: only for what is a different fact of the machine (sizes of tables, numbers), never to excuse a difference.
 */
bool conform_is_mock(void);
/* True in the mock and in a VM of our own: a case may change what counts for the whole machine, if it changes it back. */
bool conform_owns_machine(void);

/* ---- help for cases ---- */

/* Runs fn(arg) in a child and returns what it exits with, or -signal. */
int in_child(int (*fn)(void *arg), void *arg);
/* Waits for a child by its pid: exit status, or -signal. */
int collect(int pid);
/* Makes the process use so many bytes of memory. */
void conform_use_memory(size_t bytes);
/* sys_spawn() without anything special. */
int spawn(int (*fn)(void *arg), void *arg);

/* ---- behind the macros ---- */

bool conform_expect(const char *file, int line, const char *what, long result, long value);
bool conform_expect_text(const char *file, int line, const char *what, const char *text, const char *value);
bool conform_row(const char *label);

struct conform_counts {
    unsigned int cases, failed, not_runnable;
    bool case_failed; /* the present case or row */
    bool not_run;
    const char *test; /* name of the present case */
    char label[128];
    char reason[128];
};

/* Shared with the processes of the case. */
extern struct conform_counts *conform_counts;

/* Runs a case as process 1's child; the first program of a world, or of fresh namespaces. Returns its wait status as waitid
 * tells it: exit status or -signal. */
int conform_init(const struct conform_case *test);
/* Why this kernel answers otherwise to the case, or to the row of it, than the one that the mock is a model of; NULL: it does
 * not. */
const char *conform_difference(const char *test, const char *label);
/* One case on this kernel, from the outside; false: it did not come to its end (message printed). */
bool conform_run(const struct conform_case *test);
extern const struct conform_case __start_conform_cases[], __stop_conform_cases[];
extern const struct conform_program __start_conform_programs[] __attribute__((weak)),
    __stop_conform_programs[] __attribute__((weak));
