/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the shell share. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_MAX 24
#define TEXT_MAX 2048
#define TRAP_TEXT_MAX 128
#define TRAPS_MAX 4
#define VALUE_MAX 16
#define SAVED_AT 100 /* where descriptors are kept during a redirection */
#define CLOSED (-2)

struct trap {
    int sig;
    char action[TRAP_TEXT_MAX];
};

struct shell {
    const char *at; /* rest of the script */
    char **envp;
    int status;
    int background; /* pid of the last one */
    int input;      /* the pipe that the command before writes into; -1: none */
    bool exiting;
    bool dry; /* commands are read, not run */
    char variables[26][VALUE_MAX];
    struct trap traps[TRAPS_MAX];
    size_t n_traps;
    uint64_t caught; /* signals whose traps are due */
};

/* What replaces one of the descriptors 0 to 2 while a command runs. */
struct redirection {
    const char *path; /* NULL: fd */
    int flags;
    int fd;    /* -1: none; CLOSED */
    int saved; /* what it was */
};

enum command_kind { SIMPLE, WHILE, GROUP };

struct command {
    enum command_kind kind;
    const char *start; /* in the script */
    char *words[WORDS_MAX + 1];
    int n;
    struct redirection redirections[3];
    char text[TEXT_MAX];
    size_t used;
    char end[3]; /* ";", "&", "|", "&&", "||", "" */
};

/* The next word of the script, expanded; its text is kept in the command. */
char *take_word(struct shell *shell, struct command *command);
/* The variable of one letter. */
char *shell_variable(struct shell *shell, char letter);

bool is_redirection(const char *p);
void take_redirection(struct shell *shell, struct command *command);
/* Carries out all of a command: 0, or a status after a complaint. stays: they outlive the command (exec). */
int redirect(struct command *command);
void restore(const struct command *command, bool stays);
/* Makes newfd lead where fd does; returns what keeps the old one, for put_back(). */
int replace(int fd, int newfd);
void put_back(int fd, int saved);
