/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Key method 2: the bytes as OpenVPN writes them, every length wrong by one, zero or all ones, and the keys
 * of the TLS 1.0 PRF.
 */
#include "helpers.h"
#include "vectors.h"

#include "proto/keymsg.h"

enum { CLIENT_HEAD = 5 + 48 + 32 + 32, SERVER_HEAD = 5 + 32 + 32 };
static struct dbr_keymsg sample;

static int set_up(void **state)
{
    (void)state;
    fill_pattern(sample.pre_master, 48, 1);
    fill_pattern(sample.random1, 32, 2);
    fill_pattern(sample.random2, 32, 3);
    strcpy(sample.options, "V4,dev-type tap");
    strcpy(sample.username, "alice");
    strcpy(sample.password, "pw");
    strcpy(sample.peer_info, "IV_VER=2.6.14\nIV_PROTO=990\n");
    return 0;
}

static int parse(struct dbr_keymsg *m, bool client, const uint8_t *in, size_t len, bool at_end)
{
    uint8_t *exact = exact_copy(in, len);
    memset(m, 0x77, sizeof *m);
    int got = dbr_keymsg_parse(m, client, exact, len, at_end);
    free(exact);
    if (got < 0) {
        static const struct dbr_keymsg zero;
        assert_memory_equal(m, &zero, sizeof zero); /* nothing of a refused message stays */
    }
    return got;
}

static void same(const struct dbr_keymsg *a, const struct dbr_keymsg *b, bool client)
{
    if (client)
        assert_memory_equal(a->pre_master, b->pre_master, 48);
    assert_memory_equal(a->random1, b->random1, 32);
    assert_memory_equal(a->random2, b->random2, 32);
    assert_string_equal(a->options, b->options);
    assert_string_equal(a->username, b->username);
    assert_string_equal(a->password, b->password);
    assert_string_equal(a->peer_info, b->peer_info);
}

static void known_bytes(void **state)
{
    uint8_t out[DBR_KEYMSG_MAX], *p = out;
    struct dbr_keymsg back;
    (void)state;
    int n = dbr_keymsg_write(&sample, true, out, sizeof out);
    assert_int_equal(n, CLIENT_HEAD + 2 + 16 + 2 + 6 + 2 + 3 + 2 + 28);
    assert_memory_equal(p, "\0\0\0\0\2", 5);
    assert_memory_equal(p + 5, sample.pre_master, 48);
    assert_memory_equal(p + 53, sample.random1, 32);
    assert_memory_equal(p + 85, sample.random2, 32);
    assert_memory_equal(p + 117, "\0\20V4,dev-type tap\0\0\6alice\0\0\3pw\0\0\34IV_VER=2.6.14\n", 45);
    assert_int_equal(parse(&back, true, out, (size_t)n, false), n);
    same(&back, &sample, true);
    for (int cap = 0; cap < n; cap++)
        assert_int_equal(dbr_keymsg_write(&sample, true, out, (size_t)cap), DBR_ERR_SPACE);
    int m = dbr_keymsg_write(&sample, false, out, sizeof out);
    assert_int_equal(m, n - 48); /* a server has no pre master */
    assert_memory_equal(out + 5, sample.random1, 32);
    assert_int_equal(parse(&back, false, out, (size_t)m, false), m);
    same(&back, &sample, false);
}

