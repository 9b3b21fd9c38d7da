/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shape of control packets: every opcode, key id and length, and every way to be short.
 */
#include "helpers.h"

#include "proto/wire.h"

/* The rules again, written as data by hand: smallest and largest inner part, which key ids. */
static const struct {
    uint8_t opcode, key_ids;
    size_t least, most;
} rules[] = {
    {3, 0xfe, 5, 1 + 32 + 8 + 4},
    {4, 0xff, 5, 1 + 32 + 8 + 4 + 2048},
    {5, 0xff, 13, 1 + 32 + 8},
    {7, 0x01, 5, 1 + 32 + 8 + 4},
    {8, 0x01, 5, 1 + 32 + 8 + 4 + 64},
    /* with the wrapped key behind */
    {10, 0x01, 5 + 290, 1 + 32 + 8 + 4 + 1024},
    {11, 0x01, 5 + 290, 1 + 32 + 8 + 4 + 2048 + 1024},
};

static bool allowed(unsigned opcode, unsigned key_id, size_t inner)
{
    for (size_t i = 0; i < COUNT(rules); i++)
        if (rules[i].opcode == opcode && rules[i].key_ids >> key_id & 1)
            return inner >= rules[i].least && inner <= rules[i].most;
    return false;
}

static void prefilter_knows_every_opcode_and_length(void **state)
{
    static const size_t overheads[] = {0, 28, 40, 72};
    static uint8_t dgram[65536];
    (void)state;
    for (unsigned first = 0; first < 256; first++)
        for (size_t o = 0; o < COUNT(overheads); o++)
            for (size_t len = 0; len < 3300; len++) {
                size_t around = 9 + overheads[o];
                bool want = len >= around && allowed(first >> 3, first & 7, len - around);
                dgram[0] = (uint8_t)first;
                int got = dbr_wire_prefilter(dgram, len, overheads[o]);
                CHECK(got == (want ? 0 : DBR_ERR_SHAPE), "first %02x overhead %zu len %zu: %d", first,
                      overheads[o], len, got);
            }
    dgram[0] = 4 << 3;
    assert_int_equal(dbr_wire_prefilter(dgram, 65507, 0), DBR_ERR_SHAPE);
    assert_int_equal(dbr_wire_prefilter(dgram, 65536, 0), DBR_ERR_SHAPE);
    /* an overhead no gate has, so that only the bound of UDP is left */
    assert_int_equal(dbr_wire_prefilter(dgram, 65508, 65000), DBR_ERR_SHAPE);
    assert_int_equal(dbr_wire_prefilter(dgram, 65507, 65000), 0);
}

