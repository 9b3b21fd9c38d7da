/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/keys.h"
#include "base/err.h"
#include "base/secret.h"
#include "ipc/blank.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SOURCES = 2 };

struct source {
    enum dbr_directive which;
    enum dbr_keys_part part;
    const char *path, *text; /* one of the two, or none */
    size_t len;
};

static bool given(const struct dbr_conf_blob *b)
{
    return b->path || b->text;
}

bool keys_wanted(const struct dbr_config *c)
{
    return (given(&c->key) || given(&c->pkcs12)) && !DBR_IS_SET(c, management_external_key);
}

static void list(const struct dbr_config *c, struct source out[SOURCES])
{
    const struct dbr_conf_blob *b = given(&c->pkcs12) ? &c->pkcs12 : &c->key;
    out[0] = (struct source){DBR_D_key, DBR_KEYS_KEY, b->path, b->text, b->len};
    if (b == &c->pkcs12) {
        out[0].which = DBR_D_pkcs12;
        out[0].part = b->text ? DBR_KEYS_PKCS12_TEXT : DBR_KEYS_PKCS12;
    }
    out[1] = (struct source){.which = DBR_D_askpass, .part = DBR_KEYS_PASS, .path = c->askpass.name};
}

static int memory_file(const char *text, size_t len)
{
    int fd = memfd_create("key", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, text, len) != (ssize_t)len) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void complain(struct keeper *k, const struct dbr_config *c, const struct source *s)
{
    unsigned line;
    const char *file = dbr_config_where(c, s->which, &line);
    dbr_log(&k->log, DBR_LOG_FATAL,
            "%s:%u: %s: %s%scannot open: %s; check the path (relative to `cd`) and its rights", file, line,
            dbr_directive_info(s->which)->keyword, s->path ? s->path : "", s->path ? ": " : "",
            strerror(errno));
}

static int send_part(struct keeper *k, const struct dbr_config *c, enum dbr_directive which,
                     enum dbr_keys_part part, int fd)
{
    struct dbr_ipc_keys m = {.head = dbr_ipc_head(DBR_IPC_KEYS, sizeof m, 0), .what = part};
    unsigned line;
    const char *file = dbr_config_where(c, which, &line);
    snprintf(m.where, sizeof m.where, "%s:%u", file, line);
    return dbr_ipc_send(k->child[CHILD_SIGNER].ipc, &m, fd);
}

int keys_send(struct keeper *k, const struct dbr_config *c)
{
    struct source s[SOURCES];
    int fd[SOURCES] = {-1, -1}, err = 0;
    list(c, s);
    for (int i = 0; !err && i < SOURCES; i++) {
        if (!s[i].path && !s[i].text)
            continue;
        fd[i] = s[i].text ? memory_file(s[i].text, s[i].len)
                          : open(s[i].path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd[i] >= 0)
            continue;
        complain(k, c, &s[i]);
        err = DBR_ERR_CONFIG;
    }
    if (!err)
        err = send_part(k, c, s[0].which, DBR_KEYS_BEGIN, -1);
    for (int i = 0; !err && i < SOURCES; i++)
        if (fd[i] >= 0)
            err = send_part(k, c, s[i].which, s[i].part, fd[i]);
    for (int i = 0; i < SOURCES; i++)
        if (fd[i] >= 0)
            close(fd[i]);
    if (err && err != DBR_ERR_CONFIG)
        dbr_log(&k->log, DBR_LOG_ERROR, "the private key cannot be handed to the signer: %s",
                dbr_err_text(err));
    return err;
}

static void blank(struct dbr_conf_blob *b)
{
    if (b->text)
        dbr_blank_keys(b->text, b->len, false);
}

void keys_forget(struct dbr_config *c)
{
    struct dbr_conf_blob *const secret[] = {&c->key, &c->pkcs12};
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
        if (secret[i]->text)
            dbr_wipe(secret[i]->text, secret[i]->len);
    blank(&c->ca);
    blank(&c->cert);
    blank(&c->extra_certs);
}
