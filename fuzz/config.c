/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's configuration. The first byte chooses the source: '0' kernel command line, '1' file, '2' environment, a variable
 * per line. What is refused has no effect; what is taken can be shown. */
#include <string.h>

#include "agent/tests/support/config_show.h"
#include "fuzz/fuzz.h"

#define VARIABLES_MAX 16
#define BUDGET (1024 * 1024)

static int read_source(struct arena *a, int source, char *text, size_t len, struct config *config, struct error *err)
{
    char *variables[VARIABLES_MAX + 1] = {NULL}, *rest = NULL;
    const char *file;

    if (source < 2)
        return source ? config_parse_toml(a, text, len, config, err) : config_parse_cmdline(a, text, config, &file, err);
    for (int n = 0; n < VARIABLES_MAX && (variables[n] = strtok_r(n ? NULL : text, "\n", &rest)); n++)
        ;
    return config_parse_environment(a, variables, config, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _arena_ struct arena *a = arena_new(BUDGET);
    _buf_ struct buf changes = BUF_INIT(BUDGET);
    struct config defaults, config;
    struct error err = {.errnum = 0};
    if (size == 0 || size > BUDGET / 4)
        return 0;
    config_defaults(&defaults);
    config = defaults;
    char *text = arena_strndup(a, (const char *)data + 1, size - 1);
    int r = read_source(a, data[0] % 3, text, size - 1, &config, &err);
    config_show(&config, &defaults, &changes);
    MUST(r == 0 || changes.len == 0);
    MUST(r == 0 || (err.text[0] && (err.status == STATUS_INVALID_ARGUMENT || arena_exhausted(a))));
    return 0;
}
