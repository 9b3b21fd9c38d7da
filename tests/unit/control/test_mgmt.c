/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The management interface: the machine on its own with a host of the test's, then on the socket of a control
 * process. What tools of the field send and need is in tests/interop/management.sh.
 */
#include "rig.h"

#include "crypto/kdf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define S_NS 1000000000ull
enum { A = 0x0a000001 };

/* ---- a host that writes down what it is asked ---- */

static struct {
    bool stale; /* figures are not there yet */
    char did[512];
    int verb;
    struct mgmt *m;
} host;

static void did(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void did(const char *fmt, ...)
{
    va_list ap;
    size_t n = strlen(host.did);
    va_start(ap, fmt);
    vsnprintf(host.did + n, sizeof host.did - n, fmt, ap);
    va_end(ap);
}

static bool h_fresh(void *arg)
{
    (void)arg;
    return !host.stale;
}

static void h_status(void *arg, int version, int seat)
{
    char text[64];
    (void)arg;
    snprintf(text, sizeof text, "TITLE %d\nEND\n", version);
    mgmt_text(host.m, seat, text, strlen(text));
}

static void h_totals(void *arg, unsigned *clients, uint64_t *in, uint64_t *out)
{
    (void)arg;
    *clients = 3, *in = 4, *out = 5;
}

static void h_bytes(void *arg, int seat)
{
    (void)arg;
    mgmt_say(host.m, seat, ">BYTECOUNT_CLI:0,1,2");
}

static unsigned h_kill(void *arg, const char *whom, bool address)
{
    (void)arg;
    did("kill %s%s;", address ? "at " : "", whom);
    mgmt_tell(host.m, ">CLIENT:DISCONNECT,0");
    return strstr(whom, "no") ? 0 : 2;
}

static bool h_client_kill(void *arg, uint64_t cid, const char *message)
{
    (void)arg;
    did("end %llu %s;", (unsigned long long)cid, message);
    return cid == 7;
}

static int h_verb(void *arg, int level)
{
    (void)arg;
    if (level >= 0)
        host.verb = level;
    return host.verb;
}

static void h_raise(void *arg, enum mgmt_signal sig)
{
    (void)arg;
    did("signal %d;", (int)sig);
}

static void h_release(void *arg)
{
    (void)arg;
    did("release;");
}

static bool h_password(void *arg, const char *what, const char *text)
{
    (void)arg;
    did("%s=%s;", what, text);
    return true;
}

static bool h_login(void *arg, const char *user, const char *pass)
{
    (void)arg;
    did("login %s %s;", user, pass);
    if (strcmp(pass, "long") == 0)
        return false;
    mgmt_unask(host.m, MGMT_ASK_LOGIN);
    return true;
}

static const char *h_remote(void *arg, const char *action, const char *to, const char *port, uint64_t count)
{
    (void)arg;
    did("%s %s %s %u;", action, to, port, (unsigned)count);
    return strcmp(to, "nowhere") == 0 ? "no such host" : NULL;
}

static const char *h_proxy(void *arg, const char *type)
{
    (void)arg;
    did("proxy %s;", type);
    return strcmp(type, "NONE") == 0 ? NULL : "only NONE";
}

static bool h_remote_entry(void *arg, uint64_t i, char *out, size_t cap)
{
    (void)arg;
    snprintf(out, cap, "vpn%u,1194,udp,enabled", (unsigned)i);
    return i < 3;
}

static bool h_text(void *arg, const char *text)
{
    (void)arg;
    did("[%s];", text);
    return strcmp(text, "bad") != 0 && strcmp(text, "bad\n") != 0;
}

static struct mgmt *machine(const char *password, bool hold, bool client)
{
    static uint8_t hash[32];
    const struct mgmt_host h = {.client = client,
                                .pid = 42,
                                .fresh = h_fresh,
                                .status = h_status,
                                .totals = h_totals,
                                .bytes = h_bytes,
                                .kill = h_kill,
                                .client_kill = h_client_kill,
                                .verb = h_verb,
                                .raise = h_raise,
                                .release = h_release,
                                .password = h_password,
                                .login = h_login,
                                .remote = h_remote,
                                .proxy = h_proxy,
                                .remote_entry = h_remote_entry,
                                .response = h_text,
                                .certificate = h_text,
                                .signature = h_text,
                                .retry = h_text};
    struct dbr_part part = {password, password ? strlen(password) : 0};
    if (password)
        dbr_sha256(&part, 1, hash);
    memset(&host, 0, sizeof host);
    host.verb = 3;
    host.m = mgmt_new(&h, &(struct mgmt_config){.password = password ? hash : NULL,
                                                .logs_kept = 3,
                                                .hold = hold,
                                                .version = "Drawbridge test"});
    assert_non_null(host.m);
    return host.m;
}

/* What is in its output, which is taken away. */
static const char *heard(struct mgmt *m, int seat)
{
    static char text[1 << 20];
    size_t n;
    const char *out = mgmt_output(m, seat, &n);
    assert_true(n < sizeof text);
    if (n)
        memcpy(text, out, n);
    text[n] = 0;
    mgmt_sent(m, seat, n, 0);
    return text;
}

static const char *say(struct mgmt *m, int seat, const char *line, uint64_t now)
{
    mgmt_feed(m, seat, line, strlen(line), now);
    mgmt_feed(m, seat, "\n", 1, now);
    return heard(m, seat);
}

#define GREETING ">INFO:OpenVPN Management Interface Version 5 -- type 'help' for more info\r\n"

static const struct {
    const char *line, *answer, *did;
} commands[] = {
    {"version", "OpenVPN Version: OpenVPN 2.6.14 (Drawbridge test)\r\nManagement Version: 5\r\nEND\r\n", ""},
    {"version 3", "SUCCESS: Management client version set to 3\r\n", ""},
    {"pid", "SUCCESS: pid=42\r\n", ""},
    {"status", "TITLE 1\r\nEND\r\n", ""},
    {"status 3", "TITLE 3\r\nEND\r\n", ""},
    {"status 4", "ERROR: status version must be 1, 2 or 3\r\n", ""},
    {"status 0", "ERROR: status version must be 1, 2 or 3\r\n", ""},
    {"load-stats", "SUCCESS: nclients=3,bytesin=4,bytesout=5\r\n", ""},
    {"kill bob", "SUCCESS: common name 'bob' found, 2 client(s) killed\r\n>CLIENT:DISCONNECT,0\r\n",
     "kill bob;"},
    {"kill \"bob smith\"",
     "SUCCESS: common name 'bob smith' found, 2 client(s) killed\r\n>CLIENT:DISCONNECT,0\r\n",
     "kill bob smith;"},
    {"kill bob\\ smith",
     "SUCCESS: common name 'bob smith' found, 2 client(s) killed\r\n>CLIENT:DISCONNECT,0\r\n",
     "kill bob smith;"},
    {"kill nobody", "ERROR: common name 'nobody' not found\r\n>CLIENT:DISCONNECT,0\r\n", "kill nobody;"},
    {"kill 10.0.0.1:99", "SUCCESS: 2 client(s) at address 10.0.0.1:99 killed\r\n>CLIENT:DISCONNECT,0\r\n",
     "kill at 10.0.0.1:99;"},
    {"kill udp4:10.0.0.1:99",
     "SUCCESS: 2 client(s) at address 10.0.0.1:99 killed\r\n>CLIENT:DISCONNECT,0\r\n",
     "kill at 10.0.0.1:99;"},
    {"kill 10.0.0.1:99999",
     "SUCCESS: common name '10.0.0.1:99999' found, 2 client(s) killed\r\n"
     ">CLIENT:DISCONNECT,0\r\n",
     "kill 10.0.0.1:99999;"},
    {"kill", "ERROR: the 'kill' command takes 1 to 1 parameters\r\n", ""},
    {"client-kill 7", "SUCCESS: client-kill command succeeded\r\n", "end 7 RESTART;"},
    {"client-kill 7 HALT,bye", "SUCCESS: client-kill command succeeded\r\n", "end 7 HALT,bye;"},
    {"client-kill 8", "ERROR: client-kill command failed\r\n", "end 8 RESTART;"},
    {"client-kill x", "ERROR: cannot parse CID\r\n", ""},
    {"client-kill -7", "ERROR: cannot parse CID\r\n", ""},
    {"client-kill 99999999999999999999", "ERROR: cannot parse CID\r\n", ""},
    {"client-kill 7 PUSH_REPLY,x", "ERROR: the message to the client begins with RESTART or HALT\r\n", ""},
    {"client-auth-nt 1 0", "ERROR: unknown command, enter 'help' for more options\r\n",
     ""}, /* not asked for */
    {"verb", "SUCCESS: verb=3\r\n", ""},
    {"verb 5", "SUCCESS: verb level changed\r\n", ""},
    {"verb", "SUCCESS: verb=5\r\n", ""},
    {"verb 16", "ERROR: verb level is out of range\r\n", ""},
    {"mute", "SUCCESS: mute=0\r\n", ""},
    {"signal SIGHUP", "SUCCESS: signal SIGHUP thrown\r\n", "signal 0;"},
    {"signal SIGTERM", "SUCCESS: signal SIGTERM thrown\r\n", "signal 1;"},
    {"signal SIGUSR2", "SUCCESS: signal SIGUSR2 thrown\r\n", "signal 3;"},
    {"signal SIGKILL", "ERROR: signal 'SIGKILL' is not a known signal type\r\n", ""},
    {"hold", "SUCCESS: hold=0\r\n", ""},
    {"hold on", "SUCCESS: hold flag set to ON\r\n", ""},
    {"hold", "SUCCESS: hold=1\r\n", ""},
    {"hold maybe", "ERROR: bad hold command parameter\r\n", ""},
    {"hold off", "SUCCESS: hold flag set to OFF\r\n", ""},
    {"hold release", "SUCCESS: hold release succeeded\r\n", "release;"},
    {"state", "END\r\n", ""},
    {"state on", "SUCCESS: real-time state notification set to ON\r\n", ""},
    {"echo all", "END\r\n", ""},
    {"log on all", "SUCCESS: real-time log notification set to ON\r\nEND\r\n", ""},
    {"log often", "ERROR: log parameter must be 'on' or 'off' or some number n or 'all'\r\n", ""},
    {"bytecount five", "ERROR: the interval is a number of seconds, 0 for none\r\n", ""},
    {"password \"Private Key\" x", "ERROR: no password is currently needed at this time\r\n", ""},
    {"net", "ERROR: the net command is for Windows; see `ip route` on this host\r\n", ""},
    {"", "", ""},
    {"   ", "", ""},
    {"frobnicate", "ERROR: unknown command, enter 'help' for more options\r\n", ""},
    {"kill \"bob", "ERROR: cannot split the command: check its quotes\r\n", ""},
    {"kill a b c d e f g h i", "ERROR: cannot split the command: check its quotes\r\n", ""},
    {"kill \x01", "ERROR: only printable characters are taken\r\n", ""},
};

static void test_commands(void **state)
{
    (void)state;
    struct mgmt *m = machine(NULL, false, false);
    int seat = mgmt_seat(m, 0);
    assert_string_equal(heard(m, seat), GREETING);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        *host.did = 0;
        const char *answer = say(m, seat, commands[i].line, 0);
        if (strcmp(answer, commands[i].answer) != 0 || strcmp(host.did, commands[i].did) != 0)
            fail_msg("'%s': %s, did '%s'", commands[i].line, answer, host.did);
    }
    const char *help = say(m, seat, "help", 0);
    assert_non_null(strstr(help, "client-kill CID"));
    assert_null(strstr(help, "client-auth"));
    mgmt_free(m);
}

