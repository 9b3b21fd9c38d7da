/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The small parts of keeper: back-off, the set of FDB entries, the watched file, notification, the log sink.
 */
#include "base/err.h"
#include "keeper/backoff.h"
#include "keeper/fdbset.h"
#include "keeper/logsink.h"
#include "keeper/notify.h"
#include "keeper/pulse.h"
#include "keeper/watch.h"
#include "keeper/verdict_files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static const uint64_t MS = 1000000, S = 1000000000;

static void backoff_grows_and_forgets(void **state)
{
    (void)state;
    static const uint64_t want_ms[] = {0, 100, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    struct backoff b = {0};
    uint64_t now = 5 * S;
    for (size_t i = 0; i < sizeof want_ms / sizeof want_ms[0]; i++, now += 40 * S)
        assert_int_equal(backoff_death(&b, now), want_ms[i] * MS);
    now += 60 * S;
    assert_int_equal(backoff_death(&b, now), 0);
    assert_int_equal(backoff_death(&b, now + 60 * S - 1), 100 * MS);
}

static void pulse_tells_hanging_from_idle(void **state)
{
    (void)state;
    struct pulse p = {0};
    assert_false(pulse_stands(&p, 0, 1 * S));
    assert_false(pulse_stands(&p, 0, 100 * S)); /* has not begun */
    assert_false(pulse_stands(&p, 1, 101 * S));
    assert_false(pulse_stands(&p, 1, 111 * S - 1));
    assert_true(pulse_stands(&p, 1, 111 * S));
    assert_false(pulse_stands(&p, 2, 112 * S)); /* it turns again */
    assert_false(pulse_stands(&p, 2, 121 * S));
    pulse_excuse(&p, 121 * S); /* was stopped */
    assert_false(pulse_stands(&p, 2, 130 * S));
    assert_true(pulse_stands(&p, 2, 131 * S));
    assert_false(pulse_stands(&p, 0, 140 * S)); /* a new process */
}

static void fdb_add_del(void **state)
{
    (void)state;
    struct fdbset *s = calloc(1, sizeof *s);
    assert_int_equal(fdbset_add(s, 0x020000000001, 0), 0);
    assert_int_equal(fdbset_add(s, 0x020000000001, 0), DBR_ERR_EXISTS);
    assert_int_equal(fdbset_add(s, 0x020000000001, 7), 0); /* another VLAN is another entry */
    assert_int_equal(fdbset_add(s, 0, 0), 0);
    assert_true(fdbset_has(s, 0x020000000001, 7));
    assert_false(fdbset_has(s, 0x020000000001, 8));
    assert_true(fdbset_del(s, 0x020000000001, 7));
    assert_false(fdbset_del(s, 0x020000000001, 7));
    assert_true(fdbset_has(s, 0x020000000001, 0));
    assert_int_equal(s->n, 2);
    free(s);
}

static void fdb_is_bounded(void **state)
{
    (void)state;
    struct fdbset *s = calloc(1, sizeof *s);
    for (uint64_t m = 0; m < FDBSET_MAX; m++)
        assert_int_equal(fdbset_add(s, m << 9, (uint16_t)(m & 1)), 0);
    assert_int_equal(fdbset_add(s, 0xffffffffffff, 0), DBR_ERR_LIMIT);
    assert_int_equal(fdbset_add(s, 5 << 9, 1), DBR_ERR_EXISTS);
    assert_true(fdbset_del(s, 5 << 9, 1));
    assert_int_equal(fdbset_add(s, 0xffffffffffff, 4095), 0);
    uint64_t mac;
    uint16_t vlan;
    size_t at = 0, n = 0;
    while (fdbset_pull(s, &at, &mac, &vlan)) {
        assert_false(fdbset_has(s, mac, vlan));
        n++;
    }
    assert_int_equal(n, FDBSET_MAX);
    assert_int_equal(s->n, 0);
    free(s);
}

/* Against a plain table: deletions must not cut members off from their home slots. */
static void fdb_against_a_model(void **state)
{
    (void)state;
    enum { UNIVERSE = 512 };
    static bool in[UNIVERSE];
    struct fdbset *s = calloc(1, sizeof *s);
    uint32_t seed = 7;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1664525 + 1013904223;
        unsigned k = seed >> 23;
        uint64_t mac = (uint64_t)(k & 63) << 40 | k; /* many collisions */
        if (seed >> 22 & 1)
            assert_int_equal(fdbset_add(s, mac, 1) == 0, !in[k]), in[k] = true;
        else
            assert_int_equal(fdbset_del(s, mac, 1), in[k]), in[k] = false;
    }
    for (unsigned k = 0; k < UNIVERSE; k++)
        assert_int_equal(fdbset_has(s, (uint64_t)(k & 63) << 40 | k, 1), in[k]);
    free(s);
}