static const struct {
    const char *what;
    uint8_t first;
    const char *inner;
    int want;
} parse_cases[] = {
    {"hard reset", 0x38, "00 00000000", 0},
    {"hard reset of MikroTik: id 1", 0x38, "00 00000001", 0},
    {"server's reset with its ack", 0x40, "01 00000000 0102030405060708 00000000", 0},
    {"server's reset without ack", 0x40, "00 00000000", 0},
    {"soft reset", 0x19, "00 00000000", 0},
    {"soft reset with key id 0", 0x18, "00 00000000", DBR_ERR_SHAPE},
    {"hard reset with key id 1", 0x39, "00 00000000", DBR_ERR_SHAPE},
    {"server's reset with key id 7", 0x47, "00 00000000", DBR_ERR_SHAPE},
    {"control, no payload", 0x20, "00 00000001", 0},
    {"control, payload", 0x20, "00 00000001 16", 0},
    {"control, key id 7", 0x27, "00 00000001 16", 0},
    {"control, 4 acks", 0x20, "04 00000000 00000001 00000002 00000003 0102030405060708 00000001 16", 0},
    {"ack", 0x28, "01 00000000 0102030405060708", 0},
    {"ack of 8", 0x28,
     "08 00000000 00000001 00000002 00000003 00000004 00000005 00000006 00000007"
     "0102030405060708",
     0},
    {"ack of 9", 0x28,
     "09 00000000 00000001 00000002 00000003 00000004 00000005 00000006 00000007"
     "00000008 0102030405060708",
     DBR_ERR_SHAPE},
    {"ack without acks", 0x28, "00", DBR_ERR_SHAPE},
    {"ack with a tail", 0x28, "01 00000000 0102030405060708 00", DBR_ERR_SHAPE},
    {"ack, peer sid 0", 0x28, "01 00000000 0000000000000000", DBR_ERR_SHAPE},
    {"control, peer sid 0", 0x20, "01 00000000 0000000000000000 00000001", DBR_ERR_SHAPE},
    {"hard reset with payload", 0x38, "00 00000000 16", DBR_ERR_SHAPE},
    {"server's reset that wants the wrapped key again", 0x40, "00 00000000 0001 0002 0001", 0},
    {"soft reset with payload", 0x19, "00 00000000 16", DBR_ERR_SHAPE},
    {"reset of tls-crypt-v2", 0x50, "00 00000000", 0},
    {"reset of tls-crypt-v2 with payload", 0x50, "00 00000000 16", DBR_ERR_SHAPE},
    {"reset of tls-crypt-v2 with key id 1", 0x51, "00 00000000", DBR_ERR_SHAPE},
    {"control that brought a client key", 0x58, "01 00000000 0102030405060708 00000001 16", 0},
    {"the same with key id 1", 0x59, "01 00000000 0102030405060708 00000001 16", DBR_ERR_SHAPE},
    {"data v1", 0x30, "00 00000000", DBR_ERR_SHAPE},
    {"data v2", 0x48, "00 00000000", DBR_ERR_SHAPE},
    {"opcode 0", 0x00, "00 00000000", DBR_ERR_SHAPE},
    {"opcode 1", 0x08, "00 00000000", DBR_ERR_SHAPE},
    {"opcode 2", 0x10, "00 00000000", DBR_ERR_SHAPE},
    {"opcode 31", 0xf8, "00 00000000", DBR_ERR_SHAPE},
    {"nothing", 0x38, "", DBR_ERR_SHAPE},
    {"no packet id", 0x38, "00", DBR_ERR_SHAPE},
};

static void control_parse_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(parse_cases); i++) {
        uint8_t inner[64];
        struct dbr_control c;
        size_t n = from_hex(inner, sizeof inner, parse_cases[i].inner);
        uint8_t *exact = exact_copy(inner, n);
        int got = dbr_control_parse(&c, parse_cases[i].first, 0x1122334455667788, exact, n);
        CHECK(got == parse_cases[i].want, "%s: %d", parse_cases[i].what, got);
        assert_int_equal(dbr_control_parse(&c, parse_cases[i].first, 0, exact, n), DBR_ERR_SHAPE);
        free(exact);
    }
}

static void control_parse_takes_every_ack_count(void **state)
{
    static uint8_t inner[2048];
    (void)state;
    memset(inner, 1, sizeof inner);
    for (unsigned n = 0; n < 256; n++) {
        struct dbr_control c;
        size_t len = 1 + 4 * n + (n ? 8 : 0) + 4;
        inner[0] = (uint8_t)n;
        int got = dbr_control_parse(&c, 4 << 3, 1, inner, len);
        CHECK(got == (n <= 8 ? 0 : DBR_ERR_SHAPE), "%u acks: %d", n, got);
        if (!got)
            assert_int_equal(c.n_acks, n);
    }
}

static void control_parse_bounds_the_payload(void **state)
{
    static uint8_t inner[5 + 2048 + 1];
    struct dbr_control c;
    (void)state;
    assert_int_equal(dbr_control_parse(&c, 4 << 3, 1, inner, 5 + 2048), 0);
    assert_int_equal(c.payload_len, 2048);
    assert_int_equal(dbr_control_parse(&c, 4 << 3, 1, inner, 5 + 2048 + 1), DBR_ERR_SHAPE);
    assert_int_equal(dbr_control_parse(&c, 8 << 3, 1, inner, 5 + 64), 0);
    assert_int_equal(dbr_control_parse(&c, 8 << 3, 1, inner, 5 + 64 + 1), DBR_ERR_SHAPE);
}