static void test_client_role_has_no_kill(void **state)
{
    (void)state;
    struct mgmt *m = machine(NULL, false, true);
    int seat = mgmt_seat(m, 0);
    heard(m, seat);
    assert_non_null(strstr(say(m, seat, "kill bob", 0), "ERROR: unknown command"));
    assert_string_equal(host.did, "");
    mgmt_free(m);
}

/* What a client's managers answer, each question being asked (or none: then nothing reaches the host). */
static const struct {
    const char *line, *answer, *unasked, *did;
} answers[] = {
    {"username Auth bob", "SUCCESS: 'Auth' username entered, but not yet verified\r\n",
     "ERROR: no username is currently needed at this time\r\n", ""},
    {"password Auth long", "ERROR: username or password is too long\r\n",
     "ERROR: no password is currently needed at this time\r\n", "login bob long;"},
    {"password \"Auth\" \"a \\\"b\"", "SUCCESS: 'Auth' password entered, but not yet verified\r\n",
     "ERROR: no password is currently needed at this time\r\n", "login bob a \"b;"},
    {"password Auth again", "ERROR: no password is currently needed at this time\r\n",
     "ERROR: no password is currently needed at this time\r\n", ""},
    {"remote ACCEPT", "SUCCESS: remote command succeeded\r\n", "ERROR: remote: nothing is asked\r\n",
     "ACCEPT   1;"},
    {"remote SKIP", "SUCCESS: remote command succeeded\r\n", "ERROR: remote: nothing is asked\r\n",
     "SKIP   1;"},
    {"remote SKIP 3", "SUCCESS: remote command succeeded\r\n", "ERROR: remote: nothing is asked\r\n",
     "SKIP   3;"},
    {"remote SKIP 0", "ERROR: remote: cannot parse the count\r\n", "ERROR: remote: nothing is asked\r\n", ""},
    {"remote MOD 10.0.0.1 99", "SUCCESS: remote command succeeded\r\n", "ERROR: remote: nothing is asked\r\n",
     "MOD 10.0.0.1 99 1;"},
    {"remote MOD nowhere 99", "ERROR: remote: no such host\r\n", "ERROR: remote: nothing is asked\r\n",
     "MOD nowhere 99 1;"},
    {"remote MOD 10.0.0.1", "ERROR: remote: MOD, and only MOD, takes a host and a port\r\n",
     "ERROR: remote: nothing is asked\r\n", ""},
    {"remote ACCEPT 10.0.0.1 1", "ERROR: remote: MOD, and only MOD, takes a host and a port\r\n",
     "ERROR: remote: nothing is asked\r\n", ""},
    {"remote NEVER", "ERROR: remote: ACCEPT, SKIP or MOD is expected\r\n",
     "ERROR: remote: nothing is asked\r\n", ""},
    {"proxy NONE", "SUCCESS: proxy command succeeded\r\n", "ERROR: proxy: nothing is asked\r\n",
     "proxy NONE;"},
    {"proxy HTTP p 1", "ERROR: proxy: only NONE\r\n", "ERROR: proxy: nothing is asked\r\n", "proxy HTTP;"},
    {"certificate\nMII\nEND", "SUCCESS: certificate command succeeded\r\n",
     "ERROR: certificate command failed\r\n", "[MII\n];"},
    {"certificate\nEND", "ERROR: certificate command failed\r\n", "ERROR: certificate command failed\r\n",
     ""},
    {"pk-sig\nQQ\n==\nEND", "SUCCESS: pk-sig command succeeded\r\n", "ERROR: pk-sig command failed\r\n",
     "[QQ\n==\n];"},
    {"rsa-sig\nbad\nEND", "ERROR: pk-sig command failed\r\n", "ERROR: pk-sig command failed\r\n", "[bad\n];"},
};

