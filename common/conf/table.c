/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/table.h"

#include <stdint.h>
#include <string.h>

/* Headings of the reference. */
#define GROUP_PROCESS "Process"
#define GROUP_DEVICE  "Device and bridge"
#define GROUP_NETWORK "Network"
#define GROUP_SERVER  "Server"
#define GROUP_CLIENT  "Client"
#define GROUP_ALIVE   "Keeping alive"
#define GROUP_CONTROL "TLS and control channel"
#define GROUP_CERT    "Certificates"
#define GROUP_DATA    "Data channel"
#define GROUP_PUSHED  "Pushed by servers"
#define GROUP_HOOKS   "Scripts, users, management"
#define GROUP_OLD     "Accepted without effect"
#define GROUP_REFUSED "Refused"

#define HONOUR              .status = DBR_HONOUR
#define IGNORE(why)         .status = DBR_IGNORE, .reason = why, .way_out = "the line may go"
#define REFUSE(why, wayout) .status = DBR_REFUSE, .reason = why, .way_out = wayout
#define LATER(wayout)       .status = DBR_LATER, .reason = "not built yet", .way_out = wayout

const struct directive table_rows[DBR_D_COUNT] = {
#define D(id, kw, grp, shp, arguments, deflt, lo, hi, scp, verdict, text)                                    \
    [DBR_D_##id] = {.info = {.keyword = kw,                                                                  \
                             .group = GROUP_##grp,                                                           \
                             .args = arguments,                                                              \
                             .dflt = deflt,                                                                  \
                             .scope = scp,                                                                   \
                             verdict,                                                                        \
                             .min = lo,                                                                      \
                             .max = hi,                                                                      \
                             .help = text},                                                                  \
                    .shape = SHAPE_##shp,                                                                    \
                    .offset = offsetof(struct dbr_config, id)},
#include "conf/directives.def"
#undef D
};

const struct dbr_directive_info *dbr_directive_info(enum dbr_directive which)
{
    return &table_rows[which].info;
}

int dbr_directive_find(const char *keyword)
{
    for (int i = 0; i < DBR_D_COUNT; i++)
        if (strcmp(table_rows[i].info.keyword, keyword) == 0)
            return i;
    return -1;
}

bool table_in_scope(const struct directive *row, char letter)
{
    return strchr(row->info.scope, letter) != NULL;
}

void table_arity(const char *synopsis, size_t *fewest, size_t *most)
{
    int depth = 0;
    *fewest = *most = 0;
    for (const char *p = synopsis; *p;) {
        size_t n = strcspn(p, " ");
        for (size_t i = 0; i < n && p[i] == '['; i++)
            depth++;
        if (memcmp(p, "...", n < 3 ? n : 3) == 0)
            *most = SIZE_MAX;
        else if (*most != SIZE_MAX)
            ++*most;
        if (depth == 0 && *p != '.')
            ++*fewest;
        for (size_t i = n; i > 0 && p[i - 1] == ']'; i--)
            depth--;
        p += n;
        p += strspn(p, " ");
    }
}

/* Levenshtein's distance of two words, 3 or more once it is clear that it is more than 2. */
static unsigned distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t m = strlen(a), n = strlen(b);
    unsigned row[LONGEST + 1];
    if (m > LONGEST || n > LONGEST || m > n + 2 || n > m + 2)
        return 3;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            unsigned shift = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = change < shift ? change : shift;
        }
    }
    return row[n];
}

const char *table_nearest(const char *keyword)
{
    const char *best = NULL;
    unsigned least = 3;
    if (strlen(keyword) < 3)
        return NULL;
    for (int i = 0; i < DBR_D_COUNT; i++) {
        unsigned d = distance(keyword, table_rows[i].info.keyword);
        if (d < least && table_rows[i].info.status == DBR_HONOUR) {
            least = d;
            best = table_rows[i].info.keyword;
        }
    }
    return best;
}
