/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pushed options: the first line is the client's own configuration (for its filters), the rest comes from the
 * server. Nothing may become an error, carry foreign bytes into the log, or set a directive that is not
 * pushable.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    const bool *pushed = arg;
    for (const char *c = line; *c && *pushed; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
            abort();
    if (*pushed && severity == DBR_CONF_ERROR)
        abort();
}

static void only_pushable(const struct dbr_config *pulled)
{
    for (int i = 0; i < DBR_D_COUNT; i++)
        if (pulled->set[i].line && !strchr(dbr_directive_info((enum dbr_directive)i)->scope, 'p'))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;
    size_t own_len = nl ? (size_t)(nl - data) : 0, at = nl ? own_len + 1 : 0;
    struct dbr_config own, pulled;
    bool pushed = false;
    struct dbr_conf_diag diag = {say, NULL, &pushed};
    if (dbr_config_init(&own) != 0 || dbr_config_init(&pulled) != 0)
        abort();
    dbr_config_parse(&own, "own", (const char *)data, own_len, &diag);
    pushed = true;
    dbr_config_parse_pushed(&pulled, &own, (const char *)data + at, size - at, &diag);
    only_pushable(&pulled);
    dbr_config_free(&own);
    dbr_config_free(&pulled);
    return 0;
}
