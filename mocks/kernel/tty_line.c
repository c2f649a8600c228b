/* SPDX-License-Identifier: Apache-2.0 */
/* The line discipline (termios(3)): what becomes of typed bytes before a program reads them, and of written ones before they
 * are seen.
 *
 * Canonical mode collects lines that can be edited; ECHO shows what is typed; ISIG turns some bytes into signals; OPOST with
 * ONLCR writes a line feed as carriage return and line feed. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/sim.h"
#include "mocks/kernel/tty.h"

#define INPUT_FLAGS                                                                                                            \
    (IGNBRK | BRKINT | IGNPAR | PARMRK | INPCK | INLCR | IGNCR | ICRNL | IXON | IXANY | IMAXBEL | 0x4000 /* IUTF8 */)
#define OUTPUT_FLAGS (OPOST | ONLCR | OCRNL)
#define DELETE 0x7f

/* MIN 1, ^C ^\ DEL ^U ^D, ^Q ^S ^Z, ^R ^O ^W ^V */
static const struct termios initial = {
    .c_iflag = ICRNL | IXON,
    .c_oflag = OPOST | ONLCR,
    .c_cflag = B38400 | CS8 | CREAD,
    .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .c_cc = {3, 28, DELETE, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22},
};

void line_init(struct tty *tty)
{
    tty->termios = initial;
    tty->output = BUF_INIT(1 << 20);
    tty->echo = BUF_INIT(1 << 20);
    tty->input = calloc(TTY_QUEUE_MAX + 2, sizeof(*tty->input));
}

static bool is_set(const struct tty *tty, unsigned int flag)
{
    return tty->termios.c_lflag & flag;
}

/* Is it the special byte? Those that are zero are switched off. */
static bool is_special(const struct tty *tty, unsigned char byte, int which)
{
    return byte != 0 && byte == tty->termios.c_cc[which];
}

/* ---- output ---- */

static void put(struct tty *tty, struct buf *out, unsigned char byte)
{
    unsigned int flags = tty->termios.c_oflag;

    if ((flags & OPOST) && byte == '\n' && (flags & ONLCR))
        buf_append(out, "\r", 1);
    if ((flags & OPOST) && byte == '\r' && (flags & OCRNL))
        byte = '\n';
    buf_append(out, &byte, 1);
}

bool line_writable(const struct tty *tty)
{
    return !tty->stopped && tty->output.len + 1 < TTY_QUEUE_MAX;
}

size_t line_output(struct tty *tty, const char *p, size_t len)
{
    size_t done = 0;

    while (done < len && !tty->stopped && tty->output.len + (p[done] == '\n') < TTY_QUEUE_MAX)
        put(tty, &tty->output, (unsigned char)p[done++]);
    return done;
}

/* ---- echo ---- */

static bool shows_caret(const struct tty *tty, unsigned char byte)
{
    return is_set(tty, ECHOCTL) && (byte < ' ' || byte == DELETE) && byte != '\t' && byte != '\n';
}

static void echo_byte(struct tty *tty, unsigned char byte)
{
    if (!is_set(tty, ECHO))
        return;
    if (shows_caret(tty, byte)) {
        buf_append(&tty->echo, "^", 1);
        byte ^= 0x40;
    }
    put(tty, &tty->echo, byte);
}

static void echo_erased(struct tty *tty, unsigned char byte)
{
    if (byte == '\t')
        unsupported("a terminal that erases a tabulator");
    for (int n = shows_caret(tty, byte) ? 2 : byte < ' ' ? 0 : 1; n > 0; n--)
        buf_append_str(&tty->echo, "\b \b");
}

/* ---- editing the last line ---- */

static bool last_is_open(const struct tty *tty)
{
    return tty->n_input > 0 && !tty->input[tty->n_input - 1].ends;
}

static void erase_one(struct tty *tty)
{
    unsigned char byte = tty->input[--tty->n_input].byte;

    if (is_set(tty, ECHO) && is_set(tty, ECHOE))
        echo_erased(tty, byte);
    else
        echo_byte(tty, tty->termios.c_cc[VERASE]);
}

