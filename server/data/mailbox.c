/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/mailbox.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

int mailbox_init(struct mailbox *m, size_t bytes)
{
    memset(m, 0, sizeof *m);
    m->mask = bytes - 1;
    m->bytes = calloc(1, bytes);
    return m->bytes ? 0 : DBR_ERR_NOMEM;
}

void mailbox_fini(struct mailbox *m)
{
    free(m->bytes);
    m->bytes = NULL;
}

/* True if n more bytes fit behind `written`. */
static bool fits(struct mailbox *m, uint64_t n)
{
    if (m->written + n - m->released_seen <= m->mask + 1)
        return true;
    m->released_seen = atomic_load_explicit(&m->released, memory_order_acquire);
    return m->written + n - m->released_seen <= m->mask + 1;
}

struct mail *mailbox_write(struct mailbox *m, uint32_t len)
{
    uint64_t size = (sizeof(struct mail) + len + 15) & ~15ULL;
    uint64_t to_end = m->mask + 1 - (m->written & m->mask);
    uint64_t gap = size > to_end ? to_end : 0;
    if (size > (m->mask + 1) / 2 || !fits(m, gap + size))
        return NULL;
    if (gap) {
        struct mail *skip = (void *)(m->bytes + (m->written & m->mask));
        skip->size = (uint32_t)gap; /* at least 16 bytes: size and kind always fit */
        skip->kind = MAIL_GAP;
        m->written += gap;
    }
    struct mail *mail = (void *)(m->bytes + (m->written & m->mask));
    m->written += size;
    *mail = (struct mail){.size = (uint32_t)size, .len = len};
    return mail;
}

void mailbox_post(struct mailbox *m)
{
    atomic_store_explicit(&m->posted, m->written, memory_order_seq_cst);
}

struct mail *mailbox_read(struct mailbox *m)
{
    for (;;) {
        if (m->read == m->posted_seen) {
            m->posted_seen = atomic_load_explicit(&m->posted, memory_order_acquire);
            if (m->read == m->posted_seen)
                return NULL;
        }
        struct mail *mail = (void *)(m->bytes + (m->read & m->mask));
        m->read += mail->size;
        if (mail->kind != MAIL_GAP)
            return mail;
    }
}

void mailbox_release(struct mailbox *m)
{
    atomic_store_explicit(&m->released, m->read, memory_order_release);
}

bool mailbox_empty(struct mailbox *m)
{
    return m->read == atomic_load_explicit(&m->posted, memory_order_seq_cst);
}
