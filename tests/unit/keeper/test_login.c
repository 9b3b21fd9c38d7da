/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an auth-user-pass file or block may look like.
 */
#include "base/err.h"
#include "keeper/login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *text, *user, *pass; /* user NULL: refused */
} files[] = {
    {"alice\nsecret\n", "alice", "secret"},
    {"alice\nsecret", "alice", "secret"},
    {"alice\r\nsecret\r\nmore\r\n", "alice", "secret"},
    {"al ice\n se cret \n", "al ice", " se cret "},
    {"alice\n", "alice", ""},
    {"alice", "alice", ""},
    {"alice\n\nx", "alice", ""},
    {"", NULL, NULL},
    {"\nsecret\n", NULL, NULL},
};

static void files_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct dbr_ipc_login l = {.err = 0};
        int err = login_parse(&l, files[i].text);
        if ((err == 0) != (files[i].user != NULL))
            fail_msg("[%s]: %d", files[i].text, err);
        if (err)
            continue;
        assert_string_equal(l.user, files[i].user);
        assert_string_equal(l.pass, files[i].pass);
    }
}

/* Either line as long as its field, and one byte more. */
static void long_lines(void **state)
{
    (void)state;
    for (size_t line = 0; line < 2; line++)
        for (size_t more = 0; more < 2; more++) {
            char text[3 * DBR_IPC_LOGIN_MAX] = "a\n";
            struct dbr_ipc_login l;
            memset(text + 2 * line, 'x', DBR_IPC_LOGIN_MAX - 1 + more);
            assert_int_equal(login_parse(&l, text), more ? DBR_ERR_SHAPE : 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_are_read), cmocka_unit_test(long_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
