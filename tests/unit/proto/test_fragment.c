/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `fragment`: known bytes of the header, how payloads are cut, putting together in any order, and everything
 * that must not be put together.
 */
#include "helpers.h"

#include "proto/fragment.h"

enum { MAX = 2048, LEAST = 48, SEEDS = 300 };

static const struct {
    struct dbr_fragment_cut cut;
    uint8_t sequence;
    uint32_t piece;
    const char *bytes;
} known[] = {
    {{1, 1000}, 77, 0, "00000000"},  {{2, 500}, 0, 0, "00000001"},   {{2, 500}, 7, 0, "0000001d"},
    {{2, 500}, 7, 1, "003e841e"},    {{3, 500}, 7, 1, "0000041d"},   {{32, 48}, 255, 31, "00067ffe"},
    {{32, 48}, 255, 30, "00007bfd"}, {{2, 65532}, 1, 1, "1fff8406"}, {{2, 4}, 128, 1, "00008602"},
};

static void header_is_as_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint8_t want[4], got[4];
        assert_int_equal(from_hex(want, sizeof want, known[i].bytes), 4);
        dbr_fragment_header(got, &known[i].cut, known[i].sequence, known[i].piece);
        assert_memory_equal(got, want, 4);
    }
}

static const struct {
    size_t len, max;
    int err;
    uint32_t n, size;
} plans[] = {
    {1, 572, 0, 1, 1},           {572, 572, 0, 1, 572},   {573, 572, 0, 2, 288},
    {1514, 572, 0, 3, 508},      {1144, 572, 0, 2, 572},  {1145, 572, 0, 3, 384},
    {575, 574, 0, 2, 288},       {574, 574, 0, 1, 574},   {9, 4, 0, 3, 4},
    {128, 4, 0, 32, 4},          {129, 4, DBR_ERR_LIMIT}, {1000, 3, DBR_ERR_LIMIT},
    {1000, 0, DBR_ERR_LIMIT},    {3, 3, 0, 1, 3},         {70000, 65535, 0, 2, 35000},
    {65534, 65533, 0, 2, 32768}, {1536, 48, 0, 32, 48},   {1537, 48, DBR_ERR_LIMIT},
};

static void plans_are_even_and_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        struct dbr_fragment_cut cut;
        assert_int_equal(dbr_fragment_plan(&cut, plans[i].len, plans[i].max), plans[i].err);
        if (plans[i].err)
            continue;
        assert_int_equal(cut.n, plans[i].n);
        assert_int_equal(cut.size, plans[i].size);
    }
    for (size_t len = 1; len < 2000; len++)
        for (size_t max = 4; max < 1600; max += 7) {
            struct dbr_fragment_cut cut;
            if (dbr_fragment_plan(&cut, len, max))
                continue;
            assert_true(cut.size <= max && (cut.n == 1 || cut.size % DBR_FRAGMENT_ROUND == 0));
            assert_true((cut.n - 1) * (size_t)cut.size < len && len <= cut.n * (size_t)cut.size);
        }
}

/* ---- putting together ---- */

struct sent {
    uint8_t bytes[MAX];
    size_t len;
};

/* The pieces of len bytes of pattern `seed`, as datagram payloads; their number. */
static unsigned cut(struct sent *out, size_t len, size_t max, uint8_t sequence, unsigned seed)
{
    static uint8_t payload[MAX];
    struct dbr_fragment_cut c;
    fill_pattern(payload, len, seed);
    assert_int_equal(dbr_fragment_plan(&c, len, max), 0);
    for (uint32_t i = 0; i < c.n; i++) {
        size_t n = i + 1 == c.n ? len - i * (size_t)c.size : c.size;
        dbr_fragment_header(out[i].bytes, &c, sequence, i);
        memcpy(out[i].bytes + DBR_FRAGMENT_HEADER, payload + i * (size_t)c.size, n);
        out[i].len = DBR_FRAGMENT_HEADER + n;
    }
    return c.n;
}

