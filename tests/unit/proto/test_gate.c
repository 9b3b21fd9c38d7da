/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The gate against known answers, and against everything that must not pass it.
 */
#include "helpers.h"
#include "vectors.h"

#include "proto/gate.h"
#include "proto/wire.h"

enum { FIRST = 0x38, BIG = 512 };
static const uint64_t sid = 0x0102030405060708;
static const uint8_t inner[] = {0, 0, 0, 0, 0};
static uint8_t key[256];

static int set_up(void **state)
{
    (void)state;
    fill_pattern(key, sizeof key, 7);
    return 0;
}

static struct dbr_gate *make(enum dbr_gate_kind kind, const uint8_t *k, int direction, const char *digest)
{
    struct dbr_gate *g;
    assert_int_equal(dbr_gate_new(&g, kind, k, direction, digest), 0);
    return g;
}

static size_t seal(struct dbr_gate *g, uint8_t *out)
{
    int n = dbr_gate_seal(g, FIRST, sid, 5, 0x60000000, inner, sizeof inner, out, BIG);
    assert_true(n > 0);
    return (size_t)n;
}

/* Opens a copy; if it is refused the bytes must be as they came. */
static int open_copy(struct dbr_gate *g, const uint8_t *dgram, size_t len)
{
    struct dbr_gated out;
    uint8_t *copy = exact_copy(dgram, len);
    int err = dbr_gate_open(g, copy, len, &out);
    if (err)
        assert_memory_equal(copy, dgram, len);
    free(copy);
    return err;
}

static void check_opened(struct dbr_gate *g, uint8_t *dgram, size_t len, const uint8_t *mac)
{
    struct dbr_gated out;
    assert_int_equal(dbr_gate_open(g, dgram, len, &out), 0);
    assert_int_equal(out.first, FIRST);
    assert_true(out.sid == sid);
    assert_int_equal(out.replay_id, 5);
    assert_int_equal(out.replay_time, 0x60000000);
    assert_true(out.mac_prefix == dbr_get64(mac));
    assert_int_equal(out.inner_len, sizeof inner);
    assert_memory_equal(out.inner, inner, sizeof inner);
}

static void tls_auth_known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tls_auth_vectors); i++) {
        int direction = tls_auth_vectors[i].direction;
        struct dbr_gate *tx = make(DBR_GATE_TLS_AUTH, key, direction, tls_auth_vectors[i].digest);
        struct dbr_gate *rx =
            make(DBR_GATE_TLS_AUTH, key, direction < 0 ? -1 : !direction, tls_auth_vectors[i].digest);
        uint8_t want[BIG], got[BIG];
        size_t n = from_hex(want, sizeof want, tls_auth_vectors[i].packet);
        assert_int_equal(dbr_gate_overhead(tx), n - 9 - sizeof inner);
        assert_int_equal(seal(tx, got), n);
        assert_memory_equal(got, want, n);
        check_opened(rx, want, n, got + 9);
        dbr_gate_free(tx);
        dbr_gate_free(rx);
    }
}

static void tls_crypt_known_answers(void **state)
{
    (void)state;
    for (int direction = 0; direction < 2; direction++) {
        struct dbr_gate *tx = make(DBR_GATE_TLS_CRYPT, key, direction, NULL);
        struct dbr_gate *rx = make(DBR_GATE_TLS_CRYPT, key, !direction, NULL);
        uint8_t want[BIG], got[BIG];
        size_t n = from_hex(want, sizeof want, tls_crypt_vectors[direction]);
        assert_int_equal(n, 54);
        assert_int_equal(seal(tx, got), n);
        assert_memory_equal(got, want, n);
        check_opened(rx, want, n, got + 17);
        dbr_gate_free(tx);
        dbr_gate_free(rx);
    }
}

static void no_gate_passes_the_shape(void **state)
{
    struct dbr_gate *g = make(DBR_GATE_NONE, NULL, -1, NULL);
    struct dbr_gated out;
    uint8_t dgram[BIG];
    (void)state;
    size_t n = seal(g, dgram);
    assert_int_equal(n, 14);
    assert_int_equal(dbr_gate_overhead(g), 0);
    assert_int_equal(dbr_gate_open(g, dgram, n, &out), 0);
    assert_true(out.first == FIRST && out.sid == sid && out.inner == dgram + 9 && out.inner_len == 5);
    assert_true(out.replay_id == 0 && out.replay_time == 0 && out.mac_prefix == 0);
    for (size_t len = 0; len < 10; len++)
        assert_int_equal(open_copy(g, dgram, len), DBR_ERR_SHAPE);
    assert_int_equal(open_copy(g, dgram, 10), 0);
    dbr_gate_free(g);
}

