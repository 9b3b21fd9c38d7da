/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/data.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"

/* --- keys --- */

enum {
    SLOT = 64, /* of the key block: cipher 0, hmac 0, cipher 1, hmac 1 */
    IV_LEN = 8,
    ID_LEN = 4,
    V1_HEADER = 1, /* in front of what the cipher adds */
    CBC_AROUND = DBR_CBC_IV_LEN + DBR_CBC_ID_LEN,
};

void dbr_data_keys_cut(struct dbr_data_keys *k, const uint8_t block[DBR_KEY_BLOCK_LEN], bool server)
{
    const uint8_t *sending = block + (server ? 2 * SLOT : 0);
    const uint8_t *receiving = block + (server ? 0 : 2 * SLOT);
    memcpy(k->send_key, sending, sizeof k->send_key);
    memcpy(k->send_iv, sending + SLOT, sizeof k->send_iv);
    memcpy(k->recv_key, receiving, sizeof k->recv_key);
    memcpy(k->recv_iv, receiving + SLOT, sizeof k->recv_iv);
    memcpy(k->send_hmac, sending + SLOT, sizeof k->send_hmac);
    memcpy(k->recv_hmac, receiving + SLOT, sizeof k->recv_hmac);
}

/* --- slots --- */

/* The cipher and its digest are judged where they are made. */
static bool keys_are_sane(const struct dbr_data_keys *k)
{
    return k->key_id <= 7 && k->peer_id <= DBR_PEER_ID_NONE;
}

static int make_ciphers(struct dbr_slot *s, const struct dbr_aead_backend *backend,
                        const struct dbr_data_keys *k)
{
    enum dbr_cipher cipher = (enum dbr_cipher)k->cipher;
    enum dbr_digest digest = (enum dbr_digest)k->digest;
    if (!dbr_cipher_is_cbc(cipher)) {
        int err = dbr_aead_new(&s->seal, backend, cipher, k->send_key, true);
        return err ? err : dbr_aead_new(&s->open, backend, cipher, k->recv_key, false);
    }
    s->cbc = true;
    s->mac_len = (uint8_t)dbr_digest_len(digest);
    int err = dbr_cbc_new(&s->seal, cipher, k->send_key, digest, k->send_hmac, true);
    return err ? err : dbr_cbc_new(&s->open, cipher, k->recv_key, digest, k->recv_hmac, false);
}

/* Bytes that the cipher puts between header and payload. */
static uint32_t around(const struct dbr_slot *s)
{
    return s->cbc ? s->mac_len + CBC_AROUND : ID_LEN + DBR_AEAD_TAG_LEN;
}

static uint32_t header_len(bool v2)
{
    return v2 ? DBR_DATA_V2_HEADER : V1_HEADER;
}

int dbr_slot_init(struct dbr_slot *s, const struct dbr_aead_backend *backend, const struct dbr_data_keys *k,
                  uint32_t replay_window)
{
    memset(s, 0, sizeof *s);
    if (!keys_are_sane(k))
        return DBR_ERR_UNSUPPORTED;
    int err = make_ciphers(s, backend, k);
    if (err) {
        dbr_slot_fini(s);
        return err;
    }
    memcpy(s->send_iv, k->send_iv, IV_LEN);
    memcpy(s->recv_iv, k->recv_iv, IV_LEN);
    s->key_id = k->key_id;
    s->use_v2 = k->use_v2 != 0;
    s->gcm = !s->cbc && k->cipher != DBR_CHACHA20_POLY1305;
    s->header[0] = dbr_first_byte(s->use_v2 ? DBR_OP_DATA_V2 : DBR_OP_DATA_V1, k->key_id);
    dbr_put24(s->header + 1, k->peer_id);
    s->headroom = (uint8_t)(header_len(s->use_v2) + around(s));
    s->next_id = 1;
    dbr_replay_init(&s->replay, replay_window);
    s->live = true;
    return 0;
}

void dbr_slot_fini(struct dbr_slot *s)
{
    dbr_aead_free(s->seal);
    dbr_aead_free(s->open);
    dbr_wipe(s, sizeof *s);
}

/* Points job at the fields of a datagram with a header of that kind. Returns where its packet id is. */
static uint8_t *lay_out(const struct dbr_slot *s, uint8_t *dgram, bool v2, struct dbr_aead_job *job)
{
    uint8_t *after = dgram + header_len(v2);
    job->text = after + around(s);
    job->aad = v2 ? dgram : after;
    job->aad_len = (uint32_t)(after + ID_LEN - job->aad);
    job->tag = s->cbc ? after : after + ID_LEN;
    return s->cbc ? job->text - ID_LEN : after;
}

