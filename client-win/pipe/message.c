/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The messages as tables: which fields each has, where they stand, what they may hold. One loop reads, one
 * writes.
 */
#include "client-win/pipe/message.h"

#include "base/err.h"
#include "base/secret.h"
#include "client-win/base/utf.h"

#include <string.h>

enum shape { U8, U32, I64, BYTES, LINE, NAME, NAME_OR_NONE, DOMAIN };

/* One field: numbers are within lo and hi. */
struct field {
    enum shape shape;
    uint16_t at, size;
    int64_t lo, hi;
};

#define NUMBER(s, m, f, lo, hi)                                                                              \
    {                                                                                                        \
        s, offsetof(struct dbr_pm, m.f), sizeof((struct dbr_pm *)0)->m.f, lo, hi                             \
    }
#define TEXT(s, m, f)                                                                                        \
    {                                                                                                        \
        s, offsetof(struct dbr_pm, m.f), sizeof((struct dbr_pm *)0)->m.f, 0, 0                               \
    }

static const struct field f_hello[] = {NUMBER(U32, hello, version, DBR_PM_VERSION, DBR_PM_VERSION)};
static const struct field f_connect[] = {TEXT(NAME, connect, id)};
static const struct field f_answer[] = {
    NUMBER(U32, answer, kind, DBR_PM_ASK_PASSPHRASE, DBR_PM_ASK_CHALLENGE),
    TEXT(LINE, answer, user),
    TEXT(LINE, answer, secret),
};
static const struct field f_state[] = {
    NUMBER(U32, state, state, DBR_PM_IDLE, DBR_PM_STATES - 1),
    TEXT(NAME_OR_NONE, state, profile),
    TEXT(LINE, state, text),
    NUMBER(I64, state, since_unix_s, 0, INT64_C(253402300799)), /* the end of the year 9999 */
    TEXT(LINE, state, address),
};
static const struct field f_ask[] = {
    NUMBER(U32, ask, kind, DBR_PM_ASK_PASSPHRASE, DBR_PM_ASK_CHALLENGE),
    NUMBER(U32, ask, echo, 0, 1),
    TEXT(LINE, ask, text),
    TEXT(LINE, ask, user),
};
static const struct field f_log[] = {NUMBER(U32, log, level, 0, 11), TEXT(LINE, log, line)};
static const struct field f_refused[] = {TEXT(LINE, refused, text)};
static const struct field f_net_address[] = {
    NUMBER(U8, net_address, family, 4, 6),
    NUMBER(U8, net_address, prefix, 0, 128),
    TEXT(BYTES, net_address, ip),
};
static const struct field f_net_route[] = {
    NUMBER(U8, net_route, family, 4, 6),
    NUMBER(U8, net_route, prefix, 0, 128),
    NUMBER(U8, net_route, what, DBR_PM_ROUTE_TUNNEL, DBR_PM_ROUTE_AROUND),
    TEXT(BYTES, net_route, dst),
    TEXT(BYTES, net_route, via),
    NUMBER(U32, net_route, metric, 0, 9999),
};
static const struct field f_net_dns[] = {NUMBER(U8, net_dns, family, 4, 6), TEXT(BYTES, net_dns, ip)};
static const struct field f_net_search[] = {TEXT(DOMAIN, net_search, domain)};
static const struct field f_net_mtu[] = {NUMBER(U32, net_mtu, mtu, 576, 9000)};
static const struct field f_start[] = {TEXT(NAME, start, id)};
static const struct field f_net_done[] = {NUMBER(U32, net_done, error, 0, UINT32_MAX),
                                          TEXT(LINE, net_done, text)};

/* What one field alone does not say. */

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return any == 0;
}

static bool fits_family(uint8_t family, const uint8_t ip[16])
{
    return family == 6 || (family == 4 && is_zero(ip + 4, 12));
}

static bool prefix_fits(uint8_t family, uint8_t prefix)
{
    return prefix <= (family == 4 ? 32 : 128);
}

static bool whole_address(const struct dbr_pm *m)
{
    const struct dbr_pm_net_address *a = &m->net_address;
    return fits_family(a->family, a->ip) && prefix_fits(a->family, a->prefix);
}

static bool whole_route(const struct dbr_pm *m)
{
    const struct dbr_pm_net_route *r = &m->net_route;
    return fits_family(r->family, r->dst) && fits_family(r->family, r->via) &&
           prefix_fits(r->family, r->prefix);
}

