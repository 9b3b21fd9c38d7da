/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The answer of control put together, and the text made of it. That the text is what Prometheus reads is
 * checked by a strict parser in tests/interop/monitoring.sh; here each number and label is looked at.
 */
#include "bridge/guard.h"
#include "metrics/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TICKET = 7 };
static struct snapshot s;

/* ---- what control and keeper send ---- */

static void feed(const void *msg)
{
    const struct dbr_ipc_head *head = msg;
    assert_int_equal(dbr_ipc_check(msg, head->len), 0);
    snapshot_feed(&s, head);
}

static void numbers(uint32_t ticket, enum dbr_metric which, int64_t value)
{
    struct dbr_ipc_metrics m = {.head = dbr_ipc_head(DBR_IPC_METRICS, sizeof m, 0), .ticket = ticket};
    m.value[which] = value;
    m.guard[DBR_GUARD_STORM] = 12;
    feed(&m);
}

static void list(uint32_t ticket, const char *issuer, int64_t from, int64_t until, int64_t now)
{
    struct dbr_ipc_metrics_crl m = {.head = dbr_ipc_head(DBR_IPC_METRICS_CRL, sizeof m, 0),
                                    .ticket = ticket,
                                    .this_update = from,
                                    .next_update = until,
                                    .now = now,
                                    .number = 26,
                                    .entries = 3};
    snprintf(m.issuer, sizeof m.issuer, "%s", issuer);
    feed(&m);
}

static void client(uint32_t ticket, const char *cn, uint16_t port, uint64_t bytes)
{
    struct dbr_ipc_metrics_clients m = {.ticket = ticket, .n = 1};
    struct dbr_ipc_metrics_client *r = &m.row[0];
    m.head = dbr_ipc_head(DBR_IPC_METRICS_CLIENTS,
                          offsetof(struct dbr_ipc_metrics_clients, row) + sizeof m.row[0], 0);
    snprintf(r->cn, sizeof r->cn, "%s", cn);
    snprintf(r->cipher, sizeof r->cipher, "AES-256-GCM");
    r->addr = (struct dbr_addr){.family = 4, .port = port, .ip = {192, 0, 2, 1}};
    r->ip4[0] = 10;
    r->ip4[3] = 9;
    r->since_s = 1000 + port;
    r->rx_bytes = bytes;
    r->macs = 1;
    feed(&m);
}

static void end(uint32_t ticket)
{
    struct dbr_ipc_metrics_get m = {.head = dbr_ipc_head(DBR_IPC_METRICS_END, sizeof m, 0), .ticket = ticket};
    feed(&m);
}

static void processes(uint32_t ticket)
{
    struct dbr_ipc_processes m = {
        .head = dbr_ipc_head(DBR_IPC_PROCESSES, sizeof m, 0), .ticket = ticket, .n = 1};
    m.row[0].up = 1;
    m.row[0].restarts = 2;
    m.row[0].cpu_ns = 1050000000;
    m.row[0].rss = 4096;
    snprintf(m.row[0].name, sizeof m.row[0].name, "data");
    feed(&m);
}

static char *text_of(void)
{
    size_t len;
    snapshot_names(&s);
    char *text = page_write(&s, "1.2.3", &len);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    return text;
}

static void has(const char *text, const char *line)
{
    char whole[512];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (!strstr(text, whole))
        fail_msg("no line %s in\n%s", line, text);
}

static unsigned times(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, what)); p++)
        n++;
    return n;
}

/* ---- the tests ---- */