/* What needs no question. */
static const struct {
    const char *line, *answer, *did;
} of_clients[] = {
    {"cr-response QQ==", "SUCCESS: cr-response command succeeded\r\n", "[QQ==];"},
    {"cr-response bad", "ERROR: cr-response command failed\r\n", "[bad];"},
    {"auth-retry interact", "SUCCESS: auth-retry parameter changed\r\n", "[interact];"},
    {"auth-retry bad", "ERROR: auth-retry takes none, interact or nointeract, of a client\r\n", "[bad];"},
    {"remote-entry-count", "3\r\nEND\r\n", ""},
    {"remote-entry-get 1", "1,vpn1,1194,udp,enabled\r\nEND\r\n", ""},
    {"remote-entry-get 1 9", "1,vpn1,1194,udp,enabled\r\n2,vpn2,1194,udp,enabled\r\nEND\r\n", ""},
    {"remote-entry-get all",
     "0,vpn0,1194,udp,enabled\r\n1,vpn1,1194,udp,enabled\r\n2,vpn2,1194,udp,enabled\r\nEND\r\n", ""},
    {"remote-entry-get x", "ERROR: remote-entry-get: cannot parse the index\r\n", ""},
};

static void test_answers(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        struct mgmt *m = machine(NULL, false, true);
        int seat = mgmt_seat(m, 0);
        for (int q = 0; q < MGMT_QUESTIONS && asked; q++)
            mgmt_ask(m, (enum mgmt_question)q, "x");
        heard(m, seat);
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
            *host.did = 0;
            const char *answer = say(m, seat, answers[i].line, 0);
            if (strcmp(answer, asked ? answers[i].answer : answers[i].unasked) != 0 ||
                strcmp(host.did, asked ? answers[i].did : "") != 0)
                fail_msg("'%s': %s, did '%s'", answers[i].line, answer, host.did);
        }
        for (size_t i = 0; i < sizeof of_clients / sizeof *of_clients; i++) {
            *host.did = 0;
            const char *answer = say(m, seat, of_clients[i].line, 0);
            if (strcmp(answer, of_clients[i].answer) != 0 || strcmp(host.did, of_clients[i].did) != 0)
                fail_msg("'%s': %s, did '%s'", of_clients[i].line, answer, host.did);
        }
        mgmt_free(m);
    }
}

