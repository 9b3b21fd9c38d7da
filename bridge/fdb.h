/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The switch's MAC table: (VLAN, MAC) -> port and the second it was last seen, shared by all worker threads
 * of the data process. Look-ups take no lock and never wait; inserting, moving and deleting take one small
 * mutex; refreshing an entry is one plain atomic store at most once a second per entry.
 *
 * The memory is allocated once. Slots come in buckets of four (one cache line); a key may stand in either of
 * two buckets, chosen by a keyed hash, so that a look-up costs at most two cache lines however full the
 * table is, and a stranger who does not know the key cannot pile addresses into one bucket:
 *
 *   bucket   | key0 port0 seen0 | key1 port1 seen1 | key2 port2 seen2 | key3 port3 seen3 |   64 bytes
 */
#ifndef DBR_BRIDGE_FDB_H
#define DBR_BRIDGE_FDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DBR_PORT_LAN  0xffffffffU /* where the TAP is */
#define DBR_PORT_NONE 0xfffffffeU /* no port: unknown address */

struct dbr_fdb;

struct dbr_fdb_config {
    uint32_t macs;     /* addresses to hold, 16..1,048,576; the table has at least twice as many slots */
    uint32_t ports;    /* peer ids are 0..ports-1 (1..16,777,216); DBR_PORT_LAN is counted beside them */
    uint32_t lan_macs; /* of these addresses at most so many on the LAN; 0 = three quarters of macs */
    uint8_t key[16];   /* random, from the caller */
};

struct dbr_fdb_entry {
    uint64_t mac;    /* mac48 */
    uint16_t vid;    /* 0 = untagged */
    uint32_t port;   /* peer id or DBR_PORT_LAN */
    uint32_t seen_s; /* the caller's monotonic clock, seconds */
};

/* Allocates everything the table will ever use. NULL when out of memory or out of range. */
struct dbr_fdb *dbr_fdb_new(const struct dbr_fdb_config *config);
void dbr_fdb_free(struct dbr_fdb *fdb); /* NULL is fine; no reader may be inside */

/* Port of (mac, vid), or DBR_PORT_NONE. Fills *seen_s when seen_s is not NULL. Any thread, no lock. */
uint32_t dbr_fdb_lookup(const struct dbr_fdb *fdb, uint64_t mac, uint16_t vid, uint32_t *seen_s);

/* The same, and sets last-seen to now_s if the entry belongs to `port` (stores only when it changes).
 * For the source address of a frame: the fast path of learning. */
uint32_t dbr_fdb_refresh(struct dbr_fdb *fdb, uint64_t mac, uint16_t vid, uint32_t port, uint32_t now_s);

/* Inserts (mac, vid) at port, or moves it there. 0 = inserted (or already there: refreshed), 1 = moved and
 * *from has the old port. DBR_ERR_LIMIT: the port has its limit of addresses, or the table is full; nothing
 * has changed. DBR_ERR_SHAPE: zero or group address, vid > 4095 or no such port. Policy is the caller's. */
int dbr_fdb_learn(struct dbr_fdb *fdb, uint64_t mac, uint16_t vid, uint32_t port, uint32_t now_s,
                  uint32_t *from);

/* Like dbr_fdb_learn(), but only while the entry is as the caller judged it: `expected` is the port that
 * dbr_fdb_lookup() gave (DBR_PORT_NONE = no entry). DBR_ERR_AGAIN: another thread was faster, judge again. */
int dbr_fdb_learn_if(struct dbr_fdb *fdb, uint64_t mac, uint16_t vid, uint32_t port, uint32_t now_s,
                     uint32_t expected);

/* Removes one entry. 0 or DBR_ERR_NOTFOUND. */
int dbr_fdb_delete(struct dbr_fdb *fdb, uint64_t mac, uint16_t vid);

/* Most addresses a port may hold from now on (0 = none may be learned); those it has stay. Peers start with
 * 0, the LAN with config.lan_macs. DBR_ERR_SHAPE: no such port. */
int dbr_fdb_port_limit(struct dbr_fdb *fdb, uint32_t port, uint32_t limit);
/* Addresses the port holds now; 0 for a port that does not exist. */
uint32_t dbr_fdb_port_count(const struct dbr_fdb *fdb, uint32_t port);
/* Addresses in the whole table. */
uint32_t dbr_fdb_count(const struct dbr_fdb *fdb);

/* Told about each entry removed (or listed); runs under the writers' lock and must not call into the table.
 */
typedef void dbr_fdb_visit(void *arg, const struct dbr_fdb_entry *e);

/* Removes every entry of a port, e.g. when its peer goes. visit may be NULL. Returns how many. */
uint32_t dbr_fdb_flush_port(struct dbr_fdb *fdb, uint32_t port, dbr_fdb_visit *visit, void *arg);

/* Ageing, in slices: looks at the next `slots` slots (0 = all) and removes entries not seen for `age_s`
 * seconds or more. Call it e.g. every second with 1/10 of dbr_fdb_slots(). Returns how many were removed. */
uint32_t dbr_fdb_sweep(struct dbr_fdb *fdb, uint32_t now_s, uint32_t age_s, uint32_t slots,
                       dbr_fdb_visit *visit, void *arg);
uint32_t dbr_fdb_slots(const struct dbr_fdb *fdb);

/* Lists the entries from slot *cursor on (start with 0), at most cap of them, without the lock; advances
 * *cursor; returns the number written, 0 at the end. For status: entries may come and go meanwhile. */
size_t dbr_fdb_list(const struct dbr_fdb *fdb, uint32_t *cursor, struct dbr_fdb_entry *out, size_t cap);

#endif
