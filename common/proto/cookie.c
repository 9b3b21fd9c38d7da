/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/cookie.h"

#include "base/bytes.h"
#include "base/secret.h"
#include "base/siphash.h"

enum { SLOTS_ACCEPTED = 3 }; /* the current one and two before it */

/* Fields, never the struct: padding and what else a sockaddr carries must not count. */
static uint64_t cookie_of_slot(const struct dbr_cookie *c, uint64_t slot, const struct dbr_addr *addr,
                               uint64_t client_sid)
{
    uint8_t text[8 + 1 + 16 + 4 + 2 + 8];
    struct dbr_writer w;
    dbr_writer_init(&w, text, sizeof text);
    dbr_write64(&w, slot);
    dbr_write8(&w, addr->family);
    dbr_write_bytes(&w, addr->ip, 16);
    dbr_write32(&w, addr->scope);
    dbr_write16(&w, addr->port);
    dbr_write64(&w, client_sid);
    uint64_t sid = dbr_siphash(c->key, text, sizeof text);
    return sid ? sid : 1;
}

uint64_t dbr_cookie_make(const struct dbr_cookie *c, uint64_t now_s, const struct dbr_addr *addr,
                         uint64_t client_sid)
{
    return cookie_of_slot(c, now_s / c->slot_seconds, addr, client_sid);
}

bool dbr_cookie_check(const struct dbr_cookie *c, uint64_t now_s, const struct dbr_addr *addr,
                      uint64_t client_sid, uint64_t sid)
{
    uint64_t slot = now_s / c->slot_seconds;
    bool good = false;
    for (uint64_t age = 0; age < SLOTS_ACCEPTED; age++) {
        uint64_t expected = cookie_of_slot(c, slot - age, addr, client_sid);
        good |= dbr_secret_equal(&expected, &sid, sizeof sid);
    }
    return good;
}