static bool is_word(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           byte >= 0x80;
}

static void erase_word(struct tty *tty)
{
    while (last_is_open(tty) && !is_word(tty->input[tty->n_input - 1].byte))
        erase_one(tty);
    while (last_is_open(tty) && is_word(tty->input[tty->n_input - 1].byte))
        erase_one(tty);
}

static void erase_line(struct tty *tty)
{
    if (is_set(tty, ECHO) && !(is_set(tty, ECHOK) && is_set(tty, ECHOKE) && is_set(tty, ECHOE)))
        unsupported("a terminal with ECHOK, but without ECHOKE or ECHOE");
    while (last_is_open(tty))
        erase_one(tty);
}

/* ---- input ---- */

static void add(struct tty *tty, unsigned char byte, bool ends, bool is_byte)
{
    if (tty->n_input < TTY_QUEUE_MAX)
        tty->input[tty->n_input++] = (struct tty_char){byte, ends, is_byte};
}

static size_t open_length(const struct tty *tty)
{
    size_t n = 0;

    while (n < tty->n_input && !tty->input[tty->n_input - 1 - n].ends)
        n++;
    return n;
}

static int signal_of(const struct tty *tty, unsigned char byte)
{
    if (!is_set(tty, ISIG))
        return 0;
    return is_special(tty, byte, VINTR)   ? SIGINT
           : is_special(tty, byte, VQUIT) ? SIGQUIT
           : is_special(tty, byte, VSUSP) ? SIGTSTP
                                          : 0;
}

static void receive_signal(struct tty *tty, unsigned char byte, int sig)
{
    tty_signal_group(tty, sig);
    if (!is_set(tty, NOFLSH)) {
        tty->n_input = 0;
        tty->echo.len = 0;
    }
    tty->stopped = false;
    echo_byte(tty, byte);
}

/* ^S and ^Q. */
static bool receive_flow(struct tty *tty, unsigned char byte)
{
    bool start = is_special(tty, byte, VSTART);

    if (!(tty->termios.c_iflag & IXON) || !(start || is_special(tty, byte, VSTOP)))
        return false;
    tty->stopped = !start;
    return true;
}

/* Bytes that edit or end the line; false: just a byte. */
static bool receive_editing(struct tty *tty, unsigned char byte)
{
    bool extended = is_set(tty, IEXTEN);

    if (is_special(tty, byte, VERASE)) {
        if (last_is_open(tty))
            erase_one(tty);
    } else if (is_special(tty, byte, VKILL)) {
        erase_line(tty);
    } else if (extended && is_special(tty, byte, VWERASE)) {
        erase_word(tty);
    } else if (is_special(tty, byte, VEOF)) {
        add(tty, 0, true, false);
    } else if (extended && is_special(tty, byte, VREPRINT) && is_set(tty, ECHO)) {
        unsupported("a terminal that reprints its line");
    } else if (byte == '\n' || is_special(tty, byte, VEOL) || (extended && is_special(tty, byte, VEOL2))) {
        if (byte == '\n' && !is_set(tty, ECHO) && is_set(tty, ECHONL))
            put(tty, &tty->echo, byte);
        echo_byte(tty, byte);
        add(tty, byte, true, true);
    } else {
        return false;
    }
    return true;
}

/* A newline that was typed and means nothing is shown as the control byte it is; one made of a carriage return is not. */
static void receive_plain(struct tty *tty, unsigned char byte, bool typed)
{
    if (is_set(tty, ICANON) && open_length(tty) >= TTY_LINE_MAX - 1)
        return;
    if (typed && byte == '\n' && is_set(tty, ECHO) && is_set(tty, ECHOCTL))
        buf_append_str(&tty->echo, "^J");
    else
        echo_byte(tty, byte);
    add(tty, byte, false, true);
}

