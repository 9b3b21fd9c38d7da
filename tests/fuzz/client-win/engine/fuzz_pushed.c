/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a server says to the Windows client: pushed options, refusals, challenges, questions while it waits.
 * Each step that comes out is a message that the service takes, or is left out; nothing else happens.
 */
#include "base/err.h"
#include "client-win/engine/priv.h"
#include "client-win/engine/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                           \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

static unsigned clears, applies, since_clear;

static void on_resolve(void *arg, unsigned ticket, const char *host, uint16_t port, int family)
{
    (void)arg;
    (void)ticket;
    (void)host;
    (void)port;
    (void)family;
}

static int on_open(void *arg, const struct dbr_addr *to, bool anyone)
{
    (void)arg;
    (void)to;
    (void)anyone;
    return DBR_ERR_IO;
}

static void on_send(void *arg, const struct dbr_addr *to, const uint8_t *dgram, size_t len)
{
    (void)arg;
    (void)to;
    (void)dgram;
    (void)len;
}

static void on_tap(void *arg, const uint8_t *frame, size_t len)
{
    (void)arg;
    (void)frame;
    (void)len;
}

static void check_step(const struct dbr_net_step *s)
{
    REQUIRE(s->family == 0 || s->family == 4 || s->family == 6);
    REQUIRE(s->prefix <= (s->family == 4 ? 32 : 128));
    REQUIRE(memchr(s->domain, 0, sizeof s->domain));
}

static void on_net(void *arg, const struct dbr_net_step *s)
{
    struct dbr_pm m;
    uint8_t out[DBR_PM_MAX];
    (void)arg;
    check_step(s);
    clears += s->kind == DBR_NET_CLEAR;
    applies += s->kind == DBR_NET_APPLY;
    since_clear = s->kind == DBR_NET_CLEAR || s->kind == DBR_NET_APPLY ? 0 : since_clear + 1;
    REQUIRE(since_clear <= MAX_STEPS + 1);
    if (dbr_wire_step(&m, s))
        REQUIRE(dbr_pm_encode(&m, DBR_PM_ENGINE_TO_SERVICE, out));
    REQUIRE(s->kind != DBR_NET_APPLY || m.type == DBR_PM_NET_APPLY);
}

static void check_pm(struct dbr_pm *m)
{
    uint8_t out[DBR_PM_MAX];
    REQUIRE(dbr_pm_encode(m, DBR_PM_ENGINE_TO_SERVICE, out));
}

static void on_state(void *arg, enum dbr_engine_state state, const char *text)
{
    struct dbr_pm m;
    (void)arg;
    dbr_wire_state(&m, state, "office", text, 0, "");
    check_pm(&m);
}

static void on_ask(void *arg, enum dbr_engine_ask kind, bool echo, const char *text, const char *user)
{
    struct dbr_pm m;
    (void)arg;
    dbr_wire_ask(&m, kind, echo, text, user);
    check_pm(&m);
}

static void on_log(void *arg, int level, const char *line)
{
    struct dbr_pm m;
    (void)arg;
    dbr_wire_log(&m, level, line);
    check_pm(&m);
}

static void on_random(void *arg, void *out, size_t n)
{
    (void)arg;
    memset(out, 7, n);
}

static const struct dbr_engine_ops ops = {on_resolve, on_open, on_send, on_tap,   on_net,
                                          on_state,   on_ask,  on_log,  on_random};

static const char profile[] = "client\ndev tap\nremote gate.example 1194\nauth-user-pass\nverb 4\n"
                              "<ca>\nx\n</ca>\n<cert>\nx\n</cert>\n<key>\nx\n</key>\n";

static const enum dbr_ctrlmsg kinds[] = {DBR_MSG_AUTH_FAILED,  DBR_MSG_INFO_PRE, DBR_MSG_PUSH_REPLY,
                                         DBR_MSG_AUTH_PENDING, DBR_MSG_RESTART,  DBR_MSG_HALT};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_engine *e;
    char why[256], *text = malloc(size + 1);
    if (!text || !size || dbr_engine_new(&e, profile, sizeof profile - 1, &ops, NULL, why, sizeof why)) {
        free(text);
        return 0;
    }
    clears = applies = since_clear = 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    e->call.to = (struct dbr_addr){.family = data[0] & 0x80 ? 6 : 4, .port = 1194};
    e->call.session = dbr_session_new_client(&e->session, e, &e->now);
    REQUIRE(e->call.session);
    if (data[0] % 8 < sizeof kinds / sizeof *kinds) {
        call_message(e, kinds[data[0] % 8], text);
        call_settle(e);
    } else if (!push_take(e, text)) {
        push_steps(e);
        REQUIRE(applies == 1 && clears == 0);
        push_steps(e); /* the same again is nothing new */
        REQUIRE(applies == 1);
        push_clear(e);
        REQUIRE(clears == 1);
    }
    dbr_engine_free(e);
    free(text);
    return 0;
}