static void absent_strings(void **state)
{
    struct dbr_keymsg m = sample, back;
    uint8_t out[DBR_KEYMSG_MAX];
    (void)state;
    m.username[0] = m.password[0] = m.peer_info[0] = m.options[0] = 0;
    int n = dbr_keymsg_write(&m, true, out, sizeof out);
    assert_int_equal(n, CLIENT_HEAD + 3 + 2 + 2 + 2);
    assert_memory_equal(out + CLIENT_HEAD, "\0\1\0\0\0\0\0\0\0", 9);
    for (int cut = n - 6; cut <= n; cut += 2) { /* none, user, user + password, all */
        assert_int_equal(parse(&back, true, out, (size_t)cut, true), cut);
        same(&back, &m, true);
        assert_int_equal(parse(&back, true, out, (size_t)cut, false), cut == n ? n : DBR_ERR_AGAIN);
    }
    for (int cut = n - 5; cut < n; cut += 2) /* half a length */
        assert_int_equal(parse(&back, true, out, (size_t)cut, true), DBR_ERR_SHAPE);
    assert_int_equal(parse(&back, true, out, (size_t)n - 7, true), DBR_ERR_SHAPE); /* options must be there */
    memcpy(out + CLIENT_HEAD, "\0\0", 2); /* but may have the length 0 */
    assert_int_equal(parse(&back, true, out, CLIENT_HEAD + 2, true), CLIENT_HEAD + 2);
    assert_string_equal(back.options, "");
}

static void every_prefix(void **state)
{
    uint8_t out[DBR_KEYMSG_MAX];
    struct dbr_keymsg back;
    (void)state;
    for (int client = 0; client < 2; client++) {
        int n = dbr_keymsg_write(&sample, client, out, sizeof out);
        int head = client ? CLIENT_HEAD : SERVER_HEAD;
        int ends[] = {head + 18, head + 18 + 8, head + 18 + 8 + 5};
        for (int len = 0; len < n; len++) {
            bool whole = len == ends[0] || len == ends[1] || len == ends[2];
            CHECK(parse(&back, client, out, (size_t)len, false) == DBR_ERR_AGAIN, "%d bytes, more to come",
                  len);
            CHECK(parse(&back, client, out, (size_t)len, true) == (whole ? len : DBR_ERR_SHAPE),
                  "%d bytes at the end", len);
        }
        memset(out + n, 0xff, 50); /* what follows is not looked at */
        assert_int_equal(parse(&back, client, out, (size_t)n + 50, true), n);
    }
}

static void head_bytes(void **state)
{
    uint8_t out[DBR_KEYMSG_MAX];
    struct dbr_keymsg back;
    (void)state;
    int n = dbr_keymsg_write(&sample, true, out, sizeof out);
    for (int at = 0; at < 5; at++)
        for (int v = 0; v < 256; v++) {
            uint8_t was = out[at];
            out[at] = (uint8_t)v;
            bool good = at < 4 ? v == 0 : (v & 15) == 2; /* the upper half of the method is flags */
            CHECK((parse(&back, true, out, (size_t)n, true) == n) == good, "byte %d = %d", at, v);
            if (!good) /* seen at once, not after 4 KB */
                assert_int_equal(parse(&back, true, out, 5, false), DBR_ERR_SHAPE);
            out[at] = was;
        }
}

/* Each of the four strings, its length wrong in every way. */
static void string_lengths(void **state)
{
    static const size_t caps[] = {512, DBR_USERPASS_MAX, DBR_USERPASS_MAX, 2048};
    (void)state;
    for (size_t field = 0; field < 4; field++)
        for (size_t n = 0; n <= caps[field] + 2; n++) {
            static uint8_t in[8192];
            struct dbr_keymsg back;
            struct dbr_writer w;
            dbr_writer_init(&w, in, sizeof in);
            dbr_write_bytes(&w, "\0\0\0\0\2", 5);
            memset(dbr_write_room(&w, CLIENT_HEAD - 5), 1, CLIENT_HEAD - 5);
            for (size_t f = 0; f < field; f++)
                dbr_write_bytes(&w, "\0\2x", 4);
            dbr_write16(&w, (uint16_t)n);
            uint8_t *text = dbr_write_room(&w, n);
            memset(text, 'y', n);
            if (n)
                text[n - 1] = 0;
            size_t len = dbr_writer_len(&w);
            int want = n <= caps[field] ? (int)len : DBR_ERR_SHAPE;
            CHECK(parse(&back, true, in, len, true) == (field == 3 || n > caps[field] ? want : (int)len),
                  "field %zu length %zu", field, n);
            if (n > caps[field]) /* refused by the length alone */
                assert_int_equal(parse(&back, true, in, len - n, false), DBR_ERR_SHAPE);
            if (!n || n > caps[field])
                continue;
            text[n - 1] = 'z'; /* no NUL */
            CHECK(parse(&back, true, in, len, true) == DBR_ERR_SHAPE, "field %zu length %zu", field, n);
            text[n - 1] = 0;
            if (n < 2)
                continue;
            text[n / 2 - (n == 2)] = 0; /* a NUL inside */
            CHECK(parse(&back, true, in, len, true) == DBR_ERR_SHAPE, "field %zu length %zu", field, n);
        }
}

