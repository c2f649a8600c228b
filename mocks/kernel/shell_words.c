/* SPDX-License-Identifier: Apache-2.0 */
/* The shell's words and redirections: taking them off the script, expanding, carrying out. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/programs.h"
#include "mocks/kernel/shell.h"
#include "sys/sys.h"

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

static void put_text(struct command *command, const char *text)
{
    for (; *text; text++)
        put(command, *text);
}

char *shell_variable(struct shell *shell, char letter)
{
    return shell->variables[(letter | ' ') - 'a'];
}

static const char *from_environment(const struct shell *shell, const char *name, size_t len)
{
    for (char **entry = shell->envp; *entry; entry++) {
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
            return *entry + len + 1;
    }
    return "";
}

/* $x, $NAME and $((x+N)), behind the '$'. */
static bool expand_name(struct shell *shell, struct command *command)
{
    const char *name = shell->at + 1;
    size_t len = 0;
    char letter;
    int more, end = 0;

    if (sscanf(name, "((%c+%d))%n", &letter, &more, &end) == 2 && end > 0) {
        put_number(command, atoi(shell_variable(shell, letter)) + more);
        shell->at = name + end;
        return true;
    }
    while (isalpha((unsigned char)name[len]) || (len > 0 && name[len] == '_'))
        len++;
    if (len == 0)
        return false;
    put_text(command, len == 1 ? shell_variable(shell, *name) : from_environment(shell, name, len));
    shell->at = name + len;
    return true;
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
        return expand_name(shell, command);
    }
    shell->at += 2;
    return true;
}

/* Appends one word of the script to the text; returns where it starts. */
char *take_word(struct shell *shell, struct command *command)
{
    char *start = command->text + command->used;
    char quote = '\0';

    for (; *shell->at; shell->at++) {
        char c = *shell->at;
        if (quote ? c == quote : c == '\'' || c == '"') {
            quote = quote ? '\0' : c;
            continue;
        }
        if (!quote && strchr(" \t\n;&|<>()", c))
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

bool is_redirection(const char *p)
{
    bool numbered = *p >= '0' && *p <= '2' && (p[1] == '<' || p[1] == '>');

    return *p == '<' || *p == '>' || numbered;
}

void take_redirection(struct shell *shell, struct command *command)
{
    int fd = *shell->at == '<' ? 0 : 1;

    if (isdigit((unsigned char)*shell->at))
        fd = *shell->at++ - '0';
    struct redirection *redirection = &command->redirections[fd];
    redirection->flags = *shell->at == '<' ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;
    shell->at++;
    if (*shell->at == '&') {
        redirection->fd = shell->at[1] == '-' ? CLOSED : shell->at[1] - '0';
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
    return redirection->path || redirection->fd != -1;
}

/* Makes newfd a copy of fd; returns what it was, or negative when it was closed. */
int replace(int fd, int newfd)
{
    int saved = sys_fcntl(newfd, F_DUPFD_CLOEXEC, SAVED_AT);

    (void)sys_dup3(fd, newfd, 0);
    return saved;
}

void put_back(int fd, int saved)
{
    if (saved < 0) {
        (void)sys_close(fd);
        return;
    }
    (void)sys_dup3(saved, fd, 0);
    (void)sys_close(saved);
}

/* 0, or 1 when a file cannot be opened. */
int redirect(struct command *command)
{
    for (int fd = 0; fd < 3; fd++) {
        struct redirection *redirection = &command->redirections[fd];
        if (!is_redirected(redirection))
            continue;
        if (!redirection->path) {
            redirection->saved = replace(redirection->fd == CLOSED ? fd : redirection->fd, fd);
            if (redirection->fd == CLOSED)
                (void)sys_close(fd);
            continue;
        }
        int opened = sys_openat(AT_FDCWD, redirection->path, redirection->flags | O_CLOEXEC, 0644);
        if (opened < 0) {
            redirection->fd = -1;
            redirection->path = NULL;
            return program_fail("sh", "open", opened);
        }
        redirection->saved = replace(opened, fd);
        (void)sys_close(opened);
    }
    return 0;
}

/* stays: "exec" without a command redirects for good. */
void restore(const struct command *command, bool stays)
{
    for (int fd = 0; fd < 3; fd++) {
        int saved = command->redirections[fd].saved;
        if (!is_redirected(&command->redirections[fd]))
            continue;
        if (!stays)
            put_back(fd, saved);
        else if (saved >= 0)
            (void)sys_close(saved);
    }
}
