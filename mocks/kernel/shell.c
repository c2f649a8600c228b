/* SPDX-License-Identifier: Apache-2.0 */
/* A small shell: `sh -c SCRIPT`.
 *
 * Commands are separated by ';', newline, '&&', '||', '|' or '&' (background); `while LIST; do LIST; done` and `(LIST)` are
 * commands, too. Words: plain, '...', "...", with $?, $$, $!, $x, $NAME and $((x+N)) outside of single quotes; x is a variable
 * of one letter, set by x=VALUE, NAME one of the environment. Redirections: >FILE >>FILE <FILE >&2 2>&1 2>FILE <&-. Own
 * commands: exit, cd, exec, wait, trap, ':'. Tools of programs.c (but tail, whose memory counts) run inside the shell's own
 * process, as in a busybox; everything else is looked up in /bin and spawned.
 *
 * A spawned process finds its command again in its copy of the arguments: the parent's stack may be gone by then. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/macros.h"
#include "mocks/kernel/programs.h"
#include "mocks/kernel/shell.h"
#include "mocks/kernel/tools.h"
#include "sys/sys.h"

/* ---- commands ---- */

static void take_end(struct shell *shell, struct command *command)
{
    char c = *shell->at;

    if (!c || c == ')') /* which ends the list around it, too */
        return;
    command->end[0] = c == '\n' ? ';' : c;
    shell->at++;
    if ((c == '&' || c == '|') && *shell->at == c) {
        command->end[1] = c;
        shell->at++;
    }
}

/* The words of a simple command, or what follows a compound one. */
static void take_rest(struct shell *shell, struct command *command)
{
    for (;;) {
        shell->at += strspn(shell->at, " \t");
        if (!*shell->at || strchr("\n;&|()", *shell->at))
            break;
        if (is_redirection(shell->at)) {
            take_redirection(shell, command);
            continue;
        }
        char *word = take_word(shell, command);
        if (command->n < WORDS_MAX)
            command->words[command->n++] = word;
    }
    take_end(shell, command);
}

static bool at_keyword(const struct shell *shell, const char *word)
{
    size_t len = strlen(word);

    return strncmp(shell->at, word, len) == 0 && (*word == ')' || !isalnum((unsigned char)shell->at[len]));
}

static void take_keyword(struct shell *shell, const char *word)
{
    if (at_keyword(shell, word))
        shell->at += strlen(word);
}

static void run_list(struct shell *shell, const char *end);

/* Behind "while". */
static void run_while(struct shell *shell)
{
    const char *condition = shell->at;
    bool dry = shell->dry;
    int status = 0; /* that of the last round */

    while (!shell->exiting) {
        shell->at = condition;
        run_list(shell, "do");
        take_keyword(shell, "do");
        bool goes_on = !dry && !shell->exiting && shell->status == 0;
        shell->dry = !goes_on;
        run_list(shell, "done");
        shell->dry = dry;
        take_keyword(shell, "done");
        if (!goes_on)
            break;
        status = shell->status;
    }
    if (!dry && !shell->exiting)
        shell->status = status;
}

static void take_command(struct shell *shell, struct command *command)
{
    bool dry = shell->dry;

    *command = (struct command){.redirections = {{.fd = -1}, {.fd = -1}, {.fd = -1}}};
    shell->at += strspn(shell->at, " \t");
    command->start = shell->at;
    shell->dry = true;
    if (*shell->at == '(') {
        command->kind = GROUP;
        command->start = ++shell->at;
        run_list(shell, ")");
        take_keyword(shell, ")");
    } else if (at_keyword(shell, "while")) {
        command->kind = WHILE;
        command->start = shell->at += strlen("while");
        run_while(shell);
    }
    shell->dry = dry;
    take_rest(shell, command);
}

static int execute(const struct command *command, char **envp)
{
    char path[256];
    const char *name = command->words[0];

    snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/bin/", name);
    int r = sys_execveat(AT_FDCWD, path, command->words, envp, 0);
    program_fail("sh", name, r);
    return r == -ENOENT ? 127 : 126;
}

