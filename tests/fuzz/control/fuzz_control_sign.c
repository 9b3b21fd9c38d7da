/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a manager may answer to >PK_SIGN: lines of what should be base64 (pk-sig), in any pieces, beside what
 * it says of its version. Decoded it is never longer than a signature may be, and a question that was not
 * answered well stands.
 */
#include "base/base64.h"
#include "control/mgmt.h"
#include "crypto/sign_request.h"

#include <stdlib.h>
#include <string.h>

static struct mgmt *machine;

static bool signature(void *arg, const char *lines)
{
    uint8_t sig[DBR_SIGNATURE_MAX];
    (void)arg;
    if (!mgmt_asks(machine, MGMT_ASK_SIGNATURE))
        abort();
    long n = dbr_base64_decode(lines, strlen(lines), sig, sizeof sig);
    if (n > (long)sizeof sig)
        abort();
    if (n > 0)
        mgmt_unask(machine, MGMT_ASK_SIGNATURE);
    return n > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct mgmt_host host = {.client = true, .signature = signature, .certificate = signature};
    machine = mgmt_new(&host, &(struct mgmt_config){.version = "x"});
    if (!machine)
        return 0;
    int seat = mgmt_seat(machine, 0);
    mgmt_ask(machine, MGMT_ASK_SIGNATURE, "%s", "QQ==,ECDSA");
    const char *heads[] = {"pk-sig\n", "rsa-sig\n", "version 3\npk-sig\n", "version 2\nrsa-sig\n"};
    if (len) {
        const char *head = heads[data[0] & 3];
        mgmt_feed(machine, seat, head, strlen(head), 0);
    }
    for (size_t i = 1; i < len;) {
        size_t n = 1 + data[i] % 64;
        n = n < len - i ? n : len - i;
        n = n < mgmt_room(machine, seat) ? n : mgmt_room(machine, seat);
        if (!n)
            break;
        mgmt_feed(machine, seat, data + i, n, 0);
        i += n;
    }
    mgmt_free(machine);
    return 0;
}