static void only_two_opcodes_bring_a_key(void **state)
{
    (void)state;
    for (unsigned opcode = 0; opcode < 256; opcode++)
        assert_int_equal(dbr_opcode_has_wkc((uint8_t)opcode), opcode == 10 || opcode == 11);
}

static struct dbr_control sample(void)
{
    static const uint8_t payload[] = {0x16, 3, 1};
    return (struct dbr_control){.opcode = DBR_OP_CONTROL,
                                .key_id = 5,
                                .n_acks = 3,
                                .has_id = true,
                                .sid = 0x1122334455667788,
                                .peer_sid = 0xa1a2a3a4a5a6a7a8,
                                .acks = {7, 0xffffffff, 9},
                                .id = 0x01020304,
                                .payload = payload,
                                .payload_len = sizeof payload};
}

static void control_round_trip_and_truncation(void **state)
{
    static const char *want = "03 00000007 ffffffff 00000009 a1a2a3a4a5a6a7a8 01020304 160301";
    uint8_t out[64], bytes[64];
    struct dbr_control c = sample(), back;
    (void)state;
    size_t n = from_hex(bytes, sizeof bytes, want);
    assert_int_equal(dbr_control_write(&c, out, sizeof out), n);
    assert_memory_equal(out, bytes, n);
    for (size_t cap = 0; cap < n; cap++)
        assert_int_equal(dbr_control_write(&c, out, cap), DBR_ERR_SPACE);
    assert_int_equal(dbr_control_parse(&back, 4 << 3 | 5, c.sid, bytes, n), 0);
    assert_int_equal(back.opcode, 4);
    assert_int_equal(back.key_id, 5);
    assert_int_equal(back.n_acks, 3);
    assert_true(back.has_id);
    assert_true(back.sid == c.sid && back.peer_sid == c.peer_sid && back.id == c.id);
    assert_memory_equal(back.acks, c.acks, 12);
    assert_int_equal(back.payload_len, 3);
    assert_ptr_equal(back.payload, bytes + n - 3);
    for (size_t len = 0; len < n; len++) {
        uint8_t *exact = exact_copy(bytes, len);
        int got = dbr_control_parse(&back, 4 << 3 | 5, c.sid, exact, len);
        CHECK(got == (len + 3 >= n ? 0 : DBR_ERR_SHAPE), "cut to %zu: %d", len, got);
        free(exact);
    }
}

static void control_write_refuses_what_parse_would(void **state)
{
    static uint8_t out[4096], payload[2049];
    struct dbr_control c = sample();
    (void)state;
    c.n_acks = 9;
    assert_int_equal(dbr_control_write(&c, out, sizeof out), DBR_ERR_SPACE);
    c.n_acks = 8;
    assert_int_equal(dbr_control_write(&c, out, sizeof out), 1 + 32 + 8 + 4 + 3);
    c.payload = payload;
    c.payload_len = 2049;
    assert_int_equal(dbr_control_write(&c, out, sizeof out), DBR_ERR_SPACE);
    c.payload_len = 2048;
    assert_int_equal(dbr_control_write(&c, out, sizeof out), 1 + 32 + 8 + 4 + 2048);
    c = (struct dbr_control){.opcode = DBR_OP_ACK, .n_acks = 1, .peer_sid = 2};
    assert_int_equal(dbr_control_write(&c, out, sizeof out), 13);
}

static void first_byte_packs_and_unpacks(void **state)
{
    (void)state;
    for (unsigned b = 0; b < 256; b++) {
        uint8_t first = (uint8_t)b;
        assert_int_equal(dbr_first_byte(dbr_opcode_of(first), dbr_key_id_of(first)), b);
        assert_int_equal(dbr_opcode_is_data(dbr_opcode_of(first)), b >> 3 == 6 || b >> 3 == 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefilter_knows_every_opcode_and_length),
        cmocka_unit_test(control_parse_table),
        cmocka_unit_test(control_parse_takes_every_ack_count),
        cmocka_unit_test(control_parse_bounds_the_payload),
        cmocka_unit_test(only_two_opcodes_bring_a_key),
        cmocka_unit_test(control_round_trip_and_truncation),
        cmocka_unit_test(control_write_refuses_what_parse_would),
        cmocka_unit_test(first_byte_packs_and_unpacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