/* The first two hard resets of stock OpenVPN 2.6.14 with this key (--key-direction of the client in the third
 * column): the second is a retransmission with its own replay id, byte-identical only without a gate. */
static const struct {
    enum dbr_gate_kind kind;
    const char *digest;
    int direction;
    const char *packet[2];
} recorded[] = {
    {DBR_GATE_TLS_AUTH,
     "MD5",
     1,
     {"38c7007e35553807d38525b18634b41f42f47f684d8cd584ef000000016b020f530000000000",
      "38c7007e35553807d344ace49a120ec238e4618136ee943987000000026b020f530000000000"}},
    {DBR_GATE_TLS_AUTH,
     "SHA1",
     1,
     {"38d6048308880ed264a9f9ac54a950ef8d4136699c8737aabaab45cb9d000000016b020f550000000000",
      "38d6048308880ed264c35a62cfdd29266c0487425fd16df2a4bffe0daa000000026b020f550000000000"}},
    {DBR_GATE_TLS_AUTH,
     "SHA256",
     1,
     {"3843a767cfe1a165fbec5237f7a3711eebb7f8eb40839d18a9e755b87ebcedf16118ec5da997933e74000000016b020f57"
      "0000000000",
      "3843a767cfe1a165fb72dd78e6152b0fce4b7d85055291a6abc1fd978f81648588f716846ecaf01ee9000000026b020f57"
      "0000000000"}},
    {DBR_GATE_TLS_AUTH,
     "SHA512",
     1,
     {"3899ca03b309bd7a58a2f8d7b8326bd22abdb8721faf303082f480ee1b5f1bc6a4c46f75e9899a4a1420850c4fe81a4546"
      "01c09e572014716ede3da46617417d6797dce831316a2891000000016b020f590000000000",
      "3899ca03b309bd7a58acfb4f227b7118b93f2dd369ed73e696098bc339654e2038b0734db2c775cece1ca7fdd8fde16037"
      "5358cdf00b962194f1c1b36af6f75471ffe0133145a8cd65000000026b020f590000000000"}},
    {DBR_GATE_TLS_AUTH,
     "SHA1",
     -1,
     {"3879561dfb52eea21f87727eb53d1aa7af3c3e2747883449e270c8bb20000000016b020f5b0000000000",
      "3879561dfb52eea21fa1ea3027ae8cfdcc9104a78f6a69571a9d2a8500000000026b020f5b0000000000"}},
    {DBR_GATE_TLS_AUTH,
     "SHA1",
     0,
     {"380aff7478cb779530678859f4d5a86dde47b377c56bf2c13cb7b98f59000000016b020f5d0000000000",
      "380aff7478cb7795309ed9106354200134735dd0b8006f2edc47bebc4b000000026b020f5d0000000000"}},
    {DBR_GATE_TLS_CRYPT,
     NULL,
     1,
     {"38cf877e298e8f9ad1000000016b020f5f0c61ff7da9623c7ed25face8087180a4cd9dab36f9c20c68cfb5f92cddd8cf78"
      "2bc2dc8e28",
      "38cf877e298e8f9ad1000000026b020f5fe18f5407f5dbd5aa01d3d0f26b54c28f91001b0ea4616a7530014aab1b198478"
      "27eea5fb5c"}},
    {DBR_GATE_NONE, NULL, -1, {"386f08bdb17ddeebf80000000000", "386f08bdb17ddeebf80000000000"}},
};

static void recorded_from_stock(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(recorded); i++) {
        int ours = recorded[i].direction < 0 ? -1 : !recorded[i].direction;
        struct dbr_gate *g = make(recorded[i].kind, key, ours, recorded[i].digest);
        struct dbr_gated out[2];
        uint8_t dgram[2][BIG];
        for (uint32_t k = 0; k < 2; k++) {
            struct dbr_control c;
            size_t n = from_hex(dgram[k], BIG, recorded[i].packet[k]);
            assert_int_equal(dbr_wire_prefilter(dgram[k], n, dbr_gate_overhead(g)), 0);
            CHECK(dbr_gate_open(g, dgram[k], n, &out[k]) == 0, "row %zu packet %u", i, k);
            assert_int_equal(dbr_control_parse(&c, out[k].first, out[k].sid, out[k].inner, out[k].inner_len),
                             0);
            assert_true(c.opcode == DBR_OP_RESET_CLIENT && c.id == 0 && c.n_acks == 0);
            assert_int_equal(out[k].replay_id, recorded[i].kind ? k + 1 : 0);
        }
        assert_int_equal(out[0].mac_prefix == out[1].mac_prefix, recorded[i].kind == DBR_GATE_NONE);
        dbr_gate_free(g);
    }
}

