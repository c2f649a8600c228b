/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime-min/container/signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SIGNAL_MAX 64
#define RTMIN 34 /* as glibc counts it; the two below are its own */
#define RTMAX 64

/* -1 when text is not all digits or too long to mean anything. */
static int parse_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && digits <= 3 && text[digits] == '\0' ? (int)strtol(text, NULL, 10) : -1;
}

/* "RTMIN", "RTMIN+N", "RTMAX-N". */
static int parse_realtime(const char *name)
{
    bool from_min = strncasecmp(name, "RTMIN", 5) == 0;

    if (!from_min && strncasecmp(name, "RTMAX", 5) != 0)
        return -1;
    int base = from_min ? RTMIN : RTMAX;
    if (name[5] == '\0')
        return base;
    int offset = name[5] == (from_min ? '+' : '-') ? parse_number(name + 6) : -1;
    if (offset < 0 || offset > RTMAX - RTMIN)
        return -1;
    return from_min ? base + offset : base - offset;
}

static int parse_name(const char *name)
{
    if (strncasecmp(name, "SIG", 3) == 0)
        name += 3;
    for (int sig = 1; sig < RTMIN; sig++) {
        const char *known = sigabbrev_np(sig);
        if (known && strcasecmp(known, name) == 0)
            return sig;
    }
    return parse_realtime(name);
}

int signals_parse(const char *word, struct error *err)
{
    int sig = parse_number(word);

    if (sig < 0)
        sig = parse_name(word);
    if (sig < 0)
        return error_status(err, STATUS_INVALID_ARGUMENT, "unknown signal \"%s\"", word);
    if (sig > SIGNAL_MAX)
        return error_status(err, STATUS_INVALID_ARGUMENT, "unable to signal init: invalid argument: there is no signal %d",
                            sig);
    return sig;
}
