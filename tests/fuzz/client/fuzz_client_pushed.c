/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: lines that a server may push, read as routes of both families, name servers, refusals and
 * waits. What comes out is within its bounds.
 */
#include "base/err.h"
#include "client/names.h"
#include "client/ways.h"

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

static bool good_way(const struct dbr_way *w, uint8_t family)
{
    return w->family == family && w->prefix <= (family == 4 ? 32 : 128) && w->metric <= INT32_MAX &&
           (w->what == DBR_WAY_TUNNEL || w->what == DBR_WAY_AROUND);
}

static void check_line(const char *line)
{
    static const uint8_t gateway[16] = {0xfd, [15] = 1};
    struct dbr_way r;
    bool advance;
    REQUIRE(dbr_way_parse(&r, line, 1, 0) || good_way(&r, 4));
    REQUIRE(dbr_way6_parse(&r, line, gateway, 0) || good_way(&r, 6));
    REQUIRE(dbr_pending_parse(line) >= 0);
    if (strncmp(line, "TEMP", 4) == 0)
        REQUIRE(dbr_temp_parse(line, &advance) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *lines[LINES], *text = malloc(size + 1), *rest = NULL;
    struct dbr_conf_list list = {.v = lines}, none = {0};
    struct dbr_names m;
    REQUIRE(text);
    memcpy(text, data, size);
    text[size] = 0;
    for (char *l = strtok_r(text, "\n", &rest); l && list.n < LINES; l = strtok_r(NULL, "\n", &rest)) {
        check_line(l);
        lines[list.n++] = l;
    }
    const struct dbr_conf_list *const given[] = {&none, &list};
    dbr_names_collect(&m, given, given);
    REQUIRE(m.n <= DBR_NAMES_SERVERS && memchr(m.domains, 0, sizeof m.domains));
    free(text);
    return 0;
}