static bool whole_dns(const struct dbr_pm *m)
{
    return fits_family(m->net_dns.family, m->net_dns.ip) && !is_zero(m->net_dns.ip, 16);
}

#define FIELDS(f) f, sizeof(f) / sizeof((f)[0])
static const struct {
    uint16_t type;
    const struct field *fields;
    size_t n;
    bool (*whole)(const struct dbr_pm *m);
} bodies[] = {
    {DBR_PM_HELLO, FIELDS(f_hello), NULL},
    {DBR_PM_CONNECT, FIELDS(f_connect), NULL},
    {DBR_PM_ANSWER, FIELDS(f_answer), NULL},
    {DBR_PM_STATE, FIELDS(f_state), NULL},
    {DBR_PM_ASK, FIELDS(f_ask), NULL},
    {DBR_PM_LOG, FIELDS(f_log), NULL},
    {DBR_PM_REFUSED, FIELDS(f_refused), NULL},
    {DBR_PM_NET_ADDRESS, FIELDS(f_net_address), whole_address},
    {DBR_PM_NET_ROUTE, FIELDS(f_net_route), whole_route},
    {DBR_PM_NET_DNS, FIELDS(f_net_dns), whole_dns},
    {DBR_PM_NET_SEARCH, FIELDS(f_net_search), NULL},
    {DBR_PM_NET_MTU, FIELDS(f_net_mtu), NULL},
    {DBR_PM_START, FIELDS(f_start), NULL},
    {DBR_PM_NET_DONE, FIELDS(f_net_done), NULL},
};

static const struct {
    const char *name;
    uint16_t type;
    uint8_t ways;
} types[] = {
#define X(name, member, number, ways) {#name, number, ways},
    DBR_PM_MESSAGES(X)
#undef X
};

const char *dbr_pm_name(unsigned type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type)
            return types[i].name;
    return "?";
}

const char *dbr_pm_state_name(unsigned s)
{
    static const char *const names[DBR_PM_STATES] = {
        "IDLE",      "CONNECTING",   "AUTHENTICATING", "ASKING",
        "CONNECTED", "RECONNECTING", "DISCONNECTING",  "FAILED",
    };
    return s < DBR_PM_STATES ? names[s] : "?";
}

/* Ids. */

static bool same_letters(const char *a, size_t n, const char *upper)
{
    for (size_t i = 0; i < n; i++)
        if ((a[i] >= 'a' && a[i] <= 'z' ? a[i] - 32 : a[i]) != upper[i])
            return false;
    return upper[n] == 0;
}

