/* SPDX-License-Identifier: Apache-2.0 */
/* Programs for scripts; programs.h says what they understand. */
#pragma once
#include <stdbool.h>

int tool_head(int argc, char **argv, char **envp);
int tool_tail(int argc, char **argv, char **envp);
int tool_seq(int argc, char **argv, char **envp);
int tool_test(int argc, char **argv, char **envp);
int tool_stty(int argc, char **argv, char **envp);
int tool_tty(int argc, char **argv, char **envp);
int tool_grep(int argc, char **argv, char **envp);
int tool_ps(int argc, char **argv, char **envp);
/* stat [-L] -c FORMAT PATH with %u, %g, %a and %n. */
int tool_stat_format(const char *format, const char *path, bool follow);
