/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whoever may open the pipe writes into it: the first byte is the way, the rest one message. What passes is
 * within every bound that receivers rely on, and writes back as the same bytes.
 */
#include "client-win/base/utf.h"
#include "client-win/pipe/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static void line(const char *text, size_t size)
{
    must(memchr(text, 0, size) != NULL && dbr_utf8_is_line(text, strlen(text)));
}

static void family(uint8_t family, uint8_t prefix)
{
    must((family == 4 && prefix <= 32) || (family == 6 && prefix <= 128));
}

static void read_as_receiver(const struct dbr_pm *m)
{
    switch (m->type) {
    case DBR_PM_CONNECT:
    case DBR_PM_START: must(dbr_pm_id_is_good(m->connect.id)); break;
    case DBR_PM_ANSWER:
        must(m->answer.kind >= 1 && m->answer.kind <= 3);
        line(m->answer.user, sizeof m->answer.user);
        line(m->answer.secret, sizeof m->answer.secret);
        break;
    case DBR_PM_STATE:
        must(m->state.state < DBR_PM_STATES);
        line(m->state.text, sizeof m->state.text);
        line(m->state.address, sizeof m->state.address);
        break;
    case DBR_PM_ASK:
        must(m->ask.kind >= 1 && m->ask.kind <= 3 && m->ask.echo <= 1);
        line(m->ask.text, sizeof m->ask.text);
        break;
    case DBR_PM_LOG: line(m->log.line, sizeof m->log.line); break;
    case DBR_PM_NET_ADDRESS: family(m->net_address.family, m->net_address.prefix); break;
    case DBR_PM_NET_ROUTE:
        family(m->net_route.family, m->net_route.prefix);
        must(m->net_route.what >= 1 && m->net_route.what <= 2 && m->net_route.metric < 10000);
        break;
    case DBR_PM_NET_SEARCH:
        must(memchr(m->net_search.domain, 0, sizeof m->net_search.domain) && m->net_search.domain[0]);
        break;
    case DBR_PM_NET_MTU: must(m->net_mtu.mtu >= 576 && m->net_mtu.mtu <= 9000); break;
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    enum dbr_pm_way way = (enum dbr_pm_way)(1 << (data[0] & 3));
    struct dbr_pm m;
    const char *why = NULL;
    if (dbr_pm_decode(&m, way, data + 1, size - 1, &why) != 0) {
        must(why != NULL && m.type == 0);
        return 0;
    }
    read_as_receiver(&m);
    uint8_t again[DBR_PM_MAX];
    must(dbr_pm_encode(&m, way, again) == size - 1 && memcmp(again, data + 1, size - 1) == 0);
    return 0;
}