static int perform(struct shell *shell, struct command *command, bool forked);

/* A child has its own traps: none. */
static void forget_traps(struct task *task)
{
    for (int sig = 1; sig <= SIGNALS; sig++) {
        if (task->signals_caught & SIGNAL_BIT(sig))
            (void)sys_signal(sig, SIG_DFL);
    }
}

/* In a process of its own: the command that starts at this offset of the script. */
static int run_again(void *arg)
{
    struct task *task = current();
    struct shell shell = {.at = task->argv[2] + (uintptr_t)arg, .envp = task->envp, .input = -1};
    struct command command;

    (void)sys_close_range(SAVED_AT, UINT_MAX, 0);
    task->program = &shell;
    forget_traps(task);
    take_command(&shell, &command);
    if (redirect(&command))
        return 1;
    return perform(&shell, &command, true);
}

static int spawn(struct shell *shell, size_t offset)
{
    const struct sys_spawn args = {.cgroup_fd = -1};

    int pid = sys_spawn(&args, run_again, (void *)offset);
    if (pid < 0) {
        program_fail("sh", "fork", pid);
        shell->exiting = true;
        shell->status = 2;
    }
    return pid;
}

static int wait_for(int pid)
{
    siginfo_t info = {0};

    int r = sys_waitid(pid > 0 ? P_PID : P_ALL, pid > 0 ? pid : 0, &info, WEXITED);
    if (r < 0)
        return 127;
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

/* ---- traps ---- */

static void signal_caught(int sig)
{
    struct shell *shell = current()->program;

    shell->caught |= SIGNAL_BIT(sig);
}

/* trap ACTION SIGNAL...: in the action, only what needs no process of its own. */
static int set_traps(struct shell *shell, const struct command *command)
{
    for (int i = 2; i < command->n; i++) {
        struct trap *trap = &shell->traps[shell->n_traps];
        int sig = program_signal(command->words[i]);
        if (!*command->words[1]) {
            (void)sys_signal(sig, SIG_IGN);
            continue;
        }
        if (shell->n_traps == TRAPS_MAX)
            return program_fail("trap", command->words[i], E2BIG);
        trap->sig = sig;
        snprintf(trap->action, sizeof(trap->action), "%s", command->words[1]);
        shell->n_traps++;
        (void)sys_signal(sig, signal_caught);
    }
    return 0;
}

static void run_traps(struct shell *shell)
{
    const char *at = shell->at;

    for (size_t i = 0; i < shell->n_traps && !shell->dry; i++) {
        const struct trap *trap = &shell->traps[i];
        if (!(shell->caught & SIGNAL_BIT(trap->sig)))
            continue;
        shell->caught &= ~SIGNAL_BIT(trap->sig);
        shell->at = trap->action;
        run_list(shell, "");
        shell->at = at;
    }
}

/* ---- running ---- */

static int change_directory(const struct command *command)
{
    const char *path = command->n > 1 ? command->words[1] : "/";
    int r = sys_chdir(path);

    return r < 0 ? program_fail("cd", path, r) : 0;
}

/* Commands of the shell itself; false: it is none of them. */
static bool run_own(struct shell *shell, const struct command *command, int *ret_status)
{
    char *const *words = command->words;

    *ret_status = 0;
    if (strcmp(words[0], ":") == 0)
        return true;
    if (isalpha((unsigned char)words[0][0]) && words[0][1] == '=')
        snprintf(shell_variable(shell, words[0][0]), VALUE_MAX, "%.15s", words[0] + 2);
    else if (strcmp(words[0], "exit") == 0) {
        shell->exiting = true;
        *ret_status = command->n > 1 ? atoi(words[1]) : shell->status;
    } else if (strcmp(words[0], "cd") == 0)
        *ret_status = change_directory(command);
    else if (strcmp(words[0], "wait") == 0)
        *ret_status = wait_for(command->n > 1 ? atoi(words[1]) : 0);
    else if (strcmp(words[0], "trap") == 0)
        *ret_status = set_traps(shell, command);
    else
        return false;
    return true;
}

/* Where spawn() finds the command again. */
static size_t offset_of(const struct command *command)
{
    static const size_t before[] = {[SIMPLE] = 0, [WHILE] = sizeof("while") - 1, [GROUP] = 1};

    return (size_t)(command->start - current()->argv[2]) - before[command->kind];
}

static int run_simple(struct shell *shell, struct command *command, bool forked)
{
    int status;

    if (command->n == 0 || run_own(shell, command, &status))
        return command->n == 0 ? 0 : status;
    bool replaces = strcmp(command->words[0], "exec") == 0;
    if (replaces) {
        memmove(command->words, command->words + 1, (size_t)command->n * sizeof(command->words[0]));
        if (--command->n == 0)
            return 0;
        shell->exiting = true;
    }
    program_fn fn = program_by_name(command->words[0]);
    bool inside = fn && fn != program_shell && fn != tool_tail && !strchr(command->words[0], '/');
    if (inside && !replaces)
        return fn(command->n, command->words, shell->envp);
    if (forked || replaces)
        return execute(command, shell->envp);
    int pid = spawn(shell, offset_of(command));
    return pid < 0 ? 2 : wait_for(pid);
}

/* forked: this process was made for the command. */
static int perform(struct shell *shell, struct command *command, bool forked)
{
    const char *after = shell->at;

    if (command->kind == SIMPLE)
        return run_simple(shell, command, forked);
    if (command->kind == GROUP && !forked) {
        int pid = spawn(shell, offset_of(command));
        return pid < 0 ? 2 : wait_for(pid);
    }
    shell->at = command->start;
    if (command->kind == WHILE)
        run_while(shell);
    else
        run_list(shell, ")");
    shell->at = after;
    return shell->status;
}

/* Its output is the next one's input. */
static void start_pipe(struct shell *shell, const struct command *command)
{
    int ends[2];

    if (sys_pipe2(ends, O_CLOEXEC) < 0)
        return;
    int saved = replace(ends[1], 1);
    (void)sys_close(ends[1]);
    (void)spawn(shell, offset_of(command));
    put_back(1, saved);
    shell->input = ends[0];
}

static void run_next(struct shell *shell, struct command *command)
{
    int saved = -1, input = shell->input;

    take_command(shell, command);
    if (shell->dry)
        return;
    shell->input = -1;
    if (input >= 0) {
        saved = replace(input, 0);
        (void)sys_close(input);
    }
    if (strcmp(command->end, "&") == 0) {
        shell->background = spawn(shell, offset_of(command));
        shell->status = shell->exiting ? shell->status : 0;
    } else if (strcmp(command->end, "|") == 0) {
        start_pipe(shell, command);
    } else {
        bool stays = command->n == 1 && strcmp(command->words[0], "exec") == 0;
        shell->status = redirect(command) ? 1 : perform(shell, command, false);
        restore(command, stays);
    }
    if (input >= 0)
        put_back(0, saved);
}

/* && and || skip the next command. */
static bool skips(const struct shell *shell, const struct command *command)
{
    if (strcmp(command->end, "&&") == 0)
        return shell->status != 0;
    return strcmp(command->end, "||") == 0 && shell->status == 0;
}

/* Up to the word, or the end of the script. */
static void run_list(struct shell *shell, const char *end)
{
    struct command command;
    bool dry = shell->dry;

    while (!shell->exiting) {
        shell->at += strspn(shell->at, " \t\n;");
        if (!*shell->at || (*end && at_keyword(shell, end)))
            break;
        const char *before = shell->at;
        run_next(shell, &command);
        run_traps(shell);
        while (!dry && *shell->at && skips(shell, &command)) {
            shell->dry = true;
            run_next(shell, &command);
            shell->dry = dry;
        }
        if (shell->at == before)
            break; /* not understood */
    }
}

int program_shell(int argc, char **argv, char **envp)
{
    if (argc < 3 || strcmp(argv[1], "-c") != 0)
        return program_fail("sh", "-c is missing", EINVAL);
    struct shell shell = {.at = argv[2], .envp = envp, .input = -1};

    current()->program = &shell;
    run_list(&shell, "");
    return shell.status;
}