static const struct {
    enum dbr_gate_kind kind;
    const char *digest;
} gated[] = {
    {DBR_GATE_TLS_AUTH, "MD5"},    {DBR_GATE_TLS_AUTH, "SHA1"},   {DBR_GATE_TLS_AUTH, "SHA256"},
    {DBR_GATE_TLS_AUTH, "SHA384"}, {DBR_GATE_TLS_AUTH, "SHA512"}, {DBR_GATE_TLS_CRYPT, NULL},
};

static void every_bit_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(gated); i++) {
        struct dbr_gate *tx = make(gated[i].kind, key, 0, gated[i].digest);
        struct dbr_gate *rx = make(gated[i].kind, key, 1, gated[i].digest);
        uint8_t dgram[BIG];
        size_t n = seal(tx, dgram);
        assert_int_equal(open_copy(rx, dgram, n), 0);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            dgram[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK(open_copy(rx, dgram, n) == DBR_ERR_AUTH, "gate %zu bit %zu", i, bit);
            dgram[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        dbr_gate_free(tx);
        dbr_gate_free(rx);
    }
}

static void every_length_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(gated); i++) {
        struct dbr_gate *tx = make(gated[i].kind, key, 0, gated[i].digest);
        struct dbr_gate *rx = make(gated[i].kind, key, 1, gated[i].digest);
        uint8_t dgram[BIG];
        size_t n = seal(tx, dgram), shortest = 9 + dbr_gate_overhead(rx) + 1;
        for (size_t len = 0; len < n; len++)
            CHECK(open_copy(rx, dgram, len) == (len < shortest ? DBR_ERR_SHAPE : DBR_ERR_AUTH),
                  "gate %zu length %zu", i, len);
        dgram[n] = 0;
        assert_int_equal(open_copy(rx, dgram, n + 1), DBR_ERR_AUTH);
        for (size_t cap = 0; cap < n; cap++) {
            uint8_t out[BIG];
            assert_int_equal(dbr_gate_seal(tx, FIRST, sid, 1, 1, inner, sizeof inner, out, cap),
                             DBR_ERR_SPACE);
        }
        dbr_gate_free(tx);
        dbr_gate_free(rx);
    }
}

/* A packet passes when the sender's key (0, 1, none = 0) is the receiver's receive key (1, 0, none = 0). */
static void directions(void **state)
{
    static const bool passes[3][3] = {
        /* receiver none, 0, 1 */
        {true, false, true},  /* sender none */
        {true, false, true},  /* sender 0 */
        {false, true, false}, /* sender 1 */
    };
    (void)state;
    for (int s = -1; s <= 1; s++)
        for (int r = -1; r <= 1; r++) {
            struct dbr_gate *tx = make(DBR_GATE_TLS_AUTH, key, s, "SHA1");
            struct dbr_gate *rx = make(DBR_GATE_TLS_AUTH, key, r, "SHA1");
            uint8_t dgram[BIG];
            size_t n = seal(tx, dgram);
            CHECK(open_copy(rx, dgram, n) == (passes[s + 1][r + 1] ? 0 : DBR_ERR_AUTH), "%d to %d", s, r);
            dbr_gate_free(tx);
            dbr_gate_free(rx);
        }
    for (int d = 0; d < 2; d++) {
        struct dbr_gate *g = make(DBR_GATE_TLS_CRYPT, key, d, NULL);
        uint8_t dgram[BIG];
        assert_int_equal(open_copy(g, dgram, seal(g, dgram)), DBR_ERR_AUTH);
        dbr_gate_free(g);
    }
}

static void wrong_digest_or_kind(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(gated); s++)
        for (size_t r = 0; r < COUNT(gated); r++) {
            struct dbr_gate *tx = make(gated[s].kind, key, 0, gated[s].digest);
            struct dbr_gate *rx = make(gated[r].kind, key, 1, gated[r].digest);
            uint8_t dgram[BIG];
            size_t n = seal(tx, dgram);
            CHECK((open_copy(rx, dgram, n) == 0) == (s == r), "%zu to %zu", s, r);
            dbr_gate_free(tx);
            dbr_gate_free(rx);
        }
}

