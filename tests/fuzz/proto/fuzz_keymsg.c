/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The key method 2 message. The first byte says whose it is; what parses must come back the same when
 * written.
 */
#include "fuzz.h"

#include "proto/keymsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dbr_keymsg m, again;
    static uint8_t out[DBR_KEYMSG_MAX];
    if (size < 1)
        return 0;
    bool client = data[0] & 1;
    size_t len = size - 1;
    int at_end = dbr_keymsg_parse(&m, client, data + 1, len, true);
    int more = dbr_keymsg_parse(&again, client, data + 1, len, false);
    PROMISE(at_end == DBR_ERR_SHAPE || (at_end > 0 && (size_t)at_end <= len));
    PROMISE(more == at_end || more == DBR_ERR_AGAIN);
    if (at_end < 0)
        return 0;
    int n = dbr_keymsg_write(&m, client, out, sizeof out);
    PROMISE(n > 0);
    PROMISE(dbr_keymsg_parse(&again, client, out, (size_t)n, false) == n);
    PROMISE(!memcmp(m.random1, again.random1, 32) && !memcmp(m.random2, again.random2, 32));
    PROMISE(!strcmp(m.options, again.options) && !strcmp(m.username, again.username));
    PROMISE(!strcmp(m.password, again.password) && !strcmp(m.peer_info, again.peer_info));
    return 0;
}
