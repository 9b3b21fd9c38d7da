/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The shapes of keys, certificates and lists: the name of a file, or a block in the configuration.
 */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "conf/shape.h"

static void drop_blob(void *member)
{
    struct dbr_conf_blob *blob = member;
    if (blob->text)
        dbr_wipe(blob->text, blob->len);
    free(blob->text);
    free(blob->path);
    *blob = (struct dbr_conf_blob){.direction = blob->direction};
}

/* A block's bytes with every CR in front of a newline left out. */
static char *block_text(struct parse *p, size_t *len)
{
    char *text = conf_keep_bytes(p, p->block, p->block_len);
    size_t n = 0;
    if (!text)
        return NULL;
    for (size_t i = 0; i < p->block_len; i++)
        if (text[i] != '\r' || i + 1 == p->block_len || text[i + 1] != '\n')
            text[n++] = text[i];
    text[n] = 0;
    *len = n;
    return text;
}

/* Many profiles write `ca [inline]` and the block further down. */
static bool is_placeholder(const struct parse *p, const char *word)
{
    return !p->block && strcmp(word, "[inline]") == 0;
}

static int set_blob(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_blob *blob = member;
    struct dbr_conf_blob fresh = {.line = p->line, .direction = blob->direction};
    if (!p->block && argc == 0) { /* [FILE] */
        drop_blob(blob);
        blob->line = p->line;
        return 0;
    }
    if (p->block && p->block_len == 0)
        return conf_error(p, "the block is empty; put the PEM text between its lines");
    if (!p->block && is_placeholder(p, argv[0]))
        return 0;
    if (!p->block && !*argv[0])
        return conf_error(p, "empty; give the name of a file");
    if (p->block)
        fresh.text = block_text(p, &fresh.len);
    else
        fresh.path = conf_keep(p, argv[0]);
    if (!fresh.text && !fresh.path)
        return DBR_ERR_NOMEM;
    if (blob->path || blob->text)
        conf_warn(p, "given twice, first in line %u; only this one counts, remove the other", blob->line);
    drop_blob(blob);
    *blob = fresh;
    return 0;
}

static int set_tls_auth(struct parse *p, void *member, size_t argc, char *const *argv)
{
    struct dbr_conf_blob *blob = member;
    int direction = -1;
    int rc = argc > 1 ? conf_take_int(p, argv[1], &direction) : 0;
    if (rc == 0)
        rc = set_blob(p, member, argc, argv);
    if (rc == 0 && !p->block)
        blob->direction = direction;
    return rc;
}

static int set_tls_crypt_v2(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int index = 0;
    int rc = argc > 1 ? conf_take_choice(p, argv[1], "force-cookie|allow-noncookie", &index) : 0;
    if (rc == 0)
        rc = set_blob(p, member, argc, argv);
    if (rc == 0)
        ((struct dbr_conf_blob *)member)->noncookie = index == 1;
    return rc;
}

static int set_crl(struct parse *p, void *member, size_t argc, char *const *argv)
{
    int index = -1;
    int rc = argc > 1 ? conf_take_choice(p, argv[1], "dir", &index) : 0;
    if (rc == 0)
        rc = set_blob(p, member, argc, argv);
    if (rc == 0)
        ((struct dbr_conf_blob *)member)->dir = index == 0;
    return rc;
}

static int set_dh(struct parse *p, void *member, size_t argc, char *const *argv)
{
    if (p->block || strcmp(argv[0], "none") != 0)
        return set_blob(p, member, argc, argv);
    drop_blob(member);
    return 0;
}

static void show_blob(struct show *s, const void *member)
{
    const struct dbr_conf_blob *blob = member;
    if (!blob->path && !blob->text)
        return;
    conf_show_begin(s);
    conf_show_word(s, blob->path ? blob->path : "[inline]");
    if (blob->dir)
        conf_show_word(s, "dir");
    if (blob->noncookie)
        conf_show_word(s, "allow-noncookie");
    conf_show_end(s);
}

static void show_tls_auth(struct show *s, const void *member)
{
    const struct dbr_conf_blob *blob = member;
    if (!blob->path && !blob->text)
        return;
    conf_show_begin(s);
    conf_show_word(s, blob->path ? blob->path : "[inline]");
    if (blob->direction >= 0)
        conf_show_format(s, " %d", blob->direction);
    conf_show_end(s);
}

static void show_dh(struct show *s, const void *member)
{
    const struct dbr_conf_blob *blob = member;
    if (blob->path || blob->text || !DBR_IS_SET(s->cfg, dh)) {
        show_blob(s, member);
        return;
    }
    conf_show_begin(s);
    conf_show_word(s, "none");
    conf_show_end(s);
}

/* ---- the table ---- */

const struct shape conf_blobs[SHAPE_COUNT] = {
    [SHAPE_BLOB] = {set_blob, show_blob, drop_blob},
    [SHAPE_TLS_AUTH] = {set_tls_auth, show_tls_auth, drop_blob},
    [SHAPE_TLS_CRYPT_V2] = {set_tls_crypt_v2, show_blob, drop_blob},
    [SHAPE_CRL] = {set_crl, show_blob, drop_blob},
    [SHAPE_DH] = {set_dh, show_dh, drop_blob},
};
