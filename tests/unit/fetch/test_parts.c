/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The plan of attempts, the memory on disk and its torn writes, the header of a web server's answer, the
 * bundle of a reload.
 */
#include "base/bytes.h"
#include "base/err.h"
#include "base/siphash.h"
#include "fetch/plan.h"
#include "fetch/tag.h"
#include "ipc/bundle.h"
#include "ipc/crlstate.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- plan ---- */

static void test_plan(void **state)
{
    static const struct {
        uint32_t period_s, failures;
        uint64_t least_ms, most_ms;
    } cases[] = {
        {3600, 0, 3240000, 3600000},
        {3600, 1, 3750, 5000},
        {3600, 2, 7500, 10000},
        {3600, 3, 15000, 20000},
        {3600, 8, 450000, 600000},
        {3600, 4000000000u, 450000, 600000},
        {2, 0, 1800, 2000},
        {2, 1, 1500, 2000},
        {1, 9, 750, 1000},
        {0, 0, 0, 0},
        {UINT32_MAX, 0, 3865470565500, 4294967295000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t lowest = UINT64_MAX, highest = 0;
        for (uint32_t noise = 0; noise < 2000; noise++) {
            uint64_t ms = plan_wait_ms(cases[i].period_s, cases[i].failures, noise * 2147483u);
            lowest = ms < lowest ? ms : lowest;
            highest = ms > highest ? ms : highest;
        }
        if (lowest < cases[i].least_ms || highest > cases[i].most_ms)
            fail_msg("case %zu: %llu..%llu ms", i, (unsigned long long)lowest, (unsigned long long)highest);
        if (cases[i].period_s > 1 && cases[i].period_s < 36000) /* it does vary */
            assert_true(highest - lowest > (cases[i].most_ms - cases[i].least_ms) / 2);
    }
}

/* ---- the memory ---- */

static void two_files(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        fds[i] = memfd_create("state", MFD_CLOEXEC);
        assert_true(fds[i] >= 0);
    }
}

