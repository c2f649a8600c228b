/* SPDX-License-Identifier: Apache-2.0 */
/* The text of calls: "agent openat(-100, "/proc", 0x80000, 00) = 7". Nothing in it depends on addresses or on the host. */
#include <stdio.h>
#include <string.h>

#include "mocks/kernel/run.h"

#define CONVERSION_MAX 16

/* One conversion of a printf format. */
struct conversion {
    char text[CONVERSION_MAX]; /* "%#lx" */
    char letter;
    bool wide; /* l, ll, z, j */
};

/* Copies literal text to out (unless NULL) up to the next conversion and reads that; NULL at the end. */
static const char *next_conversion(const char *fmt, struct conversion *ret, struct buf *out)
{
    for (;;) {
        size_t literal = strcspn(fmt, "%");
        if (out)
            buf_append(out, fmt, literal);
        fmt += literal;
        if (*fmt == '\0')
            return NULL;
        if (fmt[1] != '%')
            break;
        if (out)
            buf_append(out, "%", 1);
        fmt += 2;
    }
    size_t len = strcspn(fmt, "diouxXcsp") + 1;
    if (len >= CONVERSION_MAX || strchr(fmt, '*') || fmt[len - 1] == '\0')
        unsupported("call format '%s'", fmt);
    memcpy(ret->text, fmt, len);
    ret->text[len] = '\0';
    ret->letter = fmt[len - 1];
    ret->wide = strpbrk(ret->text, "lzj") != NULL;
    return fmt + len;
}

static bool is_pointer(const struct conversion *conversion)
{
    return conversion->letter == 's' || conversion->letter == 'p';
}

static size_t commas_before_conversion(const char *fmt)
{
    size_t n = 0;

    for (; *fmt && *fmt != '%'; fmt++)
        n += *fmt == ',';
    return n;
}

/* A comma is between two arguments; one without text is a buffer to be filled. */
void call_arguments(const char *fmt, va_list args, uint64_t values[CALL_ARGUMENTS])
{
    struct conversion conversion;

    for (size_t n = 0;;) {
        n += commas_before_conversion(fmt);
        fmt = next_conversion(fmt, &conversion, NULL);
        if (!fmt || n >= CALL_ARGUMENTS)
            return;
        if (is_pointer(&conversion))
            values[n] = (uint64_t)(uintptr_t)va_arg(args, const void *);
        else if (conversion.wide)
            values[n] = va_arg(args, unsigned long);
        else /* as the kernel gets an int: sign-extended by nobody, zero-extended by the register */
            values[n] = conversion.letter == 'd' ? (uint64_t)(int64_t)va_arg(args, int) : va_arg(args, unsigned int);
    }
}

static void show_string(struct buf *out, const struct conversion *conversion, const char *text)
{
    if (text)
        buf_printf(out, conversion->text, text);
    else
        buf_append_str(out, "NULL");
}

static void show_arguments(struct buf *out, const char *fmt, va_list args)
{
    struct conversion conversion;

    while ((fmt = next_conversion(fmt, &conversion, out)) != NULL) {
        if (conversion.letter == 'p')
            buf_append_str(out, va_arg(args, const void *) ? "..." : "NULL");
        else if (conversion.letter == 's')
            show_string(out, &conversion, va_arg(args, const char *));
        else if (conversion.wide)
            buf_printf(out, conversion.text, va_arg(args, unsigned long));
        else
            buf_printf(out, conversion.text, va_arg(args, unsigned int));
    }
}

void sim_set_trace(struct sim *sim, struct buf *out)
{
    sim->observation.trace = out;
}

void trace_begin(struct run *run, enum sys_call call, const char *fmt, va_list args)
{
    run->line.len = 0;
    buf_printf(&run->line, "%s %s(", run->task->name, sys_call_name(call));
    if (fmt[0] != ' ') /* " ": no arguments */
        show_arguments(&run->line, fmt, args);
    buf_append_str(&run->line, ") = ");
}

void trace_end(struct run *run, const char *result)
{
    struct buf *out = run->sim->observation.trace;

    if (out && run->line.len > 0)
        buf_printf(out, "%s%s\n", run->line.data, result);
    run->line.len = 0;
}
