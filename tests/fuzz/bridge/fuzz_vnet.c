/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Input: the 10 bytes of a virtio_net_hdr, then the frame. Finishing writes two bytes inside the frame or
 * nothing; so does taking it for one whose checksum was left out.
 */
#include <stdlib.h>
#include <string.h>

#include "bridge/vnet.h"
#include "frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A frame without checksum: refused and untouched, or one that finish makes whole. */
static void leave_to_the_kernel(const uint8_t *data, size_t n)
{
    struct dbr_vnet v;
    uint8_t *frame = malloc(n ? n : 1);
    memcpy(frame, data, n);
    if (dbr_vnet_unsummed(&v, frame, n)) {
        if (memcmp(frame, data, n) != 0)
            abort();
    } else if (dbr_vnet_check(&v, n) || dbr_vnet_finish(&v, frame, n) || v.flags)
        abort();
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < DBR_VNET_LEN)
        return 0;
    struct dbr_vnet v;
    uint8_t again[DBR_VNET_LEN];
    size_t n = size - DBR_VNET_LEN;
    dbr_vnet_parse(&v, data);
    dbr_vnet_write(&v, again);
    if (memcmp(again, data, DBR_VNET_LEN) != 0)
        abort();
    uint8_t *frame = malloc(n ? n : 1);
    memcpy(frame, data + DBR_VNET_LEN, n);
    struct dbr_vnet was = v;
    int err = dbr_vnet_finish(&v, frame, n);
    bool partial = was.flags & DBR_VNET_NEEDS_CSUM;
    if (err || !partial) {
        if (memcmp(frame, data + DBR_VNET_LEN, n) != 0)
            abort();
    } else if (was.csum_start % 2 == 0 && was.csum_offset % 2 == 0) {
        /* field = ~(sum with the old field in it): so the new sum is what the old field was, complemented
         * away */
        uint8_t old[2];
        memcpy(old, data + DBR_VNET_LEN + was.csum_start + was.csum_offset, 2);
        uint16_t sum = plain_fold(plain_sum(frame + was.csum_start, n - was.csum_start) + plain_sum(old, 2));
        if (sum != 0xffff && sum != 0)
            abort();
    }
    free(frame);
    leave_to_the_kernel(data + DBR_VNET_LEN, n);
    return 0;
}
