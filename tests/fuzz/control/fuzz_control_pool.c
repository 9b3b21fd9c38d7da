/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A file of ifconfig-pool-persist: whatever stands in it, an address is in the pool and has one name, a name
 * one address.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct rig *rig;
    if (!rig)
        rig = rig_plain("ifconfig-pool-persist /nonexistent/pool 0");
    char *text = malloc(len + 1), *names = malloc(len + 1);
    if (!text || !names)
        abort();
    memcpy(text, data, len);
    text[len] = 0;
    memcpy(names, text, len + 1);
    pool_free(rig->ctl);
    if (pool_load(rig->ctl))
        abort();
    pool_parse(rig->ctl, text);
    char *rest = names;
    for (char *line; (line = strsep(&rest, "\n"));) {
        line[strcspn(line, ",")] = 0;
        uint32_t ip = pool_remembered(rig->ctl, line);
        if (ip && (ip < rig->cfg.ifconfig_pool.start || ip > rig->cfg.ifconfig_pool.end ||
                   !pool_is_anothers(rig->ctl, ip)))
            abort();
    }
    free(text);
    free(names);
    return 0;
}
