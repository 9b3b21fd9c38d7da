/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the threads of fetch share. Private to the room. Everything under the lock is small; nothing waits for
 * the network, the disk or a signature while it holds it.
 */
#ifndef DBR_FETCH_PARTS_H
#define DBR_FETCH_PARTS_H

#include "base/err.h"
#include "base/log.h"
#include "certs/crl.h"
#include "certs/trust.h"
#include "fetch/http.h"
#include "fetch/tag.h"
#include "ipc/boot.h"
#include "ipc/crlstate.h"
#include "ipc/messages.h"

#include <pthread.h>
#include <stdbool.h>

enum {
    ASKERS = 4,     /* threads that ask OCSP responders */
    ASKS_MAX = 512, /* questions that wait */
    FILES_MAX = 64, /* files that wait to be verified */
    OFFERS_MAX = 8, /* verified lists that control has not answered for */
    RESPONDERS = 8, /* of which we remember that they are down */
};

/* On its own: from gcc 13 on one value beyond int makes all of its enum unsigned. */
enum { URL_TICKETS = 1u << 31 };

/* What control wants; never changes once it is published, counted. */
struct setting {
    unsigned refs;
    struct dbr_issuers *issuers; /* NULL: control sent no CA */
    struct ssl_ctx_st *tls;
    uint64_t recalled;  /* generation of the memory that control has in force */
    uint32_t period_s;  /* 0: no crl-url */
    uint8_t id[TAG_ID]; /* SHA-256 of url, 0, CA: under it a tag on disk is believed */
    char url[DBR_IPC_URL_MAX];
};

/* For the verify thread: a file (fd >= 0) or what became of an offer. */
struct file_job {
    struct file_job *next;
    int fd;
    uint32_t ticket, source;
    bool taken;
    size_t n;
    char text[DBR_IPC_TEXT_MAX];
};

struct ask_job {
    struct ask_job *next;
    struct dbr_ipc_ocsp_ask ask;
};

/* A verified list that control has been shown. */
struct offer {
    struct offer *next;
    uint32_t ticket, source;
    uint8_t *bytes; /* as received */
    size_t len, n;
    char tag[TAG_TEXT_MAX]; /* of a fetched one */
    size_t tag_len;
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS];
};

struct responder {
    char url[DBR_IPC_URL_MAX];
    uint64_t until_ms; /* not asked again before */
};

struct fetch {
    const struct dbr_boot *boot;
    const struct dbr_log *log;
    struct dbr_trust *trust; /* what control has accepted, for the certificates of responders; own lock */

    pthread_mutex_t lock; /* all below */
    pthread_cond_t set, file, ask;
    struct setting *setting; /* NULL until control spoke */
    unsigned settings;       /* counts them */
    struct file_job *files, **files_end;
    unsigned n_files;
    struct ask_job *asks, **asks_end;
    unsigned n_asks;
    struct offer *offers; /* newest first */
    struct responder down[RESPONDERS];
    uint32_t url_ticket;
    char tag[TAG_TEXT_MAX]; /* of the fetched list on disk */
    size_t tag_len;         /* 0: there is none, or it may not be there after a restart */
    uint64_t tag_generation;

    struct dbr_crlstate state; /* verify thread, once there are threads */
};

/* fetch.c */
uint64_t fetch_now_ms(void); /* monotonic */
int64_t fetch_unix(void);
/* Sends to control, waiting for room for at most 10 s; a loss is logged. */
void fetch_send(struct fetch *f, const void *msg, int fd);
struct setting *setting_get(struct fetch *f); /* NULL before control spoke */
void setting_put(struct fetch *f, struct setting *s);

/* lists.c */
/* Verifies bytes (consumed) and shows control the image. tag: what the web server said of its version, NULL
 * if it was not fetched. 0, or the error of dbr_crl_parse_file with its reason in why. */
int lists_offer(struct fetch *f, const struct setting *s, uint32_t ticket, uint32_t source, uint8_t *bytes,
                size_t len, const struct http_tag *tag, char *why, size_t cap);
/* The tag of the fetched list on disk, if it was fetched under this setting and control has that list in
 * force; else empty. Under the lock. */
void lists_tag(const struct fetch *f, const struct setting *s, struct http_tag *tag);
void lists_recall(struct fetch *f); /* reads the memory on disk, before there are threads */
void lists_refuse(struct fetch *f, uint32_t ticket, uint32_t source, int err, const char *why);
void *lists_main(void *fetch);

/* url.c */
void *url_main(void *fetch);

/* ask.c */
void *ask_main(void *fetch);

#endif