static void string_length_words(void **state)
{
    static const int wrong[] = {-1, 1, 0, 0xffff, 0x8000, 0x100};
    uint8_t out[DBR_KEYMSG_MAX];
    struct dbr_keymsg back;
    (void)state;
    int n = dbr_keymsg_write(&sample, true, out, sizeof out);
    const size_t at[] = {CLIENT_HEAD, CLIENT_HEAD + 18, CLIENT_HEAD + 26, CLIENT_HEAD + 31};
    for (size_t field = 0; field < COUNT(at); field++)
        for (size_t i = 0; i < COUNT(wrong); i++) {
            uint16_t was = dbr_get16(out + at[field]);
            int now = i < 2 ? was + wrong[i] : wrong[i];
            dbr_put16(out + at[field], (uint16_t)now);
            int got = parse(&back, true, out, (size_t)n, true);
            if (got >= 0) /* length 0 makes the text of the string the next lengths: only the last survives */
                CHECK(field == 3 && now == 0, "field %zu length %d: %d", field, now, got);
            dbr_put16(out + at[field], was);
        }
}

static void every_byte_value(void **state)
{
    uint8_t out[DBR_KEYMSG_MAX];
    struct dbr_keymsg back;
    (void)state;
    int n = dbr_keymsg_write(&sample, true, out, sizeof out);
    for (int at = 0; at < n; at++)
        for (int v = 0; v < 256; v++) {
            uint8_t was = out[at];
            out[at] = (uint8_t)v;
            int got = parse(&back, true, out, (size_t)n, true);
            assert_true(got == DBR_ERR_SHAPE || (got > 0 && got <= n));
            if (got > 0)
                assert_true(memchr(back.options, 0, sizeof back.options) &&
                            memchr(back.username, 0, sizeof back.username) &&
                            memchr(back.password, 0, sizeof back.password) &&
                            memchr(back.peer_info, 0, sizeof back.peer_info));
            out[at] = was;
        }
}

static void keys_known_answer(void **state)
{
    struct dbr_keymsg client = {0}, server = {0};
    uint8_t want[256], got[256];
    (void)state;
    fill_pattern(client.pre_master, 48, 1);
    fill_pattern(client.random1, 32, 2);
    fill_pattern(client.random2, 32, 3);
    fill_pattern(server.random1, 32, 4);
    fill_pattern(server.random2, 32, 5);
    assert_int_equal(from_hex(want, sizeof want, key_expansion_vector), 256);
    assert_int_equal(dbr_keymsg_derive(&client, &server, 0x0102030405060708, 0x0b0c0d0e0f101112, got), 0);
    assert_memory_equal(got, want, 256);
    assert_int_equal(dbr_keymsg_derive(&client, &server, 0x0102030405060708, 0x0b0c0d0e0f101113, got), 0);
    assert_memory_not_equal(got, want, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),      cmocka_unit_test(absent_strings),
        cmocka_unit_test(every_prefix),     cmocka_unit_test(head_bytes),
        cmocka_unit_test(string_lengths),   cmocka_unit_test(string_length_words),
        cmocka_unit_test(every_byte_value), cmocka_unit_test(keys_known_answer),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
