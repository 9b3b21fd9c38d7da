/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The data channel with known keys. The first byte chooses the cipher, AEAD or CBC with its digest; then come
 * records: a byte of flags, a packet id (one byte: distance to the newest, or four bytes), a length byte. The
 * harness seals them with the right key, damages some, and checks each verdict against a list of all ids that
 * passed.
 */
#include "fuzz.h"

#include "proto/data.h"

enum { V1 = 1, DAMAGE = 2, WIDE_ID = 4, RAW = 8, MOST = 4096 };

static struct dbr_slot tx, rx;
static uint32_t passed[MOST];
static size_t n_passed;

static bool start(uint8_t choice)
{
    static const struct {
        enum dbr_cipher cipher;
        enum dbr_digest digest;
    } kinds[] = {{DBR_AES_256_GCM, 0},       {DBR_AES_128_GCM, 0},         {DBR_CHACHA20_POLY1305, 0},
                 {DBR_AES_192_GCM, 0},       {DBR_AES_256_CBC, DBR_SHA1},  {DBR_AES_128_CBC, DBR_SHA512},
                 {DBR_AES_192_CBC, DBR_MD5}, {DBR_AES_256_CBC, DBR_SHA256}};
    unsigned kind = (choice & 3) | (choice >> 1 & 4);
    const struct dbr_aead_backend *openssl = dbr_aead_backend_by_name("openssl");
    struct dbr_data_keys k = {.cipher = kinds[kind].cipher,
                              .digest = (uint16_t)kinds[kind].digest,
                              .key_id = 3,
                              .use_v2 = 1,
                              .peer_id = 5};
    uint8_t block[DBR_KEY_BLOCK_LEN];
    fill_pattern(block, sizeof block, 77);
    dbr_data_keys_cut(&k, block, true);
    int err = dbr_slot_init(&tx, openssl, &k, 64);
    dbr_data_keys_cut(&k, block, false);
    err |= dbr_slot_init(&rx, openssl, &k, choice & 4 ? 64 : 1000);
    n_passed = 0;
    return !err;
}

static bool fresh(uint32_t id)
{
    if (!id || (id <= rx.replay.newest && rx.replay.newest - id >= rx.replay.size))
        return false;
    for (size_t i = 0; i < n_passed; i++)
        if (passed[i] == id)
            return false;
    return true;
}

static int open(uint8_t *dgram, size_t len)
{
    struct dbr_aead_job job;
    uint32_t id;
    int err = dbr_slot_open_prepare(&rx, dgram, (uint32_t)len, &job, &id);
    if (err)
        return err;
    PROMISE(job.text + job.len == dgram + len && job.len > 0);
    dbr_aead_open(rx.open, &job, 1);
    PROMISE(job.err || (job.len > 0 && job.text + job.len <= dgram + len));
    if (job.err)
        return job.err;
    if (!dbr_slot_opened(&rx, &job, &id)) {
        PROMISE(rx.cbc && !fresh(id)); /* of AEAD the window was asked before */
        return DBR_ERR_REPLAY;
    }
    PROMISE(id == rx.replay.newest || rx.replay.newest - id < rx.replay.size);
    dbr_payload_kind(job.text, job.len);
    return 0;
}

static void raw(const uint8_t *data, size_t size)
{
    uint8_t *dgram = malloc(size ? size : 1);
    PROMISE(dgram);
    memcpy(dgram, data, size);
    open(dgram, size); /* nobody guesses a tag, but the key is known here: no promise */
    free(dgram);
}

static void sealed(uint8_t flags, uint32_t id, uint8_t len)
{
    uint8_t buf[512];
    struct dbr_aead_job job;
    bool v2 = !(flags & V1);
    tx.headroom = (uint8_t)(tx.headroom + 3 * v2 - 3 * tx.use_v2);
    tx.use_v2 = v2;
    tx.header[0] = dbr_first_byte(v2 ? DBR_OP_DATA_V2 : DBR_OP_DATA_V1, 3);
    tx.next_id = id;
    size_t head = dbr_slot_headroom(&tx);
    memset(buf, 0x33, sizeof buf);
    int err = dbr_slot_seal_prepare(&tx, buf + head, len, &job);
    PROMISE(err == (id >= DBR_LAST_PACKET_ID ? DBR_ERR_LIMIT : 0));
    if (err)
        return;
    dbr_aead_seal(tx.seal, &job, 1);
    PROMISE(job.len == len + dbr_slot_padding(&tx, len));
    if (flags & DAMAGE)
        buf[head - 1 - (flags >> 4)] ^= 1; /* in the tag, or in id and IV of CBC */
    int damage = flags & DAMAGE ? DBR_ERR_AUTH : 0;
    int want = !len ? DBR_ERR_SHAPE : !fresh(id) ? DBR_ERR_REPLAY : damage;
    if (tx.cbc) /* the id is seen behind the HMAC only; a packet without payload is whole in shape */
        want = damage || !len ? DBR_ERR_AUTH : want;
    PROMISE(open(buf, head + job.len) == want);
    if (!want && n_passed < MOST)
        passed[n_passed++] = id;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 4 * MOST || !start(data[0]))
        return 0;
    struct dbr_reader r;
    dbr_reader_init(&r, data + 1, size - 1);
    while (dbr_reader_left(&r) >= 3 && n_passed < MOST) {
        uint8_t flags = dbr_read8(&r);
        uint32_t id = flags & WIDE_ID ? dbr_read32(&r) : rx.replay.newest + dbr_read8(&r) - 100;
        if (flags & RAW)
            raw(r.p, dbr_reader_left(&r));
        else
            sealed(flags, id, dbr_read8(&r));
    }
    dbr_slot_fini(&tx);
    dbr_slot_fini(&rx);
    return 0;
}