/* A question is told to who is there and to who comes, until it stands no more; a signature as the manager's
 * version knows it. */
static void test_questions(void **state)
{
    (void)state;
    struct mgmt *m = machine("sesame", false, true);
    int seat = mgmt_seat(m, 0), stranger = mgmt_seat(m, 0);
    say(m, seat, "sesame", 0);
    heard(m, stranger);
    mgmt_ask(m, MGMT_ASK_REMOTE, "%s,%u,udp", "vpn", 1194u);
    mgmt_ask(m, MGMT_ASK_LOGIN, "username/password SC:1,PIN");
    assert_string_equal(heard(m, seat),
                        ">REMOTE:vpn,1194,udp\r\n>PASSWORD:Need 'Auth' username/password SC:1,PIN\r\n");
    assert_string_equal(heard(m, stranger), "");
    mgmt_unask(m, MGMT_ASK_REMOTE);
    assert_false(mgmt_asks(m, MGMT_ASK_REMOTE));
    assert_string_equal(say(m, stranger, "sesame", 0),
                        "SUCCESS: password is correct\r\n" GREETING
                        ">PASSWORD:Need 'Auth' username/password SC:1,PIN\r\n");
    static const struct {
        const char *version, *told;
    } signs[] = {{"version 1", ">RSA_SIGN:QQ==\r\n"},
                 {"version 2", ">PK_SIGN:QQ==\r\n"},
                 {"version 3", ">PK_SIGN:QQ==,RSA_PKCS1_PSS_PADDING,hashalg=SHA256\r\n"},
                 {"version x", ">RSA_SIGN:QQ==\r\n"}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const char *again = say(m, seat, signs[i].version, 0);
        assert_int_equal(strstr(again, signs[i].told) != NULL, i > 0); /* it was asked in another way */
        mgmt_ask(m, MGMT_ASK_SIGNATURE, "QQ==,%s", "RSA_PKCS1_PSS_PADDING,hashalg=SHA256");
        assert_string_equal(heard(m, seat), signs[i].told);
    }
    mgmt_free(m);
}

/* Lines behind a command are taken whole or not at all. */
static void test_lines_lost(void **state)
{
    static char too_long[MGMT_LINE_MAX + 8];
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {{"a\x01"
                "b",
                3},
               {"a\0b", 3},
               {"a\rb", 3},
               {too_long, sizeof too_long}};
    (void)state;
    memset(too_long, 'a', sizeof too_long);
    struct mgmt *m = machine(NULL, false, true);
    int seat = mgmt_seat(m, 0);
    heard(m, seat);
    mgmt_ask(m, MGMT_ASK_CERTIFICATE, "mine");
    heard(m, seat);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        say(m, seat, "certificate", 0);
        say(m, seat, "MIIB", 0);
        mgmt_feed(m, seat, bad[i].bytes, bad[i].n, 0);
        say(m, seat, "", 0);
        assert_string_equal(say(m, seat, "END", 0), "ERROR: certificate command failed\r\n");
        assert_string_equal(host.did, "");
    }
    say(m, seat, "certificate", 0);
    say(m, seat, "MIIB\r", 0);
    assert_string_equal(say(m, seat, "END\r", 0), "SUCCESS: certificate command succeeded\r\n");
    assert_string_equal(host.did, "[MIIB\n];");
    mgmt_free(m);
}

/* What has been sent, a client's password perhaps, is nowhere any more. */
static void test_output_is_wiped(void **state)
{
    (void)state;
    struct mgmt *m = machine(NULL, false, false);
    int seat = mgmt_seat(m, 0);
    size_t n;
    heard(m, seat);
    mgmt_tell(m, ">CLIENT:ENV,password=%s", "sesame");
    const char *out = mgmt_output(m, seat, &n);
    assert_int_equal(n, strlen(">CLIENT:ENV,password=sesame\r\n"));
    mgmt_sent(m, seat, n - 2, 0);
    assert_memory_equal(out, "\r\n", 2);
    for (size_t i = 2; i < n; i++)
        assert_int_equal(out[i], 0);
    mgmt_free(m);
}

