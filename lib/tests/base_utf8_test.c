/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>

#include "check.h"

/* The definition, the other way round: a character is what its code point is encoded to. */
static size_t encode(uint32_t code, uint8_t to[4])
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1; code >>= 6)
        to[i] = (uint8_t)(0x80 | (code & 0x3f));
    to[0] = (uint8_t)(leads[n] | code);
    return n;
}

static bool is_surrogate(uint32_t code)
{
    return code >= 0xd800 && code < 0xe000;
}

static void every_code_point_but_the_surrogates_is_a_character(void **state)
{
    uint8_t text[4];

    (void)state;
    for (uint32_t code = 0; code < 0x120000; code++) {
        size_t n = encode(code, text);
        bool valid = code < 0x110000 && !is_surrogate(code);
        if (utf8_length(text, n) != (valid ? n : 0))
            fail_msg("U+%04X: length %zu", code, utf8_length(text, n));
    }
}

/* Bytes that say the same as a character, if they are read without care; or 0xffffffff. */
static uint32_t decode(const uint8_t text[4], size_t *ret_n)
{
    size_t n = text[0] < 0x80 ? 1 : text[0] < 0xc0 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : text[0] < 0xf8 ? 4 : 0;
    uint32_t code = n == 1 ? text[0] : text[0] & (0x7fu >> n);

    for (size_t i = 1; i < n; i++) {
        if (text[i] >> 6 != 2)
            return UINT32_MAX;
        code = code << 6 | (text[i] & 0x3f);
    }
    *ret_n = n;
    return n == 0 ? UINT32_MAX : code;
}

/* All leads and second bytes, and enough of what may follow. */
static void other_bytes_are_none(void **state)
{
    static const uint8_t rest[] = {0x00, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xff};

    (void)state;
    for (uint32_t i = 0; i < 0x10000 * sizeof(rest) * sizeof(rest); i++) {
        uint32_t start = i & 0xffff, tail = i >> 16;
        uint8_t text[4] = {(uint8_t)(start >> 8), (uint8_t)start, rest[tail % sizeof(rest)], rest[tail / sizeof(rest)]};
        uint8_t shortest[4];
        size_t n = 0;
        uint32_t code = decode(text, &n);
        bool valid = code < 0x110000 && !is_surrogate(code) && encode(code, shortest) == n;
        if (utf8_length(text, sizeof(text)) != (valid ? n : 0))
            fail_msg("%02x %02x %02x %02x: length %zu", text[0], text[1], text[2], text[3], utf8_length(text, sizeof(text)));
    }
}

static void character_that_is_cut_off_is_none(void **state)
{
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

    (void)state;
    FOR_ROWS (character, characters) {
        for (size_t len = 1; len < strlen(*character); len++)
            assert_int_equal(utf8_length(*character, len), 0);
        assert_int_equal(utf8_length(*character, strlen(*character)), strlen(*character));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_but_the_surrogates_is_a_character),
        cmocka_unit_test(other_bytes_are_none),
        cmocka_unit_test(character_that_is_cut_off_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
