/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Managers that say anything, in any pieces: byte 0 chooses password and role, then pieces of seat, length
 * and bytes. The machine keeps its bounds, its answers are whole lines, and before the password nothing runs.
 */
#include "control/mgmt.h"
#include "crypto/kdf.h"

#include <stdlib.h>
#include <string.h>

static struct mgmt *machine;
static bool passed[MGMT_SEATS];
static unsigned ran;

static bool fresh(void *arg)
{
    (void)arg;
    ran++;
    return ran & 1;
}
static void status(void *arg, int version, int seat)
{
    (void)arg;
    if (version < 1 || version > 3)
        abort();
    mgmt_text(machine, seat, "TITLE\nEND\n", 10);
}
static void totals(void *arg, unsigned *clients, uint64_t *in, uint64_t *out)
{
    (void)arg;
    *clients = 0, *in = *out = 0;
}
static void bytes(void *arg, int seat)
{
    (void)arg;
    mgmt_say(machine, seat, ">BYTECOUNT_CLI:0,0,0");
}
static void check_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 && *text != '\t')
            abort();
}
static unsigned end(void *arg, const char *whom, bool address)
{
    (void)arg, (void)address;
    check_text(whom);
    ran++;
    return 1;
}
static bool end_one(void *arg, uint64_t cid, const char *message)
{
    (void)arg, (void)cid;
    check_text(message);
    return strncmp(message, "RESTART", 7) == 0 || strncmp(message, "HALT", 4) == 0 ? true : (abort(), false);
}
static int verb(void *arg, int level)
{
    (void)arg;
    if (level > 15)
        abort();
    return 3;
}
static void raise_it(void *arg, enum mgmt_signal sig)
{
    (void)arg;
    if (sig >= MGMT_SIGNALS)
        abort();
    ran++;
}
static void release(void *arg)
{
    (void)arg;
    ran++;
}
static bool password(void *arg, const char *what, const char *text)
{
    (void)arg, (void)what;
    check_text(text);
    return true;
}
static bool admit(void *arg, uint64_t cid, uint64_t kid, const char *lines)
{
    (void)arg, (void)cid, (void)kid;
    return strlen(lines) < 1 << 16;
}
static bool deny(void *arg, uint64_t cid, uint64_t kid, const char *reason, const char *client_reason)
{
    (void)arg, (void)cid, (void)kid;
    check_text(reason);
    check_text(client_reason);
    return false;
}
static bool pending(void *arg, uint64_t cid, uint64_t kid, const char *extra, unsigned timeout_s)
{
    (void)arg, (void)cid, (void)kid;
    check_text(extra);
    return timeout_s <= 3600;
}

static bool login(void *arg, const char *user, const char *pass)
{
    (void)arg;
    check_text(user);
    check_text(pass);
    if (!mgmt_asks(machine, MGMT_ASK_LOGIN))
        abort();
    mgmt_unask(machine, MGMT_ASK_LOGIN);
    return *user;
}
static const char *remote(void *arg, const char *action, const char *to, const char *port, uint64_t count)
{
    (void)arg;
    check_text(to);
    check_text(port);
    if (!mgmt_asks(machine, MGMT_ASK_REMOTE) || !count || count > 1000 ||
        (strcmp(action, "MOD") != 0 && (*to || *port)))
        abort();
    return *port == '1' ? NULL : "no";
}
static const char *proxy(void *arg, const char *type)
{
    (void)arg;
    check_text(type);
    return NULL;
}
static bool remote_entry(void *arg, uint64_t i, char *out, size_t cap)
{
    (void)arg;
    if (i < 3 && cap > 8)
        strcpy(out, "a,1,udp");
    return i < 3;
}
static bool response(void *arg, const char *text)
{
    (void)arg;
    check_text(text);
    return true;
}
static bool lines(void *arg, const char *text)
{
    (void)arg;
    return strlen(text) < 1 << 16;
}

static void drain(int seat, size_t most)
{
    size_t n;
    const char *out = mgmt_output(machine, seat, &n);
    if (n > MGMT_OUT_MAX)
        abort();
    if (n && memmem(out, n, "SUCCESS: password is correct", 28))
        passed[seat] = true;
    mgmt_sent(machine, seat, n < most ? n : most, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct mgmt_host host = {.pid = 1,
                                          .fresh = fresh,
                                          .status = status,
                                          .totals = totals,
                                          .bytes = bytes,
                                          .kill = end,
                                          .client_kill = end_one,
                                          .verb = verb,
                                          .raise = raise_it,
                                          .release = release,
                                          .password = password,
                                          .admit = admit,
                                          .deny = deny,
                                          .pending = pending,
                                          .login = login,
                                          .remote = remote,
                                          .proxy = proxy,
                                          .remote_entry = remote_entry,
                                          .response = response,
                                          .certificate = lines,
                                          .signature = lines,
                                          .retry = response};
    struct mgmt_host h = host;
    uint8_t hash[32];
    struct dbr_part part = {"p", 1};
    if (!len)
        return 0;
    dbr_sha256(&part, 1, hash);
    bool asks = data[0] & 1;
    h.client = data[0] & 2;
    if (data[0] & 4)
        h.admit = NULL;
    machine = mgmt_new(
        &h, &(struct mgmt_config){.password = asks ? hash : NULL, .hold = data[0] & 8, .version = "x"});
    if (!machine)
        return 0;
    if (data[0] & 16)
        mgmt_want_password(machine, "Private Key");
    for (int q = 0; q < MGMT_QUESTIONS && data[0] & 32; q++)
        mgmt_ask(machine, (enum mgmt_question)q, "%s", "QQ==,RSA_PKCS1_PADDING");
    memset(passed, 0, sizeof passed);
    ran = 0;
    mgmt_seat(machine, 0);
    mgmt_seat(machine, 0);
    uint64_t now = 0;
    bool at_once;
    for (size_t i = 1; i + 1 < len;) {
        int seat = data[i] & 1;
        size_t n = data[i + 1];
        now += (uint64_t)(data[i] >> 1) * 10000000;
        i += 2;
        n = n < len - i ? n : len - i;
        if (!mgmt_gone(machine, seat, &at_once)) {
            size_t room = mgmt_room(machine, seat);
            mgmt_feed(machine, seat, data + i, n < room ? n : room, now);
        }
        i += n;
        drain(seat, n ? n * 100 : 1 << 20);
        mgmt_tick(machine, now);
        if (n == 7)
            mgmt_fresh(machine, now);
    }
    drain(0, 1 << 30);
    drain(1, 1 << 30);
    if (asks && ran && !passed[0] && !passed[1])
        abort();
    mgmt_free(machine);
    return 0;
}