static void close_both(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static void put(struct dbr_crlstate *s, const int fds[2], const char *text, const char *url)
{
    assert_int_equal(dbr_crlstate_set(s, DBR_CRLSTATE_TEXT, text, strlen(text)), 0);
    assert_int_equal(dbr_crlstate_set(s, DBR_CRLSTATE_URL, url, strlen(url)), 0);
    assert_int_equal(dbr_crlstate_write(s, fds), 0);
}

static void expect_text(const int fds[2], const char *text, uint64_t generation)
{
    struct dbr_crlstate s;
    assert_int_equal(dbr_crlstate_read(&s, fds), 0);
    assert_int_equal(s.generation, generation);
    assert_int_equal(s.part[DBR_CRLSTATE_TEXT].len, strlen(text));
    if (*text)
        assert_memory_equal(s.part[DBR_CRLSTATE_TEXT].bytes, text, strlen(text));
    dbr_crlstate_free(&s);
    dbr_crlstate_free(&s);
}

static void test_memory_turns(void **state)
{
    int fds[2];
    struct dbr_crlstate s;
    (void)state;
    two_files(fds);
    assert_int_equal(dbr_crlstate_read(&s, fds), 0); /* nothing yet */
    assert_int_equal(s.generation, 0);
    put(&s, fds, "first", "list one");
    expect_text(fds, "first", 1);
    put(&s, fds, "second", "a much longer list than before");
    expect_text(fds, "second", 2);
    put(&s, fds, "3", "");
    expect_text(fds, "3", 3);
    dbr_crlstate_free(&s);
    close_both(fds);
}

/* A crash in the middle of the newest write, anywhere: the one before counts. */
static void test_memory_torn(void **state)
{
    int fds[2];
    struct dbr_crlstate s = {0};
    uint8_t whole[256];
    (void)state;
    two_files(fds);
    put(&s, fds, "old numbers", "old list");
    put(&s, fds, "new numbers", "new list");
    int newest = fds[0]; /* generation 2 */
    ssize_t n = pread(newest, whole, sizeof whole, 0);
    assert_true(n > 48);
    for (ssize_t cut = 0; cut < n; cut++) {
        assert_int_equal(ftruncate(newest, cut), 0);
        struct dbr_crlstate r;
        int err = dbr_crlstate_read(&r, fds);
        assert_int_equal(err, 0);
        assert_int_equal(r.generation, 1);
        assert_memory_equal(r.part[DBR_CRLSTATE_TEXT].bytes, "old numbers", 11);
        dbr_crlstate_free(&r);
        assert_int_equal(pwrite(newest, whole, (size_t)n, 0), n);
    }
    for (ssize_t i = 0; i < n; i++) { /* each byte is bound by the checksum */
        uint8_t bad = (uint8_t)(whole[i] ^ 0x10);
        assert_int_equal(pwrite(newest, &bad, 1, i), 1);
        expect_text(fds, "old numbers", 1);
        assert_int_equal(pwrite(newest, &whole[i], 1, i), 1);
    }
    expect_text(fds, "new numbers", 2);
    dbr_crlstate_free(&s);
    close_both(fds);
}

static void test_memory_lost(void **state)
{
    int fds[2];
    const int none[2] = {-1, -1};
    struct dbr_crlstate s;
    (void)state;
    two_files(fds);
    assert_int_equal(write(fds[0], "garbage", 7), 7);
    assert_int_equal(dbr_crlstate_read(&s, fds), DBR_ERR_SHAPE);
    assert_int_equal(s.generation, 0);
    assert_int_equal(dbr_crlstate_read(&s, none), 0);
    assert_int_equal(dbr_crlstate_write(&s, none), 0); /* no place: nothing is kept, nothing fails */
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    const int broken[2] = {full, full};
    if (full >= 0)
        assert_int_equal(dbr_crlstate_write(&s, broken), DBR_ERR_IO);
    assert_int_equal(s.generation, 0);
    close(full);
    close_both(fds);
}

/* A memory that an earlier version wrote: three parts. */
static void test_memory_before(void **state)
{
    static const uint8_t key[16] = "drawbridge-state";
    uint8_t file[48 + 11] = "DBRCRL01";
    int fds[2];
    struct dbr_crlstate s;
    (void)state;
    two_files(fds);
    dbr_put64(file + 8, 1);
    dbr_put64(file + 16, 7);
    dbr_put64(file + 24, 4);
    memcpy(file + 48, "numberslist", 11);
    dbr_put64(file + 40, dbr_siphash(key, file, 48) ^ dbr_siphash(key, file + 48, 11));
    assert_int_equal(write(fds[1], file, sizeof file), (ssize_t)sizeof file);
    expect_text(fds, "numbers", 1);
    assert_int_equal(dbr_crlstate_read(&s, fds), 0);
    assert_memory_equal(s.part[DBR_CRLSTATE_URL].bytes, "list", 4);
    assert_int_equal(s.part[DBR_CRLSTATE_TAG].len, 0);
    assert_int_equal(dbr_crlstate_set(&s, DBR_CRLSTATE_TAG, "tag", 3), 0);
    assert_int_equal(dbr_crlstate_write(&s, fds), 0); /* and goes on in today's form */
    dbr_crlstate_free(&s);
    assert_int_equal(dbr_crlstate_read(&s, fds), 0);
    assert_int_equal(s.generation, 2);
    assert_memory_equal(s.part[DBR_CRLSTATE_TAG].bytes, "tag", 3);
    dbr_crlstate_free(&s);
    close_both(fds);
}

/* ---- the header of an answer ---- */

static void feed(struct http_head *h, const char *text, size_t step)
{
    size_t n = strlen(text);
    memset(h, 0, sizeof *h);
    for (size_t at = 0; at < n; at += step)
        http_head_feed(h, text + at, n - at < step ? n - at : step);
}

#define OK   "HTTP/1.1 200 OK\r\n"
#define END  "\r\n\r\n"
#define X10  "xxxxxxxxxx"
#define X125 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 "xxxxx"
#define DATE "Sat, 21 Nov 2026 10:00:00 GMT"

static void test_head(void **state)
{
    static const struct {
        const char *text;
        int status;
        bool done;
        const char *etag, *modified;
    } cases[] = {
        {OK "ETag: \"a\"\r\nLast-Modified: " DATE END, 200, true, "\"a\"", DATE},
        {"HTTP/1.0 304 Not Modified\n\n", 304, true, "", ""},
        {"HTTP/1.0 304" END, 304, true, "", ""},
        {OK "etag:W/\"a-b\"  " END, 200, true, "W/\"a-b\"", ""},
        {OK "eTaG:\t \"\"" END, 200, true, "\"\"", ""},
        {OK "ETag: \"a\"\r\nETag: \"b\"" END, 200, true, "\"a\"", ""},
        {OK "\r\nETag: \"body\"" END, 200, true, "", ""},
        {OK "ETag: \"a\"", 200, false, "", ""},
        {OK "ETag: a" END, 200, true, "", ""},
        {OK "ETag: \"a" END, 200, true, "", ""},
        {OK "ETag: \"" END, 200, true, "", ""},
        {OK "ETag: W/\"" END, 200, true, "", ""},
        {OK "ETag: \"a\"b\"" END, 200, true, "", ""},
        {OK "ETag: \"a b\"" END, 200, true, "", ""},
        {OK "ETag: \"a\rX: y\"" END, 200, true, "", ""},
        {OK "ETag: \"\xe4\"" END, 200, true, "", ""},
        {OK "ETag : \"a\"" END, 200, true, "", ""},
        {OK "ETag: \"" X125 "\"" END, 200, true, "\"" X125 "\"", ""},
        {OK "ETag: \"" X125 "x\"" END, 200, true, "", ""},
        {OK "X: " X125 X125 X125 "\r\nETag: \"a\"" END, 200, true, "\"a\"", ""},
        {OK "Last-Modified: " END, 200, true, "", ""},
        {OK "Last-Modified: now" END, 200, true, "", "now"},
        {OK "Last-Modified: a\"b" END, 200, true, "", ""},
        {OK "Last-Modified: " X10 X10 X10 X10 "xxxxxxxx" END, 200, true, "", ""},
        {"HTTP/2 200" END, 0, true, "", ""},
        {"HTTP/1.1 2x0 OK" END, 0, true, "", ""},
        {"HTTP/1.1 2000" END, 0, true, "", ""},
        {"HTTP/1.1 20" END, 0, true, "", ""},
        {"\r\nETag: \"a\"" END, 0, true, "\"a\"", ""},
        {X125 X125 X125 END, 0, true, "", ""},
        {"", 0, false, "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 40; step += 1 + step / 4) {
            struct http_head h;
            feed(&h, cases[i].text, step);
            if (h.status != cases[i].status || h.done != cases[i].done ||
                strcmp(h.tag.etag, cases[i].etag) != 0 || strcmp(h.tag.modified, cases[i].modified) != 0)
                fail_msg("case %zu by %zu: %d %d [%s] [%s]", i, step, h.status, h.done, h.tag.etag,
                         h.tag.modified);
        }
}

static void test_tag_kept(void **state)
{
    static const struct http_tag tags[] = {{"\"a\"", "now"}, {"W/\"" X125, ""}, {"", "now"}, {"", ""}};
    const uint8_t id[TAG_ID] = {1, 2, 0xfe}, other[TAG_ID] = {1, 2, 0xff};
    char text[TAG_TEXT_MAX];
    struct http_tag back;
    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        bool good = i != 1; /* no closing quote: not what a server may be shown */
        size_t n = tag_write(text, id, &tags[i]);
        assert_true(n < sizeof text);
        assert_int_equal(tag_read(&back, id, text, n), good);
        assert_string_equal(back.etag, good ? tags[i].etag : "");
        assert_string_equal(back.modified, good ? tags[i].modified : "");
        assert_false(tag_read(&back, other, text, n));
        assert_string_equal(back.etag, "");
        for (size_t cut = 0; cut < n; cut++)
            assert_false(tag_read(&back, id, text, cut));
        text[n] = '\n';
        assert_false(tag_read(&back, id, text, n + 1));
    }
}

/* ---- the bundle ---- */

static void test_bundle(void **state)
{
    struct dbr_bundle b = {0}, back;
    size_t len;
    static char large[100000];
    (void)state;
    memset(large, 'x', sizeof large);
    assert_int_equal(dbr_bundle_add(&b, "/etc/a", "text of a", 9), 0);
    assert_int_equal(dbr_bundle_add(&b, "empty", "", 0), 0);
    assert_int_equal(dbr_bundle_add(&b, "large", large, sizeof large), 0);
    assert_int_equal(dbr_bundle_add(&b, "/etc/a", "another", 7), 0);
    int fd = dbr_bundle_write(&b);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "z", 1), -1); /* sealed */
    assert_int_equal(dbr_bundle_read(&back, fd), 0);
    assert_memory_equal(dbr_bundle_get(&back, "/etc/a", &len), "text of a", 9);
    assert_int_equal(len, 9);
    assert_non_null(dbr_bundle_get(&back, "empty", &len));
    assert_int_equal(len, 0);
    assert_non_null(dbr_bundle_get(&back, "large", &len));
    assert_int_equal(len, sizeof large);
    assert_null(dbr_bundle_get(&back, "/etc/", &len));
    assert_null(dbr_bundle_get(&back, "/etc/ab", &len));
    assert_int_equal(dbr_bundle_add(&b, "huge", large, (size_t)DBR_BUNDLE_MAX), DBR_ERR_LIMIT);
    dbr_bundle_free(&back);
    dbr_bundle_free(&b);
    dbr_bundle_free(&b);
    close(fd);
}