static char folder[] = "/tmp/dbr-keeper-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void expect_change(struct watch *w, const char *text)
{
    char got[64] = "";
    int fd;
    assert_int_equal(watch_look(w, &fd), WATCH_CHANGED);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(read(fd, got, sizeof got - 1) >= 0);
    assert_string_equal(got, text);
    close(fd);
    assert_int_equal(watch_look(w, &fd), WATCH_SAME);
    assert_int_equal(fd, -1);
}

static void expect_gone(struct watch *w)
{
    int fd;
    assert_int_equal(watch_look(w, &fd), WATCH_GONE);
    assert_int_equal(fd, -1);
    assert_int_equal(watch_look(w, &fd), WATCH_SAME);
}

static void watch_sees(void **state)
{
    (void)state;
    char path[128], other[128];
    snprintf(path, sizeof path, "%s", in_folder("crl.pem"));
    snprintf(other, sizeof other, "%s", in_folder("crl.new"));
    struct watch w = {.path = path};
    expect_gone(&w);
    write_file(path, "one");
    expect_change(&w, "one");
    write_file(path, "two"); /* same size, same inode: only the times differ */
    const struct timespec t[2] = {{1, 0}, {1, 5}};
    assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
    expect_change(&w, "two");
    write_file(other, "six");
    assert_int_equal(utimensat(AT_FDCWD, other, t, 0), 0);
    assert_int_equal(rename(other, path), 0); /* same size and mtime: another inode */
    expect_change(&w, "six");
    watch_forget(&w);
    expect_change(&w, "six");
    assert_int_equal(unlink(path), 0);
    expect_gone(&w);
    assert_int_equal(mkdir(path, 0700), 0);
    int fd;
    assert_int_equal(watch_look(&w, &fd), WATCH_SAME); /* still nothing to read there */
    watch_forget(&w);
    expect_gone(&w);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    watch_forget(&w);
    expect_gone(&w); /* and does not hang */
    assert_int_equal(unlink(path), 0);
    write_file(path, "back");
    expect_change(&w, "back");
    assert_int_equal(unlink(path), 0);
}

/* Without a free descriptor the file is neither gone nor seen: it is reported when there is one again. */
static void watch_without_descriptors(void **state)
{
    (void)state;
    char path[128];
    struct rlimit before, none;
    int fd;
    snprintf(path, sizeof path, "%s", in_folder("crl.pem"));
    struct watch w = {.path = path};
    write_file(path, "one");
    expect_change(&w, "one");
    write_file(path, "three");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum watch_news news = watch_look(&w, &fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(news, WATCH_SAME);
    expect_change(&w, "three");
    assert_int_equal(unlink(path), 0);
}

static void watch_nothing(void **state)
{
    (void)state;
    struct watch w = {0};
    int fd;
    assert_int_equal(watch_look(&w, &fd), WATCH_SAME);
    assert_int_equal(fd, -1);
}

static void notify_speaks(void **state)
{
    (void)state;
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    struct notify n;
    char got[128] = "", pid[16];
    assert_true((size_t)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", in_folder("notify")) <
                sizeof sun.sun_path);
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof sun), 0);
    setenv("NOTIFY_SOCKET", sun.sun_path, 1);
    setenv("WATCHDOG_USEC", "10000000", 1);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    notify_open(&n);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_int_equal(n.watchdog_ns, 5 * S);
    notify_send(&n, "READY=1\nSTATUS=%d peers", 3);
    assert_true(recv(s, got, sizeof got - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(got, "READY=1\nSTATUS=3 peers");
    for (int i = 0; i < 5000; i++) /* nobody reads: never blocks */
        notify_send(&n, "WATCHDOG=1");
    notify_close(&n);
    notify_send(&n, "x");
    close(s);
    unlink(sun.sun_path);
}

static void notify_of_another(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "relative", "/nonexistent/socket", "@"};
    struct notify n;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("NOTIFY_SOCKET", bad[i], 1);
        setenv("WATCHDOG_USEC", "10000000", 1);
        setenv("WATCHDOG_PID", "1", 1);
        notify_open(&n);
        assert_int_equal(n.fd, -1);
        assert_int_equal(n.watchdog_ns, 0);
        notify_send(&n, "x");
    }
}

