/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whatever names, issuers and numbers control sends, the text has the shape that Prometheus reads: nobody's
 * name makes a line or a label of its own. The input is a row of messages: type, 2 bytes of length, that many
 * bytes behind the head; each goes through dbr_ipc_check() as from the pair.
 */
#include "metrics/page.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TICKET = 0x01010101 };
static struct snapshot s;

static void must(bool good)
{
    if (!good)
        abort();
}

/* One message; returns how much of the input it took. */
static size_t feed(const uint8_t *data, size_t size)
{
    static const uint16_t types[] = {DBR_IPC_METRICS, DBR_IPC_METRICS_CRL, DBR_IPC_METRICS_CLIENTS,
                                     DBR_IPC_METRICS_END, DBR_IPC_PROCESSES};
    static const size_t lens[] = {sizeof(struct dbr_ipc_metrics), sizeof(struct dbr_ipc_metrics_crl), 0,
                                  sizeof(struct dbr_ipc_metrics_get), sizeof(struct dbr_ipc_processes)};
    uint64_t buf[DBR_IPC_MAX / 8] = {0};
    struct dbr_ipc_metrics_clients *m = (void *)buf;
    size_t which = data[0] % 5, given = data[1] | (size_t)(data[2] & 0x0f) << 8;
    size_t room = lens[which] ? lens[which] : sizeof *m;
    given = given < size - 3 ? given : size - 3;
    given = given < room - sizeof m->head ? given : room - sizeof m->head;
    memcpy((uint8_t *)buf + sizeof m->head, data + 3, given);
    m->ticket = TICKET; /* at the same place in all of them */
    size_t rows = m->n % (DBR_IPC_CLIENT_ROWS + 1);
    if (!lens[which]) {
        m->n = (uint32_t)rows;
        room = offsetof(struct dbr_ipc_metrics_clients, row) + rows * sizeof m->row[0];
    }
    m->head = dbr_ipc_head(types[which], room, 0);
    if (!dbr_ipc_check(buf, room))
        snapshot_feed(&s, &m->head);
    return 3 + given;
}

static const char *label_end(const char *p)
{
    for (; *p != '"'; p++) {
        must(*p && *p != '\n');
        if (*p == '\\')
            must(*++p == '\\' || *p == '"' || *p == 'n');
    }
    return p + 1;
}

static const char *skip(const char *p, const char *set)
{
    size_t n = strspn(p, set);
    must(n > 0);
    return p + n;
}

/* Checks one line; returns the next. */
static const char *line_end(const char *p)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (*p == '#')
        return strchr(p, '\n') + 1;
    must(strncmp(p, "drawbridge_", 11) == 0);
    p = skip(p, name);
    if (*p == '{') {
        do {
            p = skip(p + 1, name);
            must(p[0] == '=' && p[1] == '"');
            p = label_end(p + 2);
        } while (*p == ',');
        must(*p++ == '}');
    }
    must(*p == ' ');
    p = skip(p + 1, "-.0123456789");
    must(*p == '\n');
    return p + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len;
    snapshot_begin(&s, TICKET);
    while (size > 3) {
        size_t took = feed(data, size);
        data += took;
        size -= took;
    }
    if (!s.begun)
        return 0;
    snapshot_names(&s);
    char *text = page_write(&s, "0", &len);
    must(text != NULL && strlen(text) == len);
    for (const char *p = text; *p;)
        p = line_end(p);
    free(text);
    return 0;
}
