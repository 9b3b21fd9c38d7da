/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/fdbset.h"
#include "base/err.h"

static const uint64_t USED = 1ull << 63;

static uint64_t key_of(uint64_t mac48, uint16_t vlan)
{
    return USED | (uint64_t)vlan << 48 | mac48;
}

static size_t home_of(uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15ull) >> 50); /* 14 bits: FDBSET_SLOTS */
}

/* Where key is, or the empty slot where it would go. Half of the slots are always empty, so this ends. */
static size_t find(const struct fdbset *s, uint64_t key)
{
    size_t i = home_of(key);
    while (s->slot[i] && s->slot[i] != key)
        i = (i + 1) % FDBSET_SLOTS;
    return i;
}

bool fdbset_has(const struct fdbset *s, uint64_t mac48, uint16_t vlan)
{
    return s->slot[find(s, key_of(mac48, vlan))] != 0;
}

int fdbset_add(struct fdbset *s, uint64_t mac48, uint16_t vlan)
{
    size_t i = find(s, key_of(mac48, vlan));
    if (s->slot[i])
        return DBR_ERR_EXISTS;
    if (s->n >= FDBSET_MAX)
        return DBR_ERR_LIMIT;
    s->slot[i] = key_of(mac48, vlan);
    s->n++;
    return 0;
}

/* Empties slot i and moves later members of its chain back, so that none is cut off from its home. */
static void empty_slot(struct fdbset *s, size_t i)
{
    for (size_t j = (i + 1) % FDBSET_SLOTS; s->slot[j]; j = (j + 1) % FDBSET_SLOTS) {
        size_t from_home = (j - home_of(s->slot[j])) % FDBSET_SLOTS;
        if (from_home >= (j - i) % FDBSET_SLOTS) {
            s->slot[i] = s->slot[j];
            i = j;
        }
    }
    s->slot[i] = 0;
    s->n--;
}

bool fdbset_del(struct fdbset *s, uint64_t mac48, uint16_t vlan)
{
    size_t i = find(s, key_of(mac48, vlan));
    if (!s->slot[i])
        return false;
    empty_slot(s, i);
    return true;
}

bool fdbset_pull(struct fdbset *s, size_t *at, uint64_t *mac48, uint16_t *vlan)
{
    if (!s->n)
        return false;
    while (!s->slot[*at % FDBSET_SLOTS])
        ++*at;
    uint64_t key = s->slot[*at % FDBSET_SLOTS];
    *mac48 = key & 0xffffffffffffull;
    *vlan = (uint16_t)(key >> 48 & 0xfff);
    empty_slot(s, *at % FDBSET_SLOTS);
    return true;
}
