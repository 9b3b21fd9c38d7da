/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The whole parser on any bytes: as a configuration with its cross-checks and its dump, and as a client's
 * file. What the dump of a sound configuration says must be readable again and give the same dump. `config`
 * reads the input itself, so that inclusion is driven too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

struct text {
    size_t len;
    char bytes[1 << 20];
};

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    (void)arg, (void)severity;
    for (; *line; line++)
        if ((unsigned char)*line < 0x20)
            abort();
}

static int read_input(void *arg, const char *path, char **text, size_t *len)
{
    const struct input *in = arg;
    (void)path;
    *text = malloc(in->size + 1);
    if (!*text)
        return DBR_ERR_NOMEM;
    memcpy(*text, in->data, in->size);
    *len = in->size;
    return 0;
}

/* Blocks are not in the dump, and a word full of quotes may double beyond the longest line. */
static void keep_line(void *arg, const char *line)
{
    struct text *t = arg;
    size_t n = strlen(line);
    if (n > 1024 || strstr(line, "[inline]") || t->len + n + 2 > sizeof t->bytes)
        return;
    memcpy(t->bytes + t->len, line, n);
    t->bytes[t->len + n] = '\n';
    t->len += n + 1;
}

static void dump_again(const struct dbr_config *cfg, const struct dbr_conf_diag *diag)
{
    static struct text first, second;
    struct dbr_config again;
    first.len = second.len = 0;
    dbr_config_show(cfg, keep_line, &first);
    if (dbr_config_init(&again) != 0 || dbr_config_parse(&again, "dump", first.bytes, first.len, diag) != 0)
        abort();
    dbr_config_show(&again, keep_line, &second);
    if (first.len != second.len || memcmp(first.bytes, second.bytes, first.len) != 0)
        abort();
    dbr_config_free(&again);
}

static void as_configuration(const struct input *in, const struct dbr_conf_diag *diag)
{
    struct dbr_config cfg;
    if (dbr_config_init(&cfg) != 0)
        abort();
    int rc = dbr_config_parse(&cfg, "fuzz", (const char *)in->data, in->size, diag);
    if (rc == 0)
        dump_again(&cfg, diag);
    dbr_config_finish(&cfg, diag);
    dbr_config_free(&cfg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct dbr_conf_diag diag = {say, read_input, &in};
    struct dbr_client_config cc;
    as_configuration(&in, &diag);
    dbr_config_parse_ccd(&cc, "fuzz", (const char *)data, size, &diag);
    dbr_client_config_free(&cc);
    return 0;
}
