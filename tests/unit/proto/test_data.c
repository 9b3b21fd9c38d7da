/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Data keys and slots: known answers, both directions, every bit of a datagram, the limits.
 */
#include "helpers.h"
#include "vectors.h"

#include "proto/data.h"

enum { FRAME = 60, PEER_ID = 0x0a0b0c, KEY_ID = 3, ROOM = DBR_SLOT_HEADROOM };
static uint8_t block[DBR_KEY_BLOCK_LEN], frame[FRAME];
static const struct dbr_aead_backend *backend;
static const struct {
    const char *name;
    enum dbr_cipher cipher;
    enum dbr_digest digest;
} ciphers[] = {
    {"AES-128-GCM", DBR_AES_128_GCM},
    {"AES-192-GCM", DBR_AES_192_GCM},
    {"AES-256-GCM", DBR_AES_256_GCM},
    {"CHACHA20-POLY1305", DBR_CHACHA20_POLY1305},
    {"AES-128-CBC", DBR_AES_128_CBC, DBR_SHA1},
    {"AES-192-CBC", DBR_AES_192_CBC, DBR_SHA256},
    {"AES-256-CBC", DBR_AES_256_CBC, DBR_SHA512},
};

static enum dbr_digest digest_of(enum dbr_cipher cipher)
{
    for (size_t i = 0; i < COUNT(ciphers); i++)
        if (ciphers[i].cipher == cipher)
            return ciphers[i].digest;
    return DBR_DIGEST_NONE;
}

static int set_up(void **state)
{
    (void)state;
    fill_pattern(block, sizeof block, 77);
    fill_pattern(frame, sizeof frame, 99);
    backend = dbr_aead_backend_by_name("openssl");
    return backend ? 0 : -1;
}

static struct dbr_data_keys keys_of(enum dbr_cipher cipher, bool server, bool v2)
{
    struct dbr_data_keys k = {
        .cipher = cipher, .key_id = KEY_ID, .use_v2 = v2, .peer_id = v2 ? PEER_ID : DBR_PEER_ID_NONE};
    k.digest = (uint16_t)digest_of(cipher);
    dbr_data_keys_cut(&k, block, server);
    return k;
}

static void make(struct dbr_slot *s, enum dbr_cipher cipher, bool server, bool v2)
{
    struct dbr_data_keys k = keys_of(cipher, server, v2);
    assert_int_equal(dbr_slot_init(s, backend, &k, 64), 0);
    assert_true(s->live);
}

/* Seals the frame into out (its datagram starts there); returns the length. */
static size_t seal(struct dbr_slot *s, uint8_t *out)
{
    struct dbr_aead_job job;
    uint8_t *text = out + dbr_slot_headroom(s);
    memcpy(text, frame, FRAME);
    assert_int_equal(dbr_slot_seal_prepare(s, text, FRAME, &job), 0);
    assert_ptr_equal(job.text, text);
    dbr_aead_seal(s->seal, &job, 1);
    assert_int_equal(job.err, 0);
    assert_int_equal(job.len, FRAME + dbr_slot_padding(s, FRAME));
    return dbr_slot_headroom(s) + job.len;
}

/* The verdict on a datagram: 0 and the frame came out, or an error. */
static int open(struct dbr_slot *s, const uint8_t *dgram, size_t len)
{
    struct dbr_aead_job job;
    uint32_t id = 12345;
    uint8_t *copy = exact_copy(dgram, len);
    int err = dbr_slot_open_prepare(s, copy, (uint32_t)len, &job, &id);
    if (!err) {
        dbr_aead_open(s->open, &job, 1);
        err = job.err;
    }
    if (!err) {
        err = dbr_slot_opened(s, &job, &id) ? 0 : DBR_ERR_REPLAY;
        assert_true(err || (job.len == FRAME && !memcmp(job.text, frame, FRAME)));
    }
    free(copy);
    return err;
}

static void keys_are_cut(void **state)
{
    (void)state;
    for (int server = 0; server < 2; server++) {
        struct dbr_data_keys k = keys_of(DBR_AES_256_GCM, server, true);
        const uint8_t *tx = block + (server ? 128 : 0), *rx = block + (server ? 0 : 128);
        assert_memory_equal(k.send_key, tx, 32);
        assert_memory_equal(k.send_iv, tx + 64, 8);
        assert_memory_equal(k.recv_key, rx, 32);
        assert_memory_equal(k.recv_iv, rx + 64, 8);
        assert_memory_equal(k.send_hmac, tx + 64, 64);
        assert_memory_equal(k.recv_hmac, rx + 64, 64);
        assert_int_equal(k.peer_id, PEER_ID); /* left alone */
    }
}

