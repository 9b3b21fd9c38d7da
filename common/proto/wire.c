/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/wire.h"

#include "base/bytes.h"
#include "base/err.h"
#include "proto/wkc.h"

/* What a packet of each opcode looks like behind the gate. An opcode without a row is not spoken here. */
struct shape {
    uint8_t key_ids;  /* one bit for each key id it may carry; 0 = no control packet of ours */
    bool has_id;      /* message packet id */
    bool needs_acks;  /* makes no sense without one */
    bool has_wkc;     /* a wrapped client key behind it */
    uint16_t payload; /* most bytes of TLS, or of early negotiation in the server's reset */
};
enum { ANY_KEY_ID = 0xff, FIRST_KEY_ID = 0x01, LATER_KEY_IDS = 0xfe };

static const struct shape shapes[32] = {
    [DBR_OP_SOFT_RESET] = {.key_ids = LATER_KEY_IDS, .has_id = true},
    [DBR_OP_CONTROL] = {.key_ids = ANY_KEY_ID, .has_id = true, .payload = DBR_MAX_CONTROL_PAYLOAD},
    [DBR_OP_ACK] = {.key_ids = ANY_KEY_ID, .needs_acks = true},
    [DBR_OP_RESET_CLIENT] = {.key_ids = FIRST_KEY_ID, .has_id = true},
    [DBR_OP_RESET_SERVER] = {.key_ids = FIRST_KEY_ID, .has_id = true, .payload = DBR_MAX_EARLY},
    [DBR_OP_RESET_CLIENT_V3] = {.key_ids = FIRST_KEY_ID, .has_id = true, .has_wkc = true},
    [DBR_OP_CONTROL_WKC] = {.key_ids = FIRST_KEY_ID,
                            .has_id = true,
                            .has_wkc = true,
                            .payload = DBR_MAX_CONTROL_PAYLOAD},
};

static const struct shape *shape_of(uint8_t first)
{
    const struct shape *s = &shapes[dbr_opcode_of(first)];
    return s->key_ids >> dbr_key_id_of(first) & 1 ? s : NULL;
}

/* Inner bytes (ack count on) of a packet with n acks and without payload. */
static size_t inner_size(const struct shape *s, size_t n)
{
    return 1 + 4 * n + (n ? DBR_SID_LEN : 0) + (s->has_id ? 4 : 0);
}

bool dbr_opcode_has_wkc(uint8_t opcode)
{
    return opcode < sizeof shapes / sizeof shapes[0] && shapes[opcode].has_wkc;
}

int dbr_wire_prefilter(const uint8_t *dgram, size_t len, size_t gate_overhead)
{
    const struct shape *s = len ? shape_of(dgram[0]) : NULL;
    if (!s || len > DBR_MAX_DATAGRAM)
        return DBR_ERR_SHAPE;
    size_t around = 1 + DBR_SID_LEN + gate_overhead;
    size_t fewest = inner_size(s, s->needs_acks) + (s->has_wkc ? DBR_WKC_MIN : 0);
    size_t most = inner_size(s, DBR_MAX_ACKS) + s->payload + (s->has_wkc ? DBR_WKC_MAX : 0);
    return len < around + fewest || len > around + most ? DBR_ERR_SHAPE : 0;
}

int dbr_control_parse(struct dbr_control *c, uint8_t first, uint64_t sid, const uint8_t *inner,
                      size_t inner_len)
{
    const struct shape *s = shape_of(first);
    struct dbr_reader r;
    if (!s || !sid)
        return DBR_ERR_SHAPE;
    *c = (struct dbr_control){
        .opcode = dbr_opcode_of(first), .key_id = dbr_key_id_of(first), .has_id = s->has_id, .sid = sid};
    dbr_reader_init(&r, inner, inner_len);
    c->n_acks = dbr_read8(&r);
    if (c->n_acks > DBR_MAX_ACKS || c->n_acks < s->needs_acks)
        return DBR_ERR_SHAPE;
    for (size_t i = 0; i < c->n_acks; i++)
        c->acks[i] = dbr_read32(&r);
    if (c->n_acks && !(c->peer_sid = dbr_read64(&r)))
        return DBR_ERR_SHAPE;
    if (s->has_id)
        c->id = dbr_read32(&r);
    c->payload_len = dbr_reader_left(&r);
    c->payload = dbr_read_bytes(&r, c->payload_len);
    if (!dbr_reader_ok(&r) || c->payload_len > s->payload)
        return DBR_ERR_SHAPE;
    return 0;
}

int dbr_control_write(const struct dbr_control *c, uint8_t *out, size_t cap)
{
    struct dbr_writer w;
    if (c->n_acks > DBR_MAX_ACKS || c->payload_len > DBR_MAX_CONTROL_PAYLOAD)
        return DBR_ERR_SPACE;
    dbr_writer_init(&w, out, cap);
    dbr_write8(&w, c->n_acks);
    for (size_t i = 0; i < c->n_acks; i++)
        dbr_write32(&w, c->acks[i]);
    if (c->n_acks)
        dbr_write64(&w, c->peer_sid);
    if (c->has_id)
        dbr_write32(&w, c->id);
    dbr_write_bytes(&w, c->payload, c->payload_len);
    return dbr_writer_ok(&w) ? (int)dbr_writer_len(&w) : DBR_ERR_SPACE;
}