/* Nothing runs and nothing is told before the password; three wrong ones, or none in time, end it. */
static void test_password(void **state)
{
    (void)state;
    struct mgmt *m = machine("sesame", false, false);
    bool at_once;
    int seat = mgmt_seat(m, 0);
    assert_string_equal(heard(m, seat), "ENTER PASSWORD:");
    mgmt_tell(m, ">CLIENT:ESTABLISHED,0");
    mgmt_log(m, 1, 1, "a line");
    assert_string_equal(heard(m, seat), "");
    assert_false(mgmt_anybody(m));
    static const char *const wrong[] = {"signal SIGTERM", "sesam", "sesame "};
    for (int i = 0; i < 2; i++)
        assert_string_equal(say(m, seat, wrong[i], 0), "ERROR: bad password\r\nENTER PASSWORD:");
    assert_null(mgmt_gone(m, seat, &at_once));
    assert_string_equal(say(m, seat, wrong[2], 0), "ERROR: bad password\r\n");
    assert_string_equal(mgmt_gone(m, seat, &at_once), "three wrong passwords");
    assert_string_equal(say(m, seat, "sesame", 0), ""); /* too late */
    assert_string_equal(host.did, "");
    mgmt_leave(m, seat);
    seat = mgmt_seat(m, S_NS);
    heard(m, seat);
    assert_int_equal(mgmt_deadline(m), (MGMT_PASSWORD_S + 1) * S_NS);
    mgmt_tick(m, MGMT_PASSWORD_S * S_NS);
    assert_null(mgmt_gone(m, seat, &at_once));
    mgmt_tick(m, (MGMT_PASSWORD_S + 1) * S_NS);
    assert_non_null(mgmt_gone(m, seat, &at_once));
    mgmt_leave(m, seat);
    seat = mgmt_seat(m, 0);
    heard(m, seat);
    assert_string_equal(say(m, seat, "sesame\r", 0), "SUCCESS: password is correct\r\n" GREETING);
    assert_true(mgmt_anybody(m));
    mgmt_free(m);
}

static void test_seats(void **state)
{
    (void)state;
    struct mgmt *m = machine("sesame", false, false);
    bool at_once;
    for (int i = 0; i < MGMT_SEATS; i++)
        assert_int_equal(mgmt_seat(m, 0), i);
    for (int i = 0; i < MGMT_SEATS; i++)
        if (i != 5)
            say(m, i, "sesame", 0);
    assert_int_equal(mgmt_seat(m, 0), -1);
    for (int i = 0; i < MGMT_SEATS; i++)
        assert_int_equal(mgmt_gone(m, i, &at_once) != NULL, i == 5); /* the one without a password */
    assert_non_null(mgmt_gone(m, 5, &at_once));
    assert_true(at_once);
    mgmt_leave(m, 5);
    assert_int_equal(mgmt_seat(m, 0), 5);
    say(m, 5, "sesame", 0);
    assert_int_equal(mgmt_seat(m, 0), -1); /* all have shown theirs: all stay */
    for (int i = 0; i < MGMT_SEATS; i++)
        assert_null(mgmt_gone(m, i, &at_once));
    mgmt_free(m);
}

/* In pieces, several at once, too long, with the end in between. */
static void test_lines(void **state)
{
    (void)state;
    struct mgmt *m = machine(NULL, false, false);
    bool at_once;
    int seat = mgmt_seat(m, 0);
    heard(m, seat);
    for (const char *p = "pid\r\nverb\npid"; *p; p++)
        mgmt_feed(m, seat, p, 1, 0);
    assert_string_equal(heard(m, seat), "SUCCESS: pid=42\r\nSUCCESS: verb=3\r\n");
    mgmt_ended(m, seat, 0); /* what is not ended was not said */
    assert_string_equal(heard(m, seat), "");
    assert_string_equal(mgmt_gone(m, seat, &at_once), "");
    mgmt_leave(m, seat);
    seat = mgmt_seat(m, 0);
    heard(m, seat);
    char x[500];
    memset(x, 'x', sizeof x);
    for (int i = 0; i < 100; i++)
        mgmt_feed(m, seat, x, sizeof x, 0);
    assert_string_equal(heard(m, seat), "ERROR: the line is too long\r\n");
    mgmt_feed(m, seat, "pid\npid\n", 8, 0); /* the first belongs to it */
    assert_string_equal(heard(m, seat), "SUCCESS: pid=42\r\n");
    mgmt_feed(m, seat, "quit\npid\n", 9, 0);
    assert_string_equal(heard(m, seat), "");
    assert_string_equal(mgmt_gone(m, seat, &at_once), "");
    mgmt_free(m);
}

