/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: lines that a server may push, read as routes of both families, name servers, refusals and
 * waits. What comes out is what keeper takes.
 */
#include "control/calls.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                           \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

enum { LINES = 32 };

static void check_line(const char *line)
{
    static const uint8_t gateway[16] = {0xfd, [15] = 1};
    struct dbr_ipc_route r;
    bool advance;
    REQUIRE(calls_route_parse(&r, line, 1, 0) || !dbr_ipc_check(&r, sizeof r));
    REQUIRE(calls_route6_parse(&r, line, gateway, 0) || !dbr_ipc_check(&r, sizeof r));
    REQUIRE(calls_pending_parse(line) >= 0);
    if (strncmp(line, "TEMP", 4) == 0)
        REQUIRE(calls_temp_parse(line, &advance) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *lines[LINES], *text = malloc(size + 1), *rest = NULL;
    struct dbr_conf_list list = {.v = lines}, none = {0};
    struct dbr_ipc_dns m;
    REQUIRE(text);
    memcpy(text, data, size);
    text[size] = 0;
    for (char *l = strtok_r(text, "\n", &rest); l && list.n < LINES; l = strtok_r(NULL, "\n", &rest)) {
        check_line(l);
        lines[list.n++] = l;
    }
    const struct dbr_conf_list *const given[] = {&none, &list};
    calls_dns_collect(&m, given, given);
    REQUIRE(!dbr_ipc_check(&m, sizeof m));
    free(text);
    return 0;
}