static size_t read_file(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(out, 1, cap - 1, f);
    out[n] = 0;
    fclose(f);
    return n;
}

static void log_to_file(void **state)
{
    (void)state;
    char path[128], got[4096];
    struct logsink s;
    snprintf(path, sizeof path, "%s", in_folder("log"));
    write_file(path, "old\n");
    logsink_init(&s);
    struct dbr_log log = {.verb = 3, .sink = logsink_line, .arg = &s};
    assert_int_equal(logsink_file(&s, in_folder("no/such/folder"), LOGSINK_APPEND), DBR_ERR_IO);
    assert_int_equal(logsink_file(&s, path, LOGSINK_APPEND), 0);
    s.timestamps = false;
    dbr_log(&log, 3, "hello %d", 1);
    dbr_log(&log, 4, "too chatty");
    read_file(path, got, sizeof got);
    assert_string_equal(got, "old\nhello 1\n");
    assert_int_equal(logsink_file(&s, path, LOGSINK_TRUNCATE), 0);
    s.timestamps = true;
    dbr_log(&log, 1, "stamped");
    int y, mo, d, h, mi, sec, end = 0;
    read_file(path, got, sizeof got);
    assert_int_equal(sscanf(got, "%4d-%2d-%2d %2d:%2d:%2d stamped\n%n", &y, &mo, &d, &h, &mi, &sec, &end), 6);
    assert_int_equal(end, strlen(got));
    logsink_fini(&s);
    dbr_log(&log, 1, "nowhere");
    unlink(path);
}

/* What managers are told of other processes: important lines with their level, as long as they are taken. */
static void log_is_copied(void **state)
{
    (void)state;
    int p[2];
    char got[2048];
    struct logsink s;
    logsink_init(&s);
    logsink_fini(&s);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, p), 0);
    s.copy = p[0];
    struct dbr_log log = {.verb = 9, .sink = logsink_line, .arg = &s};
    dbr_log(&log, DBR_LOG_DEBUG, "not this");
    dbr_log(&log, DBR_LOG_INFO, "this");
    assert_int_equal(recv(p[1], got, sizeof got, 0), 5);
    assert_int_equal(got[0], DBR_LOG_INFO);
    assert_memory_equal(got + 1, "this", 4);
    assert_int_equal(recv(p[1], got, sizeof got, 0), -1);
    for (int i = 0; i < 10000; i++)
        dbr_log(&log, DBR_LOG_NOTICE, "%01000d", i); /* nobody reads: nothing waits */
    assert_int_equal(s.lost, 0);
    close(p[0]);
    close(p[1]);
}

/* A reader that does not read: lines are lost, nothing waits, and the loss is told once there is room again.
 */
