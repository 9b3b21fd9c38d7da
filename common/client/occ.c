/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/occ.h"
#include "base/bytes.h"
#include "base/err.h"

#include <string.h>

enum { OP = DBR_OCC_HEAD - 1, FRAME_MAX = 1600 };

void dbr_occ_write(uint8_t out[DBR_OCC_HEAD], enum dbr_occ op)
{
    memcpy(out, dbr_occ_magic, OP);
    out[OP] = (uint8_t)op;
}

int dbr_occ_read(const uint8_t *bytes, size_t n)
{
    return n < DBR_OCC_HEAD || memcmp(bytes, dbr_occ_magic, OP) != 0 ? DBR_ERR_SHAPE : bytes[OP];
}

static size_t options(const struct dbr_session *s, uint8_t *out, size_t cap)
{
    int n = dbr_session_options(s, (char *)out, cap);
    return n > 0 ? strlen((const char *)out) + 1 : 0;
}

/* As many bytes as were asked for, so that the other side sees which sizes get through. */
static size_t load(const uint8_t *bytes, size_t n, uint8_t *out, size_t cap)
{
    size_t want = n >= DBR_OCC_HEAD + 2 ? dbr_get16(bytes + DBR_OCC_HEAD) : 0;
    size_t more = want > DBR_OCC_HEAD ? want - DBR_OCC_HEAD : 0;
    memset(out, 0, more < cap ? more : cap);
    return more < cap ? more : 0;
}

static size_t sizes(uint8_t *out)
{
    for (size_t i = 0; i < 4; i++)
        dbr_put16(out + 2 * i, FRAME_MAX); /* largest received and sent, here and there */
    return 8;
}

size_t dbr_occ_answer(const struct dbr_session *s, const uint8_t *bytes, size_t n, uint8_t *out, size_t cap)
{
    int op = dbr_occ_read(bytes, n);
    size_t room = cap > DBR_OCC_HEAD + 8 ? cap - DBR_OCC_HEAD : 0, more = 0;
    if (!room)
        return 0;
    if (op == DBR_OCC_REQUEST)
        more = options(s, out + DBR_OCC_HEAD, room);
    else if (op == DBR_OCC_MTU_LOAD_REQUEST)
        more = load(bytes, n, out + DBR_OCC_HEAD, room);
    else if (op == DBR_OCC_MTU_REQUEST)
        more = sizes(out + DBR_OCC_HEAD);
    if (!more)
        return 0;
    dbr_occ_write(out, (enum dbr_occ)(op + 1)); /* each answer's number follows its question's */
    return DBR_OCC_HEAD + more;
}
