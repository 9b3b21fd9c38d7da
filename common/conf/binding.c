/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How the socket of one call is bound: what its <connection> block says, over what the file says for all.
 */
#include "conf/config.h"

#include <string.h>

static bool says_bind(const struct dbr_conf_remote *r)
{
    return r->bind > 0 || r->lport >= 0 || (r->local && r->local_port);
}

void dbr_conf_binding(struct dbr_conf_binding *out, const struct dbr_config *cfg,
                      const struct dbr_conf_remote *r)
{
    const struct dbr_conf_local *l = cfg->local.n ? &cfg->local.v[0] : NULL;
    bool nobind = r->nobind >= 0 ? r->nobind : !says_bind(r) && cfg->nobind;
    bool bound = says_bind(r) || cfg->bind.on || DBR_IS_SET(cfg, lport) || (l && l->port);
    int local_port = r->local ? r->local_port : l ? l->port : 0;
    *out = (struct dbr_conf_binding){.host = r->local ? r->local
                                             : l      ? l->host
                                                      : NULL,
                                     .proto = r->proto >= 0 ? r->proto : cfg->proto};
    out->v6only =
        r->bind >= 0 ? r->bind == DBR_BIND_V6ONLY : cfg->bind.name && strcmp(cfg->bind.name, "ipv6only") == 0;
    if (bound && !nobind)
        out->port = local_port ? local_port : r->lport >= 0 ? r->lport : cfg->lport;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool dbr_conf_binding_same(const struct dbr_conf_binding *a, const struct dbr_conf_binding *b)
{
    return same_text(a->host, b->host) && a->port == b->port && a->v6only == b->v6only &&
           a->proto == b->proto;
}
