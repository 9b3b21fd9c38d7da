/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The replay windows against a slow model that keeps every id it ever marked.
 */
#include "helpers.h"

#include "proto/replay.h"

/* --- the model: OpenVPN's rule in one line each --- */

enum { MOST = 20000 };
static struct {
    uint32_t size, newest;
    uint32_t ids[MOST];
    size_t n;
} model;

static void model_init(uint32_t size)
{
    model.size = size;
    model.newest = 0;
    model.n = 0;
}

static bool model_check(uint32_t id)
{
    if (id == 0)
        return false;
    if (id > model.newest)
        return true;
    if (model.newest - id >= model.size)
        return false;
    for (size_t i = 0; i < model.n; i++)
        if (model.ids[i] == id)
            return false;
    return true;
}

static void model_mark(uint32_t id)
{
    assert_true(model.n < MOST);
    model.ids[model.n++] = id;
    if (id > model.newest)
        model.newest = id;
}

/* Checks id in both, and marks it in both if it is fresh. */
static bool both(struct dbr_replay *w, uint32_t id, const char *what)
{
    bool want = model_check(id);
    CHECK(dbr_replay_check(w, id) == want, "%s: size %u newest %u id %u", what, w->size, w->newest, id);
    if (want) {
        dbr_replay_mark(w, id);
        model_mark(id);
        CHECK(!dbr_replay_check(w, id), "%s: id %u passes twice", what, id);
    }
    assert_int_equal(w->newest, model.newest);
    return want;
}

static const uint32_t sizes[] = {64, 65, 127, 128, 1000, 4096, 8191, 8192};

static void first_ids(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++) {
        struct dbr_replay w;
        dbr_replay_init(&w, sizes[s]);
        assert_false(dbr_replay_check(&w, 0));
        for (uint32_t id = 1; id < 3 * sizes[s]; id++)
            CHECK(dbr_replay_check(&w, id), "id %u of an empty window", id);
        dbr_replay_mark(&w, 1);
        assert_false(dbr_replay_check(&w, 1));
        assert_false(dbr_replay_check(&w, 0));
        assert_true(dbr_replay_check(&w, 2));
    }
}

/* After one newest id: every offset around it and around the far edge, each tried in a window of its own. */
static void every_offset_around_the_edges(void **state)
{
    static const uint32_t newest[] = {1,        2,          63,         64,         65,
                                      8191,     8192,       8193,       100000,     0x7fffffff,
                                      1u << 31, 0xfffffeff, 0xffffff00, 0xfffffffe, 0xffffffff};
    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (size_t k = 0; k < COUNT(newest); k++)
            for (int64_t edge = 0; edge <= sizes[s]; edge += sizes[s])
                for (int64_t off = -65; off <= 65; off++) {
                    int64_t id = (int64_t)newest[k] - edge + off;
                    struct dbr_replay w;
                    if (id < 0 || id > UINT32_MAX)
                        continue;
                    dbr_replay_init(&w, sizes[s]);
                    model_init(sizes[s]);
                    assert_true(both(&w, newest[k], "newest"));
                    both(&w, (uint32_t)id, "offset");
                    both(&w, newest[k], "again");
                    both(&w, (uint32_t)id, "offset again");
                }
}

/* The same with a window in which every id, or every second one, has been marked. */
static void every_offset_in_a_used_window(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (uint32_t step = 1; step <= 2; step++) {
            struct dbr_replay w;
            uint32_t n = 2 * sizes[s] + 70;
            dbr_replay_init(&w, sizes[s]);
            model_init(sizes[s]);
            for (uint32_t id = 1; id <= n; id += step)
                assert_true(both(&w, id, "fill"));
            for (uint32_t off = 0; off <= 65; off++) {
                both(&w, model.newest - sizes[s] + 66 - off, "from the far edge");
                both(&w, model.newest - off, "from the newest");
            }
        }
}

/* Jumps of N-1, N, N+1 (CVE-2025-15497 is an exact one) and larger: nothing old may show through. */
static void jumps(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++) {
        uint32_t n = sizes[s];
        const uint32_t by[] = {1,        2,        63,       64,           65,           n - 1,
                               n,        n + 1,    n + 63,   n + 64,       n + 65,       2 * n,
                               130 * 64, 131 * 64, 129 * 64, 130 * 64 - 1, 130 * 64 + 1, 260 * 64,
                               1u << 20, 1u << 31};
        for (size_t j = 0; j < COUNT(by); j++) {
            struct dbr_replay w;
            dbr_replay_init(&w, n);
            model_init(n);
            for (uint32_t id = 1; id <= 200; id++)
                both(&w, id, "before the jump");
            assert_true(both(&w, 200 + by[j], "jump"));
            for (uint32_t off = 0; off < n + 70 && off<200 + by[j]; off += n> 1000 ? 17 : 1)
                both(&w, 200 + by[j] - off, "behind the jump");
        }
    }
}