/* Microsoft, "Naming Files, Paths, and Namespaces": reserved whatever follows the first dot. */
static bool is_device(const char *id)
{
    static const char *const whole[] = {"CON", "PRN", "AUX", "NUL"}, *const counted[] = {"COM", "LPT"};
    size_t n = strcspn(id, ".");
    while (n && id[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        if (n == 3 && same_letters(id, n, whole[i]))
            return true;
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++)
        if (n == 4 && id[3] >= '0' && id[3] <= '9' && same_letters(id, 3, counted[i]))
            return true;
    return false;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

bool dbr_pm_id_is_good(const char *id)
{
    size_t n = strspn(id, LETTERS " ");
    return n > 0 && n < DBR_PM_ID && id[n] == 0 && !strchr("-_. ", id[0]) && !strchr(". ", id[n - 1]) &&
           !is_device(id);
}

static bool domain_is_good(const char *d)
{
    size_t n = strspn(d, LETTERS);
    return n > 0 && d[n] == 0 && d[0] != '.' && d[0] != '-' && !strstr(d, "..");
}

/* One field. */

static bool text_is_good(enum shape shape, const char *text, size_t size)
{
    const char *end = memchr(text, 0, size);
    if (!end || !is_zero((const uint8_t *)end, size - (size_t)(end - text)))
        return false;
    switch (shape) {
    case NAME: return dbr_pm_id_is_good(text);
    case NAME_OR_NONE: return !*text || dbr_pm_id_is_good(text);
    case DOMAIN: return domain_is_good(text);
    case LINE: return dbr_utf8_is_line(text, (size_t)(end - text));
    case U8:
    case U32:
    case I64:
    case BYTES: break;
    }
    return false;
}

static int64_t number_of(const struct field *f, const uint8_t *at)
{
    uint32_t u32;
    int64_t i64;
    if (f->shape == U8)
        return *at;
    if (f->shape == U32) {
        memcpy(&u32, at, sizeof u32);
        return u32;
    }
    memcpy(&i64, at, sizeof i64);
    return i64;
}

static bool field_is_good(const struct field *f, const uint8_t *at)
{
    if (f->shape == BYTES)
        return true;
    if (f->shape > BYTES)
        return text_is_good(f->shape, (const char *)at, f->size);
    int64_t v = number_of(f, at);
    return v >= f->lo && v <= f->hi;
}

/* Numbers change their byte order between memory and wire, bytes do not. */

static void put_field(uint8_t *wire, const struct field *f, const uint8_t *at)
{
    if (f->shape >= BYTES) {
        memcpy(wire, at, f->size);
        return;
    }
    uint64_t v = (uint64_t)number_of(f, at);
    for (size_t i = 0; i < f->size; i++)
        wire[i] = (uint8_t)(v >> 8 * i);
}

static void get_field(uint8_t *at, const struct field *f, const uint8_t *wire)
{
    if (f->shape >= BYTES) {
        memcpy(at, wire, f->size);
        return;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < f->size; i++)
        v |= (uint64_t)wire[i] << 8 * i;
    uint32_t u32 = (uint32_t)v;
    if (f->shape == U8)
        *at = (uint8_t)v;
    else if (f->shape == U32)
        memcpy(at, &u32, sizeof u32);
    else
        memcpy(at, &v, sizeof v);
}

/* Whole messages. */

struct body {
    const struct field *fields;
    size_t n, size; /* of fields; bytes on the wire */
    bool (*whole)(const struct dbr_pm *m);
};

static struct body body_of(uint16_t type)
{
    struct body b = {NULL, 0, 0, NULL};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        if (bodies[i].type == type)
            b = (struct body){bodies[i].fields, bodies[i].n, 0, bodies[i].whole};
    for (size_t i = 0; i < b.n; i++)
        b.size += b.fields[i].size;
    return b;
}

static bool may_go(uint16_t type, enum dbr_pm_way way)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type)
            return (types[i].ways & way) != 0;
    return false;
}

static bool is_good(const struct dbr_pm *m, const struct body *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (!field_is_good(&b->fields[i], (const uint8_t *)m + b->fields[i].at))
            return false;
    return !b->whole || b->whole(m);
}

size_t dbr_pm_encode(const struct dbr_pm *m, enum dbr_pm_way way, uint8_t out[DBR_PM_MAX])
{
    struct body b = body_of(m->type);
    if (!may_go(m->type, way) || !is_good(m, &b))
        return 0;
    out[0] = (uint8_t)m->type;
    out[1] = (uint8_t)(m->type >> 8);
    out[2] = (uint8_t)b.size;
    out[3] = (uint8_t)(b.size >> 8);
    size_t n = DBR_PM_HEAD;
    for (size_t i = 0; i < b.n; n += b.fields[i++].size)
        put_field(out + n, &b.fields[i], (const uint8_t *)m + b.fields[i].at);
    return n;
}

static const char *read_message(struct dbr_pm *m, enum dbr_pm_way way, const uint8_t *p, size_t n)
{
    if (n < DBR_PM_HEAD || n > DBR_PM_MAX)
        return "a message of a length that none has";
    m->type = (uint16_t)(p[0] | p[1] << 8);
    if (!may_go(m->type, way))
        return "a type that is not said in this direction";
    struct body b = body_of(m->type);
    if ((size_t)(p[2] | p[3] << 8) != b.size || n != DBR_PM_HEAD + b.size)
        return "a length that is not the type's";
    p += DBR_PM_HEAD;
    for (size_t i = 0; i < b.n; p += b.fields[i++].size)
        get_field((uint8_t *)m + b.fields[i].at, &b.fields[i], p);
    return is_good(m, &b) ? NULL : "a field that is out of its range";
}

int dbr_pm_decode(struct dbr_pm *m, enum dbr_pm_way way, const void *bytes, size_t n, const char **why)
{
    memset(m, 0, sizeof *m);
    const char *wrong = read_message(m, way, bytes, n);
    if (why)
        *why = wrong;
    if (!wrong)
        return 0;
    dbr_pm_wipe(m);
    return DBR_ERR_SHAPE;
}

void dbr_pm_wipe(struct dbr_pm *m)
{
    dbr_wipe(m, sizeof *m);
}
