/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lists: verified here, shown to control as an image in a sealed memory file, and kept on disk when control
 * has taken them. One thread verifies what control passes on; the url thread verifies its own.
 */
#include "fetch/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- offers ---- */

static void free_offer(struct offer *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->n; i++)
        dbr_crl_free(o->lists[i]);
    free(o->bytes);
    free(o);
}

/* Control answers for each; what it died over is dropped when newer ones come. */
static void add_offer(struct fetch *f, struct offer *o)
{
    struct offer *old = NULL;
    pthread_mutex_lock(&f->lock);
    o->next = f->offers;
    f->offers = o;
    struct offer **at = &f->offers;
    for (int i = 0; *at && i < OFFERS_MAX; i++)
        at = &(*at)->next;
    old = *at;
    *at = NULL;
    pthread_mutex_unlock(&f->lock);
    while (old) {
        struct offer *next = old->next;
        free_offer(old);
        old = next;
    }
}

static struct offer *take_offer(struct fetch *f, uint32_t ticket)
{
    pthread_mutex_lock(&f->lock);
    struct offer **at = &f->offers;
    while (*at && (*at)->ticket != ticket)
        at = &(*at)->next;
    struct offer *o = *at;
    if (o)
        *at = o->next;
    pthread_mutex_unlock(&f->lock);
    return o;
}

/* ---- images ---- */

static int write_all(int fd, const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        ssize_t did = write(fd, bytes, n);
        if (did < 0 && errno == EINTR)
            continue;
        if (did <= 0)
            return DBR_ERR_IO;
        bytes += did;
        n -= (size_t)did;
    }
    return 0;
}

