/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/passphrase.h"
#include "base/err.h"
#include "base/secret.h"
#include "keeper/prompt.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_MAX = 65536, KEY_PATH = 1024 };

#define PROMPT "Enter Private Key Password:"

bool passphrase_needed(const char *pem)
{
    return strstr(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || strstr(pem, "Proc-Type: 4,ENCRYPTED");
}

/* A key that cannot be read is control's to complain about. */
static bool file_needs_it(const struct dbr_config *cfg, const char *cd)
{
    static char text[KEY_MAX];
    char path[KEY_PATH];
    const char *name = cfg->key.path;
    snprintf(path, sizeof path, "%s%s%s", *name != '/' && cd ? cd : "", *name != '/' && cd ? "/" : "", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    bool yes = passphrase_needed(text);
    dbr_wipe(text, sizeof text);
    return yes;
}

static bool key_needs_it(const struct dbr_config *cfg, const char *cd)
{
    return cfg->key.text ? passphrase_needed(cfg->key.text) : cfg->key.path && file_needs_it(cfg, cd);
}

bool passphrase_locks(const struct dbr_config *cfg)
{
    return cfg->pkcs12.path || cfg->pkcs12.text || key_needs_it(cfg, NULL);
}

static bool is_needed(const struct dbr_config *cfg)
{
    if (cfg->askpass.name || (cfg->management_query_passwords && cfg->management.address))
        return false; /* a file has it, or the managers are asked */
    if (cfg->askpass.on)
        return true;
    return key_needs_it(cfg, cfg->cd);
}

int passphrase_ask(const struct dbr_config *cfg, char *out, size_t cap)
{
    *out = 0;
    if (!is_needed(cfg))
        return 0;
    if (prompt_line(PROMPT, false, out, cap))
        return 0;
    fprintf(stderr, "the private key is encrypted and there is nobody to ask: start on a terminal or under "
                    "systemd, or add `askpass FILE`\n");
    return DBR_ERR_CONFIG;
}
