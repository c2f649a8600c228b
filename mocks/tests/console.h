/* SPDX-License-Identifier: Apache-2.0 */
/* The debug console for tests: a shell that answers each line with "you said: LINE", and the host that talks to it. */
#pragma once
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "agent/tests/support/expect.h"
#include "mocks/harness/sim_agent.h"
#include "ttrpc/address.h"

#define CONSOLE_ADDRESS "vsock://3:1026"
#define CONSOLE_ENABLED "debug_console = true\ndebug_console_vport = 1026\n"
#define CONSOLE_TEXT_MAX 65536

/* ---- the shell ---- */

static inline UNUSED int console_shell(int argc, char **argv UNUSED, char **envp UNUSED)
{
    struct termios settings;
    char line[128], answer[256];

    if (argc != 1 || sys_ioctl(0, TCGETS, &settings) < 0)
        return 1;
    for (;;) {
        ssize_t n = sys_read(0, line, sizeof(line) - 1);
        if (n <= 0)
            return 2;
        line[n] = '\0';
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "exit") == 0)
            return 0;
        int len = snprintf(answer, sizeof(answer), "you said: %s\n", line);
        (void)sys_write(1, answer, (size_t)len);
    }
}

/* ---- the host's side ---- */

static inline UNUSED int console_dial(struct error *err)
{
    struct address address;

    assert_int_equal(address_parse(CONSOLE_ADDRESS, &address, err), 0);
    return address_connect(&address, err);
}

/* Reads until the text ends with words ("": until the end). Whether it came to that within ten seconds. */
static inline UNUSED bool console_hears(struct rig *rig, int fd, const char *words)
{
    _buf_ struct buf text = BUF_INIT(CONSOLE_TEXT_MAX);
    char chunk[256];

    while (!*words || !text.data || text.len < strlen(words) || strcmp(text.data + text.len - strlen(words), words) != 0) {
        if (fiber_wait_fd(rig->loop, fd, EPOLLIN, loop_deadline(rig->loop, 10 * NSEC_PER_SEC)) <= 0)
            return false;
        ssize_t n = sys_read(fd, chunk, sizeof(chunk));
        if (n <= 0)
            return !*words;
        (void)buf_append(&text, chunk, (size_t)n);
    }
    return true;
}