/* All images of an offer in one memory file, which nobody can change any more. */
static int make_image(const struct offer *o, struct dbr_ipc_crl_image *m)
{
    static const uint8_t zero[8];
    int fd = memfd_create("crl", MFD_CLOEXEC | MFD_ALLOW_SEALING), err = fd < 0 ? DBR_ERR_IO : 0;
    for (size_t i = 0; i < o->n && !err; i++) {
        size_t len;
        const uint8_t *image = dbr_crl_image(o->lists[i], &len);
        m->size[i] = len;
        err = write_all(fd, image, len);
        if (!err && len % 8)
            err = write_all(fd, zero, 8 - len % 8);
    }
    if (!err && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
        err = DBR_ERR_IO;
    m->n = (uint32_t)o->n;
    if (!err)
        return fd;
    if (fd >= 0)
        close(fd);
    return err;
}

void lists_refuse(struct fetch *f, uint32_t ticket, uint32_t source, int err, const char *why)
{
    struct dbr_ipc_crl_image m = {
        .head = dbr_ipc_head(DBR_IPC_CRL_IMAGE, sizeof m, 0), .ticket = ticket, .source = source, .err = err};
    snprintf(m.why, sizeof m.why, "%s", why);
    fetch_send(f, &m, -1);
}

static int show(struct fetch *f, struct offer *o)
{
    struct dbr_ipc_crl_image m = {
        .head = dbr_ipc_head(DBR_IPC_CRL_IMAGE, sizeof m, 0), .ticket = o->ticket, .source = o->source};
    int fd = make_image(o, &m);
    if (fd < 0)
        return fd;
    add_offer(f, o);
    fetch_send(f, &m, fd);
    close(fd);
    return 0;
}

int lists_offer(struct fetch *f, const struct setting *s, uint32_t ticket, uint32_t source, uint8_t *bytes,
                size_t len, const struct http_tag *tag, char *why, size_t cap)
{
    struct offer *o = calloc(1, sizeof *o);
    int err = o ? 0 : DBR_ERR_NOMEM;
    if (!o) {
        free(bytes);
        return err;
    }
    *o = (struct offer){.ticket = ticket, .source = source, .bytes = bytes, .len = len};
    if (tag && s)
        o->tag_len = tag_write(o->tag, s->id, tag);
    snprintf(why, cap, "no CA certificates: name them with `ca`");
    err = s && s->issuers
              ? dbr_crl_parse_file(o->lists, &o->n, s->issuers, bytes, len, fetch_unix(), why, cap)
              : DBR_ERR_CONFIG;
    if (!err) {
        err = show(f, o);
        if (err)
            snprintf(why, cap, "no memory for its image: %s", dbr_err_text(err));
    }
    if (err)
        free_offer(o);
    return err;
}

/* ---- files that control passed on ---- */

static uint8_t *read_file(int fd, size_t *len, char *why, size_t cap)
{
    struct stat st;
    size_t at = 0;
    snprintf(why, cap, "cannot be read");
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return NULL;
    if (st.st_size > DBR_CRL_MAX_BYTES) {
        snprintf(why, cap, "larger than %d MiB", DBR_CRL_MAX_BYTES >> 20);
        return NULL;
    }
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    while (bytes && at < (size_t)st.st_size) {
        ssize_t n = pread(fd, bytes + at, (size_t)st.st_size - at, (off_t)at);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    *len = at;
    return bytes;
}

static void verify_file(struct fetch *f, const struct file_job *job)
{
    char why[DBR_IPC_WHY_MAX] = "";
    size_t len = 0;
    struct setting *s = setting_get(f);
    uint8_t *bytes = read_file(job->fd, &len, why, sizeof why);
    int err =
        bytes ? lists_offer(f, s, job->ticket, job->source, bytes, len, NULL, why, sizeof why) : DBR_ERR_IO;
    if (err)
        lists_refuse(f, job->ticket, job->source, err, why);
    setting_put(f, s);
    close(job->fd);
}

/* ---- the memory on disk ---- */

static enum dbr_crlstate_part part_of(uint32_t source)
{
    return source == DBR_CRL_FROM_URL ? DBR_CRLSTATE_URL : DBR_CRLSTATE_PUSH;
}

/* A tag may be shown only while its list would be recalled from the disk. */
static void note_tag(struct fetch *f, bool durable)
{
    size_t n = f->state.part[DBR_CRLSTATE_TAG].len;
    pthread_mutex_lock(&f->lock);
    f->tag_len = 0;
    if (durable && f->boot->crl_state[0] >= 0 && n && n <= sizeof f->tag) {
        memcpy(f->tag, f->state.part[DBR_CRLSTATE_TAG].bytes, n);
        f->tag_len = n;
        f->tag_generation = f->state.generation;
    }
    pthread_mutex_unlock(&f->lock);
}

void lists_tag(const struct fetch *f, const struct setting *s, struct http_tag *tag)
{
    tag_read(tag, s->id, f->tag, s->recalled == f->tag_generation ? f->tag_len : 0);
}

void lists_recall(struct fetch *f)
{
    int err = dbr_crlstate_read(&f->state, f->boot->crl_state);
    if (err)
        dbr_log(f->log, DBR_LOG_ERROR, "ALARM: the memory of accepted CRLs is damaged and is begun anew");
    note_tag(f, !err);
}

static void keep(struct fetch *f, const struct offer *o, const struct file_job *job)
{
    int err = dbr_crlstate_set(&f->state, DBR_CRLSTATE_TEXT, job->text, job->n);
    if (!err && o->source != DBR_CRL_FROM_FILE)
        err = dbr_crlstate_set(&f->state, part_of(o->source), o->bytes, o->len);
    if (!err && o->source == DBR_CRL_FROM_URL)
        err = dbr_crlstate_set(&f->state, DBR_CRLSTATE_TAG, o->tag, o->tag_len);
    if (!err)
        err = dbr_crlstate_write(&f->state, f->boot->crl_state);
    note_tag(f, !err);
    if (err)
        dbr_log(
            f->log, DBR_LOG_ERROR,
            "ALARM: the accepted CRL could not be remembered on disk (%s): a restart may believe an older "
            "one; make room in the folder of state-dir",
            err == DBR_ERR_IO ? strerror(errno) : dbr_err_text(err));
}

static void settle_offer(struct fetch *f, const struct file_job *job)
{
    char why[DBR_IPC_WHY_MAX];
    struct offer *o = take_offer(f, job->ticket);
    if (o && job->taken) {
        for (size_t i = 0; i < o->n; i++)
            dbr_trust_accept(f->trust, o->lists[i], why, sizeof why);
        keep(f, o, job);
    }
    free_offer(o);
}

/* ---- the thread ---- */

static struct file_job *next_job(struct fetch *f)
{
    pthread_mutex_lock(&f->lock);
    while (!f->files)
        pthread_cond_wait(&f->file, &f->lock);
    struct file_job *job = f->files;
    f->files = job->next;
    if (!f->files)
        f->files_end = &f->files;
    f->n_files--;
    pthread_mutex_unlock(&f->lock);
    return job;
}

void *lists_main(void *fetch)
{
    struct fetch *f = fetch;
    for (;;) {
        struct file_job *job = next_job(f);
        if (job->fd >= 0)
            verify_file(f, job);
        else
            settle_offer(f, job);
        free(job);
    }
    return NULL;
}
