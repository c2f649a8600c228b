/* SPDX-License-Identifier: Apache-2.0 */
/* Logger: one record a line, JSON with the keys of the Kata agent, or readable text on a terminal.
 *
 * Library code never logs; programs do. A line has at most 8 KiB: what does not fit is cut on a whole character. A logger is an
 * object: its sink decides where lines go. Keys of a JSON line, in order: msg, level (CRIT ERRO WARN INFO DEBG TRCE), ts (RFC
 * 3339, UTC), version, pid (decimal string), name, source, subsystem, then the record's own pairs. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

enum log_level {
    LOG_CRITICAL,
    LOG_ERROR,
    LOG_WARNING,
    LOG_INFO,
    LOG_DEBUG,
    LOG_TRACE,
    LOG_LEVEL_MAX,
};

enum log_format {
    LOG_JSON,
    LOG_TEXT,
};

struct logger {
    enum log_level level; /* records above it are dropped */
    enum log_format format;
    const char *name;    /* value of "name" */
    const char *version; /* value of "version" */
    const char *source;  /* value of "source"; NULL stands for "agent" */
    int pid;
    void (*write)(void *sink, const char *line, size_t len); /* one whole line with its newline */
    uint64_t (*now_realtime_ns)(void *sink);
    void *sink;
};

/* Writes one record. pairs: key, value, key, value, ..., NULL; a NULL value is skipped. Accepts log == NULL. */
void log_record(const struct logger *log, enum log_level level, const char *subsystem, const char *const *pairs,
                const char *fmt, ...) PRINTF_LIKE(5, 6);

#define log_error(log, subsystem, ...) log_record((log), LOG_ERROR, (subsystem), NULL, __VA_ARGS__)
#define log_warning(log, subsystem, ...) log_record((log), LOG_WARNING, (subsystem), NULL, __VA_ARGS__)
#define log_info(log, subsystem, ...) log_record((log), LOG_INFO, (subsystem), NULL, __VA_ARGS__)
#define log_debug(log, subsystem, ...) log_record((log), LOG_DEBUG, (subsystem), NULL, __VA_ARGS__)

/* Level named by the agent's configuration words (fatal, panic, critical, error, warn, warning, info, debug, trace), or
 * -EINVAL. */
int log_level_parse(const char *word);
