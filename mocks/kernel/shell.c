/* SPDX-License-Identifier: Apache-2.0 */
/* A small shell: `sh -c SCRIPT`.
 *
 * Commands are separated by ';', newline, '&&', '||' or '&' (background). Words: plain, '...', "...", with $?, $$ and $!
 * outside of single quotes. Redirections: >FILE >>FILE <FILE >&2 2>&1 2>FILE. Own commands: exit, cd, exec, wait, ':'. Tools of
 * programs.c run inside the shell's own process, as in a busybox; everything else is looked up in /bin and spawned.
 *
 * A spawned process finds its command again in its copy of the arguments: the parent's stack may be gone by then. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/macros.h"
#include "mocks/kernel/programs.h"
#include "sys/sys.h"

#define WORDS_MAX 24
#define TEXT_MAX 2048
#define SAVED_AT 200 /* where descriptors are kept during a redirection */

struct shell {
    const char *at; /* rest of the script */
    char **envp;
    int status;
    int background; /* pid of the last one */
    bool exiting;
};

/* What replaces one of the descriptors 0 to 2 while a command runs. */
struct redirection {
    const char *path; /* NULL: fd */
    int flags;
    int fd; /* -1: none */
};

struct command {
    char *words[WORDS_MAX + 1];
    int n;
    struct redirection redirections[3];
    char text[TEXT_MAX];
    size_t used;
    char end[3]; /* ";", "&", "&&", "||", "" */
};

/* ---- words ---- */

static void put(struct command *command, char c)
{
    if (command->used + 1 < sizeof(command->text))
        command->text[command->used++] = c;
}

static void put_number(struct command *command, int n)
{
    char digits[16];

    snprintf(digits, sizeof(digits), "%d", n);
    for (const char *p = digits; *p; p++)
        put(command, *p);
}

static bool expand(struct shell *shell, struct command *command)
{
    switch (shell->at[1]) {
    case '?':
        put_number(command, shell->status);
        break;
    case '$':
        put_number(command, sys_getpid());
        break;
    case '!':
        put_number(command, shell->background);
        break;
    default:
        return false;
    }
    shell->at += 2;
    return true;
}

/* Appends one word of the script to the text; returns where it starts. */
static char *take_word(struct shell *shell, struct command *command)
{
    char *start = command->text + command->used;
    char quote = '\0';

    for (; *shell->at; shell->at++) {
        char c = *shell->at;
        if (quote ? c == quote : c == '\'' || c == '"') {
            quote = quote ? '\0' : c;
            continue;
        }
        if (!quote && strchr(" \t\n;&|<>", c))
            break;
        if (c == '$' && quote != '\'' && expand(shell, command)) {
            shell->at--;
            continue;
        }
        put(command, c);
    }
    put(command, '\0');
    return start;
}

/* ---- redirections ---- */

static bool is_redirection(const char *p)
{
    return *p == '<' || *p == '>' || ((*p == '1' || *p == '2') && p[1] == '>');
}

static void take_redirection(struct shell *shell, struct command *command)
{
    int fd = *shell->at == '<' ? 0 : 1;

    if (*shell->at == '1' || *shell->at == '2')
        fd = *shell->at++ - '0';
    struct redirection *redirection = &command->redirections[fd];
    redirection->flags = fd == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;
    shell->at++;
    if (*shell->at == '&') {
        redirection->fd = shell->at[1] - '0';
        shell->at += 2;
        return;
    }
    if (*shell->at == '>') {
        redirection->flags = O_WRONLY | O_CREAT | O_APPEND;
        shell->at++;
    }
    shell->at += strspn(shell->at, " \t");
    redirection->path = take_word(shell, command);
}

static bool is_redirected(const struct redirection *redirection)
{
    return redirection->path || redirection->fd >= 0;
}

/* 0, or 1 when a file cannot be opened. */
static int redirect(const struct command *command)
{
    for (int fd = 0; fd < 3; fd++) {
        const struct redirection *redirection = &command->redirections[fd];
        if (!is_redirected(redirection))
            continue;
        (void)sys_dup3(fd, SAVED_AT + fd, O_CLOEXEC);
        if (!redirection->path) {
            (void)sys_dup3(redirection->fd, fd, 0);
            continue;
        }
        int opened = sys_openat(AT_FDCWD, redirection->path, redirection->flags | O_CLOEXEC, 0644);
        if (opened < 0)
            return program_fail("sh", redirection->path, opened);
        (void)sys_dup3(opened, fd, 0);
        (void)sys_close(opened);
    }
    return 0;
}

