/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The keeper's side of scripts for the tests of control: what it is asked, and what it answers.
 */
#ifndef DBR_TESTS_CONTROL_HOOKED_H
#define DBR_TESTS_CONTROL_HOOKED_H

#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { A = 0x0a000001 };

/* The next script that keeper is asked for, as text; NULL: none. */
static inline const struct dbr_ipc_hook *asked(struct rig *rig)
{
    static union {
        struct dbr_ipc_hook hook;
        uint64_t room[DBR_IPC_MAX / 8];
    } m;
    rig_settle(rig);
    for (;;) {
        memset(&m, 0, sizeof m);
        ssize_t n = recv(rig->keeper, &m, sizeof m, MSG_DONTWAIT);
        if (n <= 0)
            return NULL;
        assert_int_equal(dbr_ipc_check(&m, (size_t)n), 0);
        if (m.hook.head.type == DBR_IPC_HOOK)
            return &m.hook;
    }
}

static inline const struct dbr_ipc_hook *must_ask(struct rig *rig, enum dbr_hook hook)
{
    const struct dbr_ipc_hook *m = asked(rig);
    assert_non_null(m);
    assert_int_equal(m->hook, hook);
    return m;
}

static inline bool says(const struct dbr_ipc_hook *m, const char *line)
{
    return memmem(m->text, m->n, line, strlen(line)) != NULL;
}

static inline void result(struct rig *rig, uint32_t id, int err, const char *text)
{
    struct dbr_ipc_hook_done d = {.id = id, .err = err, .n = (uint32_t)strlen(text)};
    memcpy(d.text, text, d.n);
    d.head = dbr_ipc_head(DBR_IPC_HOOK_DONE, offsetof(struct dbr_ipc_hook_done, text) + d.n, 0);
    rig_keeper_says(rig, &d, -1);
    rig_run(rig, 200);
}

#endif