static void log_never_blocks(bool socket_pair)
{
    int p[2];
    static char got[1 << 20];
    struct logsink s;
    logsink_init(&s);
    logsink_fini(&s);
    assert_int_equal(socket_pair ? socketpair(AF_UNIX, SOCK_STREAM, 0, p) : pipe(p), 0);
    int out = dup(STDERR_FILENO), writer = socket_pair ? p[0] : p[1], reader = socket_pair ? p[1] : p[0];
    dup2(writer, STDERR_FILENO);
    logsink_init(&s);
    dup2(out, STDERR_FILENO);
    s.timestamps = false;
    struct dbr_log log = {.verb = 3, .sink = logsink_line, .arg = &s};
    for (int i = 0; i < 5000; i++)
        dbr_log(&log, 1, "%0400d", i);
    assert_int_equal(fcntl(writer, F_GETFL) & O_NONBLOCK, 0); /* the other holders' flags are not touched */
    assert_true(s.lost > 0);
    unsigned lost = s.lost;
    assert_true(read(reader, got, sizeof got) > 0);
    dbr_log(&log, 1, "after");
    ssize_t n = read(reader, got, sizeof got - 1);
    assert_true(n > 0);
    got[n] = 0;
    char want[128];
    snprintf(want, sizeof want, "WARNING: %u log lines were lost\nafter\n", lost);
    assert_non_null(strstr(got, want));
    logsink_fini(&s);
    close(p[0]);
    close(p[1]);
    close(out);
}

static void log_never_blocks_pipe(void **state)
{
    (void)state;
    log_never_blocks(false);
}

static void log_never_blocks_socket(void **state)
{
    (void)state;
    log_never_blocks(true);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const struct {
    const char *text;
    int want;
    const char *method, *extra;
} pendings[] = {
    {"", 0, NULL, NULL},
    {"20\ncrtext\nCR_TEXT:R,E:hm?\n", 20, "crtext", "CR_TEXT:R,E:hm?"},
    {"20\ncrtext\nCR_TEXT:R,E:hm?", 20, "crtext", "CR_TEXT:R,E:hm?"},
    {"20\r\nwebauth\r\nWEB_AUTH::https://x\r\nmore\n", 20, "webauth", "WEB_AUTH::https://x"},
    {"20\ncrtext\n", 20, "crtext", ""},
    {"20\ncrtext", DBR_ERR_SHAPE, NULL, NULL},
    {"20", DBR_ERR_SHAPE, NULL, NULL},
    {"0\na\nb\n", DBR_ERR_SHAPE, NULL, NULL},
    {"-1\na\nb\n", DBR_ERR_SHAPE, NULL, NULL},
    {"x\na\nb\n", DBR_ERR_SHAPE, NULL, NULL},
    {"20s\na\nb\n", DBR_ERR_SHAPE, NULL, NULL},
    {"\na\nb\n", DBR_ERR_SHAPE, NULL, NULL},
    {"99999999999\na\nb\n", DBR_ERR_SHAPE, NULL, NULL},
};

static void test_pending(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pendings / sizeof *pendings; i++) {
        char text[128];
        const char *method = NULL, *extra = NULL;
        snprintf(text, sizeof text, "%s", pendings[i].text);
        if (verdict_pending_parse(text, &method, &extra) != pendings[i].want)
            fail_msg("case %zu", i);
        if (pendings[i].want > 0) {
            assert_string_equal(method, pendings[i].method);
            assert_string_equal(extra, pendings[i].extra);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pending),
        cmocka_unit_test(log_is_copied),
        cmocka_unit_test(backoff_grows_and_forgets),
        cmocka_unit_test(pulse_tells_hanging_from_idle),
        cmocka_unit_test(fdb_add_del),
        cmocka_unit_test(fdb_is_bounded),
        cmocka_unit_test(fdb_against_a_model),
        cmocka_unit_test(watch_sees),
        cmocka_unit_test(watch_nothing),
        cmocka_unit_test(watch_without_descriptors),
        cmocka_unit_test(notify_speaks),
        cmocka_unit_test(notify_of_another),
        cmocka_unit_test(log_to_file),
        cmocka_unit_test(log_never_blocks_pipe),
        cmocka_unit_test(log_never_blocks_socket),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
