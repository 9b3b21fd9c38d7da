/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/cadb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/bytes.h"
#include "base/err.h"
#include "certs/der.h"
#include "certs/say.h"

enum { FIELDS = 6, F_STATUS = 0, F_EXPIRES, F_REVOKED, F_SERIAL, F_FILE, F_SUBJECT };

struct line {
    struct dbr_index_entry e;
    const char *raw; /* as read, without the newline; NULL once it was changed or added */
    size_t raw_len;
    char *own; /* unescaped fields on the heap */
};

struct dbr_index {
    char *text; /* copy of the file; raw points into it */
    struct line *v;
    size_t n, room;
    struct line *comments; /* lines beginning with '#' stay at the top */
    size_t n_comments, room_comments;
    uint32_t *order; /* lines by serial, made when many have been asked for; NULL: not made, or out of date */
    unsigned asked;
};

enum { ASKED_OFTEN = 16 };

static const char *const reasons[] = {
    "unspecified", "keyCompromise",        "CACompromise",    "affiliationChanged",
    "superseded",  "cessationOfOperation", "certificateHold",
};
enum { REASONS = sizeof reasons / sizeof reasons[0], REASON_HOLD = 6 };

int dbr_reason_parse(const char *name)
{
    for (int i = 0; i < REASONS; i++)
        if (strcasecmp(name, reasons[i]) == 0)
            return i;
    return -1;
}

const char *dbr_reason_name(int reason)
{
    return reason >= 0 && reason < REASONS ? reasons[reason] : reasons[0];
}

