/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls-crypt-v2 at the door: who brings a good key, what the others hear (nothing) and cost (nothing), keys
 * that are withdrawn or too old, clients that bring their key only once. Each refusal with the counter that
 * must move.
 */
#include "hooked.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "control/gatekey.h"

#include <stdlib.h>
#include <unistd.h>

enum { SID = 0x11223344, EARLY = 0x0f000001, RESET_LEN = 54, DAY_S = 86400 };

/* A key of the server, and what it wrapped. */
static struct dbr_own_key own;

static void server_key(uint8_t key[DBR_WKC_SERVER_KEY_LEN], uint8_t seed)
{
    for (size_t i = 0; i < DBR_WKC_SERVER_KEY_LEN; i++)
        key[i] = (uint8_t)(i * 5 + seed);
}

/* The client's key i, made so many days ago; -1: its metadata has no time. */
static void wrap(uint8_t server_seed, unsigned i, int days)
{
    uint8_t key[DBR_WKC_SERVER_KEY_LEN], metadata[9] = {days < 0 ? DBR_WKC_TYPE_USER : DBR_WKC_TYPE_TIME};
    struct dbr_wkc *w;
    server_key(key, server_seed);
    for (size_t b = 0; b < sizeof own.key; b++)
        own.key[b] = (uint8_t)(b * 3 + i);
    dbr_put64(metadata + 1, (uint64_t)(rig_now.unix_s - (int64_t)(days < 0 ? 0 : days) * DAY_S));
    if (dbr_wkc_new(&w, key))
        fail();
    own.wkc_len = (size_t)dbr_wkc_seal(w, own.key, metadata, sizeof metadata, own.wkc);
    dbr_wkc_free(w);
}

/* Gates that callers made before still use. */
static struct dbr_gate *old_gates[8];
static size_t n_old;

static void close_door(struct rig *rig)
{
    rig_free(rig);
    while (n_old)
        dbr_gate_free(old_gates[--n_old]);
}

/* The rig's callers and packets carry the key in `own` from now on. */
static void carry(struct rig *rig)
{
    assert_true(n_old < sizeof old_gates / sizeof *old_gates);
    old_gates[n_old++] = rig->gate;
    assert_int_equal(dbr_gate_new(&rig->gate, DBR_GATE_TLS_CRYPT, own.key, 1, NULL), 0);
    memcpy(rig->static_key, own.key, sizeof own.key);
    rig->wkc = own.wkc;
    rig->wkc_len = own.wkc_len;
}

static struct rig *door(const char *more)
{
    static char config[4096];
    char pem[DBR_WKC_PEM_MAX];
    uint8_t key[DBR_WKC_SERVER_KEY_LEN];
    server_key(key, 1);
    assert_true(dbr_wkc_server_key_write(key, pem, sizeof pem) > 0);
    snprintf(config, sizeof config, "%s\n<tls-crypt-v2>\n%s</tls-crypt-v2>\n", more, pem);
    struct rig *rig = rig_new(&(struct rig_options){.config = config, .gate = DBR_GATE_NONE});
    wrap(1, 0, 0);
    carry(rig);
    return rig;
}

/* A packet with the wrapped key behind; its length. */
static size_t with_key(struct rig *rig, const struct dbr_control *c, uint32_t replay_id,
                       uint8_t out[RIG_DGRAM])
{
    size_t n = rig_packet(rig, c, replay_id, out);
    memcpy(out + n, own.wkc, own.wkc_len);
    return n + own.wkc_len;
}

static size_t reset(struct rig *rig, uint32_t replay_id, uint8_t out[RIG_DGRAM])
{
    const struct dbr_control c = {.opcode = DBR_OP_RESET_CLIENT_V3, .sid = SID, .has_id = true};
    return with_key(rig, &c, replay_id, out);
}

static struct dbr_gate *as_client(void)
{
    struct dbr_gate *g;
    assert_int_equal(dbr_gate_new(&g, DBR_GATE_TLS_CRYPT, own.key, 1, NULL), 0);
    return g;
}

