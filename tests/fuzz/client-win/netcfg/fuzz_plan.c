/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages of an engine that lies, as the pipe gives them (length in one byte, then the message): whatever is
 * planned touches nothing but the TAP, and single hosts and networks beside it.
 */
#include "client-win/netcfg/wall.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TAP = 7 };

static void judge(const struct dbr_net_plan *p)
{
    if (p->ops > DBR_NET_OPS)
        abort();
    for (size_t i = 0; i < p->ops; i++) {
        const struct dbr_net_op *o = &p->op[i];
        bool few = o->dst.prefix >= (o->family == 4 ? 8 : 16);
        if (o->kind == DBR_NET_OP_ROUTE && (o->dst.prefix == 0 || (o->luid != TAP && (o->luid || !few))))
            abort();
        if (o->kind == DBR_NET_OP_ADDRESS && !dbr_net_is_unicast(o->family, o->dst.ip))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dbr_netcfg n;
    static struct dbr_net_plan p;
    static struct dbr_wall_rule rule[DBR_WALL_RULES];
    char why[DBR_NET_WHY];
    memset(&n, 0, sizeof n);
    while (size && data[0] < size) {
        struct dbr_pm m;
        if (dbr_pm_decode(&m, DBR_PM_ENGINE_TO_SERVICE, data + 1, data[0], NULL) == 0)
            dbr_netcfg_take(&n, &m, why);
        size -= data[0] + 1u;
        data += data[0] + 1u;
    }
    if (dbr_netcfg_plan(&n, TAP, &p, why) != 0)
        return 0;
    judge(&p);
    if (dbr_wall_make(&p, rule) > DBR_WALL_RULES)
        abort();
    return 0;
}