static void receive_byte(struct tty *tty, unsigned char byte)
{
    unsigned int flags = tty->termios.c_iflag;

    if (tty->literal) {
        tty->literal = false;
        receive_plain(tty, byte, true);
        return;
    }
    if (receive_flow(tty, byte))
        return;
    int sig = signal_of(tty, byte);
    if (sig) {
        receive_signal(tty, byte, sig);
        return;
    }
    if (tty->stopped && (flags & IXON) && (flags & IXANY))
        tty->stopped = false;
    if (byte == '\r' && (flags & IGNCR))
        return;
    bool typed = byte == '\n';
    if (byte == '\r' && (flags & ICRNL))
        byte = '\n';
    else if (byte == '\n' && (flags & INLCR))
        byte = '\r';
    if (is_set(tty, ICANON) && is_set(tty, IEXTEN) && is_special(tty, byte, VLNEXT)) {
        tty->literal = true;
        if (is_set(tty, ECHO) && is_set(tty, ECHOCTL))
            buf_append_str(&tty->echo, "^\b");
        return;
    }
    if (!is_set(tty, ICANON) || !receive_editing(tty, byte))
        receive_plain(tty, byte, typed);
}

size_t line_receive(struct tty *tty, const char *p, size_t len)
{
    size_t done = 0;

    while (done < len && tty->n_input < TTY_QUEUE_MAX)
        receive_byte(tty, (unsigned char)p[done++]);
    if (tty->output.len < TTY_QUEUE_MAX)
        buf_append(&tty->output, tty->echo.data, tty->echo.len);
    tty->echo.len = 0;
    return done;
}

/* ---- reading ---- */

bool line_readable(const struct tty *tty)
{
    if (!is_set(tty, ICANON)) {
        size_t min = tty->termios.c_cc[VMIN];
        return tty->n_input >= (min > 0 ? min : 1);
    }
    for (size_t i = 0; i < tty->n_input; i++) {
        if (tty->input[i].ends)
            return true;
    }
    return false;
}

size_t line_available(const struct tty *tty)
{
    size_t n = 0;

    if (is_set(tty, ICANON) && !line_readable(tty))
        return 0;
    while (n < tty->n_input && !(is_set(tty, ICANON) && tty->input[n].ends))
        n++;
    return n < tty->n_input && tty->input[n].is_byte ? n + 1 : n;
}

/* In canonical mode no more than to the end of the line; an end of file right behind what is taken goes with it. */
size_t line_take(struct tty *tty, char *p, size_t len)
{
    size_t n = 0, used = 0;

    while (used < tty->n_input) {
        const struct tty_char *next = &tty->input[used];
        if (next->is_byte && n == len)
            break;
        used++;
        if (next->is_byte)
            p[n++] = (char)next->byte;
        if (is_set(tty, ICANON) && next->ends)
            break;
    }
    tty->n_input -= used;
    memmove(tty->input, tty->input + used, tty->n_input * sizeof(*tty->input));
    return n;
}

/* ---- settings ---- */

void line_configure(struct tty *tty, const struct termios *termios, bool flush)
{
    bool was_canonical = is_set(tty, ICANON);

    if ((termios->c_iflag & ~(unsigned int)INPUT_FLAGS) || (termios->c_lflag & TOSTOP))
        unsupported("termios: flags 0x%x 0x%x", termios->c_iflag, termios->c_lflag);
    if ((termios->c_oflag & OPOST) && (termios->c_oflag & ~(unsigned int)OUTPUT_FLAGS))
        unsupported("termios: output flags 0x%x", termios->c_oflag);
    if (!(termios->c_lflag & ICANON) && (termios->c_cc[VTIME] || termios->c_cc[VMIN] > 1))
        unsupported("termios: MIN %u, TIME %u", termios->c_cc[VMIN], termios->c_cc[VTIME]);
    if (flush)
        tty->n_input = 0;
    tty->termios = *termios;
    /* The ends of lines mean nothing without lines; what was not finished is a line when they begin. */
    if (!was_canonical && is_set(tty, ICANON) && tty->n_input > 0)
        tty->input[tty->n_input - 1].ends = true;
    if (!(tty->termios.c_iflag & IXON))
        tty->stopped = false;
}
