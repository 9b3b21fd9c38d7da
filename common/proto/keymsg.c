/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/keymsg.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/kdf.h"

enum { KEY_METHOD = 2, KEY_METHOD_MASK = 0x0f };

/* --- writing --- */

/* An absent string is the length 0 alone; the options string is always there. */
static void write_string(struct dbr_writer *w, const char *text, bool always)
{
    size_t n = strlen(text);
    if (!n && !always) {
        dbr_write16(w, 0);
        return;
    }
    dbr_write16(w, (uint16_t)(n + 1));
    dbr_write_bytes(w, text, n + 1);
}

int dbr_keymsg_write(const struct dbr_keymsg *m, bool from_client, uint8_t *out, size_t cap)
{
    struct dbr_writer w;
    dbr_writer_init(&w, out, cap);
    dbr_write32(&w, 0);
    dbr_write8(&w, KEY_METHOD);
    if (from_client)
        dbr_write_bytes(&w, m->pre_master, sizeof m->pre_master);
    dbr_write_bytes(&w, m->random1, sizeof m->random1);
    dbr_write_bytes(&w, m->random2, sizeof m->random2);
    write_string(&w, m->options, true);
    write_string(&w, m->username, false);
    write_string(&w, m->password, false);
    write_string(&w, m->peer_info, false);
    return dbr_writer_ok(&w) ? (int)dbr_writer_len(&w) : DBR_ERR_SPACE;
}

/* --- parsing --- */

/* Copies a string field to out. DBR_ERR_AGAIN when it is not all there. */
static int read_string(struct dbr_reader *r, char *out, size_t cap)
{
    out[0] = 0;
    if (dbr_reader_left(r) < 2)
        return DBR_ERR_AGAIN;
    size_t n = dbr_read16(r);
    if (n > cap)
        return DBR_ERR_SHAPE;
    if (n > dbr_reader_left(r))
        return DBR_ERR_AGAIN;
    const uint8_t *text = dbr_read_bytes(r, n);
    if (!n)
        return 0;
    if (memchr(text, 0, n) != text + n - 1)
        return DBR_ERR_SHAPE;
    memcpy(out, text, n);
    return 0;
}

/* Everything before the options string. */
static int read_key_source(struct dbr_reader *r, struct dbr_keymsg *m, bool from_client)
{
    uint8_t *const into[] = {m->pre_master, m->random1, m->random2};
    const size_t size[] = {sizeof m->pre_master, sizeof m->random1, sizeof m->random2};
    if (dbr_reader_left(r) < 5)
        return DBR_ERR_AGAIN;
    if (dbr_read32(r) != 0 || (dbr_read8(r) & KEY_METHOD_MASK) != KEY_METHOD)
        return DBR_ERR_SHAPE;
    for (size_t i = from_client ? 0 : 1; i < 3; i++) {
        const uint8_t *p = dbr_read_bytes(r, size[i]);
        if (!p)
            return DBR_ERR_AGAIN;
        memcpy(into[i], p, size[i]);
    }
    return 0;
}

static int read_fields(struct dbr_reader *r, struct dbr_keymsg *m, bool from_client, bool at_end)
{
    const struct {
        char *out;
        size_t cap;
        bool optional;
    } fields[] = {
        {m->options, sizeof m->options, false},
        {m->username, sizeof m->username, true},
        {m->password, sizeof m->password, true},
        {m->peer_info, sizeof m->peer_info, true},
    };
    int err = read_key_source(r, m, from_client);
    for (size_t i = 0; !err && i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].optional && at_end && !dbr_reader_left(r))
            break;
        err = read_string(r, fields[i].out, fields[i].cap);
    }
    return err;
}

int dbr_keymsg_parse(struct dbr_keymsg *m, bool from_client, const uint8_t *in, size_t len, bool at_end)
{
    struct dbr_reader r;
    memset(m, 0, sizeof *m);
    dbr_reader_init(&r, in, len);
    int err = read_fields(&r, m, from_client, at_end);
    if (!err)
        return (int)(r.p - in);
    dbr_wipe(m, sizeof *m);
    return err == DBR_ERR_AGAIN && at_end ? DBR_ERR_SHAPE : err;
}

/* --- keys --- */

int dbr_keymsg_derive(const struct dbr_keymsg *client, const struct dbr_keymsg *server, uint64_t client_sid,
                      uint64_t server_sid, uint8_t block[256])
{
    uint8_t master[48], sids[16];
    dbr_put64(sids, client_sid);
    dbr_put64(sids + 8, server_sid);
    const struct dbr_part first[] = {{client->random1, 32}, {server->random1, 32}};
    const struct dbr_part second[] = {{client->random2, 32}, {server->random2, 32}, {sids, sizeof sids}};
    int err = dbr_tls1_prf(client->pre_master, sizeof client->pre_master, "OpenVPN master secret", first, 2,
                           master, sizeof master);
    if (!err)
        err = dbr_tls1_prf(master, sizeof master, "OpenVPN key expansion", second, 3, block, 256);
    if (err)
        dbr_wipe(block, 256);
    dbr_wipe(master, sizeof master);
    return err;
}