static void known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(data_vectors); i++) {
        struct dbr_slot tx, rx;
        uint8_t want[256], got[256];
        size_t c = i / 4;
        assert_string_equal(ciphers[c].name, data_vectors[i].cipher);
        make(&tx, ciphers[c].cipher, data_vectors[i].server, data_vectors[i].v2);
        make(&rx, ciphers[c].cipher, !data_vectors[i].server, true);
        size_t n = from_hex(want, sizeof want, data_vectors[i].packet);
        assert_int_equal(n, FRAME + (data_vectors[i].v2 ? 24 : 21));
        assert_int_equal(seal(&tx, got), n);
        assert_memory_equal(got, want, n);
        assert_int_equal(open(&rx, want, n), 0); /* V1 too, though rx sends V2 */
        assert_int_equal(open(&rx, want, n), DBR_ERR_REPLAY);
        want[n - 1] ^= 1; /* the window is asked before the frame is opened */
        assert_int_equal(open(&rx, want, n), DBR_ERR_REPLAY);
        assert_true(rx.opened_packets == 1 && rx.opened_bytes == FRAME);
        assert_true(tx.sealed_packets == 1 && tx.sealed_bytes == FRAME);
        dbr_slot_fini(&tx);
        dbr_slot_fini(&rx);
    }
}

/* What another implementation sealed opens; a CBC packet of ours differs by its IV. */
static void known_answers_cbc(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cbc_vectors); i++) {
        enum dbr_cipher cipher = dbr_cipher_by_name(cbc_vectors[i].cipher, 11);
        struct dbr_data_keys k = keys_of(cipher, !cbc_vectors[i].server, true);
        struct dbr_slot rx;
        struct dbr_aead_job job;
        uint8_t packet[256];
        uint32_t id = 77;
        k.digest = (uint16_t)dbr_digest_by_name(cbc_vectors[i].digest);
        assert_int_equal(dbr_slot_init(&rx, backend, &k, 64), 0);
        size_t n = from_hex(packet, sizeof packet, cbc_vectors[i].packet);
        assert_int_equal(dbr_slot_open_prepare(&rx, packet, (uint32_t)n, &job, &id), 0);
        assert_int_equal(id, 0);
        CHECK(dbr_aead_open(rx.open, &job, 1) == 1, "vector %zu", i);
        assert_true(dbr_slot_opened(&rx, &job, &id));
        assert_int_equal(id, 1);
        assert_int_equal(job.len, cbc_vectors[i].frame);
        assert_memory_equal(job.text, frame, job.len);
        assert_false(dbr_slot_opened(&rx, &job, &id)); /* a copy */
        dbr_slot_fini(&rx);
    }
}

/* The same frame twice: other id, other IV, and nothing of the ciphertext is the same. */
static void cbc_ivs_differ(void **state)
{
    struct dbr_slot tx, other;
    uint8_t a[256], b[256];
    (void)state;
    make(&tx, DBR_AES_256_CBC, true, true);
    make(&other, DBR_AES_256_CBC, true, true); /* the same keys once more, as after a restart */
    size_t iv = 4 + 64;
    seal(&tx, a);
    for (int i = 0; i < 100; i++) {
        seal(i % 2 ? &tx : &other, b);
        assert_memory_not_equal(a + iv, b + iv, 16);
        assert_memory_not_equal(a + iv + 16, b + iv + 16, 16);
    }
    dbr_slot_fini(&tx);
    dbr_slot_fini(&other);
}

/* V1 and V2 headers are outside the HMAC of CBC: only what picks the key counts there. */
static bool is_free_bit(const struct dbr_slot *s, bool v2, size_t bit)
{
    return s->cbc && v2 && bit / 8 >= 1 && bit / 8 <= 3;
}

static int verdict_on_length(const struct dbr_slot *s, bool v2, size_t len)
{
    size_t front = (v2 ? 4u : 1u) + (s->cbc ? s->mac_len + 20u : 20u);
    if (len <= front || (s->cbc && (len - front + 4) % 16))
        return DBR_ERR_SHAPE;
    return DBR_ERR_AUTH;
}

