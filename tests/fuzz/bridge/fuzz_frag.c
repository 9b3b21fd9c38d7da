/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Input: 2 bytes of limit, then the frame. Fragments must fit the limit, come to an end and carry every
 * payload byte once and in order; an answer must be short and never one that would itself be answered.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "bridge/frag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PREFIX = 2 };

#define REQUIRE(x)                                                                                           \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

static void cut(struct dbr_frag *f)
{
    size_t left = dbr_frag_left(f), most = dbr_frag_frame_len(f), carried = 0;
    uint8_t *out = malloc(most); /* no byte more than announced */
    REQUIRE(left > 1 && most - f->l3 <= f->max_l3);
    for (int n; (n = dbr_frag_next(f, out, most)) != 0; left--) {
        REQUIRE(n > 0 && left > 0 && (size_t)n <= most);
        size_t head = f->l3 + (size_t)(out[f->l3] & 15) * 4, part = (size_t)n - head;
        REQUIRE(part <= f->end - f->l4 - carried);
        REQUIRE(memcmp(out + head, f->frame + f->l4 + carried, part) == 0);
        carried += part;
    }
    REQUIRE(left == 0 && carried == f->end - f->l4);
    free(out);
}

static void answer(const struct dbr_frag *f)
{
    struct dbr_frag again;
    uint8_t *out = malloc(DBR_FRAG_ANSWER_MAX);
    int n = dbr_frag_answer(f, out, DBR_FRAG_ANSWER_MAX);
    REQUIRE(n > 0);
    REQUIRE(dbr_frag_init(&again, out, (size_t)n, DBR_FRAG_MIN) == DBR_FRAG_PASS);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_frag f;
    if (size < PREFIX)
        return 0;
    size_t n = size - PREFIX;
    uint8_t *frame = malloc(n ? n : 1);
    memcpy(frame, data + PREFIX, n);
    enum dbr_frag_kind kind = dbr_frag_init(&f, frame, n, dbr_get16(data));
    if (kind == DBR_FRAG_CUT)
        cut(&f);
    if (kind == DBR_FRAG_ANSWER)
        answer(&f);
    free(frame);
    return 0;
}