/* Which bytes of the key file matter: exactly the first digest-size bytes of the slot in use (32 + 32 for
 * tls-crypt), no others. */
static void key_bytes_used(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(gated); i++) {
        bool crypt = gated[i].kind == DBR_GATE_TLS_CRYPT;
        struct dbr_gate *tx = make(gated[i].kind, key, 0, gated[i].digest);
        size_t mac_key = crypt ? 32 : dbr_gate_overhead(tx) - 8;
        uint8_t dgram[BIG];
        size_t n = seal(tx, dgram);
        for (size_t at = 0; at < sizeof key; at++) {
            uint8_t other[256];
            memcpy(other, key, sizeof other);
            other[at] ^= 1;
            struct dbr_gate *rx = make(gated[i].kind, other, 1, gated[i].digest);
            bool matters = (crypt && at < 32) || (at >= 64 && at < 64 + mac_key);
            CHECK(open_copy(rx, dgram, n) == (matters ? DBR_ERR_AUTH : 0), "gate %zu key byte %zu", i, at);
            dbr_gate_free(rx);
        }
        dbr_gate_free(tx);
    }
}

/* The prefix names a packet: a retransmission has a new replay id and so another one. */
static void mac_prefix_names_a_packet(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(gated); i++) {
        struct dbr_gate *tx = make(gated[i].kind, key, 0, gated[i].digest);
        struct dbr_gate *rx = make(gated[i].kind, key, 1, gated[i].digest);
        uint64_t prefix[3];
        for (uint32_t id = 0; id < 3; id++) {
            uint8_t dgram[BIG];
            struct dbr_gated out;
            int n = dbr_gate_seal(tx, FIRST, sid, 1 + id / 2, 9, inner, sizeof inner, dgram, BIG);
            assert_int_equal(dbr_gate_open(rx, dgram, (size_t)n, &out), 0);
            prefix[id] = out.mac_prefix;
        }
        assert_true(prefix[0] == prefix[1] && prefix[1] != prefix[2] && prefix[0]);
        dbr_gate_free(tx);
        dbr_gate_free(rx);
    }
}

static void refused_at_birth(void **state)
{
    struct dbr_gate *g;
    (void)state;
    assert_int_equal(dbr_gate_new(&g, DBR_GATE_TLS_AUTH, key, 0, "NOSUCH"), DBR_ERR_UNSUPPORTED);
    assert_null(g);
    assert_int_equal(dbr_gate_new(&g, DBR_GATE_TLS_AUTH, key, 0, "none"), DBR_ERR_UNSUPPORTED);
    assert_null(g);
    assert_int_equal(dbr_gate_new(&g, DBR_GATE_TLS_CRYPT, key, -1, NULL), DBR_ERR_CONFIG);
    assert_null(g);
    dbr_gate_free(NULL);
}

static void large_packets(void **state)
{
    static uint8_t big[2000], dgram[2200], copy[2000];
    (void)state;
    fill_pattern(big, sizeof big, 3);
    for (size_t i = 0; i < COUNT(gated); i++) {
        struct dbr_gate *tx = make(gated[i].kind, key, 1, gated[i].digest);
        struct dbr_gate *rx = make(gated[i].kind, key, 0, gated[i].digest);
        struct dbr_gated out;
        int n = dbr_gate_seal(tx, 0x20, sid, 1, 2, big, sizeof big, dgram, sizeof dgram);
        assert_int_equal(n, 9 + dbr_gate_overhead(tx) + sizeof big);
        assert_int_equal(dbr_gate_open(rx, dgram, (size_t)n, &out), 0);
        memcpy(copy, out.inner, sizeof copy);
        assert_memory_equal(copy, big, sizeof big);
        dbr_gate_free(tx);
        dbr_gate_free(rx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_auth_known_answers),
        cmocka_unit_test(tls_crypt_known_answers),
        cmocka_unit_test(recorded_from_stock),
        cmocka_unit_test(no_gate_passes_the_shape),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(every_length_counts),
        cmocka_unit_test(directions),
        cmocka_unit_test(wrong_digest_or_kind),
        cmocka_unit_test(key_bytes_used),
        cmocka_unit_test(mac_prefix_names_a_packet),
        cmocka_unit_test(refused_at_birth),
        cmocka_unit_test(large_packets),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