static void quiet(struct rig *rig, const char *what, size_t counter, uint64_t want)
{
    uint64_t got;
    memcpy(&got, (const char *)&rig->ctl->tally + counter, sizeof got);
    if (rig->sent || rig->ctl->n_half_open || got != want)
        fail_msg("%s: %llu datagrams, %u half open, counter %llu instead of %llu", what,
                 (unsigned long long)rig->sent, rig->ctl->n_half_open, (unsigned long long)got,
                 (unsigned long long)want);
}
#define COUNTER(name) offsetof(struct tally, name)

/* ---- who gets in ---- */

static void test_connects(void **state)
{
    (void)state;
    struct rig *rig = door("");
    struct caller *a = rig_connect(rig, "alice", A, 4000);
    wrap(1, 1, 0);
    carry(rig);
    struct caller *b = rig_connect(rig, "bob", A + 1, 4000);
    assert_true(rig_up(a) && rig_up(b));
    struct client *c = rig_client(rig, "bob");
    uint8_t id[DBR_WKC_ID_LEN];
    assert_int_equal(dbr_wkc_id(own.wkc, own.wkc_len, id), 0);
    assert_memory_equal(c->gate_id, id, sizeof id);
    assert_int_equal(dbr_session_gate_kind(c->session), DBR_GATE_TLS_CRYPT);
    close_door(rig);
}

/* The answer is sealed with the client's key, asks for the key again, is shorter than the question, and
 * leaves nothing behind. */
static void test_answer(void **state)
{
    (void)state;
    struct rig *rig = door("");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t dgram[RIG_DGRAM];
    struct dbr_gated g;
    struct dbr_control c;
    rig->keep_answers = true;
    size_t n = 0, heap = 0;
    for (uint32_t i = 0; i < 60; i++) {
        if (i == 10 && rig_can_count()) /* behind what the library makes once */
            heap = rig_heap();
        n = reset(rig, EARLY + i, dgram);
        rig_hand(rig, dgram, n, &from);
    }
    assert_int_equal(rig->n_answers, 60);
    if (rig_can_count())
        assert_int_equal(rig_heap(), heap);
    assert_int_equal(rig->ctl->n_half_open, 0);
    struct dbr_gate *gate = as_client();
    struct rig_dgram *answer = &rig->answers[0];
    assert_true(answer->len < n && answer->len == 72);
    assert_int_equal(dbr_gate_open(gate, answer->bytes, answer->len, &g), 0);
    assert_int_equal(dbr_control_parse(&c, g.first, g.sid, g.inner, g.inner_len), 0);
    assert_int_equal(c.opcode, DBR_OP_RESET_SERVER);
    assert_true(c.peer_sid == SID && c.n_acks == 1 && c.acks[0] == 0);
    assert_int_equal(c.payload_len, 6);
    assert_memory_equal(c.payload, "\0\1\0\2\0\1", 6);
    dbr_gate_free(gate);
    close_door(rig);
}

/* ---- who hears nothing ---- */

static void test_every_bit_and_length(void **state)
{
    (void)state;
    struct rig *rig = door("");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t good[RIG_DGRAM], bad[RIG_DGRAM];
    size_t n = reset(rig, EARLY, good);
    for (size_t len = 0; len < n; len++)
        rig_hand(rig, good, len, &from);
    for (size_t bit = 0; bit < n * 8; bit++) {
        memcpy(bad, good, n);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!dbr_opcode_is_data(dbr_opcode_of(bad[0])))
            rig_hand(rig, bad, n, &from);
    }
    assert_int_equal(rig->sent, 0);
    assert_int_equal(rig->ctl->n_half_open, 0);
    assert_true(rig->ctl->tally.auth >= 8 * (n - 4));
    rig_hand(rig, good, n, &from); /* and the whole one is good */
    assert_int_equal(rig->sent, 1);
    close_door(rig);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *what, *config;
        uint8_t server;
        int days;
        uint32_t replay_id;
        size_t counter; /* SIZE_MAX: it is answered */
    } cases[] = {
        {"another server's key", "", 2, 0, EARLY, COUNTER(auth)},
        {"key of today", "tls-crypt-v2-max-age 3", 1, 0, EARLY, SIZE_MAX},
        {"key of the third day", "tls-crypt-v2-max-age 3", 1, 3, EARLY, SIZE_MAX},
        {"key of the fourth day", "tls-crypt-v2-max-age 3", 1, 4, EARLY, COUNTER(auth)},
        {"key without a time", "tls-crypt-v2-max-age 3", 1, -1, EARLY, COUNTER(auth)},
        {"key without a time, no age asked", "", 1, -1, EARLY, SIZE_MAX},
        {"client that brings its key once", "", 1, 0, 1, COUNTER(cookie)},
        {"the same, with an id that is nearly right", "", 1, 0, 0x0e000001, COUNTER(cookie)},
        {"the same", "", 1, 0, 0x1f000001, COUNTER(cookie)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *rig = door(cases[i].config);
        struct dbr_addr from = rig_addr(A, 4000);
        uint8_t dgram[RIG_DGRAM];
        rig->keep_answers = true;
        wrap(cases[i].server, 0, cases[i].days);
        size_t n = reset(rig, cases[i].replay_id, dgram);
        rig_hand(rig, dgram, n, &from);
        if (cases[i].counter != SIZE_MAX)
            quiet(rig, cases[i].what, cases[i].counter, 1);
        else if (rig->sent != 1)
            fail_msg("%s: no answer", cases[i].what);
        close_door(rig);
    }
}

