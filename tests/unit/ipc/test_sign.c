/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages between control and the signer: what each type may say, and every field that another type has.
 */
#include "base/err.h"
#include "ipc/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
    const char *name;
    struct dbr_sign_head head;
    bool good;
} cases[] = {
    {"a question", {.type = DBR_SIGN_ASK, .scheme = 0x804, .ticket = 1, .n = 130, .key = {1}}, true},
    {"the longest", {.type = DBR_SIGN_ASK, .n = DBR_SIGN_BYTES_MAX}, true},
    {"too long", {.type = DBR_SIGN_ASK, .n = DBR_SIGN_BYTES_MAX + 1}, false},
    {"without a message", {.type = DBR_SIGN_ASK, .scheme = 0x804, .ticket = 1}, false},
    {"a question with an error", {.type = DBR_SIGN_ASK, .err = -1}, false},
    {"a question with roots", {.type = DBR_SIGN_ASK, .n = 130, .n_ca = 1}, false},
    {"a passphrase", {.type = DBR_SIGN_PASS, .n = DBR_SIGN_PASS_MAX}, true},
    {"an empty passphrase", {.type = DBR_SIGN_PASS}, false},
    {"a long passphrase", {.type = DBR_SIGN_PASS, .n = DBR_SIGN_PASS_MAX + 1}, false},
    {"a passphrase for a key", {.type = DBR_SIGN_PASS, .n = 1, .key = {[31] = 1}}, false},
    {"a passphrase with a ticket", {.type = DBR_SIGN_PASS, .n = 1, .ticket = 1}, false},
    {"who", {.type = DBR_SIGN_WHO}, true},
    {"who with bytes", {.type = DBR_SIGN_WHO, .n = 1}, false},
    {"use", {.type = DBR_SIGN_USE, .ticket = 60, .key = {1}}, true},
    {"use with a scheme", {.type = DBR_SIGN_USE, .scheme = 1, .key = {1}}, false},
    {"a signature", {.type = DBR_SIGN_DONE, .ticket = 1, .n = 256}, true},
    {"a long signature", {.type = DBR_SIGN_DONE, .ticket = 1, .n = DBR_SIGN_SIGNATURE_MAX + 1}, false},
    {"no signature", {.type = DBR_SIGN_DONE, .ticket = 1}, false},
    {"a refusal", {.type = DBR_SIGN_DONE, .ticket = 1, .err = -1}, true},
    {"a refusal with bytes", {.type = DBR_SIGN_DONE, .ticket = 1, .err = -1, .n = 1}, false},
    {"a positive error", {.type = DBR_SIGN_DONE, .ticket = 1, .err = 1}, false},
    {"a key", {.type = DBR_SIGN_KEY, .key = {1}}, true},
    {"a key and certificates", {.type = DBR_SIGN_KEY, .n = 100, .n_ca = 100}, true},
    {"more roots than bytes", {.type = DBR_SIGN_KEY, .n = 100, .n_ca = 101}, false},
    {"no key", {.type = DBR_SIGN_KEY, .err = -1}, true},
    {"type 0", {.type = 0}, false},
    {"an unknown type", {.type = DBR_SIGN_TYPES}, false},
    {"a large type", {.type = 0xffff}, false},
};

static void each_case(void **state)
{
    (void)state;
    uint8_t *buf = calloc(1, DBR_SIGN_MAX + 2);
    struct dbr_sign_head h;
    const uint8_t *bytes;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct dbr_sign_head *c = &cases[i].head;
        memcpy(buf, c, sizeof *c);
        int err = dbr_sign_check(buf, sizeof *c + c->n, &h, &bytes);
        if ((err == 0) != cases[i].good)
            fail_msg("%s: %d", cases[i].name, err);
        assert_int_equal(dbr_sign_check(buf, sizeof *c + c->n + 1, &h, &bytes), DBR_ERR_SHAPE);
        assert_int_equal(dbr_sign_check(buf, sizeof *c + c->n - 1, &h, &bytes), DBR_ERR_SHAPE);
    }
    for (size_t n = 0; n < sizeof h; n++)
        assert_int_equal(dbr_sign_check(buf, n, &h, &bytes), DBR_ERR_SHAPE);
    free(buf);
}

static void over_a_pair(void **state)
{
    (void)state;
    int pair[2], room = 1 << 20;
    uint8_t *buf = malloc(DBR_SIGN_MAX), *big = calloc(1, DBR_SIGN_MAX + 1);
    struct dbr_sign_head h, ask = {.type = DBR_SIGN_ASK, .n = DBR_SIGN_BYTES_MAX, .ticket = 7};
    const uint8_t *bytes;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    assert_int_equal(dbr_sign_recv(pair[1], buf, &h, &bytes), DBR_ERR_AGAIN);
    big[DBR_SIGN_BYTES_MAX - 1] = 9;
    assert_int_equal(dbr_sign_send(pair[0], &ask, big), 0);
    assert_int_equal(dbr_sign_recv(pair[1], buf, &h, &bytes), 0);
    assert_int_equal(h.ticket, 7);
    assert_int_equal(bytes[h.n - 1], 9);
    assert_int_equal(send(pair[0], big, DBR_SIGN_MAX + 1, 0), DBR_SIGN_MAX + 1); /* one byte too long */
    assert_int_equal(dbr_sign_recv(pair[1], buf, &h, &bytes), DBR_ERR_SHAPE);
    int sent = 0;
    while (sent < 1000 && !dbr_sign_send(pair[0], &ask, big))
        sent++;
    assert_in_range(sent, 1, 999); /* a full socket says so, and does not wait */
    while (!dbr_sign_recv(pair[1], buf, &h, &bytes))
        sent--;
    assert_int_equal(sent, 0);
    close(pair[0]);
    assert_int_equal(dbr_sign_recv(pair[1], buf, &h, &bytes), DBR_ERR_NOTFOUND);
    close(pair[1]);
    free(buf);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_case), cmocka_unit_test(over_a_pair)};
    return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