/* Takes the bytes in a block of their own; a payload that comes of it is copied to got. */
static int take(struct dbr_fragments *f, const void *bytes, size_t n, uint8_t *got, size_t *len, uint64_t now)
{
    uint8_t *copy = exact_copy(bytes, n), *p = copy, *out = malloc(MAX);
    *len = n;
    int err = dbr_fragments_take(f, &p, len, out, now);
    if (!err)
        memcpy(got, p, *len);
    free(copy);
    free(out);
    return err;
}

static int take_sent(struct dbr_fragments *f, const struct sent *s, uint8_t *got, size_t *len, uint64_t now)
{
    return take(f, s->bytes, s->len, got, len, now);
}

static void is_pattern(const uint8_t *got, size_t len, size_t want, unsigned seed)
{
    uint8_t payload[MAX];
    fill_pattern(payload, want, seed);
    assert_int_equal(len, want);
    assert_memory_equal(got, payload, want);
}

/* A frame, cut, comes back whatever the order of its pieces; and each piece a second time changes nothing. */
static void any_order_gives_the_payload_back(void **state)
{
    (void)state;
    struct sent sent[DBR_FRAGMENT_PIECES];
    struct dbr_fragments *f = dbr_fragments_new(MAX);
    uint8_t got[MAX];
    size_t len;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t r = seed;
        size_t want = 1 + next_random(&r) % 1600, max = LEAST + next_random(&r) % 1400;
        unsigned n = cut(sent, want, max, (uint8_t)(seed * 7), (unsigned)seed), order[DBR_FRAGMENT_PIECES];
        for (unsigned i = 0; i < n; i++)
            order[i] = i;
        for (unsigned i = n; i > 1; i--) {
            unsigned j = (unsigned)(next_random(&r) % i), t = order[i - 1];
            order[i - 1] = order[j];
            order[j] = t;
        }
        for (unsigned i = 0; i < n; i++) {
            int err = take_sent(f, &sent[order[i]], got, &len, seed);
            if (err != (i + 1 < n ? DBR_ERR_AGAIN : 0))
                print_error("seed %u piece %u: %d\n", (unsigned)seed, i, err);
            assert_int_equal(err, i + 1 < n ? DBR_ERR_AGAIN : 0);
            if (n > 1 && next_random(&r) % 4 == 0)
                assert_int_equal(take_sent(f, &sent[order[i]], got + MAX - 1, &len, seed), DBR_ERR_EXISTS);
            if (n > 1 && i + 1 == n)
                len = want;
        }
        is_pattern(got, len, want, (unsigned)seed);
    }
    dbr_fragments_free(f);
}

/* Several frames in flight, their pieces mixed: all of them come back. */
static void many_at_a_time(void **state)
{
    (void)state;
    enum { FRAMES = DBR_FRAGMENT_WINDOW, PIECES = 3 };
    static struct sent sent[FRAMES][DBR_FRAGMENT_PIECES];
    struct dbr_fragments *f = dbr_fragments_new(MAX);
    uint8_t got[MAX];
    size_t len;
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < FRAMES; i++)
            assert_int_equal(cut(sent[i], 1500, 512, (uint8_t)(round * FRAMES + i), i), PIECES);
        for (unsigned piece = 0; piece < PIECES; piece++)
            for (unsigned i = 0; i < FRAMES; i++) {
                int err = take_sent(f, &sent[i][PIECES - 1 - piece], got, &len, round);
                assert_int_equal(err, piece + 1 < PIECES ? DBR_ERR_AGAIN : 0);
                if (!err)
                    is_pattern(got, len, 1500, i);
            }
    }
    dbr_fragments_free(f);
}

/* A frame that lost a piece holds up no other one, and its number, when it comes round again, begins anew. */
static void lost_pieces_cost_their_own_frame(void **state)
{
    (void)state;
    struct sent sent[DBR_FRAGMENT_PIECES];
    struct dbr_fragments *f = dbr_fragments_new(MAX);
    uint8_t got[MAX];
    size_t len;
    for (unsigned i = 0; i < 1000; i++) {
        cut(sent, 1200, 600, (uint8_t)i, i);
        unsigned first = i / 256 % 2;
        assert_int_equal(take_sent(f, &sent[first], got, &len, 5), DBR_ERR_AGAIN);
        if (i % 3 == 0)
            continue;
        assert_int_equal(take_sent(f, &sent[1 - first], got, &len, 5), 0);
        is_pattern(got, len, 1200, i);
    }
    dbr_fragments_free(f);
}