/* Where everybody has a key of his own, nothing else is a gate. */
static void test_no_key_of_his_own(void **state)
{
    (void)state;
    struct rig *rig = door("");
    struct dbr_addr from = rig_addr(A, 4000);
    const struct dbr_control v2 = {.opcode = DBR_OP_RESET_CLIENT, .sid = SID, .has_id = true};
    uint8_t dgram[RIG_DGRAM];
    size_t n = rig_packet(rig, &v2, 1, dgram); /* sealed with a good client key, which is not there */
    rig_hand(rig, dgram, n, &from);
    quiet(rig, "no wrapped key", COUNTER(auth), 1);
    static const uint8_t bare[] = {7 << 3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0};
    rig_hand(rig, bare, sizeof bare, &from);
    quiet(rig, "no gate at all", COUNTER(auth), 2);
    close_door(rig);
}

/* And where nobody has, a key is nothing. */
static void test_not_configured(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t dgram[RIG_DGRAM];
    wrap(1, 0, 0);
    carry(rig);
    size_t n = reset(rig, EARLY, dgram);
    rig_hand(rig, dgram, n, &from);
    quiet(rig, "no server key", COUNTER(shape), 1);
    close_door(rig);
}

static void test_recorded(void **state)
{
    (void)state;
    struct rig *rig = door("");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t dgram[RIG_DGRAM];
    rig->keep_answers = true;
    size_t n = reset(rig, EARLY, dgram);
    for (int i = 0; i < 5; i++)
        rig_hand(rig, dgram, n, &from);
    assert_int_equal(rig->sent, 1);
    assert_int_equal(rig->ctl->tally.seen, 4);
    n = reset(rig, EARLY + 1, dgram); /* a retransmission is not a recording */
    rig_hand(rig, dgram, n, &from);
    assert_int_equal(rig->sent, 2);
    close_door(rig);
}

static void test_bucket(void **state)
{
    (void)state;
    struct rig *rig = door("connect-freq-initial 3 10");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t dgram[RIG_DGRAM];
    rig->keep_answers = true;
    for (uint32_t i = 0; i < 10; i++) {
        size_t n = reset(rig, EARLY + i, dgram);
        rig_hand(rig, dgram, n, &from);
    }
    assert_int_equal(rig->sent, 3);
    assert_int_equal(rig->ctl->tally.throttled, 7);
    close_door(rig);
}