static void every_number_has_its_line(void **state)
{
    (void)state;
    static const struct {
        enum dbr_metric which;
        int64_t value;
        const char *line;
    } cases[] = {
        {DBR_METRIC_CLIENTS, 5, "drawbridge_clients 5"},
        {DBR_METRIC_HS_REVOKED, 2, "drawbridge_handshakes_failed_total{reason=\"revoked\"} 2"},
        {DBR_METRIC_CTL_AUTH, 9, "drawbridge_control_drops_total{reason=\"bad_hmac\"} 9"},
        {DBR_METRIC_IN_BYTES, 1ll << 60, "drawbridge_data_bytes_total{direction=\"in\"} 1152921504606846976"},
        {DBR_METRIC_CLASS_TAGGED, 4, "drawbridge_frames_class_total{class=\"vlan\"} 4"},
        {DBR_METRIC_OCSP_TIME, 2050000001, "drawbridge_ocsp_wait_seconds_total 2.050000001"},
        {DBR_METRIC_CLIENTS_UNLISTED, 1, "drawbridge_clients_unlisted 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snapshot_begin(&s, TICKET);
        numbers(TICKET, cases[i].which, cases[i].value);
        char *text = text_of();
        has(text, cases[i].line);
        has(text, "drawbridge_guard_drops_total{guard=\"storm\"} 12");
        has(text, "drawbridge_build_info{version=\"1.2.3\"} 1");
        assert_int_equal(times(text, "# TYPE drawbridge_handshakes_failed_total counter\n"), 1);
        assert_null(strstr(text, "drawbridge_client_"));
        free(text);
    }
}

static void processes_have_lines(void **state)
{
    (void)state;
    snapshot_begin(&s, TICKET);
    numbers(TICKET, DBR_METRIC_CLIENTS, 0);
    processes(TICKET);
    char *text = text_of();
    has(text, "drawbridge_process_cpu_seconds_total{process=\"data\"} 1.050000000");
    has(text, "drawbridge_process_restarts_total{process=\"data\"} 2");
    has(text, "drawbridge_process_resident_memory_bytes{process=\"data\"} 4096");
    free(text);
    s.processes.row[0].rss = 0; /* not known: no row, instead of one that says 0 */
    text = text_of();
    has(text, "drawbridge_process_up{process=\"data\"} 1");
    assert_null(strstr(text, "resident_memory"));
    free(text);
}

/* The steps of the alarms, just before and at each. */
static void alarms_of_a_list(void **state)
{
    (void)state;
    static const struct {
        int64_t now;
        int level[3]; /* 50, 25, 0 */
        const char *left, *ratio;
    } cases[] = {
        {1000, {0, 0, 0}, "400", "1.000000"},  {900, {0, 0, 0}, "500", "1.000000"},
        {1199, {0, 0, 0}, "201", "0.502500"},  {1200, {1, 0, 0}, "200", "0.500000"},
        {1299, {1, 0, 0}, "101", "0.252500"},  {1300, {1, 1, 0}, "100", "0.250000"},
        {1399, {1, 1, 0}, "1", "0.002500"},    {1400, {1, 1, 1}, "0", "0.000000"},
        {1500, {1, 1, 1}, "-100", "0.000000"},
    };
    static const char *const levels[] = {"50", "25", "0"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[128];
        snapshot_begin(&s, TICKET);
        numbers(TICKET, DBR_METRIC_CRL_LISTS, 1);
        list(TICKET, "CN=x", 1000, 1400, cases[i].now);
        char *text = text_of();
        for (int l = 0; l < 3; l++) {
            snprintf(line, sizeof line, "drawbridge_crl_alarm{issuer=\"CN=x\",level=\"%s\"} %d", levels[l],
                     cases[i].level[l]);
            has(text, line);
        }
        snprintf(line, sizeof line, "drawbridge_crl_expires_in_seconds{issuer=\"CN=x\"} %s", cases[i].left);
        has(text, line);
        snprintf(line, sizeof line, "drawbridge_crl_life_left_ratio{issuer=\"CN=x\"} %s", cases[i].ratio);
        has(text, line);
        free(text);
    }
}

static void sessions_of_one_name_are_one_row(void **state)
{
    (void)state;
    snapshot_begin(&s, TICKET);
    numbers(TICKET, DBR_METRIC_CLIENTS, 3);
    client(TICKET, "bob", 3, 30);
    client(TICKET, "alice", 2, 20);
    client(TICKET, "bob", 1, 10);
    char *text = text_of();
    has(text, "drawbridge_client_bytes_total{common_name=\"bob\",direction=\"in\"} 40");
    has(text, "drawbridge_client_bytes_total{common_name=\"alice\",direction=\"in\"} 20");
    has(text, "drawbridge_client_sessions{common_name=\"bob\"} 2");
    has(text, "drawbridge_client_macs{common_name=\"bob\"} 2");
    has(text, "drawbridge_client_connected_timestamp_seconds{common_name=\"bob\"} 1001");
    has(text, "drawbridge_client_info{common_name=\"bob\",real_address=\"192.0.2.1:3\",virtual_address=\"10."
              "0.0.9\","
              "virtual_ipv6_address=\"\",cipher=\"AES-256-GCM\"} 1");
    assert_int_equal(times(text, "client_info{common_name=\"bob\""), 2);
    free(text);
}

static void only_the_asked_answer_counts(void **state)
{
    (void)state;
    snapshot_begin(&s, TICKET);
    client(TICKET, "early", 1, 1); /* before the numbers */
    end(TICKET);
    assert_false(snapshot_ready(&s));
    numbers(TICKET - 1, DBR_METRIC_CLIENTS, 3);
    client(TICKET - 1, "late", 1, 1);
    end(TICKET - 1);
    processes(TICKET - 1);
    assert_false(snapshot_ready(&s));
    numbers(TICKET, DBR_METRIC_CLIENTS, 4);
    client(TICKET, "c", 1, 1);
    end(TICKET - 1);
    assert_false(snapshot_ready(&s));
    end(TICKET);
    assert_false(snapshot_ready(&s));
    client(TICKET, "behind the end", 1, 1);
    processes(TICKET);
    assert_true(snapshot_ready(&s));
    assert_int_equal(s.n_clients, 1);
    assert_int_equal(s.numbers.value[DBR_METRIC_CLIENTS], 4);
}

static void rows_are_bounded(void **state)
{
    (void)state;
    char cn[32];
    snapshot_begin(&s, TICKET);
    numbers(TICKET, DBR_METRIC_CLIENTS, 1);
    for (int i = 0; i < DBR_METRICS_CLIENTS_MAX + 20; i++) {
        snprintf(cn, sizeof cn, "client-%d", i);
        client(TICKET, cn, (uint16_t)(i + 1), 1);
    }
    for (int i = 0; i < DBR_IPC_LISTS_MAX + 3; i++)
        list(TICKET, "CN=x", 1, 2, 1);
    assert_int_equal(s.n_clients, DBR_METRICS_CLIENTS_MAX);
    assert_int_equal(s.n_lists, DBR_IPC_LISTS_MAX);
    s.n_lists = 1;
    char *text = text_of();
    assert_int_equal(times(text, "drawbridge_client_sessions{"), DBR_METRICS_CLIENTS_MAX);
    free(text);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *value, *want;
    } cases[] = {
        {"", ""},
        {"plain name", "plain name"},
        {"a\"b", "a\\\"b"},
        {"a\\b", "a\\\\b"},
        {"a\nb", "a\\nb"},
        {"\"} 1\nfaked{x=\"", "\\\"} 1\\nfaked{x=\\\""},
        {"\\\"\n", "\\\\\\\"\\n"},
        {"\tx\r", "\tx\r"},             /* the format lets them stand */
        {"Jos\xc3\xa9", "Jos\xc3\xa9"}, /* e acute */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"a\xff\xfe", "a??"},         /* no UTF-8 */
        {"\xc3", "?"},                /* cut off */
        {"\xc3(", "?("},              /* no continuation */
        {"\xc0\xaf", "??"},           /* an overlong slash */
        {"\xed\xa0\x80", "???"},      /* a surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* beyond U+10FFFF */
        {"\xe2\x82", "??"},
    };
    char out[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(page_label(out, sizeof out, cases[i].value), cases[i].want);
}