/* Figures are waited for, not longer than a bound; commands behind stay in order. */
static void test_figures(void **state)
{
    (void)state;
    struct mgmt *m = machine(NULL, false, false);
    int seat = mgmt_seat(m, 0);
    heard(m, seat);
    host.stale = true;
    assert_string_equal(say(m, seat, "load-stats\npid", S_NS), "");
    assert_int_equal(mgmt_deadline(m), S_NS + MGMT_PATIENCE_MS * 1000000ull);
    mgmt_fresh(m, S_NS + 1);
    assert_string_equal(heard(m, seat), "SUCCESS: nclients=3,bytesin=4,bytesout=5\r\nSUCCESS: pid=42\r\n");
    say(m, seat, "status", 2 * S_NS);
    mgmt_tick(m, 2 * S_NS + 1);
    assert_string_equal(heard(m, seat), "");
    mgmt_tick(m, 3 * S_NS);
    assert_string_equal(heard(m, seat), "TITLE 1\r\nEND\r\n");
    say(m, seat, "status", 4 * S_NS);
    mgmt_ended(m, seat, 4 * S_NS); /* as `echo status | nc -N` */
    mgmt_fresh(m, 4 * S_NS);
    assert_string_equal(heard(m, seat), "TITLE 1\r\nEND\r\n");
    bool at_once;
    assert_string_equal(mgmt_gone(m, seat, &at_once), "");
    mgmt_free(m);
}

static void test_bytecount(void **state)
{
    (void)state;
    struct mgmt *m = machine(NULL, false, false);
    int seat = mgmt_seat(m, 0), other = mgmt_seat(m, 0);
    heard(m, seat);
    heard(m, other);
    say(m, seat, "bytecount 2", S_NS);
    mgmt_tick(m, S_NS);
    assert_string_equal(heard(m, seat), ">BYTECOUNT_CLI:0,1,2\r\n");
    assert_int_equal(mgmt_deadline(m), 3 * S_NS);
    mgmt_tick(m, 2 * S_NS);
    assert_string_equal(heard(m, seat), "");
    host.stale = true;
    mgmt_tick(m, 3 * S_NS);
    assert_string_equal(heard(m, seat), "");
    mgmt_fresh(m, 3 * S_NS);
    assert_string_equal(heard(m, seat), ">BYTECOUNT_CLI:0,1,2\r\n");
    assert_string_equal(heard(m, other), "");
    say(m, seat, "bytecount 0", 4 * S_NS);
    mgmt_tick(m, 9 * S_NS);
    assert_string_equal(heard(m, seat), "");
    assert_true(mgmt_deadline(m) == UINT64_MAX);
    mgmt_free(m);
}

/* Who does not read gets no further answers, and goes when what it was told is too much. */
static void test_slow(void **state)
{
    (void)state;
    struct mgmt *m = machine(NULL, false, false);
    int seat = mgmt_seat(m, 0);
    bool at_once;
    size_t n, most = 0;
    for (int i = 0; i < 1000; i++) {
        size_t room = mgmt_room(m, seat);
        if (room >= 5)
            mgmt_feed(m, seat, "help\n", 5, 0);
        mgmt_output(m, seat, &n);
        most = n > most ? n : most;
    }
    assert_true(most < MGMT_BACKLOG + 8192);
    assert_true(mgmt_room(m, seat) < 5); /* nor is more read from it */
    assert_null(mgmt_gone(m, seat, &at_once));
    while (mgmt_room(m, seat) < 5)
        heard(m, seat); /* it reads again, and all is answered */
    char line[1024];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = 0;
    for (int i = 0; i < MGMT_OUT_MAX / 1024 + 2; i++)
        mgmt_tell(m, "%s", line);
    assert_non_null(mgmt_gone(m, seat, &at_once));
    assert_true(at_once);
    mgmt_output(m, seat, &n);
    assert_true(n <= MGMT_OUT_MAX);
    mgmt_leave(m, seat);
    assert_int_equal(mgmt_seat(m, 0), seat);
    assert_string_equal(heard(m, seat), GREETING);
    mgmt_free(m);
}

static void test_history(void **state)
{
    (void)state;
    struct mgmt *m = machine(NULL, false, false);
    int seat = mgmt_seat(m, 0), other = mgmt_seat(m, 0);
    heard(m, seat);
    heard(m, other);
    mgmt_log(m, 10, 1, "one");
    mgmt_log(m, 11, 1, "WARNING: two");
    mgmt_log(m, 12, 7, "three");
    mgmt_log(m, 13, 0, "four");
    assert_string_equal(say(m, seat, "log all", 0),
                        "11,W,WARNING: two\r\n12,D,three\r\n13,F,four\r\nEND\r\n");
    assert_string_equal(say(m, seat, "log 1", 0), "13,F,four\r\nEND\r\n");
    assert_string_equal(say(m, seat, "log on 1", 0),
                        "SUCCESS: real-time log notification set to ON\r\n13,F,four\r\nEND\r\n");
    mgmt_log(m, 14, 3, "five");
    assert_string_equal(heard(m, seat), ">LOG:14,I,five\r\n");
    assert_string_equal(heard(m, other), "");
    mgmt_state(m, 20, "CONNECTED,SUCCESS,,,,,1194");
    assert_string_equal(say(m, other, "state", 0), "20,CONNECTED,SUCCESS,,,,,1194\r\nEND\r\n");
    mgmt_free(m);
}

static void test_hold_and_passphrase(void **state)
{
    (void)state;
    struct mgmt *m = machine(NULL, true, true);
    assert_true(mgmt_held(m, false));
    int seat = mgmt_seat(m, 0);
    assert_string_equal(heard(m, seat), GREETING ">HOLD:Waiting for hold release:0\r\n");
    mgmt_want_password(m, "Private Key");
    assert_string_equal(heard(m, seat), ">PASSWORD:Need 'Private Key' password\r\n");
    assert_non_null(strstr(say(m, seat, "password Auth x", 0), "ERROR: "));
    assert_string_equal(say(m, seat, "password \"Private Key\" \"a \\\"b\"", 0),
                        "SUCCESS: 'Private Key' password entered, but not yet verified\r\n");
    assert_string_equal(host.did, "Private Key=a \"b;");
    say(m, seat, "hold release", 0);
    assert_false(mgmt_held(m, true));
    mgmt_free(m);
}