static void to_the_last_id(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++) {
        struct dbr_replay w;
        dbr_replay_init(&w, sizes[s]);
        model_init(sizes[s]);
        for (uint32_t id = 0xffffff00; id; id++)
            assert_true(both(&w, id, "last ids"));
        assert_false(dbr_replay_check(&w, 0xffffffff));
        assert_false(dbr_replay_check(&w, 0));
        assert_false(dbr_replay_check(&w, 1)); /* the ids do not wrap */
    }
}

/* Reordering as two workers or a network make it: 63 late is the last that passes a window of 64. */
static void late_by(void **state)
{
    static const uint32_t late[] = {62, 63, 64, 65};
    (void)state;
    for (size_t i = 0; i < COUNT(late); i++) {
        struct dbr_replay w;
        dbr_replay_init(&w, 64);
        for (uint32_t id = 2; id <= 1 + late[i]; id++)
            dbr_replay_mark(&w, id);
        CHECK(dbr_replay_check(&w, 1) == (late[i] <= 63), "late by %u", late[i]);
    }
}

static void random_walks(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t rng = seed;
        struct dbr_replay w;
        uint32_t size = sizes[next_random(&rng) % COUNT(sizes)];
        dbr_replay_init(&w, size);
        model_init(size);
        for (int i = 0; i < 600; i++) {
            uint64_t r = next_random(&rng);
            int64_t off = (int64_t)(r % (2 * size)) - size;
            if (r >> 60 == 0)
                off = (int64_t)(r % 100000);
            if (r >> 60 < 8)
                off = (int64_t)(r % 5) - 2;
            int64_t id = (int64_t)model.newest + off;
            both(&w, id < 0 ? 0 : (uint32_t)id, "walk");
        }
    }
}

/* Marking an id below the window changes nothing: its place belongs to a newer one. */
static void marking_the_too_old(void **state)
{
    struct dbr_replay w, before;
    (void)state;
    dbr_replay_init(&w, 64);
    dbr_replay_mark(&w, 20000);
    before = w;
    for (uint32_t id = 1; id <= 20000 - 64; id++)
        dbr_replay_mark(&w, id);
    assert_memory_equal(&w, &before, sizeof w);
}

static void sizes_are_bounded(void **state)
{
    static const struct {
        uint32_t asked, got;
    } cases[] = {{0, 64}, {1, 64}, {63, 64}, {64, 64}, {8192, 8192}, {8193, 8192}, {UINT32_MAX, 8192}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_replay w;
        dbr_replay_init(&w, cases[i].asked);
        assert_int_equal(w.size, cases[i].got);
    }
}

/* --- the long form --- */

static const struct {
    uint32_t time, id;
    bool want;
} long_cases[] = {
    {100, 0, false},          {100, 1, true},          {100, 1, false},
    {100, 2, true},           {100, 2, false},         {100, 0, false},
    {99, 3, false},           {100, 66, true},         {100, 65, true},
    {100, 3, true},           {100, 3, false},         {100, 2, false},
    {100, 4, true},           {100, 67, true},         {100, 3, false},
    {100, 4, false},          {100, 5, true},          {101, 1, true},
    {101, 1, false},          {100, 900, false},       {101, 0xffffffff, true},
    {101, 0xffffffff, false}, {101, 0xffffffc0, true}, {101, 0xffffffbf, false},
    {101, 2, false},          {0, 1, false},           {0xffffffff, 5, true},
    {0xffffffff, 4, true},    {0xffffffff, 4, false},  {0xffffffff, 69, true},
    {0xffffffff, 5, false},   {0xffffffff, 6, true},   {0xfffffffe, 70, false},
    {0xffffffff, 133, true},  {0xffffffff, 69, false}, {0xffffffff, 70, true},
};

static void long_form_table(void **state)
{
    struct dbr_replay_long w = {0};
    (void)state;
    for (size_t i = 0; i < COUNT(long_cases); i++)
        CHECK(dbr_replay_long_accept(&w, long_cases[i].time, long_cases[i].id) == long_cases[i].want,
              "row %zu: time %u id %u", i, long_cases[i].time, long_cases[i].id);
}

static void long_form_against_the_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct dbr_replay_long w = {0};
        uint64_t rng = seed;
        uint32_t now = 1000;
        model_init(64);
        for (int i = 0; i < 400; i++) {
            uint64_t r = next_random(&rng);
            if (r >> 56 == 0) { /* the sender starts again */
                now++;
                model_init(64);
            }
            int64_t id = (int64_t)model.newest + (int64_t)(r % 140) - 70;
            uint32_t use = id < 0 ? 0 : (uint32_t)id;
            bool want = model_check(use);
            CHECK(dbr_replay_long_accept(&w, now, use) == want, "seed %d step %d id %u", (int)seed, i, use);
            if (want)
                model_mark(use);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_ids),
        cmocka_unit_test(every_offset_around_the_edges),
        cmocka_unit_test(every_offset_in_a_used_window),
        cmocka_unit_test(jumps),
        cmocka_unit_test(to_the_last_id),
        cmocka_unit_test(late_by),
        cmocka_unit_test(random_walks),
        cmocka_unit_test(marking_the_too_old),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(long_form_table),
        cmocka_unit_test(long_form_against_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