static void set_nonce(struct dbr_aead_job *job, const uint8_t *packet_id, const uint8_t *implicit_iv)
{
    memcpy(job->nonce, packet_id, ID_LEN);
    memcpy(job->nonce + ID_LEN, implicit_iv, IV_LEN);
}

int dbr_slot_seal_prepare(struct dbr_slot *s, uint8_t *text, uint32_t len, struct dbr_aead_job *job)
{
    if (s->next_id >= DBR_LAST_PACKET_ID)
        return DBR_ERR_LIMIT;
    uint8_t *dgram = text - s->headroom;
    uint8_t *id_at = lay_out(s, dgram, s->use_v2, job);
    memcpy(dgram, s->header, header_len(s->use_v2));
    dbr_put32(id_at, s->next_id++);
    job->len = len;
    set_nonce(job, id_at, s->send_iv);
    s->sealed_packets++;
    s->sealed_bytes += len;
    return 0;
}

int dbr_slot_open_prepare(struct dbr_slot *s, uint8_t *dgram, uint32_t len, struct dbr_aead_job *job,
                          uint32_t *id)
{
    if (!len || dbr_key_id_of(dgram[0]) != s->key_id || !dbr_opcode_is_data(dbr_opcode_of(dgram[0])))
        return DBR_ERR_SHAPE;
    bool v2 = dbr_opcode_of(dgram[0]) == DBR_OP_DATA_V2;
    uint32_t front = header_len(v2) + around(s);
    if (len <= front || (s->cbc && (len - front + ID_LEN) % DBR_CBC_BLOCK))
        return DBR_ERR_SHAPE;
    uint8_t *id_at = lay_out(s, dgram, v2, job);
    *id = s->cbc ? 0 : dbr_get32(id_at);
    if (!s->cbc && !dbr_replay_check(&s->replay, *id))
        return DBR_ERR_REPLAY;
    job->len = len - front;
    set_nonce(job, id_at, s->recv_iv);
    return 0;
}

bool dbr_slot_opened(struct dbr_slot *s, const struct dbr_aead_job *job, uint32_t *id)
{
    if (s->cbc)
        *id = dbr_get32(job->text - ID_LEN);
    if (!dbr_replay_check(&s->replay, *id))
        return false;
    dbr_replay_mark(&s->replay, *id);
    s->opened_packets++;
    s->opened_bytes += job->len;
    return true;
}

/* --- limits --- */

/* Packets plus blocks of one direction; each packet may end in a block of its own. */
static bool gcm_is_worn(uint64_t packets, uint64_t bytes)
{
    return packets + packets + bytes / 16 >= DBR_GCM_REKEY;
}

bool dbr_slot_wants_rekey(const struct dbr_slot *s)
{
    if (s->next_id >= DBR_REKEY_PACKETS || s->replay.newest >= DBR_REKEY_PACKETS)
        return true;
    return s->gcm && (gcm_is_worn(s->sealed_packets, s->sealed_bytes) ||
                      gcm_is_worn(s->opened_packets, s->opened_bytes));
}

/* --- payloads --- */

const uint8_t dbr_ping_magic[16] = {0x2a, 0x18, 0x7b, 0xf3, 0x64, 0x1e, 0xb4, 0xcb,
                                    0x07, 0xed, 0x2d, 0x0a, 0x98, 0x1f, 0xc7, 0x48};
const uint8_t dbr_occ_magic[16] = {0x28, 0x7f, 0x34, 0x6b, 0xd4, 0xef, 0x7a, 0x81,
                                   0x2d, 0x56, 0xb8, 0xd3, 0xaf, 0xc5, 0x45, 0x9c};

enum dbr_payload dbr_payload_kind(const uint8_t *p, size_t len)
{
    if (len < 16 || (p[0] != dbr_ping_magic[0] && p[0] != dbr_occ_magic[0]))
        return DBR_PAYLOAD_FRAME;
    if (len == 16 && !memcmp(p, dbr_ping_magic, 16))
        return DBR_PAYLOAD_PING;
    return memcmp(p, dbr_occ_magic, 16) ? DBR_PAYLOAD_FRAME : DBR_PAYLOAD_OCC;
}
