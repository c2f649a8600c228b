/* SPDX-License-Identifier: Apache-2.0 */
/* Small texts of the runtime's formats. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define NSEC_IN_SEC UINT64_C(1000000000)
#define TEXT_TIME_MAX 96 /* what the compiler believes six numbers may take */

/* RFC 3339 in UTC ("2026-01-02T03:04:05.000000006Z"), without the fraction when it is 0. */
void text_time(uint64_t realtime_ns, char text[static TEXT_TIME_MAX]);
/* One line that a terminal shows and does not obey, whoever wrote the text: newlines and tabs become blanks; other control
 * characters, those that change the direction of writing, and bytes that are no UTF-8 become '?'. Cut at size. */
void text_make_line(const char *text, char *out, size_t size);