static void every_bit_counts(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(ciphers); c++)
        for (int v2 = 0; v2 < 2; v2++) {
            struct dbr_slot tx, rx;
            uint8_t dgram[256];
            make(&tx, ciphers[c].cipher, true, v2);
            make(&rx, ciphers[c].cipher, false, v2);
            size_t n = seal(&tx, dgram);
            for (size_t bit = 0; bit < 8 * n; bit++) {
                dgram[bit / 8] ^= (uint8_t)(1u << bit % 8);
                if (!is_free_bit(&rx, v2, bit))
                    CHECK(open(&rx, dgram, n) != 0, "cipher %zu v2 %d bit %zu", c, v2, bit);
                dgram[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
            for (size_t len = 0; len < n; len++)
                CHECK(open(&rx, dgram, len) == verdict_on_length(&rx, v2, len), "cipher %zu v2 %d length %zu",
                      c, v2, len);
            dgram[n] = 0;
            assert_int_equal(open(&rx, dgram, n + 1), verdict_on_length(&rx, v2, n + 1));
            assert_int_equal(rx.opened_packets, 0); /* nothing of it moved the window */
            assert_int_equal(open(&rx, dgram, n), 0);
            dbr_slot_fini(&tx);
            dbr_slot_fini(&rx);
        }
}

static void own_packets_do_not_open(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(ciphers); c++) {
        struct dbr_slot s;
        uint8_t dgram[256];
        make(&s, ciphers[c].cipher, true, true);
        assert_int_equal(open(&s, dgram, seal(&s, dgram)), DBR_ERR_AUTH);
        dbr_slot_fini(&s);
    }
}

static void opcode_and_key_id(void **state)
{
    struct dbr_slot tx, rx;
    uint8_t dgram[256];
    (void)state;
    make(&tx, DBR_AES_256_GCM, true, true);
    make(&rx, DBR_AES_256_GCM, false, true);
    size_t n = seal(&tx, dgram);
    for (unsigned first = 0; first < 256; first++) {
        bool shape = (first >> 3 == 6 || first >> 3 == 9) && (first & 7) == KEY_ID;
        dgram[0] = (uint8_t)first;
        int want = first == (9 << 3 | KEY_ID) ? 0 : shape ? DBR_ERR_AUTH : DBR_ERR_SHAPE;
        CHECK(open(&rx, dgram, n) == want, "first byte %02x", first);
    }
    dbr_slot_fini(&tx);
    dbr_slot_fini(&rx);
}

static void ids_count_up_and_zero_is_refused(void **state)
{
    struct dbr_slot tx, rx;
    uint8_t dgram[256];
    (void)state;
    make(&tx, DBR_AES_256_GCM, true, true);
    make(&rx, DBR_AES_256_GCM, false, true);
    for (uint32_t id = 1; id < 200; id++) {
        size_t n = seal(&tx, dgram);
        assert_int_equal(dbr_get32(dgram + 4), id);
        assert_int_equal(open(&rx, dgram, n), 0);
    }
    tx.next_id = 0; /* a peer that sends id 0 with a good tag */
    assert_int_equal(open(&rx, dgram, seal(&tx, dgram)), DBR_ERR_REPLAY);
    dbr_slot_fini(&tx);
    dbr_slot_fini(&rx);
}

/* Both pass the window before either is marked: the second must still be dropped. */
static void twice_in_one_batch(void **state)
{
    struct dbr_slot tx, rx;
    uint8_t a[256], b[256];
    struct dbr_aead_job jobs[2];
    uint32_t id[2];
    (void)state;
    make(&tx, DBR_AES_256_GCM, true, true);
    make(&rx, DBR_AES_256_GCM, false, true);
    size_t n = seal(&tx, a);
    memcpy(b, a, n);
    assert_int_equal(dbr_slot_open_prepare(&rx, a, (uint32_t)n, &jobs[0], &id[0]), 0);
    assert_int_equal(dbr_slot_open_prepare(&rx, b, (uint32_t)n, &jobs[1], &id[1]), 0);
    assert_int_equal(dbr_aead_open(rx.open, jobs, 2), 2);
    assert_true(dbr_slot_opened(&rx, &jobs[0], &id[0]));
    assert_false(dbr_slot_opened(&rx, &jobs[1], &id[1]));
    assert_int_equal(rx.opened_packets, 1);
    dbr_slot_fini(&tx);
    dbr_slot_fini(&rx);
}