/* Numbers run on while nothing arrives: what comes then is taken, ahead or (as it looks) behind. */
static void a_gap_of_any_length_is_survived(void **state)
{
    (void)state;
    struct sent sent[DBR_FRAGMENT_PIECES];
    uint8_t got[MAX];
    size_t len;
    for (unsigned gap = 0; gap < 256; gap++) {
        struct dbr_fragments *f = dbr_fragments_new(MAX);
        cut(sent, 1200, 600, 9, 1);
        assert_int_equal(take_sent(f, &sent[0], got, &len, 5), DBR_ERR_AGAIN);
        if (!gap)
            assert_int_equal(take_sent(f, &sent[1], got, &len, 5), 0);
        for (unsigned i = 1; i < 40; i++) {
            cut(sent, 1204, 604, (uint8_t)(9 + gap + i), i);
            int err = take_sent(f, &sent[0], got, &len, 5);
            if (err == DBR_ERR_SHAPE && (uint8_t)(gap + i) == 0)
                continue; /* the number of the frame that is not finished has come round */
            assert_int_equal(err, DBR_ERR_AGAIN);
            assert_int_equal(take_sent(f, &sent[1], got, &len, 5), 0);
            is_pattern(got, len, 1204, i);
        }
        dbr_fragments_free(f);
    }
}

static void old_pieces_are_not_used(void **state)
{
    (void)state;
    struct sent sent[DBR_FRAGMENT_PIECES];
    struct dbr_fragments *f = dbr_fragments_new(MAX);
    uint8_t got[MAX];
    size_t len;
    cut(sent, 1200, 600, 9, 1);
    assert_int_equal(take_sent(f, &sent[0], got, &len, 5), DBR_ERR_AGAIN);
    assert_int_equal(take_sent(f, &sent[1], got, &len, 5 + DBR_FRAGMENT_LIFE_NS), 0);
    assert_int_equal(take_sent(f, &sent[1], got, &len, 5 + DBR_FRAGMENT_LIFE_NS), DBR_ERR_EXISTS);
    assert_int_equal(take_sent(f, &sent[0], got, &len, 6 + DBR_FRAGMENT_LIFE_NS), DBR_ERR_AGAIN);
    assert_int_equal(take_sent(f, &sent[1], got, &len, 7 + 2 * DBR_FRAGMENT_LIFE_NS), DBR_ERR_AGAIN);
    assert_int_equal(take_sent(f, &sent[0], got, &len, 7 + 2 * DBR_FRAGMENT_LIFE_NS), 0);
    /* sixteen numbers on, the place is another frame's */
    cut(sent, 1200, 600, 100, 1);
    assert_int_equal(take_sent(f, &sent[0], got, &len, 1), DBR_ERR_AGAIN);
    struct sent later[DBR_FRAGMENT_PIECES];
    cut(later, 1200, 600, 100 + DBR_FRAGMENT_WINDOW, 2);
    assert_int_equal(take_sent(f, &later[1], got, &len, 1), DBR_ERR_AGAIN);
    assert_int_equal(take_sent(f, &later[0], got, &len, 1), 0);
    is_pattern(got, len, 1200, 2);
    assert_int_equal(take_sent(f, &sent[1], got, &len, 1), DBR_ERR_AGAIN); /* its first half is gone */
    dbr_fragments_free(f);
}

/* ---- what is no piece, and pieces that do not fit ---- */

enum { TYPE_PIECE = 1, TYPE_LAST = 2 };

