/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a handshake costs control: real callers against control in one process, the processor time of
 * control's part alone. Usage: bench_handshake [HANDSHAKES [RSA_BITS]]   (0 bits: a P-256 key)
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 200;
    struct rig *rig = rig_new(&(struct rig_options){
        .gate = DBR_GATE_TLS_AUTH, .config = "duplicate-cn", .rsa_bits = argc > 2 ? atoi(argv[2]) : 2048});
    double spent = 0;
    for (int i = 0; i < n; i++) {
        struct caller *c = rig_call(rig, "alice", 0x0a000001, (uint16_t)(2000 + i));
        while (rig->n_queue) {
            struct rig_dgram d = rig->queue[rig->head];
            rig->head = (rig->head + 1) % RIG_QUEUE;
            rig->n_queue--;
            if (!d.to_server) {
                dbr_session_feed(c->session, d.bytes, d.len, &rig_now);
                continue;
            }
            double before = seconds();
            control_clock(rig->ctl);
            control_datagram(rig->ctl, d.bytes, d.len, &d.addr);
            spent += seconds() - before;
        }
        if (!rig_up(c))
            return 1;
        rig_hang_up(c);
        rig_forget(rig);
    }
    printf("%d handshakes, %.3f ms of control's processor time each\n", n, spent * 1000 / n);
    rig_free(rig);
    rig_pki_free();
    return 0;
}