/* The key alone makes no session: the cookie must be right too, and the session id it names ours. */
static void test_cookie(void **state)
{
    (void)state;
    struct rig *rig = door("");
    struct dbr_addr from = rig_addr(A, 4000), elsewhere = rig_addr(A + 1, 4000);
    struct dbr_control c = {
        .opcode = DBR_OP_CONTROL_WKC, .sid = SID, .has_id = true, .id = 1, .n_acks = 1, .peer_sid = 99};
    uint8_t dgram[RIG_DGRAM];
    size_t n = with_key(rig, &c, EARLY, dgram);
    rig_hand(rig, dgram, n, &from);
    quiet(rig, "a cookie of his own", COUNTER(cookie), 1);
    c.peer_sid = dbr_cookie_make(&rig->ctl->cookie, control_second(rig->ctl), &from, SID);
    n = with_key(rig, &c, EARLY + 1, dgram);
    rig_hand(rig, dgram, n, &elsewhere);
    quiet(rig, "a cookie of another address", COUNTER(cookie), 2);
    c.opcode = DBR_OP_CONTROL;
    n = rig_packet(rig, &c, EARLY + 2, dgram);
    rig_hand(rig, dgram, n, &from);
    quiet(rig, "a good cookie without the key", COUNTER(auth), 1);
    rig->keep_answers = true;
    c.opcode = DBR_OP_CONTROL_WKC;
    n = with_key(rig, &c, EARLY + 3, dgram);
    rig_hand(rig, dgram, n, &from);
    assert_int_equal(rig->ctl->n_half_open, 1);
    rig_hand(rig, dgram, n, &from); /* again: it belongs to the session now, and is known there */
    assert_int_equal(rig->ctl->n_half_open, 1);
    assert_int_equal(rig->ctl->tally.replayed, 1);
    close_door(rig);
}

/* allow-noncookie: one reset, one session; a recording of it makes no second one. */
static void test_brings_key_once(void **state)
{
    (void)state;
    char path[] = "/tmp/gatekeysXXXXXX", line[128], pem[DBR_WKC_PEM_MAX];
    uint8_t key[DBR_WKC_SERVER_KEY_LEN], dgram[RIG_DGRAM];
    server_key(key, 1);
    int n_pem = dbr_wkc_server_key_write(key, pem, sizeof pem), fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, pem, (size_t)n_pem) == n_pem);
    close(fd);
    snprintf(line, sizeof line, "tls-crypt-v2 %s allow-noncookie", path);
    struct rig *rig = rig_new(&(struct rig_options){.config = line, .gate = DBR_GATE_NONE});
    unlink(path);
    wrap(1, 0, 0);
    carry(rig);
    struct dbr_addr from = rig_addr(A, 4000);
    struct dbr_gated g;
    struct dbr_control c;
    rig->keep_answers = true;
    size_t n = reset(rig, 1, dgram);
    rig_hand(rig, dgram, n, &from);
    assert_int_equal(rig->ctl->n_half_open, 1);
    assert_int_equal(rig->n_answers, 1);
    struct dbr_gate *gate = as_client();
    assert_int_equal(dbr_gate_open(gate, rig->answers[0].bytes, rig->answers[0].len, &g), 0);
    assert_int_equal(dbr_control_parse(&c, g.first, g.sid, g.inner, g.inner_len), 0);
    assert_true(c.opcode == DBR_OP_RESET_SERVER && c.n_acks == 1 && c.acks[0] == 0 && c.peer_sid == SID);
    assert_int_equal(c.payload_len, 0);
    dbr_gate_free(gate);
    rig_hand(rig, dgram, n, &from);
    assert_int_equal(rig->ctl->n_half_open, 1);
    rig_run(rig, 70000); /* nothing came: it goes */
    assert_int_equal(rig->ctl->n_half_open, 0);
    rig_hand(rig, dgram, n, &from);
    assert_int_equal(rig->ctl->n_half_open, 0);
    assert_int_equal(rig->ctl->tally.seen, 1);
    n = reset(rig, EARLY, dgram); /* newer clients prove their address first here too */
    rig_hand(rig, dgram, n, &from);
    assert_int_equal(rig->ctl->n_half_open, 0);
    close_door(rig);
}

/* ---- withdrawn ---- */

static void list_says(struct rig *rig, const char *text)
{
    struct dbr_ipc_file m = {.head = dbr_ipc_head(DBR_IPC_FILE, sizeof m, 0), .what = DBR_FILE_WITHDRAWN};
    int fd = rig_file(text, strlen(text));
    rig_keeper_says(rig, &m, fd);
    rig_settle(rig);
}

