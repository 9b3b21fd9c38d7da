/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who enters by fingerprint: peer-fingerprint beside and instead of a CA, verify-hash, and
 * x509-username-field.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { A = 0x0a000001 };

static const char *print_of(const struct pki_id *id)
{
    static char text[4][65];
    static unsigned next;
    uint8_t hash[32];
    char *out = text[next++ % 4];
    assert_int_equal(X509_digest(id->cert, EVP_sha256(), hash, NULL), 1);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
    return out;
}

static bool enters(struct rig *rig, const char *cn, uint16_t port)
{
    struct caller *c = rig_call(rig, cn, A, port);
    rig_settle(rig);
    rig_run(rig, 3000);
    return rig_up(c) && rig_client(rig, cn);
}

static void test_listed(void **state)
{
    (void)state;
    char config[512];
    rig_free(rig_plain("")); /* the certificates are made with the first rig */
    snprintf(config, sizeof config, "peer-fingerprint %s\npeer-fingerprint %s", print_of(rig_id("alice")),
             print_of(rig_id("bob")));
    struct rig *rig = rig_plain(config);
    assert_true(enters(rig, "alice", 4000));
    assert_true(enters(rig, "bob", 4001));
    assert_false(enters(rig, "mallory", 4002));
    assert_true(rig_logged(rig, "not in peer-fingerprint"));
    /* The list loses alice, as a reload does it. */
    struct dbr_config *live = (struct dbr_config *)rig->ctl->cfg;
    live->peer_fingerprint.v[0][0] ^= 1;
    assert_int_equal(clients_revoke(rig->ctl), 1);
    rig_settle(rig);
    assert_null(rig_client(rig, "alice"));
    assert_non_null(rig_client(rig, "bob"));
    rig_free(rig);
}

static void test_issuer(void **state)
{
    (void)state;
    char config[256];
    snprintf(config, sizeof config, "verify-hash %s", print_of(rig_ca()));
    struct rig *rig = rig_plain(config);
    assert_true(enters(rig, "alice", 4000));
    rig_free(rig);
    snprintf(config, sizeof config, "verify-hash %s", print_of(rig_id("alice"))); /* not her issuer's */
    rig = rig_plain(config);
    assert_false(enters(rig, "alice", 4000));
    assert_true(rig_logged(rig, "not that of verify-hash"));
    rig_free(rig);
}

static void test_name_fields(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("x509-username-field O CN");
    struct caller *c = rig_call(rig, "alice", A, 4000);
    rig_settle(rig);
    assert_true(rig_up(c));
    assert_non_null(rig_client(rig, "Office_alice"));
    rig_free(rig);
    rig = rig_plain("x509-username-field emailAddress");
    assert_false(enters(rig, "alice", 4000));
    assert_true(rig_logged(rig, "no usable emailAddress"));
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listed),
        cmocka_unit_test(test_issuer),
        cmocka_unit_test(test_name_fields),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_pki_free();
    return failed;
}