static void test_bundle_cut(void **state)
{
    struct dbr_bundle b = {0}, back;
    (void)state;
    assert_int_equal(dbr_bundle_add(&b, "name", "0123456789", 10), 0);
    for (size_t cut = 1; cut < b.len; cut++) {
        int fd = memfd_create("cut", MFD_CLOEXEC);
        assert_int_equal(write(fd, b.bytes, cut), (ssize_t)cut);
        assert_int_equal(dbr_bundle_read(&back, fd), DBR_ERR_SHAPE);
        dbr_bundle_free(&back);
        close(fd);
    }
    memset(b.bytes + 4, 0xff, 8); /* a length that overflows */
    int fd = memfd_create("long", MFD_CLOEXEC);
    assert_int_equal(write(fd, b.bytes, b.len), (ssize_t)b.len);
    assert_int_equal(dbr_bundle_read(&back, fd), DBR_ERR_SHAPE);
    dbr_bundle_free(&back);
    dbr_bundle_free(&b);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),          cmocka_unit_test(test_memory_turns),
        cmocka_unit_test(test_memory_torn),   cmocka_unit_test(test_memory_lost),
        cmocka_unit_test(test_bundle),        cmocka_unit_test(test_bundle_cut),
        cmocka_unit_test(test_memory_before), cmocka_unit_test(test_head),
        cmocka_unit_test(test_tag_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
