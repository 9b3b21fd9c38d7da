/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/heap.h"
#include "base/err.h"

#include <stdlib.h>

void dbr_heap_init(struct dbr_heap *h)
{
    *h = (struct dbr_heap){0};
}

void dbr_heap_fini(struct dbr_heap *h)
{
    free(h->v);
    dbr_heap_init(h);
}

static void place(struct dbr_heap *h, size_t i, struct dbr_heap_entry *e)
{
    h->v[i] = e;
    e->place = i + 1;
}

static void sift_up(struct dbr_heap *h, size_t i)
{
    struct dbr_heap_entry *e = h->v[i];
    for (; i > 0 && h->v[(i - 1) / 2]->at > e->at; i = (i - 1) / 2)
        place(h, i, h->v[(i - 1) / 2]);
    place(h, i, e);
}

static void sift_down(struct dbr_heap *h, size_t i)
{
    struct dbr_heap_entry *e = h->v[i];
    for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && h->v[child + 1]->at < h->v[child]->at)
            child++;
        if (h->v[child]->at >= e->at)
            break;
        place(h, i, h->v[child]);
    }
    place(h, i, e);
}

void dbr_heap_remove(struct dbr_heap *h, struct dbr_heap_entry *e)
{
    if (!e->place)
        return;
    size_t i = e->place - 1;
    struct dbr_heap_entry *last = h->v[--h->n];
    e->place = 0;
    if (last == e)
        return;
    place(h, i, last);
    sift_up(h, i);
    sift_down(h, last->place - 1);
}

static int grow(struct dbr_heap *h)
{
    size_t cap = h->cap ? h->cap * 2 : 64;
    struct dbr_heap_entry **v = realloc(h->v, cap * sizeof *v);
    if (!v)
        return DBR_ERR_NOMEM;
    h->v = v;
    h->cap = cap;
    return 0;
}

int dbr_heap_set(struct dbr_heap *h, struct dbr_heap_entry *e, uint64_t at)
{
    if (at == UINT64_MAX) {
        dbr_heap_remove(h, e);
        return 0;
    }
    e->at = at;
    if (!e->place) {
        if (h->n == h->cap && grow(h))
            return DBR_ERR_NOMEM;
        place(h, h->n++, e);
    }
    sift_up(h, e->place - 1);
    sift_down(h, e->place - 1);
    return 0;
}