/* CBC learns the id from inside: the window holds all the same. */
static void cbc_window(void **state)
{
    struct dbr_slot tx, rx;
    uint8_t first[256], late[256], dgram[256];
    (void)state;
    make(&tx, DBR_AES_128_CBC, true, true);
    make(&rx, DBR_AES_128_CBC, false, true);
    size_t n = seal(&tx, first);
    seal(&tx, late);
    assert_int_equal(open(&rx, first, n), 0);
    assert_int_equal(open(&rx, first, n), DBR_ERR_REPLAY);
    tx.next_id = 66;
    assert_int_equal(open(&rx, dgram, seal(&tx, dgram)), 0);
    assert_int_equal(open(&rx, late, n), DBR_ERR_REPLAY); /* 64 behind */
    assert_int_equal(rx.opened_packets, 2);
    tx.next_id = 0;
    assert_int_equal(open(&rx, dgram, seal(&tx, dgram)), DBR_ERR_REPLAY);
    dbr_slot_fini(&tx);
    dbr_slot_fini(&rx);
}

static void a_forgery_does_not_move_the_window(void **state)
{
    struct dbr_slot tx, rx;
    uint8_t good[256], forged[256];
    (void)state;
    make(&tx, DBR_AES_256_GCM, true, true);
    make(&rx, DBR_AES_256_GCM, false, true);
    size_t n = seal(&tx, good);
    memcpy(forged, good, n);
    dbr_put32(forged + 4, 0xfffffff0);
    assert_int_equal(open(&rx, forged, n), DBR_ERR_AUTH);
    assert_int_equal(open(&rx, good, n), 0);
    dbr_slot_fini(&tx);
    dbr_slot_fini(&rx);
}

static void packet_ids_run_out(void **state)
{
    struct dbr_slot s;
    struct dbr_aead_job job;
    uint8_t buf[256];
    (void)state;
    make(&s, DBR_AES_256_GCM, true, true);
    s.next_id = 0xfffffefe;
    assert_int_equal(dbr_slot_seal_prepare(&s, buf + ROOM, FRAME, &job), 0);
    assert_int_equal(dbr_slot_seal_prepare(&s, buf + ROOM, FRAME, &job), 0);
    assert_int_equal(dbr_get32(buf + ROOM - 20), 0xfffffeff);
    memset(buf, 0x55, sizeof buf);
    for (int i = 0; i < 1000; i++) /* for ever, and nothing is written */
        assert_int_equal(dbr_slot_seal_prepare(&s, buf + ROOM, FRAME, &job), DBR_ERR_LIMIT);
    for (size_t i = 0; i < sizeof buf; i++)
        assert_int_equal(buf[i], 0x55);
    assert_int_equal(s.next_id, 0xffffff00);
    assert_int_equal(s.sealed_packets, 2);
    for (uint64_t id = 0xffffff00; id <= UINT32_MAX; id++) {
        s.next_id = (uint32_t)id;
        assert_int_equal(dbr_slot_seal_prepare(&s, buf + ROOM, FRAME, &job), DBR_ERR_LIMIT);
    }
    dbr_slot_fini(&s);
}

static bool wants(struct dbr_slot *s, uint32_t next, uint32_t newest, uint64_t packets, uint64_t bytes,
                  bool sealing)
{
    s->next_id = next;
    s->replay.newest = newest;
    s->sealed_packets = sealing ? packets : 0;
    s->sealed_bytes = sealing ? bytes : 0;
    s->opened_packets = sealing ? 0 : packets;
    s->opened_bytes = sealing ? 0 : bytes;
    return dbr_slot_wants_rekey(s);
}

static void usage_limits(void **state)
{
    const uint64_t limit = 7ull << 33;
    (void)state;
    for (size_t c = 0; c < COUNT(ciphers); c++) {
        struct dbr_slot s;
        bool gcm = ciphers[c].cipher < DBR_CHACHA20_POLY1305;
        make(&s, ciphers[c].cipher, true, true);
        assert_false(dbr_slot_wants_rekey(&s));
        assert_false(wants(&s, 0x7fffffff, 0, 0, 0, true));
        assert_true(wants(&s, 0x80000000, 0, 0, 0, true));
        assert_true(wants(&s, 0xffffff00, 0, 0, 0, true));
        assert_false(wants(&s, 1, 0x7fffffff, 0, 0, true));
        assert_true(wants(&s, 1, 0x80000000, 0, 0, true));
        for (int sealing = 0; sealing < 2; sealing++) {
            assert_false(wants(&s, 1, 0, 100, 16 * (limit - 201), sealing));
            assert_int_equal(wants(&s, 1, 0, 100, 16 * (limit - 200), sealing), gcm);
        }
        dbr_slot_fini(&s);
    }
}