const char *dbr_index_time(int64_t unix_seconds, char out[DBR_INDEX_TIME])
{
    time_t t = (time_t)unix_seconds;
    struct tm tm = {0};
    gmtime_r(&t, &tm);
    int year = tm.tm_year + 1900;
    bool utc = year >= 1950 && year < 2050;
    snprintf(out, DBR_INDEX_TIME, utc ? "%02d%02d%02d%02d%02d%02dZ" : "%04d%02d%02d%02d%02d%02dZ",
             utc ? year % 100 : year, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return out;
}

static bool parse_time(const char *s, size_t n, int64_t *t)
{
    uint8_t tlv[2 + 15];
    struct dbr_reader r;
    if (n != 13 && n != 15)
        return false;
    tlv[0] = n == 13 ? DBR_DER_UTCTIME : DBR_DER_GENTIME;
    tlv[1] = (uint8_t)n;
    memcpy(tlv + 2, s, n);
    dbr_reader_init(&r, tlv, n + 2);
    return dbr_der_time(&r, t);
}

/* "date[,reason[,argument]]"; reasons that openssl has and the RFC spells otherwise (holdInstruction,
 * keyTime, CAkeyTime) count as what they mean. */
static bool parse_revoked(const char *s, struct dbr_index_entry *e)
{
    static const struct {
        const char *name;
        int reason;
    } special[] = {{"holdInstruction", 6}, {"keyTime", 1}, {"CAkeyTime", 2}};
    char name[32];
    size_t date = strcspn(s, ",");
    if (!parse_time(s, date, &e->revoked_at))
        return false;
    if (!s[date])
        return true;
    size_t n = strcspn(s + date + 1, ",");
    if (n >= sizeof name)
        return false;
    memcpy(name, s + date + 1, n);
    name[n] = 0;
    e->reason = dbr_reason_parse(name);
    for (size_t i = 0; i < 3; i++)
        if (strcasecmp(name, special[i].name) == 0)
            e->reason = special[i].reason;
    return e->reason >= 0;
}

/* Cuts a line into its fields in place, turning backslash-tab into tab; the number of fields. */
static int split(char *p, char *field[FIELDS])
{
    int n = 0;
    bool escaped = false;
    char *to = p;
    field[n++] = to;
    for (; *p; p++) {
        if (*p == '\t' && !escaped) {
            *to++ = 0;
            if (n == FIELDS)
                return FIELDS + 1;
            field[n++] = to;
            continue;
        }
        if (*p == '\t')
            to--;
        escaped = *p == '\\';
        *to++ = *p;
    }
    *to = 0;
    return n;
}

static bool parse_fields(char *field[FIELDS], struct dbr_index_entry *e)
{
    const char *status = field[F_STATUS];
    *e = (struct dbr_index_entry){.status = status[0], .file = field[F_FILE], .subject = field[F_SUBJECT]};
    if (strlen(status) != 1 || !strchr("VRE", status[0]))
        return false;
    if (!parse_time(field[F_EXPIRES], strlen(field[F_EXPIRES]), &e->expires) ||
        !dbr_serial_parse(&e->serial, field[F_SERIAL], strlen(field[F_SERIAL])))
        return false;
    return e->status == 'R' ? parse_revoked(field[F_REVOKED], e) : true;
}

static struct line *new_line(struct line **v, size_t *n, size_t *room)
{
    if (*n == *room) {
        size_t more = *room ? *room * 2 : 64;
        struct line *bigger = realloc(*v, more * sizeof **v);
        if (!bigger)
            return NULL;
        *v = bigger;
        *room = more;
    }
    struct line *l = &(*v)[(*n)++];
    memset(l, 0, sizeof *l);
    return l;
}

static int parse_line(struct dbr_index *ix, const char *raw, size_t len)
{
    char *field[FIELDS];
    bool comment = len > 0 && raw[0] == '#';
    struct line *l = comment ? new_line(&ix->comments, &ix->n_comments, &ix->room_comments)
                             : new_line(&ix->v, &ix->n, &ix->room);
    if (!l)
        return DBR_ERR_NOMEM;
    l->raw = raw;
    l->raw_len = len;
    if (comment)
        return 0;
    if (memchr(raw, 0, len))
        return DBR_ERR_SHAPE;
    while (len > 0 && raw[len - 1] == '\r')
        len--;
    l->own = strndup(raw, len);
    if (!l->own)
        return DBR_ERR_NOMEM;
    return split(l->own, field) == FIELDS && parse_fields(field, &l->e) ? 0 : DBR_ERR_SHAPE;
}

int dbr_index_parse(struct dbr_index **out, const void *text, size_t len, char *why, size_t cap)
{
    struct dbr_index *ix = calloc(1, sizeof *ix);
    int err = 0;
    *out = NULL;
    if (!ix || !(ix->text = malloc(len + 1))) {
        free(ix);
        return dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    }
    if (len)
        memcpy(ix->text, text, len);
    ix->text[len] = 0;
    size_t line = 0;
    for (size_t at = 0; at < len && !err; line++) {
        const char *nl = memchr(ix->text + at, '\n', len - at);
        size_t n = nl ? (size_t)(nl - (ix->text + at)) : len - at;
        err = parse_line(ix, ix->text + at, n);
        at += n + 1;
    }
    if (err) {
        dbr_index_free(ix);
        return dbr_say(err, why, cap, "index.txt, line %zu: %s", line,
                       err == DBR_ERR_SHAPE ? "not six fields of a certificate database" : dbr_err_text(err));
    }
    *out = ix;
    return 0;
}

void dbr_index_free(struct dbr_index *ix)
{
    if (!ix)
        return;
    for (size_t i = 0; i < ix->n; i++)
        free(ix->v[i].own);
    free(ix->v);
    free(ix->order);
    free(ix->comments);
    free(ix->text);
    free(ix);
}

size_t dbr_index_count(const struct dbr_index *ix)
{
    return ix->n;
}

const struct dbr_index_entry *dbr_index_at(const struct dbr_index *ix, size_t i)
{
    return &ix->v[i].e;
}

static int by_serial(const void *a, const void *b, void *arg)
{
    const struct line *v = arg;
    int d = dbr_serial_compare(&v[*(const uint32_t *)a].e.serial, &v[*(const uint32_t *)b].e.serial);
    return d ? d
             : (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b);
}

static void make_order(struct dbr_index *ix)
{
    ix->order = ix->n < UINT32_MAX ? malloc((ix->n + 1) * sizeof *ix->order) : NULL;
    for (size_t i = 0; ix->order && i < ix->n; i++)
        ix->order[i] = (uint32_t)i;
    if (ix->order)
        qsort_r(ix->order, ix->n, sizeof *ix->order, by_serial, ix->v);
}

/* The first line with this serial, by halves. */
static long find_ordered(const struct dbr_index *ix, const struct dbr_serial *serial)
{
    size_t low = 0, high = ix->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (dbr_serial_compare(&ix->v[ix->order[mid]].e.serial, serial) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    bool found = low < ix->n && dbr_serial_equal(&ix->v[ix->order[low]].e.serial, serial);
    return found ? (long)ix->order[low] : -1;
}

long dbr_index_find(struct dbr_index *ix, const struct dbr_serial *serial)
{
    if (!ix->order && ++ix->asked > ASKED_OFTEN)
        make_order(ix);
    if (ix->order)
        return find_ordered(ix, serial);
    for (size_t i = 0; i < ix->n; i++)
        if (dbr_serial_equal(&ix->v[i].e.serial, serial))
            return (long)i;
    return -1;
}

bool dbr_subject_cn(const char *subject, char *out, size_t cap)
{
    const char *at = NULL;
    for (const char *p = subject; (p = strstr(p, "/CN=")) != NULL; p += 4)
        at = p + 4;
    if (!at)
        return false;
    /* The next attribute begins with '/', letters or dots, '='. */
    size_t n = 0;
    for (n = 0; at[n]; n++) {
        if (at[n] != '/')
            continue;
        size_t k = strspn(at + n + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.");
        if (k && at[n + 1 + k] == '=')
            break;
    }
    if (n >= cap)
        return false;
    memcpy(out, at, n);
    out[n] = 0;
    return true;
}

long dbr_index_find_cn(const struct dbr_index *ix, const char *cn, size_t from)
{
    char name[256];
    for (size_t i = from; i < ix->n; i++)
        if (dbr_subject_cn(ix->v[i].e.subject, name, sizeof name) && strcmp(name, cn) == 0)
            return (long)i;
    return -1;
}

int dbr_index_add(struct dbr_index *ix, const struct dbr_serial *serial, int64_t expires, const char *file,
                  const char *subject)
{
    if (dbr_index_find(ix, serial) >= 0)
        return DBR_ERR_EXISTS;
    size_t a = strlen(file) + 1, b = strlen(subject) + 1;
    free(ix->order);
    ix->order = NULL;
    struct line *l = new_line(&ix->v, &ix->n, &ix->room);
    if (!l)
        return DBR_ERR_NOMEM;
    l->own = malloc(a + b);
    if (!l->own) {
        ix->n--;
        return DBR_ERR_NOMEM;
    }
    memcpy(l->own, file, a);
    memcpy(l->own + a, subject, b);
    l->e = (struct dbr_index_entry){
        .status = 'V', .expires = expires, .serial = *serial, .file = l->own, .subject = l->own + a};
    return 0;
}

int dbr_index_revoke(struct dbr_index *ix, size_t i, int64_t when, int reason)
{
    struct line *l = &ix->v[i];
    bool held = l->e.status == 'R' && l->e.reason == REASON_HOLD && reason != REASON_HOLD;
    if (l->e.status == 'R' && !held)
        return DBR_ERR_STATE;
    if (!held)
        l->e.revoked_at = when;
    l->e.status = 'R';
    l->e.reason = reason;
    l->raw = NULL;
    return 0;
}

int dbr_index_unhold(struct dbr_index *ix, size_t i)
{
    struct line *l = &ix->v[i];
    if (l->e.status != 'R' || l->e.reason != REASON_HOLD)
        return DBR_ERR_STATE;
    l->e.status = 'V';
    l->e.revoked_at = 0;
    l->e.reason = 0;
    l->raw = NULL;
    return 0;
}

/* --- writing
 * -------------------------------------------------------------------------------------------------- */

/* Room that a line may need, with every byte escaped. */
static size_t line_room(const struct line *l)
{
    if (l->raw)
        return l->raw_len + 1;
    return 2 * (strlen(l->e.file) + strlen(l->e.subject)) + DBR_SERIAL_TEXT + 128;
}

static char *put_field(char *p, const char *s)
{
    for (; *s; s++) {
        if (*s == '\t')
            *p++ = '\\';
        *p++ = *s;
    }
    return p;
}

static char *put_entry(char *p, const struct dbr_index_entry *e)
{
    char a[DBR_INDEX_TIME], b[DBR_INDEX_TIME] = "", serial[DBR_SERIAL_TEXT];
    if (e->status == 'R')
        dbr_index_time(e->revoked_at, b);
    p += sprintf(p, "%c\t%s\t%s", e->status, dbr_index_time(e->expires, a), b);
    if (e->status == 'R' && e->reason)
        p += sprintf(p, ",%s", dbr_reason_name(e->reason));
    p += sprintf(p, "\t%s\t", dbr_serial_text(&e->serial, serial));
    p = put_field(p, e->file);
    *p++ = '\t';
    return put_field(p, e->subject);
}

static char *put_line(char *p, const struct line *l)
{
    if (l->raw) {
        memcpy(p, l->raw, l->raw_len);
        p += l->raw_len;
    } else {
        p = put_entry(p, &l->e);
    }
    *p++ = '\n';
    return p;
}

char *dbr_index_format(const struct dbr_index *ix, size_t *len)
{
    size_t room = 1;
    for (size_t i = 0; i < ix->n_comments; i++)
        room += line_room(&ix->comments[i]);
    for (size_t i = 0; i < ix->n; i++)
        room += line_room(&ix->v[i]);
    char *text = malloc(room), *p = text;
    if (!text)
        return NULL;
    for (size_t i = 0; i < ix->n_comments; i++)
        p = put_line(p, &ix->comments[i]);
    for (size_t i = 0; i < ix->n; i++)
        p = put_line(p, &ix->v[i]);
    *len = (size_t)(p - text);
    *p = 0;
    return text;
}
