/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * C18: who is let in, by all who have a say: the chain, the revocation list, the OCSP responder, and the
 * policy (client-connect), each of which is good, refuses, says nothing, or breaks. One of the 256 ways
 * leads to options and data keys. The test is fetch and keeper.
 */
#include "rig.h"
#include "certs/ocsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { A = 0x0a000001 };
enum say { OK, FAIL, PENDING, BROKEN, SAYS };

#define NAME "alice"

static union {
    struct dbr_ipc_head head;
    struct dbr_ipc_ocsp_ask ask;
    struct dbr_ipc_hook hook;
    uint64_t room[DBR_IPC_MAX / 8];
} heard;

/* The next message of this type that control has sent to fetch or keeper. */
static bool hears(int sock, uint16_t type)
{
    while (recv(sock, &heard, sizeof heard, MSG_DONTWAIT) > 0)
        if (heard.head.type == type)
            return true;
    return false;
}

/* Revoked is one that the list names; no list at all is what fetch has not brought yet; a broken one has
 * ended. */
static struct rig *rig_of(enum say list)
{
    static char config[256];
    snprintf(config, sizeof config, "script-security 2\nclient-connect x\nocsp http://192.0.2.9/ hard\n%s",
             list == PENDING ? "crl-url http://192.0.2.9/crl\n" : "");
    struct rig *rig = rig_new(&(struct rig_options){.config = config,
                                                    .gate = DBR_GATE_TLS_AUTH,
                                                    .crl = list != PENDING,
                                                    .revoked = list == FAIL ? NAME : NULL,
                                                    .fetch = true});
    if (list == BROKEN) {
        rig_now.ns += 4000 * 1000000000ull;
        rig_now.unix_s += 4000;
    }
    rig_run(rig, 1);
    return rig;
}

/* Of another CA; below a CA that is not shown; ended. */
static struct pki_id *bad_id(enum say chain)
{
    static const char *const subject = "/CN=" NAME;
    struct pki_id *other = chain == FAIL ? pki_root("other") : NULL, *id;
    struct pki_id *between =
        chain == PENDING ? pki_make(&(struct pki_spec){.subject = "/CN=between",
                                                       .exts = {"basicConstraints", "critical,CA:TRUE"}},
                                    rig_ca())
                         : NULL;
    if (chain == BROKEN)
        id = pki_make(&(struct pki_spec){.subject = subject, .from_s = -7200, .to_s = -60}, rig_ca());
    else
        id = pki_client(NAME, other ? other : between);
    if (other)
        pki_free(other);
    if (between)
        pki_free(between);
    return id;
}

static void answer_ocsp(struct rig *rig, enum say ocsp)
{
    static const uint32_t status[] = {
        [OK] = DBR_OCSP_GOOD, [FAIL] = DBR_OCSP_REVOKED, [BROKEN] = DBR_OCSP_GOOD};
    if (!hears(rig->fetch, DBR_IPC_OCSP_ASK) || ocsp == PENDING)
        return;
    struct dbr_ipc_ocsp_answer m = {.head = dbr_ipc_head(DBR_IPC_OCSP_ANSWER, sizeof m, 0),
                                    .id = heard.ask.id,
                                    .err = ocsp == BROKEN ? DBR_ERR_AUTH : 0,
                                    .status = status[ocsp],
                                    .next_update = rig_now.unix_s + 1};
    assert_int_equal(dbr_ipc_send(rig->fetch, &m, -1), 0);
    rig_run(rig, 200);
}

static void answer_policy(struct rig *rig, enum say policy)
{
    static const int32_t errs[] = {[OK] = 0, [FAIL] = DBR_ERR_STATE, [BROKEN] = DBR_ERR_LIMIT};
    if (!hears(rig->keeper, DBR_IPC_HOOK) || policy == PENDING)
        return;
    struct dbr_ipc_hook_done d = {.id = heard.hook.id, .err = errs[policy]};
    d.head = dbr_ipc_head(DBR_IPC_HOOK_DONE, offsetof(struct dbr_ipc_hook_done, text), 0);
    rig_keeper_says(rig, &d, -1);
    rig_run(rig, 200);
}

static void one_way(struct rig *rig, struct dbr_tls_ctx *tls, const enum say say[4], uint16_t port)
{
    rig_forget(rig);
    while (hears(rig->fetch, DBR_IPC_OCSP_ASK) || hears(rig->keeper, DBR_IPC_HOOK))
        ; /* of the one before */
    struct caller *c = tls ? rig_call_as(rig, tls, A, port) : rig_call(rig, NAME, A, port);
    rig_run(rig, 200);
    answer_ocsp(rig, say[2]);
    answer_policy(rig, say[3]);
    rig_run(rig, 6000); /* it asks for its options meanwhile */
    bool in = !say[0] && !say[1] && !say[2] && !say[3];
    bool keys = rig_told(rig, DBR_IPC_KEY_NEW, UINT32_MAX, 0, NULL) != NULL;
    if (rig_up(c) != in || keys != in || c->has_keys != in || (*c->pushed != 0) != in)
        fail_msg("chain %d, list %d, OCSP %d, policy %d: %s, %s, '%s'", say[0], say[1], say[2], say[3],
                 rig_up(c) ? "up" : "not up", keys ? "keys" : "no keys", c->pushed);
    rig_hang_up(c);
    rig_run(rig, 61000); /* and is forgotten, the responder's answer, too */
}

static void test_every_way(void **state)
{
    (void)state;
    uint16_t port = 4000;
    unsigned ways = 0;
    for (enum say list = OK; list < SAYS; list++)
        for (enum say chain = OK; chain < SAYS; chain++) {
            struct rig *rig = rig_of(list);
            struct pki_id *id = chain ? bad_id(chain) : NULL;
            struct dbr_tls_ctx *tls = id ? rig_tls(id) : NULL;
            for (int i = 0; i < SAYS * SAYS; i++, ways++) {
                const enum say say[4] = {chain, list, i % SAYS, i / SAYS};
                one_way(rig, tls, say, port++);
            }
            rig_free(rig);
            if (id) {
                dbr_tls_ctx_put(tls);
                pki_free(id);
            }
        }
    assert_int_equal(ways, 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