static size_t raw(uint8_t *out, uint32_t type, uint32_t sequence, uint32_t piece, uint32_t size, size_t len)
{
    dbr_put32(out, type | sequence << 2 | piece << 10 | size / 4 << 15);
    fill_pattern(out + 4, len, piece);
    return 4 + len;
}

static const struct {
    const char *what;
    uint32_t type, sequence, piece, size;
    size_t len;
    int err;
} single[] = {
    {"nothing behind the header", 0, 0, 0, 0, 0, DBR_ERR_SHAPE},
    {"whole", 0, 0, 0, 0, 1, 0},
    {"whole, with the bits that are free", 0, 0, 0, 0x3fff * 4, 1, DBR_ERR_SHAPE},
    {"whole with a number", 0, 1, 0, 0, 100, DBR_ERR_SHAPE},
    {"whole with the highest number bit", 0, 128, 0, 0, 100, DBR_ERR_SHAPE},
    {"whole with a piece", 0, 0, 16, 0, 100, DBR_ERR_SHAPE},
    {"a test", 3, 0, 0, 0, 100, DBR_ERR_SHAPE},
    {"a piece", 1, 0, 0, 0, 100, DBR_ERR_AGAIN},
    {"a piece of 101", 1, 0, 0, 0, 101, DBR_ERR_SHAPE},
    {"a piece of 102", 1, 0, 0, 0, 102, DBR_ERR_SHAPE},
    {"a piece of no bytes", 1, 0, 0, 0, 0, DBR_ERR_SHAPE},
    {"a piece that ends with the room", 1, 0, 31, 0, 64, DBR_ERR_AGAIN},
    {"a piece that ends behind the room", 1, 0, 31, 0, 68, DBR_ERR_SHAPE},
    {"one longer than the room", 1, 0, 0, 0, MAX + 4, DBR_ERR_SHAPE},
    {"a last one alone", 2, 9, 0, 100, 100, 0},
    {"a short last one alone", 2, 9, 0, 100, 1, 0},
    {"a last one longer than its size", 2, 9, 0, 100, 101, DBR_ERR_SHAPE},
    {"a last one of size 0", 2, 9, 0, 0, 4, DBR_ERR_SHAPE},
    {"a last one", 2, 9, 1, 100, 100, DBR_ERR_AGAIN},
    {"a last one that begins behind the room", 2, 9, 31, 0x3fff * 4, 4, DBR_ERR_SHAPE},
    {"a last one that ends behind the room", 2, 9, 2, 1000, 49, DBR_ERR_SHAPE},
    {"a last one that ends with the room", 2, 9, 2, 1000, 48, DBR_ERR_AGAIN},
};

static void single_pieces(void **state)
{
    (void)state;
    uint8_t bytes[MAX + 8], got[MAX];
    size_t len;
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        struct dbr_fragments *f = dbr_fragments_new(MAX);
        size_t n =
            raw(bytes, single[i].type, single[i].sequence, single[i].piece, single[i].size, single[i].len);
        int err = take(f, bytes, n, got, &len, 1);
        if (err != single[i].err)
            print_error("%s: %d\n", single[i].what, err);
        assert_int_equal(err, single[i].err);
        if (!err)
            is_pattern(got, len, single[i].len, single[i].piece);
        dbr_fragments_free(f);
    }
    for (size_t n = 0; n <= 4; n++) {
        struct dbr_fragments *f = dbr_fragments_new(MAX);
        memset(bytes, 0, sizeof bytes);
        assert_int_equal(take(f, bytes, n, got, &len, 1), DBR_ERR_SHAPE);
        dbr_fragments_free(f);
    }
}

/* Pieces of one number, in this order; size counts for a last one. After the last of the row, pieces 0 and 1
 * (last) of an honest frame of that number: it comes back only when the liar's were thrown away. */
