/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/crl.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/bytes.h"
#include "base/err.h"
#include "certs/der.h"
#include "certs/issuers.h"
#include "certs/pem.h"
#include "certs/say.h"

enum { ISSUER_MAX = 4096, DETAIL = 8 };

/* The first bytes of an image. Host byte order: images do not leave the machine. */
struct image_head {
    uint64_t magic, size;
    int64_t this_update, next_update;
    uint32_t count;
    uint16_t issuer_len;
    uint8_t number_len; /* 0 = the list has no crlNumber */
    uint8_t spare;
    uint8_t number[DBR_SERIAL_MAX]; /* number_len bytes used */
    uint8_t spare2[4];
    uint8_t digest[32]; /* SHA-256 of the DER */
    uint8_t key[32];    /* SHA-256 of the public key that signed it */
};

#define IMAGE_MAGIC 0x3152434c52424431ull

struct dbr_crl {
    atomic_uint refs;
    const uint8_t *image;
    size_t size;
    struct image_head head;
    const uint8_t *issuer, *serials, *details;
    void (*release)(void *arg);
    void *release_arg;
};

/* --- the image
 * ------------------------------------------------------------------------------------------------ */

static size_t padded(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static size_t image_size(size_t issuer_len, size_t count)
{
    return sizeof(struct image_head) + padded(issuer_len) + padded(count * DBR_SERIAL_MAX) + count * DETAIL;
}

/* A list over an image whose lengths have been checked. */
static struct dbr_crl *view(const uint8_t *image, size_t size, void (*release)(void *), void *arg)
{
    struct dbr_crl *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    c->image = image;
    c->size = size;
    memcpy(&c->head, image, sizeof c->head);
    c->issuer = image + sizeof c->head;
    c->serials = c->issuer + padded(c->head.issuer_len);
    c->details = c->serials + padded((size_t)c->head.count * DBR_SERIAL_MAX);
    c->release = release;
    c->release_arg = arg;
    return c;
}

static bool image_ok(const uint8_t *image, size_t len)
{
    struct image_head h;
    if (len < sizeof h)
        return false;
    memcpy(&h, image, sizeof h);
    if (h.magic != IMAGE_MAGIC || h.size != len || h.number_len > DBR_SERIAL_MAX ||
        h.count > DBR_CRL_MAX_ENTRIES || h.issuer_len > ISSUER_MAX ||
        image_size(h.issuer_len, h.count) != len)
        return false;
    const uint8_t *s = image + sizeof h + padded(h.issuer_len);
    for (size_t i = 1; i < h.count; i++)
        if (memcmp(s + (i - 1) * DBR_SERIAL_MAX, s + i * DBR_SERIAL_MAX, DBR_SERIAL_MAX) >= 0)
            return false;
    return h.next_update > h.this_update;
}

int dbr_crl_from_image(struct dbr_crl **out, const void *image, size_t len, void (*release)(void *),
                       void *arg)
{
    *out = NULL;
    if (!image_ok(image, len))
        return DBR_ERR_SHAPE;
    *out = view(image, len, release, arg);
    return *out ? 0 : DBR_ERR_NOMEM;
}

const uint8_t *dbr_crl_image(const struct dbr_crl *crl, size_t *len)
{
    *len = crl->size;
    return crl->image;
}

struct dbr_crl *dbr_crl_ref(struct dbr_crl *crl)
{
    atomic_fetch_add_explicit(&crl->refs, 1, memory_order_relaxed);
    return crl;
}

void dbr_crl_free(struct dbr_crl *crl)
{
    if (!crl || atomic_fetch_sub_explicit(&crl->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (crl->release)
        crl->release(crl->release_arg);
    free(crl);
}

/* --- parsing
 * -------------------------------------------------------------------------------------------------- */

/* One entry while the list is being built; sorted by serial. */
struct row {
    uint8_t serial[DBR_SERIAL_MAX];
    uint8_t reason;
    int64_t date;
};

/* Everything known about the list while it is being read. Pointers go into the DER. */
struct parse {
    struct dbr_der whole, tbs, tbs_algorithm, algorithm, signature, issuer;
    const uint8_t *number, *akid;
    size_t number_len, akid_len;
    int64_t this_update, next_update;
    struct row *rows;
    size_t count, room;
    char *why;
    size_t cap;
};

#define REFUSE(p, ...) dbr_say(DBR_ERR_CERT, (p)->why, (p)->cap, __VA_ARGS__)

static int malformed(struct parse *p, const char *where)
{
    return dbr_say(DBR_ERR_SHAPE, p->why, p->cap, "not a CRL in DER: malformed %s", where);
}

/* One Extension ::= SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING }. */
static bool take_extension(struct dbr_reader *r, struct dbr_der *oid, bool *critical,
                           struct dbr_reader *value)
{
    struct dbr_reader ext;
    struct dbr_der flag = {0};
    dbr_der_enter(r, DBR_DER_SEQ, &ext);
    dbr_der_take(&ext, DBR_DER_OID, oid);
    *critical = dbr_der_optional(&ext, DBR_DER_BOOLEAN, &flag);
    if (*critical && (flag.len != 1 || flag.body[0] != 0xff)) /* DER: FALSE is the default and not written */
        return false;
    return dbr_der_enter(&ext, DBR_DER_OCTETS, value) && dbr_reader_left(&ext) == 0;
}

/* id-ce (2.5.29) extensions are told apart by their last byte; the table says what each may be. */
enum { CE_REASON = 21, CE_INVALIDITY = 24, CE_ISSUER_OF_ENTRY = 29 };
enum { CE_NUMBER = 20, CE_DELTA = 27, CE_IDP = 28, CE_AKID = 35 };

static int ce_number(const struct dbr_der *oid)
{
    return oid->len == 3 && oid->body[0] == 0x55 && oid->body[1] == 0x1d ? oid->body[2] : -1;
}

static int read_reason(struct parse *p, struct dbr_reader *value, struct row *row)
{
    struct dbr_der e;
    if (!dbr_der_take(value, DBR_DER_ENUM, &e) || e.len != 1 || e.body[0] > 10 || e.body[0] == 7 ||
        dbr_reader_left(value))
        return malformed(p, "reason code");
    if (e.body[0] == 8)
        return REFUSE(p, "an entry says removeFromCRL, which only a delta CRL may");
    row->reason = e.body[0];
    return 0;
}

static int read_entry_extensions(struct parse *p, struct dbr_reader *entry, struct row *row)
{
    struct dbr_reader list, value;
    struct dbr_der oid;
    bool critical;
    unsigned seen = 0;
    dbr_der_enter(entry, DBR_DER_SEQ, &list);
    while (dbr_reader_left(&list)) {
        if (!take_extension(&list, &oid, &critical, &value))
            return malformed(p, "entry extension");
        int ce = ce_number(&oid), err = 0;
        if (ce == CE_ISSUER_OF_ENTRY)
            return REFUSE(p, "indirect CRL (an entry names another issuer)");
        if (ce == CE_REASON && seen++)
            return REFUSE(p, "an entry has two reason codes");
        if (ce == CE_REASON)
            err = read_reason(p, &value, row);
        else if (critical && ce != CE_INVALIDITY)
            return REFUSE(p, "an entry has an unknown critical extension");
        if (err)
            return err;
    }
    return dbr_reader_ok(&list) ? 0 : malformed(p, "entry extensions");
}

static int room_for_row(struct parse *p)
{
    if (p->count == DBR_CRL_MAX_ENTRIES)
        return dbr_say(DBR_ERR_LIMIT, p->why, p->cap, "more than %d entries", DBR_CRL_MAX_ENTRIES);
    if (p->count < p->room)
        return 0;
    size_t room = p->room ? p->room * 2 : 64;
    struct row *rows = realloc(p->rows, room * sizeof *rows);
    if (!rows)
        return dbr_say(DBR_ERR_NOMEM, p->why, p->cap, "out of memory");
    p->rows = rows;
    p->room = room;
    return 0;
}

/* revokedCertificates: SEQUENCE OF { serial, time, extensions OPTIONAL }. */
static int read_entries(struct parse *p, struct dbr_reader *list)
{
    while (dbr_reader_left(list)) {
        struct dbr_reader entry;
        const uint8_t *serial;
        size_t len;
        int err = room_for_row(p);
        if (err)
            return err;
        struct row *row = &p->rows[p->count];
        memset(row, 0, sizeof *row);
        dbr_der_enter(list, DBR_DER_SEQ, &entry);
        if (!dbr_der_unsigned(&entry, DBR_SERIAL_MAX, &serial, &len) || !dbr_der_time(&entry, &row->date))
            return malformed(p, "entry (serial or date)");
        memcpy(row->serial + DBR_SERIAL_MAX - len, serial, len);
        if (dbr_reader_left(&entry))
            err = read_entry_extensions(p, &entry, row);
        if (err || dbr_reader_left(&entry))
            return err ? err : malformed(p, "entry (trailing bytes)");
        p->count++;
    }
    return dbr_reader_ok(list) ? 0 : malformed(p, "list of entries");
}

/* authorityKeyIdentifier: only the key id matters. */
static int read_akid(struct parse *p, struct dbr_reader *value)
{
    struct dbr_reader seq;
    struct dbr_der id = {0};
    if (!dbr_der_enter(value, DBR_DER_SEQ, &seq))
        return malformed(p, "authorityKeyIdentifier");
    dbr_der_optional(&seq, 0x80, &id);
    p->akid = id.body;
    p->akid_len = id.len;
    return dbr_reader_ok(&seq) ? 0 : malformed(p, "authorityKeyIdentifier");
}

static int read_number(struct parse *p, struct dbr_reader *value)
{
    if (!dbr_der_unsigned(value, DBR_SERIAL_MAX, &p->number, &p->number_len) || dbr_reader_left(value))
        return malformed(p, "crlNumber");
    return 0;
}

static int refuse_delta(struct parse *p, struct dbr_reader *value)
{
    (void)value;
    return REFUSE(p, "delta CRL: publish complete lists");
}

static int refuse_idp(struct parse *p, struct dbr_reader *value)
{
    (void)value;
    return REFUSE(p, "it has an issuingDistributionPoint, so it may cover only a part of the certificates");
}

static const struct {
    int ce;
    int (*read)(struct parse *p, struct dbr_reader *value);
} list_extensions[] = {
    {CE_NUMBER, read_number},
    {CE_DELTA, refuse_delta},
    {CE_IDP, refuse_idp},
    {CE_AKID, read_akid},
};
enum { LIST_EXTENSIONS = sizeof list_extensions / sizeof list_extensions[0] };

static int read_list_extension(struct parse *p, struct dbr_reader *list, unsigned *seen)
{
    struct dbr_reader value;
    struct dbr_der oid;
    bool critical;
    if (!take_extension(list, &oid, &critical, &value))
        return malformed(p, "extension");
    int ce = ce_number(&oid);
    for (size_t i = 0; i < LIST_EXTENSIONS; i++) {
        if (list_extensions[i].ce != ce)
            continue;
        if (*seen & 1u << i)
            return REFUSE(p, "it has the same extension twice");
        *seen |= 1u << i;
        return list_extensions[i].read(p, &value);
    }
    return critical ? REFUSE(p, "unknown critical extension") : 0;
}

static int read_list_extensions(struct parse *p, struct dbr_reader *tbs)
{
    struct dbr_reader outer, list;
    unsigned seen = 0;
    int err = 0;
    dbr_der_enter(tbs, DBR_DER_CTX0, &outer);
    dbr_der_enter(&outer, DBR_DER_SEQ, &list);
    while (!err && dbr_reader_left(&list))
        err = read_list_extension(p, &list, &seen);
    if (!err && (!dbr_reader_ok(&list) || dbr_reader_left(&outer)))
        err = malformed(p, "extensions");
    return err;
}

/* TBSCertList (RFC 5280, 5.1): version OPTIONAL, signature, issuer, thisUpdate, nextUpdate OPTIONAL,
 * revokedCertificates OPTIONAL, [0] crlExtensions OPTIONAL. */
static int read_tbs(struct parse *p)
{
    struct dbr_reader tbs, list;
    struct dbr_der version = {0};
    int err = 0;
    dbr_reader_init(&tbs, p->tbs.body, p->tbs.len);
    bool v2 = dbr_der_optional(&tbs, DBR_DER_INTEGER, &version);
    dbr_der_take(&tbs, DBR_DER_SEQ, &p->tbs_algorithm);
    dbr_der_take(&tbs, DBR_DER_SEQ, &p->issuer);
    dbr_der_time(&tbs, &p->this_update);
    if (!dbr_reader_ok(&tbs) || (v2 && !dbr_der_is(&version, "\1", 1)) || p->issuer.tlv_len > ISSUER_MAX)
        return malformed(p, "head (version, issuer or thisUpdate)");
    int tag = dbr_der_peek(&tbs);
    if (tag != DBR_DER_UTCTIME && tag != DBR_DER_GENTIME)
        return REFUSE(p, "it has no nextUpdate");
    if (!dbr_der_time(&tbs, &p->next_update))
        return malformed(p, "nextUpdate");
    if (dbr_der_peek(&tbs) == DBR_DER_SEQ && dbr_der_enter(&tbs, DBR_DER_SEQ, &list))
        err = read_entries(p, &list);
    if (!err && v2 && dbr_der_peek(&tbs) == DBR_DER_CTX0)
        err = read_list_extensions(p, &tbs);
    if (!err && (!dbr_reader_ok(&tbs) || dbr_reader_left(&tbs)))
        err = malformed(p, "TBSCertList");
    return err;
}

static int read_outer(struct parse *p, const void *der, size_t len)
{
    struct dbr_reader r, list;
    dbr_reader_init(&r, der, len);
    dbr_der_take(&r, DBR_DER_SEQ, &p->whole);
    if (!dbr_reader_ok(&r) || dbr_reader_left(&r))
        return malformed(p, "outer SEQUENCE (or bytes behind it)");
    dbr_reader_init(&list, p->whole.body, p->whole.len);
    dbr_der_take(&list, DBR_DER_SEQ, &p->tbs);
    dbr_der_take(&list, DBR_DER_SEQ, &p->algorithm);
    dbr_der_take(&list, DBR_DER_BITS, &p->signature);
    if (!dbr_reader_ok(&list) || dbr_reader_left(&list) || p->signature.len < 2 || p->signature.body[0] != 0)
        return malformed(p, "signature");
    return 0;
}

static int check_dates(struct parse *p, int64_t now)
{
    char a[40], b[40];
    if (p->next_update <= p->this_update)
        return REFUSE(p, "nextUpdate is not after thisUpdate");
    if (p->this_update > now + DBR_CRL_SKEW_S)
        return REFUSE(p, "it begins at %s and it is %s now: check the clocks of both machines",
                      dbr_time_text(p->this_update, a), dbr_time_text(now, b));
    return 0;
}

/* --- from rows to image
 * --------------------------------------------------------------------------------------- */

static int by_serial(const void *a, const void *b)
{
    return memcmp(((const struct row *)a)->serial, ((const struct row *)b)->serial, DBR_SERIAL_MAX);
}

static bool ascending(const struct row *rows, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (by_serial(&rows[i - 1], &rows[i]) >= 0)
            return false;
    return true;
}

/* Sorts and drops doubles (the first one stays: a serial listed twice is revoked all the same). */
static void sort_rows(struct parse *p)
{
    size_t kept = 0;
    if (ascending(p->rows, p->count))
        return;
    qsort(p->rows, p->count, sizeof *p->rows, by_serial);
    for (size_t i = 0; i < p->count; i++)
        if (kept == 0 || by_serial(&p->rows[kept - 1], &p->rows[i]) != 0)
            p->rows[kept++] = p->rows[i];
    p->count = kept;
}

static void fill_head(const struct parse *p, const struct issuer *by, struct image_head *h)
{
    size_t name_len;
    dbr_issuer_name(by, &name_len);
    *h = (struct image_head){.magic = IMAGE_MAGIC,
                             .size = image_size(name_len, p->count),
                             .this_update = p->this_update,
                             .next_update = p->next_update,
                             .count = (uint32_t)p->count,
                             .issuer_len = (uint16_t)name_len,
                             .number_len = (uint8_t)p->number_len};
    if (p->number_len)
        memcpy(h->number, p->number, p->number_len);
    memcpy(h->key, dbr_issuer_key_id(by), sizeof h->key);
    EVP_Digest(p->whole.tlv, p->whole.tlv_len, h->digest, NULL, EVP_sha256(), NULL);
}

static int build(const struct parse *p, const struct issuer *by, struct dbr_crl **out)
{
    struct image_head h;
    size_t name_len;
    const uint8_t *name = dbr_issuer_name(by, &name_len);
    fill_head(p, by, &h);
    uint8_t *image = calloc(1, h.size);
    *out = image ? view(memcpy(image, &h, sizeof h), h.size, free, image) : NULL;
    if (!*out) {
        free(image);
        return dbr_say(DBR_ERR_NOMEM, p->why, p->cap, "out of memory");
    }
    uint8_t *serial = image + sizeof h + padded(name_len);
    uint8_t *detail = serial + padded(p->count * DBR_SERIAL_MAX);
    memcpy(image + sizeof h, name, name_len);
    for (size_t i = 0; i < p->count; i++) {
        memcpy(serial + i * DBR_SERIAL_MAX, p->rows[i].serial, DBR_SERIAL_MAX);
        dbr_put64(detail + i * DETAIL, (uint64_t)p->rows[i].date << 8 | p->rows[i].reason);
    }
    return 0;
}

int dbr_crl_parse(struct dbr_crl **out, const struct dbr_issuers *issuers, const void *der, size_t len,
                  int64_t now, char *why, size_t cap)
{
    struct parse p = {.why = why, .cap = cap};
    const struct issuer *by = NULL;
    *out = NULL;
    if (len > DBR_CRL_MAX_BYTES)
        return dbr_say(DBR_ERR_LIMIT, why, cap, "longer than %d bytes", DBR_CRL_MAX_BYTES);
    int err = read_outer(&p, der, len);
    if (!err)
        err = read_tbs(&p);
    if (!err && (p.tbs_algorithm.tlv_len != p.algorithm.tlv_len ||
                 memcmp(p.tbs_algorithm.tlv, p.algorithm.tlv, p.algorithm.tlv_len) != 0))
        err = REFUSE(&p, "the inner and the outer signature algorithm differ");
    if (!err)
        err = check_dates(&p, now);
    if (!err) {
        struct issuer_signed s = {p.issuer.tlv,       p.issuer.tlv_len,    p.akid,
                                  p.akid_len,         p.tbs.tlv,           p.tbs.tlv_len,
                                  p.algorithm.tlv,    p.algorithm.tlv_len, p.signature.body + 1,
                                  p.signature.len - 1};
        err = dbr_issuers_verify_crl(issuers, &s, &by, why, cap);
    }
    if (!err) {
        sort_rows(&p);
        err = build(&p, by, out);
    }
    free(p.rows);
    return err;
}

/* --- files
 * ---------------------------------------------------------------------------------------------------- */

struct file_parse {
    struct dbr_crl **out;
    size_t *count;
    const struct dbr_issuers *issuers;
    int64_t now;
    char *why;
    size_t cap;
};

static int parse_block(void *arg, const uint8_t *der, size_t len)
{
    struct file_parse *f = arg;
    if (*f->count == DBR_CRL_MAX_LISTS)
        return dbr_say(DBR_ERR_LIMIT, f->why, f->cap, "more than %d CRLs in one file", DBR_CRL_MAX_LISTS);
    int err = dbr_crl_parse(&f->out[*f->count], f->issuers, der, len, f->now, f->why, f->cap);
    if (!err)
        ++*f->count;
    return err;
}

int dbr_crl_parse_file(struct dbr_crl *out[DBR_CRL_MAX_LISTS], size_t *count,
                       const struct dbr_issuers *issuers, const void *bytes, size_t len, int64_t now,
                       char *why, size_t cap)
{
    struct file_parse f = {out, count, issuers, now, why, cap};
    int err;
    *count = 0;
    dbr_say(0, why, cap, "%s", "");
    if (len > DBR_CRL_MAX_BYTES)
        return dbr_say(DBR_ERR_LIMIT, why, cap, "longer than %d bytes", DBR_CRL_MAX_BYTES);
    if (len > 0 && *(const uint8_t *)bytes == DBR_DER_SEQ)
        err = parse_block(&f, bytes, len);
    else
        err = dbr_pem_each(bytes, len, "X509 CRL", parse_block, &f);
    if (err == DBR_ERR_SHAPE && why && cap && !*why)
        dbr_say(err, why, cap, "broken PEM armour");
    if (!err && *count == 0)
        err = dbr_say(DBR_ERR_SHAPE, why, cap, "no CRL in it (%zu bytes, neither DER nor PEM)", len);
    while (err && *count > 0)
        dbr_crl_free(out[--*count]);
    return err;
}

/* --- questions
 * ------------------------------------------------------------------------------------------------ */

static const uint8_t *serial_at(const struct dbr_crl *crl, size_t i)
{
    return crl->serials + i * DBR_SERIAL_MAX;
}

/* Serial as a 20-byte key; false when it is longer. */
static bool serial_key(const void *serial, size_t len, uint8_t key[DBR_SERIAL_MAX])
{
    const uint8_t *p = serial;
    while (len > 0 && *p == 0) {
        p++;
        len--;
    }
    if (len > DBR_SERIAL_MAX)
        return false;
    memset(key, 0, DBR_SERIAL_MAX);
    if (len)
        memcpy(key + DBR_SERIAL_MAX - len, p, len);
    return true;
}

const uint8_t *dbr_crl_serial(const struct dbr_crl *crl, size_t i, struct dbr_crl_entry *entry)
{
    uint64_t d = dbr_get64(crl->details + i * DETAIL);
    if (entry)
        *entry = (struct dbr_crl_entry){.reason = (int)(d & 0xff), .date = (int64_t)d >> 8};
    return serial_at(crl, i);
}

bool dbr_crl_lookup(const struct dbr_crl *crl, const void *serial, size_t len, struct dbr_crl_entry *entry)
{
    uint8_t key[DBR_SERIAL_MAX];
    size_t low = 0, high = crl->head.count;
    if (!serial_key(serial, len, key))
        return false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int d = memcmp(key, serial_at(crl, mid), DBR_SERIAL_MAX);
        if (d == 0) {
            dbr_crl_serial(crl, mid, entry);
            return true;
        }
        if (d < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

static int compare_numbers(const struct dbr_crl *a, const struct dbr_crl *b)
{
    uint8_t x[DBR_SERIAL_MAX], y[DBR_SERIAL_MAX];
    serial_key(a->head.number, a->head.number_len, x);
    serial_key(b->head.number, b->head.number_len, y);
    return memcmp(x, y, DBR_SERIAL_MAX);
}

int dbr_crl_newer(const struct dbr_crl *old, const struct dbr_crl *fresh, char *why, size_t cap)
{
    char a[64], b[64];
    if (memcmp(old->head.digest, fresh->head.digest, 32) == 0)
        return dbr_say(DBR_ERR_EXISTS, why, cap, "it is the list already in force");
    if (old->head.number_len && !fresh->head.number_len)
        return dbr_say(DBR_ERR_REPLAY, why, cap, "it has no crlNumber, the list in force has one");
    dbr_hex_text(old->head.number, old->head.number_len, a, sizeof a);
    dbr_hex_text(fresh->head.number, fresh->head.number_len, b, sizeof b);
    int d = compare_numbers(fresh, old);
    if (fresh->head.number_len && old->head.number_len && d < 0)
        return dbr_say(DBR_ERR_REPLAY, why, cap, "its crlNumber %s is below %s, the last one accepted", b, a);
    if (fresh->head.number_len && old->head.number_len && d == 0)
        return dbr_say(DBR_ERR_CERT, why, cap, "crlNumber %s again, with other content", b);
    bool numbered = fresh->head.number_len != 0;
    if (fresh->head.this_update < old->head.this_update + (numbered ? 0 : 1))
        return dbr_say(DBR_ERR_REPLAY, why, cap,
                       "its thisUpdate %s is not after %s, that of the list in force",
                       dbr_time_text(fresh->head.this_update, b), dbr_time_text(old->head.this_update, a));
    return 0;
}

int64_t dbr_crl_this_update(const struct dbr_crl *crl)
{
    return crl->head.this_update;
}

int64_t dbr_crl_next_update(const struct dbr_crl *crl)
{
    return crl->head.next_update;
}

size_t dbr_crl_count(const struct dbr_crl *crl)
{
    return crl->head.count;
}

const uint8_t *dbr_crl_number(const struct dbr_crl *crl, size_t *len)
{
    *len = crl->head.number_len;
    return *len ? crl->head.number : NULL;
}

const uint8_t *dbr_crl_issuer(const struct dbr_crl *crl, size_t *len)
{
    *len = crl->head.issuer_len;
    return crl->issuer;
}

const uint8_t *dbr_crl_digest(const struct dbr_crl *crl)
{
    return crl->head.digest;
}

const uint8_t *dbr_crl_key_id(const struct dbr_crl *crl)
{
    return crl->head.key;
}

int dbr_crl_life_percent(const struct dbr_crl *crl, int64_t now)
{
    int64_t life = crl->head.next_update - crl->head.this_update, left = crl->head.next_update - now;
    if (left <= 0)
        return 0;
    return left >= life ? 100 : (int)(left / (life / 100.0));
}

const char *dbr_crl_text(const struct dbr_crl *crl, char *out, size_t cap)
{
    char number[64], until[40];
    dbr_hex_text(crl->head.number, crl->head.number_len, number, sizeof number);
    snprintf(out, cap, "crlNumber %s, %u revoked, valid until %s", crl->head.number_len ? number : "none",
             crl->head.count, dbr_time_text(crl->head.next_update, until));
    return out;
}