/* ---- on a socket ---- */

static struct rig *with_managers(const char *config)
{
    struct rig *rig =
        rig_new(&(struct rig_options){.config = config, .gate = DBR_GATE_TLS_AUTH, .management = true});
    return rig;
}

static int dial(struct rig *rig)
{
    struct sockaddr_un at;
    socklen_t n = sizeof at;
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(getsockname(rig->boot.management_fd, (struct sockaddr *)&at, &n), 0);
    assert_int_equal(connect(sock, (struct sockaddr *)&at, n), 0);
    rig_settle(rig);
    return sock;
}

static char *hear(int sock)
{
    static char text[1 << 20];
    ssize_t n = recv(sock, text, sizeof text - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static char *ask(struct rig *rig, int sock, const char *line)
{
    hear(sock);
    assert_true(send(sock, line, strlen(line), MSG_NOSIGNAL) > 0);
    rig_run(rig, 1000); /* nobody answers for the workers: patience ends */
    return hear(sock);
}

static void test_socket(void **state)
{
    (void)state;
    struct rig *rig = with_managers("");
    int sock = dial(rig), second = dial(rig);
    assert_string_equal(hear(sock), GREETING);
    assert_string_equal(hear(second), GREETING);
    struct caller *alice = rig_connect(rig, "alice", A, 4000);
    rig_connect(rig, "bob", A, 4001);
    char *text = hear(second);
    assert_non_null(strstr(text, ">CLIENT:ESTABLISHED,0\r\n>CLIENT:ENV,common_name=alice\r\n"));
    assert_non_null(strstr(text, ">CLIENT:ENV,trusted_port=4000\r\n"));
    assert_non_null(strstr(text, ">CLIENT:ENV,END\r\n>CLIENT:ESTABLISHED,1\r\n"));
    assert_non_null(strstr(ask(rig, sock, "status 2\n"), "CLIENT_LIST,bob,10.0.0.1:4001,"));
    assert_non_null(strstr(ask(rig, sock, "load-stats\n"), "nclients=2,"));
    assert_non_null(strstr(ask(rig, sock, "kill 10.0.0.1:4002\n"), "ERROR: "));
    assert_int_equal(rig->ctl->n_admitted, 2);
    assert_non_null(
        strstr(ask(rig, sock, "kill alice\n"), "SUCCESS: common name 'alice' found, 1 client(s)"));
    assert_string_equal(alice->message, "RESTART,");
    assert_non_null(strstr(hear(second), ">CLIENT:DISCONNECT,0\r\n"));
    assert_non_null(strstr(ask(rig, sock, "client-kill 1 HALT\n"), "SUCCESS: "));
    rig_run(rig, 6000);
    assert_int_equal(rig->ctl->n_admitted, 0);
    assert_non_null(strstr(ask(rig, sock, "log on\nverb 4\n"), "SUCCESS: verb level changed"));
    rig_connect(rig, "carol", A, 4003);
    assert_non_null(strstr(hear(sock), ">LOG:"));
    assert_null(strstr(hear(second), ">LOG:"));
    assert_non_null(strstr(ask(rig, sock, "quit\n"), ""));
    char one;
    assert_int_equal(recv(sock, &one, 1, MSG_DONTWAIT), 0);
    close(sock);
    close(second);
    rig_run(rig, 10);
    rig_free(rig);
}

/* A signal goes to keeper as a message. */
static void test_signal(void **state)
{
    (void)state;
    struct rig *rig = with_managers("");
    int sock = dial(rig);
    char buf[DBR_IPC_MAX];
    while (recv(rig->keeper, buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
    ask(rig, sock, "signal SIGUSR2\n");
    struct dbr_ipc_state m;
    assert_int_equal(recv(rig->keeper, &m, sizeof m, MSG_DONTWAIT), sizeof m);
    assert_int_equal(dbr_ipc_check(&m, sizeof m), 0);
    assert_int_equal(m.what, DBR_STATE_SIGNAL);
    assert_int_equal(m.value, 12); /* SIGUSR2 */
    close(sock);
    rig_free(rig);
}

/* While it is held, no stranger gets an answer. */
static void test_held(void **state)
{
    (void)state;
    struct rig *rig = with_managers("management-hold");
    struct caller *c = rig_call(rig, "alice", A, 4000);
    rig_run(rig, 3000);
    assert_false(rig_up(c));
    assert_int_equal(rig->sent, 0);
    int sock = dial(rig);
    assert_string_equal(hear(sock), GREETING ">HOLD:Waiting for hold release:0\r\n");
    ask(rig, sock, "hold release\n");
    rig_run(rig, 8000);
    assert_true(rig_up(c));
    close(sock);
    rig_free(rig);
}

/* A renegotiation is another question, under the next key id. */
static void test_judge_again(void **state)
{
    (void)state;
    for (int good_end = 0; good_end < 2; good_end++) {
        struct rig *rig = with_managers("management x unix\nmanagement-client-auth");
        int sock = dial(rig);
        struct caller *c = rig_call(rig, "alice", A, 4000);
        c->user = "alice";
        c->pass = "first";
        rig_run(rig, 1000);
        char *text = hear(sock);
        assert_non_null(strstr(text, ">CLIENT:CONNECT,0,0\r\n"));
        assert_non_null(strstr(text, ">CLIENT:ENV,username=alice\r\n"));
        assert_non_null(strstr(text, ">CLIENT:ENV,password=first\r\n"));
        assert_non_null(strstr(ask(rig, sock, "client-auth-nt 0 0\n"), "SUCCESS"));
        rig_run(rig, 3000);
        assert_true(rig_up(c));
        text = hear(sock);
        assert_null(strstr(text, "password="));
        c->pass = "second";
        dbr_session_renegotiate(c->session, &rig_now);
        rig_run(rig, 500);
        text = hear(sock);
        assert_non_null(strstr(text, ">CLIENT:REAUTH,0,1\r\n"));
        assert_non_null(strstr(text, ">CLIENT:ENV,password=second\r\n"));
        assert_non_null(strstr(ask(rig, sock, "client-auth-nt 0 0\n"), "ERROR: ")); /* an old question */
        assert_true(rig_client(rig, "alice")->in_data);
        assert_non_null(strstr(
            ask(rig, sock, good_end ? "client-auth-nt 0 1\n" : "client-deny 0 1 no \"not any more\"\n"),
            "SUCCESS"));
        rig_run(rig, 6000);
        assert_int_equal(rig_client(rig, "alice") != NULL, good_end);
        if (!good_end)
            assert_string_equal(c->message, "AUTH_FAILED,not any more");
        assert_false(rig_logged(rig, "second") || rig_logged(rig, "first"));
        close(sock);
        rig_free(rig);
    }
}

/* management-client-auth: no keys, no name, no place before a manager has said so. */
static void test_judge(void **state)
{
    (void)state;
    struct rig *rig = with_managers("management x unix\nmanagement-client-auth");
    struct caller *c = rig_call(rig, "early", A, 3999);
    rig_run(rig, 6000);
    assert_false(rig_up(c)); /* nobody to ask */
    assert_non_null(strstr(c->message, "AUTH_FAILED"));
    int sock = dial(rig), second = dial(rig);
    struct caller *alice = rig_call(rig, "alice", A, 4000);
    rig_run(rig, 1000);
    char want[64];
    char *text = hear(second);
    assert_non_null(strstr(text, ">CLIENT:CONNECT,0,0\r\n>CLIENT:ENV,common_name=alice\r\n"));
    assert_int_equal(rig->ctl->n_admitted, 0);
    assert_false(rig_up(alice));
    static const char *const wrong[] = {"client-auth-nt 1 0\n", "client-auth-nt 0 1\n",
                                        "client-deny 7 0 no\n", "client-auth 1 0\npush \"x\"\nEND\n",
                                        "client-pending-auth 3 0 X 60\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(strstr(ask(rig, sock, wrong[i]), "ERROR: "));
    assert_false(rig_up(alice));
    assert_non_null(strstr(ask(rig, sock,
                               "client-auth 0 0\npush \"dhcp-option DNS 1.2.3.4\"\n"
                               "ifconfig-push 192.168.50.201 255.255.255.0\nEND\n"),
                           "SUCCESS: client-auth command succeeded\r\n>CLIENT:ESTABLISHED,0\r\n"));
    rig_run(rig, 200);
    assert_true(rig_up(alice));
    assert_non_null(strstr(alice->pushed, "dhcp-option DNS 1.2.3.4"));
    assert_non_null(strstr(alice->pushed, "ifconfig 192.168.50.201"));
    assert_non_null(strstr(ask(rig, second, "client-auth-nt 0 0\n"), "ERROR: ")); /* the first word counted */
    struct caller *bob = rig_call(rig, "bob", A, 4001);
    rig_run(rig, 1000);
    assert_non_null(
        strstr(ask(rig, second, "client-deny 1 0 \"not him\" \"go away\"\n"), "SUCCESS: client-deny"));
    rig_run(rig, 6000);
    assert_false(rig_up(bob));
    assert_string_equal(bob->message, "AUTH_FAILED,go away");
    assert_non_null(strstr(hear(sock), ">CLIENT:DISCONNECT,1\r\n"));
    struct caller *carol = rig_call(rig, "carol", A, 4002), *dave = rig_call(rig, "dave", A, 4003);
    rig_run(rig, 1000);
    snprintf(want, sizeof want, "client-pending-auth 2 0 %s 120\n", "OPEN_URL:https://a.b/c");
    assert_non_null(strstr(ask(rig, second, want), "SUCCESS: client-pending-auth"));
    rig_run(rig, 70000);
    assert_non_null(strstr(dave->message, "AUTH_FAILED")); /* hand-window, without a word */
    assert_false(rig_up(carol));
    assert_non_null(strstr(ask(rig, second, "client-auth-nt 2 0\n"), "SUCCESS: client-auth-nt"));
    rig_run(rig, 1000);
    assert_non_null(rig_client(rig, "carol"));
    assert_true(rig_client(rig, "carol")->in_data);
    assert_null(rig->ctl->hook_waiters);
    close(sock);
    close(second);
    rig_free(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_client_role_has_no_kill),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_lines_lost),
        cmocka_unit_test(test_output_is_wiped),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_seats),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_bytecount),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_hold_and_passphrase),
        cmocka_unit_test(test_socket),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_judge_again),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_pki_free();
    return failed;
}