static const struct {
    const char *what;
    struct {
        uint32_t type, piece, size;
        size_t len;
        int err;
    } p[4];
    bool anew;
} lies[] = {
    {"another length", {{1, 0, 0, 100, DBR_ERR_AGAIN}, {1, 1, 0, 104, DBR_ERR_SHAPE}}, true},
    {"another size in the last", {{1, 0, 0, 100, DBR_ERR_AGAIN}, {2, 1, 96, 96, DBR_ERR_SHAPE}}, true},
    {"a length that the last did not say",
     {{2, 1, 100, 50, DBR_ERR_AGAIN}, {1, 0, 0, 96, DBR_ERR_SHAPE}},
     true},
    {"behind the last", {{2, 1, 100, 50, DBR_ERR_AGAIN}, {1, 2, 0, 100, DBR_ERR_SHAPE}}, true},
    {"in the place of the last", {{2, 1, 100, 50, DBR_ERR_AGAIN}, {1, 1, 0, 100, DBR_ERR_SHAPE}}, true},
    {"another last", {{2, 2, 100, 50, DBR_ERR_AGAIN}, {2, 1, 100, 50, DBR_ERR_SHAPE}}, true},
    {"a shorter last", {{2, 2, 100, 50, DBR_ERR_AGAIN}, {2, 2, 100, 49, DBR_ERR_SHAPE}}, true},
    {"a last in front of others", {{1, 2, 0, 100, DBR_ERR_AGAIN}, {2, 1, 100, 50, DBR_ERR_SHAPE}}, true},
    {"a last where a piece is", {{1, 2, 0, 100, DBR_ERR_AGAIN}, {2, 2, 100, 50, DBR_ERR_SHAPE}}, true},
    {"the same twice",
     {{1, 0, 0, 100, DBR_ERR_AGAIN}, {1, 0, 0, 100, DBR_ERR_EXISTS}, {2, 1, 100, 50, 0}},
     false},
    {"the last twice",
     {{2, 1, 100, 50, DBR_ERR_AGAIN}, {2, 1, 100, 50, DBR_ERR_EXISTS}, {1, 0, 0, 100, 0}},
     false},
    {"one too late",
     {{1, 0, 0, 100, DBR_ERR_AGAIN}, {2, 1, 100, 50, 0}, {1, 0, 0, 100, DBR_ERR_EXISTS}},
     false},
    {"malformed ones in between",
     {{1, 0, 0, 100, DBR_ERR_AGAIN}, {1, 1, 0, 99, DBR_ERR_SHAPE}, {2, 1, 100, 50, 0}},
     false},
};

static void pieces_that_do_not_fit(void **state)
{
    (void)state;
    uint8_t bytes[MAX], got[MAX];
    size_t len;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct dbr_fragments *f = dbr_fragments_new(MAX);
        for (size_t k = 0; k < 4 && lies[i].p[k].len; k++) {
            size_t n =
                raw(bytes, lies[i].p[k].type, 3, lies[i].p[k].piece, lies[i].p[k].size, lies[i].p[k].len);
            int err = take(f, bytes, n, got, &len, 1);
            if (err != lies[i].p[k].err)
                print_error("%s, piece %zu: %d\n", lies[i].what, k, err);
            assert_int_equal(err, lies[i].p[k].err);
        }
        struct sent sent[DBR_FRAGMENT_PIECES];
        cut(sent, 1000, 500, 3, 6);
        if (lies[i].anew) {
            assert_int_equal(take_sent(f, &sent[0], got, &len, 1), DBR_ERR_AGAIN);
            assert_int_equal(take_sent(f, &sent[1], got, &len, 1), 0);
            is_pattern(got, len, 1000, 6);
        } else
            assert_int_equal(take_sent(f, &sent[0], got, &len, 1), DBR_ERR_EXISTS);
        dbr_fragments_free(f);
    }
    dbr_fragments_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_as_known),
        cmocka_unit_test(plans_are_even_and_bounded),
        cmocka_unit_test(any_order_gives_the_payload_back),
        cmocka_unit_test(many_at_a_time),
        cmocka_unit_test(lost_pieces_cost_their_own_frame),
        cmocka_unit_test(a_gap_of_any_length_is_survived),
        cmocka_unit_test(old_pieces_are_not_used),
        cmocka_unit_test(single_pieces),
        cmocka_unit_test(pieces_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
