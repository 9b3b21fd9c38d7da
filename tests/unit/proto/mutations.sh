#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Proof that the tests guard the guards: inverts or removes one condition of common/proto (and crypto/cbc) at a
# time, in a copy, and requires the module's unit test to turn red. A mutant that no test kills, or whose line is no longer there,
# fails the run. Usage: mutations.sh SOURCE_ROOT [CC]   (about 25 s on two cores)
set -u
root=${1:?usage: mutations.sh SOURCE_ROOT [CC]} cc=${2:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export work cc
export flags="-std=gnu17 -O1 -w -D_GNU_SOURCE -DDBR_VERSION=\"0\" -I$work/common $(pkg-config --cflags libcrypto)"
export libs="$(pkg-config --libs libssl libcrypto) -llzo2 -lcmocka"

# module, then one sed expression; the test of a module is test_<module>.c
mutants() {
    cat <<'LIST'
cookie s/good |= dbr_secret_equal/good |= !dbr_secret_equal/
cookie s/good |= dbr_secret_equal.*/good = true;/
cookie s/good |= dbr_secret_equal(&expected, &sid, sizeof sid)/good |= (uint32_t)expected == (uint32_t)sid/
cookie s/SLOTS_ACCEPTED = 3/SLOTS_ACCEPTED = 4/
cookie s/SLOTS_ACCEPTED = 3/SLOTS_ACCEPTED = 2/
cookie s/slot - age/slot + 1 - age/
cookie s/dbr_write64(&w, slot);/dbr_write64(\&w, 0);/
cookie s/dbr_write_bytes(&w, addr->ip, 16);/dbr_write_bytes(\&w, c->key, 16);/
cookie s/addr->ip, 16);/c->key, 12); dbr_write_bytes(\&w, addr->ip, 4);/
cookie s/dbr_write8(&w, addr->family)/dbr_write8(\&w, 4)/
cookie s/dbr_write16(&w, addr->port)/dbr_write16(\&w, 0)/
cookie s/dbr_write32(&w, addr->scope)/dbr_write32(\&w, 0)/
cookie s/dbr_write64(&w, client_sid)/dbr_write64(\&w, 0)/
gate s/return dbr_secret_equal(expected, mac, g->mac_size) ? 0/return !dbr_secret_equal(expected, mac, g->mac_size) ? 0/
gate s/return dbr_secret_equal(expected, mac, g->mac_size) ? 0/return dbr_secret_equal(expected, mac, 8) ? 0/
gate s/return dbr_secret_equal(expected, mac, g->mac_size) ? 0 : DBR_ERR_AUTH/return 0/
gate s/dbr_secret_equal(expected, tag, CRYPT_TAG))/!dbr_secret_equal(expected, tag, CRYPT_TAG))/
gate s/dbr_secret_equal(expected, tag, CRYPT_TAG))/dbr_secret_equal(expected, tag, 16))/
gate s/dbr_secret_equal(expected, tag, CRYPT_TAG))/1)/
gate s/return g->direction == 0;/return g->direction != 0;/
gate s/return g->direction == 1;/return 0;/
gate s/{{replay, REPLAY}, {header, HEADER}, {inner, inner_len}}/{{header, HEADER}, {replay, REPLAY}, {inner, inner_len}}/
gate s/{{replay, REPLAY}, {header, HEADER}, /{{replay, REPLAY}, {header, 1}, /
gate s/{{replay, REPLAY}, {header, HEADER}, /{{replay, 0}, {header, HEADER}, /
gate s/{{header_and_replay, HEADER + REPLAY}, /{{header_and_replay, HEADER}, /
gate s/h->mac, g->digest, hmac_key, g->mac_size/h->mac, g->digest, hmac_key, SLOT/
gate s/if (len <= before_inner)/if (len < before_inner)/
gate s/cap - before_inner < inner_len/0/
gate s/kind == DBR_GATE_TLS_CRYPT && direction < 0/0/
gate s/    dbr_ctr_apply(h->ctr, tag, out->inner, out->inner_len);//
admit s/if (set_has(now_set, value))/if (!set_has(now_set, value))/
admit s/bool before = set_has(/bool before = !set_has(/
admit s/bool before = set_has(.*/bool before = false;/
admit s/    set_add(now_set.*//
admit s/if (age < s->rotate_s)/if (true)/
admit s/if (age < s->rotate_s)/if (age > s->rotate_s)/
admit s/mac_prefix ? mac_prefix : 1/0/
admit s/if (e->full_at_ns - now_ns + b->interval_ns > b->period_ns)/if (false)/
admit s/+ b->interval_ns > b->period_ns/+ b->interval_ns >= b->period_ns/
admit s/    e->full_at_ns += b->interval_ns;//
admit s/if (e->full_at_ns < now_ns)/if (false)/
admit s/addr->family == 4 ? 4 : 8/addr->family == 4 ? 3 : 8/
admit s/addr->family == 4 ? 4 : 8/addr->family == 4 ? 4 : 7/
admit s/uint8_t text\[9\] = {addr->family}/uint8_t text[9] = {0}/
admit s/    if (e)$/    if (!e)/
admit s/set\[i\].full_at_ns <= now_ns/true/
wire s/len < around + fewest/len + 1 < around + fewest/
wire s/len > around + most/false/
wire s/len > DBR_MAX_DATAGRAM/false/
wire s/if (!s || !sid)/if (!s)/
wire s/c->n_acks > DBR_MAX_ACKS || c->n_acks < s->needs_acks/c->n_acks > 9 || c->n_acks < s->needs_acks/
wire s/ || c->n_acks < s->needs_acks//
wire s/c->n_acks && !(c->peer_sid = dbr_read64(&r))/c->n_acks \&\& (c->peer_sid = dbr_read64(\&r), false)/
wire s/if (!dbr_reader_ok(&r) || /if (/
wire s/c->payload_len > s->payload/c->payload_len > DBR_MAX_CONTROL_PAYLOAD/
wire s/(s->has_wkc ? DBR_WKC_MIN : 0)/0/
wire s/(s->has_wkc ? DBR_WKC_MAX : 0)/0/
wire s/\[DBR_OP_RESET_CLIENT\] = {.key_ids = FIRST_KEY_ID/[DBR_OP_RESET_CLIENT] = {.key_ids = ANY_KEY_ID/
wire s/\[DBR_OP_SOFT_RESET\] = {.key_ids = LATER_KEY_IDS/[DBR_OP_SOFT_RESET] = {.key_ids = ANY_KEY_ID/
wire s/\[DBR_OP_CONTROL_WKC\] = {.key_ids = FIRST_KEY_ID/[DBR_OP_CONTROL_WKC] = {.key_ids = ANY_KEY_ID/
wire s/\[DBR_OP_RESET_CLIENT_V3\] = {.key_ids = FIRST_KEY_ID/[DBR_OP_RESET_CLIENT_V3] = {.key_ids = ANY_KEY_ID/
wkc s/if (err || !dbr_secret_equal(expected, wkc, TAG))/if (err)/
wkc s/!dbr_secret_equal(expected, wkc, TAG)/!dbr_secret_equal(expected, wkc, 16)/
wkc s/!dbr_secret_equal(expected, wkc, TAG)/dbr_secret_equal(expected, wkc, TAG)/
wkc s/ || dbr_get16(wkc + len - LENGTH) != len//
wkc s/len < DBR_WKC_MIN || len > DBR_WKC_MAX/len < DBR_WKC_MIN - 8 || len > DBR_WKC_MAX/
wkc s/{{length, LENGTH}, /{{length, 0}, /
wkc s/{metadata, n}};/{metadata, 0}};/
wkc s/key + HMAC_AT, HMAC_KEY/key, HMAC_KEY/
wkc s/n <= DBR_WKC_MAX \&\& n < len/n < len/
wkc s/n <= DBR_WKC_MAX \&\& n < len/n <= DBR_WKC_MAX/
wkc s/n >= DBR_WKC_MIN \&\&/true \&\&/
wkc s/n > DBR_WKC_METADATA_MAX/n > DBR_WKC_MAX/
wkc s/k->metadata\[0\] != DBR_WKC_TYPE_TIME/false/
wkc s/k->metadata_len < 1 + 8/k->metadata_len < 1/
withdrawn s/return w->n \&\& bsearch/return w->n \&\& !bsearch/
withdrawn s/    qsort.*//
withdrawn s/n == 2 \* DBR_WKC_ID_LEN ? NULL/n ? NULL/
withdrawn s/if (v < 0)/if (false)/
replay s/if (id == 0 || /if (/
replay s/w->newest - id >= w->size)$/w->newest - id > w->size)/
replay s/return !(w->bitmap/return (w->bitmap/
replay s/return !(w->bitmap.*/return true;/
replay s/        memset(w->bitmap, 0, sizeof w->bitmap);/        ;/
replay s/i < steps; i++/i + 1 < steps; i++/
replay s/else if (w->newest - id >= w->size)/else if (false)/
replay s/time < w->time)$/false)/
replay s/time > w->time)/time >= w->time)/
replay s/age >= WORD_BITS || //
replay s/w->bitmap >> age & 1)/0)/
replay s/by < WORD_BITS ? w->bitmap << by : 0/w->bitmap << (by \& 63)/
data s/if (s->next_id >= DBR_LAST_PACKET_ID)/if (false)/
data s/next_id >= DBR_LAST_PACKET_ID/next_id > DBR_LAST_PACKET_ID/
data s/!dbr_replay_check(&s->replay, \*id))$/dbr_replay_check(\&s->replay, *id))/
data s/if (!dbr_replay_check(&s->replay, \*id))$/if (false)/
data s/    dbr_replay_mark(&s->replay, \*id);//
data s/len <= front || /len < front || /
data s/ || (s->cbc && (len - front + ID_LEN) % DBR_CBC_BLOCK)//
data s/s->cbc ? 0 : dbr_get32(id_at)/dbr_get32(id_at)/
data s/!s->cbc && !dbr_replay_check/false \&\& !dbr_replay_check/
data s/    if (s->cbc)$/    if (false)/
data s/digest, k->send_hmac, true/digest, k->recv_hmac, true/
data s/digest, k->recv_hmac, false/digest, k->send_hmac, false/
data s/s->mac_len + CBC_AROUND/s->mac_len + DBR_CBC_IV_LEN/
cbc s/dbr_secret_equal(expected, j->tag/!dbr_secret_equal(expected, j->tag/
cbc s/dbr_secret_equal(expected, j->tag, dbr_mac_size(c->mac))/true/
cbc s/dbr_secret_equal(expected, j->tag, dbr_mac_size(c->mac))/dbr_secret_equal(expected, j->tag, 8)/
cbc s/wrong || !pad || pad > DBR_CBC_BLOCK/!pad || pad > DBR_CBC_BLOCK/
cbc s/wrong || !pad || pad > DBR_CBC_BLOCK/wrong || pad > DBR_CBC_BLOCK/
cbc s/ || pad > DBR_CBC_BLOCK//
cbc s/(i < pad) & (blocks/(i + 1 < pad) \& (blocks/
cbc s/if (n <= DBR_CBC_ID_LEN)/if (n < DBR_CBC_ID_LEN)/
cbc s/if (n <= DBR_CBC_ID_LEN)/if (!n)/
cbc s/dbr_put64(counter + 8, ++c->sealed)/dbr_put64(counter + 8, c->sealed)/
cbc s/    if (next_iv(c, iv_of(j)))/    if (0)/
cbc s/err = draw_iv_key(c)/err = dbr_ctr_new(\&c->iv, key)/
cbc s/!dbr_cipher_is_cbc(cipher) || //
cbc s/digests\[digest\].len);/1);/
data s/dbr_key_id_of(dgram\[0\]) != s->key_id || //
data s/ || !dbr_opcode_is_data(dbr_opcode_of(dgram\[0\]))//
data s/block + (server ? 2 \* SLOT : 0)/block + (server ? 0 : 2 * SLOT)/
data s/(after + ID_LEN - job->aad)/(after - job->aad)/
data s/s->next_id >= DBR_REKEY_PACKETS || //
data s/ || s->replay.newest >= DBR_REKEY_PACKETS//
data s/>= DBR_GCM_REKEY/> DBR_GCM_REKEY/
data s/return s->gcm && /return /
data s/k->key_id <= 7 && //
data s/k->peer_id <= DBR_PEER_ID_NONE/true/
data s/len == 16 && //
reliable s/r->next_send_id - oldest->id < DBR_SEND_WINDOW/true/
reliable s/r->next_send_id - oldest->id < DBR_SEND_WINDOW/r->next_send_id - oldest->id < DBR_SEND_WINDOW - 1/
reliable s/id - r->next_recv_id >= DBR_RECV_WINDOW/id - r->next_recv_id > DBR_RECV_WINDOW/
reliable s/is_before(id, r->next_recv_id) || //
reliable s/ || slot_of(r->recv, DBR_RECV_WINDOW, id))/)/
reliable s/EARLY_RESEND = 3/EARLY_RESEND = 4/
reliable s/EARLY_RESEND = 3/EARLY_RESEND = 2/
reliable s/!is_before(p->id, acked) || //
reliable s/2 \* timeout_ns < longest ? 2 \* timeout_ns/2 * timeout_ns < longest ? timeout_ns/
reliable s/2 \* timeout_ns < longest ?/true ?/
reliable s/longest_timeout_ns > r->initial_timeout_ns ?/true ?/
reliable s/p->tries != 1 || //
reliable s/ || t > r->initial_timeout_ns)/)/
reliable s/t < shortest_timeout_ns ?/false ?/
reliable s/if (r->n_pending < DBR_RECV_WINDOW)/if (r->n_pending < 255)/
reliable s/at == r->n_recent && r->n_recent < DBR_RECENT_ACKS/at == r->n_recent/
reliable s/(int32_t)(a - b) < 0/a < b/
framing s/\*len <= by/*len < by/
framing s/case V2_PLAIN_OF_STOCK: return/return/
framing s/if (at\[0\] != V2_ESCAPE)/if (0)/
framing s/PLAIN_SWAPPED || \*len < 2/PLAIN_SWAPPED/
framing s/lzo_uint out_len = cap;/lzo_uint out_len = 100000;/
framing s/ || !out_len)/)/
fragment s/len > max \* DBR_FRAGMENT_PIECES/false/
fragment s/    max -= max % DBR_FRAGMENT_ROUND;//
fragment s/piece.size % DBR_FRAGMENT_ROUND || //
fragment s/piece.len > piece.size || //
fragment s/piece.index \* piece.size + \*len > f->max/piece.index * piece.size > f->max/
fragment s/piece->size != at->size/false/
fragment s/piece->index >= at->n - 1/piece->index > at->n - 1/
fragment s/piece->index != at->n - 1 || //
fragment s/ || piece->len != at->last_len//
fragment s/at->have >> piece->index != 0/false/
fragment s/at->have >> piece->index & 1/false/
fragment s/at->have \&\& at->done/false/
fragment s/now_ns - at->born_ns > DBR_FRAGMENT_LIFE_NS/false/
fragment s/now_ns - at->born_ns > DBR_FRAGMENT_LIFE_NS/now_ns - at->born_ns >= DBR_FRAGMENT_LIFE_NS/
fragment s/        memset(f->places, 0, sizeof f->places);//
fragment s/++f->newest % DBR_FRAGMENT_WINDOW\].have = 0/++f->newest % DBR_FRAGMENT_WINDOW].have |= 0/
fragment s/return head ? DBR_ERR_SHAPE : 0/return 0/
fragment s/if (\*len <= DBR_FRAGMENT_HEADER)/if (*len < DBR_FRAGMENT_HEADER)/
keymsg s/dbr_read32(r) != 0 || /dbr_read32(r) == 7 || /
keymsg s/ || (dbr_read8(r) & KEY_METHOD_MASK) != KEY_METHOD/ || !dbr_read8(r)/
keymsg s/if (n > cap)/if (n > cap + 1)/
keymsg s/memchr(text, 0, n) != text + n - 1/text[n - 1]/
keymsg s/memchr(text, 0, n) != text + n - 1/memchr(text, 0, n) == NULL/
keymsg s/fields\[i\].optional && at_end/at_end/
keymsg s/fields\[i\].optional && at_end/fields[i].optional/
keymsg s/return err == DBR_ERR_AGAIN && at_end ?/return false ?/
keymsg s/dbr_wipe(m, sizeof \*m);/(void)0;/
ctrlmsg s/strlen(messages\[i\].name) == name_len && //
ctrlmsg s/if (!is_clean(text))/if (false)/
ctrlmsg s/option\[i\] == ',' || //
ctrlmsg s/ || is_control_char(option\[i\]))/)/
ctrlmsg s/>= CHUNK_FILL)$/> CHUNK_FILL)/
ctrlmsg s/c->len + n + 2 > COLLECT_MAX/false/
ctrlmsg s/option\[w + 1\] == '2'/option[w + 1] != '1'/
ctrlmsg s/    if (several)/    if (!several)/
negotiate s/if (v > INT32_MAX)/if (false)/
negotiate s/ || \*seen >> i & 1)/)/
negotiate s/if (dbr_cipher_in_list(other, c))/if (true)/
negotiate s/server ? first_common(ours, info->ciphers) : first_common(info->ciphers, ours)/first_common(ours, info->ciphers)/
negotiate s/if (info->ciphers\[0\] || !named)/if (!named)/
negotiate s/if (info->ciphers\[0\] || !named)/if (info->ciphers[0])/
negotiate s/return single == fallback || dbr_cipher_in_list(ours, single) ? single : DBR_CIPHER_NONE;/return single;/
negotiate s/return single == fallback || dbr_cipher_in_list(ours, single) ? /return dbr_cipher_in_list(ours, single) ? /
negotiate s/    if (dbr_cipher_in_list(ours, single))/    if (0)/
negotiate s/    if (dbr_cipher_in_list(ours, single))/    if (single)/
negotiate s/bool silent = !info->ciphers\[0\] && /bool silent = /
negotiate s/(!named || single == fallback)/true/
negotiate s/info->comp_stub_v2 ? "compress stub-v2"/!info->comp_stub_v2 ? "compress stub-v2"/
negotiate s/!value || n >= cap/!value || n > cap/
negotiate s/ || options\[name_len\] == ' ')/ || true)/
negotiate s/ ||$/ || false \&\&/
statickey s/if (v < 0)/if (false)/
statickey s/if (d->n == 2 \* DBR_STATIC_KEY_LEN)/if (false)/
statickey s/return d->n == 2 \* DBR_STATIC_KEY_LEN ? NULL/return true ? NULL/
statickey s/if (inside && is_marker(text, len, foot))/if (is_marker(text, len, foot))/
statickey s/    dbr_wipe(key, DBR_STATIC_KEY_LEN);//
LIST
}

compile() { # source object
    $cc $flags -c "$1" -o "$2"
}
export -f compile

# $1 number, $2 module, $3 expression: prints one line when something is wrong
try_mutant() {
    local dir=$work/m$1 module=$2 source=$work/common/proto/$2.c
    [ -f "$source" ] || source=$work/common/crypto/$2.c
    mkdir "$dir"
    sed -e "$3" "$source" >"$dir/$module.c"
    if cmp -s "$source" "$dir/$module.c"; then
        echo "STALE    $module: $3"
    elif ! compile "$dir/$module.c" "$dir/$module.o" 2>/dev/null; then
        echo "BROKEN   $module: $3"
    else
        # The mutant comes before the archive that holds the good one.
        $cc "$dir/$module.o" "$work/test_$module.o" "$work/room.a" $libs -o "$dir/test"
        timeout 20 "$dir/test" >/dev/null 2>&1 && echo "SURVIVED $module: $3"
    fi
    rm -rf "$dir"
}
export -f try_mutant

cp -r "$root/common" "$work/" || exit 1
modules="wkc withdrawn wire gate statickey cookie admit reliable replay data framing fragment keymsg negotiate ctrlmsg"
for f in base/{addr,base64,err,secret,siphash,log} proto/{wkcfile,keyblock} crypto/{aead,aead_openssl,cbc,init,kdf,mac,ctr}; do
    echo "$work/common/$f.c" "$work/$(basename $f).o"
done >"$work/jobs"
for m in $modules; do
    echo "$work/common/proto/$m.c" "$work/$m.o"
    echo "$root/tests/unit/proto/test_$m.c" "$work/test_$m.o"
done >>"$work/jobs"
echo "$root/tests/unit/crypto/test_cbc.c" "$work/test_cbc.o" >>"$work/jobs"
modules+=" cbc"
xargs -P "$(nproc)" -L 1 bash -c 'compile "$0" "$1"' <"$work/jobs" || exit 1
ar rcs "$work/room.a" $(awk '$2 !~ /test_/ {print $2}' "$work/jobs")

for m in $modules; do # the tests must be green without a mutation
    $cc "$work/test_$m.o" "$work/room.a" $libs -o "$work/green" || exit 1
    "$work/green" >/dev/null 2>&1 || { echo "test_$m fails without a mutation"; exit 1; }
done

mutants >"$work/list"
n=0
while read -r module expression; do
    printf '%s\0%s\0%s\0' $((n += 1)) "$module" "$expression"
done <"$work/list" | xargs -0 -P "$(nproc)" -n 3 bash -c 'try_mutant "$0" "$1" "$2"' >"$work/wrong"
cat "$work/wrong"
echo "$(wc -l <"$work/list") mutants, $(wc -l <"$work/wrong") not killed"
[ ! -s "$work/wrong" ]