/* Never half an escape or half a character. */
static void labels_are_cut_between_characters(void **state)
{
    (void)state;
    static const char value[] = "a\"\xc3\xa9";
    static const char *const want[] = {"", "", "a", "a", "a\\\"", "a\\\"", "a\\\"\xc3\xa9"};
    char out[16];
    for (size_t cap = 1; cap < sizeof want / sizeof want[0]; cap++)
        assert_string_equal(page_label(out, cap, value), want[cap]);
}

static void a_hostile_name_stays_a_label(void **state)
{
    (void)state;
    snapshot_begin(&s, TICKET);
    numbers(TICKET, DBR_METRIC_CLIENTS, 1);
    client(TICKET, "x\"} 1\ndrawbridge_clients 99\n", 1, 5);
    char *text = text_of();
    assert_null(strstr(text, "\ndrawbridge_clients 99"));
    has(text, "drawbridge_client_sessions{common_name=\"x\\\"} 1\\ndrawbridge_clients 99\\n\"} 1");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_has_its_line),
        cmocka_unit_test(processes_have_lines),
        cmocka_unit_test(alarms_of_a_list),
        cmocka_unit_test(sessions_of_one_name_are_one_row),
        cmocka_unit_test(only_the_asked_answer_counts),
        cmocka_unit_test(rows_are_bounded),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(labels_are_cut_between_characters),
        cmocka_unit_test(a_hostile_name_stays_a_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