static void test_withdrawn(void **state)
{
    (void)state;
    char path[] = "/tmp/gatekeysXXXXXX", line[128], id_text[GATE_ID_TEXT];
    uint8_t id[DBR_WKC_ID_LEN], dgram[RIG_DGRAM];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(line, sizeof line, "tls-crypt-v2-withdrawn %s", path);
    struct rig *rig = door(line);
    unlink(path);
    struct caller *a = rig_connect(rig, "alice", A, 4000);
    struct dbr_own_key alice = own;
    wrap(1, 1, 0);
    carry(rig);
    struct caller *b = rig_connect(rig, "bob", A + 1, 4000);
    assert_int_equal(dbr_wkc_id(alice.wkc, alice.wkc_len, id), 0);
    list_says(rig, "rubbish\n");
    assert_true(rig_logged(rig, "ALARM: tls-crypt-v2-withdrawn"));
    assert_true(rig_up(a) && rig_up(b));
    list_says(rig, gate_id_text(id, id_text));
    if (!strstr(a->message, "Gate key withdrawn"))
        fail_msg("told: %s\n%s", a->message, rig->log);
    assert_null(rig_client(rig, "alice"));
    assert_true(rig_up(b) && rig_client(rig, "bob"));
    list_says(rig, "rubbish\n"); /* the last good one stays */
    own = alice;
    carry(rig);
    struct dbr_addr from = rig_addr(A + 9, 4000);
    uint64_t sent = rig->sent;
    size_t n = reset(rig, EARLY, dgram);
    rig_hand(rig, dgram, n, &from);
    assert_true(rig->sent == sent && rig_logged(rig, "is withdrawn"));
    list_says(rig, "");
    rig->keep_answers = true;
    n = reset(rig, EARLY + 1, dgram);
    rig_hand(rig, dgram, n, &from);
    assert_int_equal(rig->sent, sent + 1);
    close_door(rig);
}

/* tls-crypt-v2-verify: no keys before the script has seen what the key says. */
static void test_script(void **state)
{
    (void)state;
    for (int good_end = 0; good_end < 2; good_end++) {
        struct rig *rig = door("script-security 2\ntls-crypt-v2-verify x");
        struct caller *c = rig_call(rig, "alice", A, 4000);
        rig_run(rig, 500);
        const struct dbr_ipc_hook *m = must_ask(rig, DBR_HOOK_GATE_KEY);
        assert_true(says(m, "metadata_type=1\n"));
        assert_int_equal(m->n_file, 8); /* a time */
        assert_false(rig_up(c));
        assert_int_equal(rig->ctl->n_admitted, 0);
        result(rig, m->id, good_end ? 0 : DBR_ERR_STATE, "");
        rig_run(rig, 500);
        assert_int_equal(rig_up(c), good_end);
        close_door(rig);
    }
}

/* A key that is withdrawn while its owner's handshake waits for somebody: he does not get in by it. */
static void test_withdrawn_meanwhile(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        char path[] = "/tmp/gatekeysXXXXXX", line[192], id_text[GATE_ID_TEXT];
        uint8_t id[DBR_WKC_ID_LEN];
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        close(fd);
        snprintf(line, sizeof line, "script-security 2\ntls-crypt-v2-verify x\ntls-crypt-v2-withdrawn %s",
                 path);
        struct rig *rig = door(line);
        unlink(path);
        struct caller *c = rig_call(rig, "alice", A, 4000);
        rig_run(rig, 500);
        uint32_t question = must_ask(rig, DBR_HOOK_GATE_KEY)->id;
        assert_int_equal(dbr_wkc_id(own.wkc, own.wkc_len, id), 0);
        id[0] ^= !gone;
        list_says(rig, gate_id_text(id, id_text));
        result(rig, question, 0, "");
        rig_run(rig, 500);
        assert_int_equal(rig_up(c), !gone);
        assert_int_equal(rig->ctl->n_admitted, !gone);
        assert_int_equal(strstr(c->message, "Gate key withdrawn") != NULL, gone);
        close_door(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connects),
        cmocka_unit_test(test_script),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_every_bit_and_length),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_key_of_his_own),
        cmocka_unit_test(test_not_configured),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_cookie),
        cmocka_unit_test(test_brings_key_once),
        cmocka_unit_test(test_withdrawn),
        cmocka_unit_test(test_withdrawn_meanwhile),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_pki_free();
    return failed;
}