/* What control hands over is checked once more on this side of the wall. */
static void bad_keys(void **state)
{
    struct dbr_data_keys good = keys_of(DBR_AES_256_GCM, true, true), k;
    struct dbr_slot s, zero;
    (void)state;
    memset(&zero, 0, sizeof zero);
    for (int i = 0; i < 9; i++) {
        k = good;
        switch (i) {
        case 0: k.cipher = 0; break;
        case 1: k.cipher = DBR_CIPHER_END; break;
        case 2: k.cipher = UINT32_MAX; break;
        case 3: k.key_id = 8; break;
        case 4: k.peer_id = 0x1000000; break;
        case 5: k.peer_id = UINT32_MAX; break;
        case 6: k.cipher = DBR_AES_256_CBC; break; /* without digest */
        case 7:
            k.cipher = DBR_AES_128_CBC;
            k.digest = DBR_DIGEST_COUNT;
            break;
        case 8:
            k.cipher = DBR_AES_192_CBC;
            k.digest = UINT16_MAX;
            break;
        }
        memset(&s, 0x77, sizeof s);
        CHECK(dbr_slot_init(&s, backend, &k, 64) == DBR_ERR_UNSUPPORTED, "case %d", i);
        assert_memory_equal(&s, &zero, sizeof s);
    }
    assert_int_equal(dbr_slot_init(&s, backend, &good, 4096), 0);
    assert_int_equal(s.replay.size, 4096);
    dbr_slot_fini(&s);
    assert_memory_equal(&s, &zero, sizeof s); /* wiped */
    dbr_slot_fini(&s);
}

static void payload_kinds(void **state)
{
    uint8_t p[64];
    (void)state;
    for (size_t len = 0; len <= 40; len++) {
        memset(p, 0, sizeof p);
        assert_int_equal(dbr_payload_kind(p, len), DBR_PAYLOAD_FRAME);
        memcpy(p, dbr_ping_magic, 16);
        CHECK(dbr_payload_kind(p, len) == (len == 16 ? DBR_PAYLOAD_PING : DBR_PAYLOAD_FRAME), "ping %zu",
              len);
        memcpy(p, dbr_occ_magic, 16);
        CHECK(dbr_payload_kind(p, len) == (len >= 16 ? DBR_PAYLOAD_OCC : DBR_PAYLOAD_FRAME), "occ %zu", len);
    }
    for (int bit = 0; bit < 128; bit++) {
        memcpy(p, dbr_ping_magic, 16);
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(dbr_payload_kind(p, 16), DBR_PAYLOAD_FRAME);
        memcpy(p, dbr_occ_magic, 16);
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(dbr_payload_kind(p, 17), DBR_PAYLOAD_FRAME);
    }
    from_hex(p, sizeof p, "2a187bf3641eb4cb07ed2d0a981fc748");
    assert_int_equal(dbr_payload_kind(p, 16), DBR_PAYLOAD_PING);
    from_hex(p, sizeof p, "287f346bd4ef7a812d56b8d3afc5459c06");
    assert_int_equal(dbr_payload_kind(p, 17), DBR_PAYLOAD_OCC);
    assert_int_equal(DBR_OCC_EXIT, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_cut),       cmocka_unit_test(known_answers),
        cmocka_unit_test(every_bit_counts),   cmocka_unit_test(own_packets_do_not_open),
        cmocka_unit_test(opcode_and_key_id),  cmocka_unit_test(ids_count_up_and_zero_is_refused),
        cmocka_unit_test(twice_in_one_batch), cmocka_unit_test(a_forgery_does_not_move_the_window),
        cmocka_unit_test(packet_ids_run_out), cmocka_unit_test(usage_limits),
        cmocka_unit_test(bad_keys),           cmocka_unit_test(payload_kinds),
        cmocka_unit_test(known_answers_cbc),  cmocka_unit_test(cbc_ivs_differ),
        cmocka_unit_test(cbc_window),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