static void restore(const struct command *command)
{
    for (int fd = 0; fd < 3; fd++) {
        if (is_redirected(&command->redirections[fd]) && sys_dup3(SAVED_AT + fd, fd, 0) >= 0)
            (void)sys_close(SAVED_AT + fd);
    }
}

/* ---- commands ---- */

static void take_end(struct shell *shell, struct command *command)
{
    char c = *shell->at;

    command->end[0] = c == '\n' ? ';' : c;
    if (!c)
        return;
    shell->at++;
    if ((c == '&' || c == '|') && *shell->at == c) {
        command->end[1] = c;
        shell->at++;
    }
}

static void take_command(struct shell *shell, struct command *command)
{
    *command = (struct command){.redirections = {{.fd = -1}, {.fd = -1}, {.fd = -1}}};
    for (;;) {
        shell->at += strspn(shell->at, " \t");
        if (!*shell->at || strchr("\n;&|", *shell->at))
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

static int execute(const struct command *command, char **envp)
{
    char path[256];
    const char *name = command->words[0];

    snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/bin/", name);
    int r = sys_execveat(AT_FDCWD, path, command->words, envp, 0);
    program_fail("sh", name, r);
    return r == -ENOENT ? 127 : 126;
}

/* In a process of its own: the command that starts at this offset of the script. */
static int run_again(void *arg)
{
    struct task *task = current();
    struct shell shell = {.at = task->argv[2] + (uintptr_t)arg, .envp = (char *[]){NULL}};
    struct command command;

    take_command(&shell, &command);
    if (command.n == 0 || redirect(&command))
        return 1;
    program_fn fn = program_by_name(command.words[0]);
    return fn ? fn(command.n, command.words, shell.envp) : execute(&command, shell.envp);
}

static int spawn(size_t offset)
{
    const struct sys_spawn args = {.cgroup_fd = -1};

    return sys_spawn(&args, run_again, (void *)offset);
}

static int wait_for(int pid)
{
    siginfo_t info = {0};

    int r = sys_waitid(pid > 0 ? P_PID : P_ALL, pid > 0 ? pid : 0, &info, WEXITED);
    if (r < 0)
        return 127;
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static int run_own(struct shell *shell, const struct command *command, bool *ret_is)
{
    const char *name = command->words[0];

    *ret_is = true;
    if (strcmp(name, "exit") == 0) {
        shell->exiting = true;
        return command->n > 1 ? atoi(command->words[1]) : shell->status;
    }
    if (strcmp(name, "cd") == 0) {
        int r = sys_chdir(command->n > 1 ? command->words[1] : "/");
        return r < 0 ? program_fail("cd", command->words[1], r) : 0;
    }
    if (strcmp(name, "wait") == 0)
        return wait_for(command->n > 1 ? atoi(command->words[1]) : 0);
    *ret_is = false;
    return 0;
}

static int run_command(struct shell *shell, struct command *command, size_t offset)
{
    bool own;

    if (command->n == 0 || strcmp(command->words[0], ":") == 0)
        return 0;
    int status = run_own(shell, command, &own);
    if (own)
        return status;
    if (strcmp(command->words[0], "exec") == 0 && command->n > 1) {
        memmove(command->words, command->words + 1, (size_t)command->n * sizeof(command->words[0]));
        command->n--;
        shell->exiting = true;
        return execute(command, shell->envp);
    }
    program_fn fn = program_by_name(command->words[0]);
    if (fn && !strchr(command->words[0], '/'))
        return fn(command->n, command->words, shell->envp);
    int pid = spawn(offset);
    return pid < 0 ? 126 : wait_for(pid);
}

static void run_next(struct shell *shell, const char *script, struct command *command)
{
    size_t offset = (size_t)(shell->at - script);

    take_command(shell, command);
    if (strcmp(command->end, "&") == 0) {
        shell->background = spawn(offset);
        shell->status = 0;
        return;
    }
    shell->status = redirect(command) ? 1 : run_command(shell, command, offset);
    restore(command);
}

/* && and || skip the next command. */
static bool skips(const struct shell *shell, const struct command *command)
{
    if (strcmp(command->end, "&&") == 0)
        return shell->status != 0;
    return strcmp(command->end, "||") == 0 && shell->status == 0;
}

int program_shell(int argc, char **argv, char **envp)
{
    if (argc < 3 || strcmp(argv[1], "-c") != 0)
        return program_fail("sh", "-c is missing", EINVAL);
    struct shell shell = {.at = argv[2], .envp = envp};
    struct command command;

    while (*shell.at && !shell.exiting) {
        run_next(&shell, argv[2], &command);
        while (*shell.at && skips(&shell, &command))
            take_command(&shell, &command);
    }
    return shell.status;
}
