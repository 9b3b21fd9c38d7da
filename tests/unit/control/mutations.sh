#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Proof that the tests guard the guards of the control process: inverts or removes one condition at a time, in a
# copy, and requires one of the unit tests to turn red. A mutant that no test kills, or whose line is no longer
# there, fails the run. Usage: mutations.sh SOURCE_ROOT BUILD_ROOT [CC]   (about 30 s of two idle cores)
#
# BUILD_ROOT holds the archives of the rooms and of the tests' common parts; only the mutated file is compiled.
set -u
root=${1:?usage: mutations.sh SOURCE_ROOT BUILD_ROOT [CC]} build=${2:?} cc=${3:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export root build work cc RIG_QUICK=1

# test, file, then one sed expression
mutants() {
    cat <<'LIST'
gate inbox s/if (c->id >= RESET_IDS || c->n_acks)/if (c->n_acks)/
gate inbox s/if (c->id >= RESET_IDS || c->n_acks)/if (c->id >= RESET_IDS)/
gate inbox s/RESET_IDS = 2/RESET_IDS = 1/
gate inbox s/RESET_IDS = 2/RESET_IDS = 3/
gate inbox s/!dbr_seen_before(ctl->seen/dbr_seen_before(ctl->seen/
gate inbox s/dbr_gate_kind_of(gate_of(k)) == DBR_GATE_NONE ||/true ||/
gate inbox s/if (!dbr_buckets_take(/if (dbr_buckets_take(/
gate inbox s/if (!dbr_buckets_take(.*))/if (false)/
gate inbox s/if (!c->n_acks || c->key_id || /if (!c->n_acks || /
gate inbox s/ || !first)/)/
gate inbox s/        if (dbr_cookie_check(/        if (!dbr_cookie_check(/
gate inbox s/if (!proves_cookie(ctl, \&k->c, k->from, \&reset_id) || /reset_id = 0; if (/
gate inbox s/ || !plausible_first(\&k->c, reset_id))/)/
gate inbox s/if (c->acks\[i\] != 0)/if (false)/
gate inbox s/c->id > reset_id \&\& /c->id >= reset_id \&\& /
gate inbox s/c->id <= reset_id + FIRST_MESSAGES/true/
gate inbox s/    if (recorded(ctl, k)) \/\* the session/    if (0) \/* the session/
gate inbox s/    if (recorded(ctl, k))$/    if (0)/
gate inbox s/    client->charged = true;//
gate inbox s/    int err = open_knock(ctl, \&k, dgram, len);/    int err = open_knock(ctl, \&k, dgram, len); err = err == DBR_ERR_AUTH ? 0 : err;/
gatekeys inbox s/if (once \&\& !ctl->cfg->tls_crypt_v2.noncookie)/if (false)/
gatekeys inbox s/if (once \&\& !ctl->cfg->tls_crypt_v2.noncookie)/if (once)/
gatekeys inbox s/return k->visitor.gate \&\& !dbr_early/return k->visitor.gate \&\& dbr_early/
gatekeys inbox s/return r->v2_only ? DBR_ERR_AUTH : /return /
gatekeys gatekey s/if (dbr_withdrawn_has(\&ctl->withdrawn, key->id))/if (false)/
gatekeys gatekey s/made > days \* DAY_S/made >= days * DAY_S/
gatekeys gatekey s/return days \&\& ctl->now.unix_s/return ctl->now.unix_s/
gatekeys gatekey s/    if (why) {/    if (false) {/
gatekeys gatekey s/            !gate_key_withdrawn(c))/            gate_key_withdrawn(c))/
gatekeys clients s/if (gate_key_withdrawn(c))/if (false)/
life workers s/: UINT16_MAX);/: 0);/
passwords check s/.token_secret = no_secret/.token_secret = NULL/
gatekeys gatekey s/unsigned cut = withdrawn_cut(ctl);/unsigned cut = 0;/
gate inbox s/ || !from->port)/)/
gate inbox s/    if (ctl->now.ns < \*next)/    if (false)/
life inbox s#(ctl->boot->client || ctl->shutdown_ns || #(ctl->boot->client || #
life inbox s/bool may_move = !client_fixed(c) \&\&/bool may_move = true ||/
life inbox s/ || !callers_may(ctl, from)//
life callers s/callers->from\[i\].family == from->family \&\& .*/true)/
life callers s/ || cfg->float_)/)/
life clients s/    if (!o || o == c)$/    if (true)/
life clients s/    if (ctl->boot->single)$/    if (false)/
mgmt inbox s# || management_holds(ctl)##
life inbox s/bool may_move = !client_fixed(c)/bool may_move = false/
life inbox s/        c->addr = was;//
life inbox s/    c->addr = \*from;//
gate tables s/if (dbr_addr_equal(&c->addr, from))/if (true)/
life tables s/if (dbr_session_authenticated(c->session))/if (false)/
gate tables s/if (dbr_session_authenticated(c->session))/if (true)/
gate tables s/    ctl->n_half_open--;//
life tables s/    uint32_t head = r->n, last = r->prev\[head\];/    uint32_t head = r->next[r->n], last = r->prev[head];/
life tables s/(id >= ctl->max_clients || /(/
life tables s/ctl->by_peer\[id\] || r->owed\[id\]/r->owed[id]/
life tables s/    if (!ctl->ids.owed\[c->peer_id\])$//
life tables s/    \*at = c->next_name;//
gate clients s/if (ctl->n_half_open >= MAX_HALF_OPEN)/if (false)/
gate clients s/client_free(ctl->oldest_half_open);/client_free(ctl->newest_half_open);/
gate clients s/    if (c->charged)$/    if (!c->charged)/
life clients s/ctl->cfg->duplicate_cn \&\& //
life clients s/(ctl->cfg->duplicate_cn \&\& !dbr_addr_equal(&o->addr, \&c->addr))/false/
life clients s/    replace_older(c);//
life clients s/    if (!client_enlist(c)) {/    client_enlist(c); if (false) {/
life clients s/    if (!verdict_stands(c)) \/\* a list/    if (false) \/* a list/
life clients s/ || verdict_stands(c))/)/
life clients s/ || verdict_stands(c))/ || !verdict_stands(c))/
life clients s/    leave_data(c, DBR_DEL_REVOKED);//
life clients s/    if (strlen(whole) <= room) {/    if (true) {/
life clients s/        leave_data(o, DBR_DEL_REPLACED);//
life clients s/    if (c->untold)$/    if (false)/
life clients s/    if (c->in_data)$/    if (false)/
options clients s/    if (err)$/    if (false)/
prints client/rules s/if (cfg->peer_fingerprint.n \&\& !dbr_print_listed/if (cfg->peer_fingerprint.n \&\& dbr_print_listed/
prints client/rules s/if (cfg->peer_fingerprint.n \&\& /if (false \&\& /
prints client/rules s/if (cfg->verify_hash.n \&\& (n < 2 || /if (cfg->verify_hash.n \&\& (false \&\& /
prints client/rules s/        if (strcmp(prints->v\[i\], hex) == 0)/        if (strncmp(prints->v[i], hex, 0) == 0)/
prints verdict s/if (ctl->cfg->peer_fingerprint.n \&\& c->chain/if (false \&\& c->chain/
life verdict s/return v == DBR_VERDICT_REVOKED ? DBR_VERIFY_REVOKED : DBR_VERIFY_BAD/return DBR_VERIFY_OK/
life verdict s/NULL) != DBR_VERDICT_REVOKED/NULL) == DBR_VERDICT_REVOKED/
options options s/\*cn != '\.' \&\& //
options options s/ \&\& !strchr(cn, '\/')//
options options s/ \&\& !strchr(cn, '\\\\')//
options options s/ | O_NOFOLLOW//
options options s/ || !S_ISREG(st.st_mode)//
options options s/c->adm->file.disable)/false)/
options options s/if (!text \&\& dir \&\& ctl->cfg->ccd_exclusive)/if (false)/
options options s/if (!err \&\& !text \&\& dir \&\& !ctl->cfg->ccd_exclusive)/if (!err \&\& !text \&\& dir)/
options options s/if (!\*pool_users(c->ctl, ip) \&\& /if (/
options options s/        --\*users;/        ;/
options options s/ip >= pool->start \&\& ip <= pool->end/false/
options options s/ \&\& !removed(a, exit_notify))/)/
options options s/if (!(a->has_file \&\& a->file.has.push_reset))/if (true)/
options options s/        if (!removed(a, list->v\[i\]) \&\& /        if (/
life workers s/ctl->now.ns < ctl->busy_ns\[worker\])/false)/
life workers s/        c->untold = true;//
life workers s/    ctl->ids.owed\[c->peer_id\] = .*//
life workers s/if (i == a->n_macs \&\& a->n_macs < MACS_SHOWN)/if (i == a->n_macs)/
life workers s/    if (!c || !c->in_data)/    if (!c)/
life workers s/    if (!verdict_stands(c))/    if (false)/
life workers s/if (m->reason == DBR_GUARD_LOOP)/if (true)/
life workers s/if (m->reason == DBR_GUARD_LOOP)/if (false)/
life workers s/ || c->adm->loop_s - before > LOOP_OVER_S)/)/
life workers s/if (!before || c->adm->loop_s - before > LOOP_OVER_S)/if (true)/
options workers s/    options_address(c);/    ;/
life talk s/if (r->said < lines) {/if (true) {/
life talk s/        if (r->dropped) {/        if (false) {/
status status s/        if (\*p == ',')/        if (false)/
status status s/        ftruncate(ctl->boot->status_fd, (off_t)len))/        false)/
status ctl s/CMSG_LEN(sizeof(int))}/sizeof cmsg}/
status ctl s/    if (i == MAX_CTL) {/    if (i == MAX_CTL) { close(sock); return;/
status ctl s/commands\[i\].needs_arg \&\& !\*arg/false/
life keeper s/    workers_forgive(ctl);//
life keeper s/        c->in_data = false;//
life loop s/    if (ctl->owed_ns \&\& ctl->now.ns >= ctl->owed_ns)/    if (false)/
mgmt mgmt_lines s/    if (dbr_secret_equal(hash, m->password, sizeof hash)) {/    if (true) {/
mgmt mgmt_lines s/    if (!s->passed) {/    if (false) {/
mgmt mgmt s/    return s->taken \&\& s->passed \&\& !s->bye/    return s->taken \&\& !s->bye/
mgmt mgmt_lines s/    if (++s->tries < MGMT_PASSWORD_TRIES)/    if (true)/
mgmt mgmt s/            if (!m->seats\[i\].passed \&\& (/            if ((/
mgmt mgmt_lines s/ \&\& s->n_out < MGMT_BACKLOG) {/) {/
mgmt mgmt s/    if (s->lost || s->n_out + n > MGMT_OUT_MAX) {/    if (s->lost) {/
mgmt mgmt_lines s/        if (n >= sizeof line) {/        if (false) {/
mgmt mgmt_commands s/    if (strncmp(message, "RESTART", 7) != 0 \&\& strncmp(message, "HALT", 4) != 0)/    if (false)/
mgmt mgmt_lines s/    if (!printable(line)) {/    if (false) {/
mgmt mgmt_lines s/        return now_ns < s->stalled_ns;/        return true;/
mgmt mgmt_lines s/        s->lines_lost = true; .. what is.*//
mgmt mgmt_lines s/    s->skipping = s->lines_lost = true;/    s->skipping = true;/
mgmt mgmt_lines s/        line\[i\] = line\[i\] ? line\[i\] : 1;/        ;/
mgmt mgmt s/        dbr_wipe(s->out + s->n_out, n);/        ;/
pksig mgmt_sign s/    if (err == DBR_ERR_AUTH) {.*/    if (false) {/
hooks hooks s/return m->err ? DBR_ERR_CERT : after_client_connect/return after_client_connect/
hooks hooks s/return m->err ? DBR_ERR_CERT : after_tls_verify/return after_tls_verify/
hooks hooks s/    if (ctl->learn_said++ < LEARN_PER_S)/    if (true)/
hooks hooks s/(known \&\& l->what == DBR_LEARNED_NEW)/false/
hooks hooks s/    if (++c->adm->verified < c->chain->n_subjects)/    if (false)/
hooks hooks s/    c->adm->hooked = false;//
hooks hooks s/        c->adm->hooked = true; .. its client-connect.*//
hooks admit s/    if (err == DBR_ERR_AGAIN)$/    if (false)/
verdicts ocsp s/return hard ? DBR_ERR_CERT : 0;/return 0;/
verdicts ocsp s/return e->asked \&\& !known(ctl, e) ? DBR_ERR_AGAIN : judge/return e->asked ? 0 : judge/
verdicts admit s/by_ocsp, *by_tls_verify/by_tls_verify, by_tls_verify/
verdicts admit s/client_admit, by_client_connect,/client_admit,/
verdicts admit s/!err \&\& (s = /(s = /
pool pool s/    forget(p, line);//
pool pool s/ || p->owner\[ip - p->start\])$/)/
pool pool s/    if (ip < p->start || ip - p->start >= p->n ||/    if (ip < p->start ||/
pool pool s/    comma\[strcspn(comma, ",\\r")\] = 0;.*//
pool pool s/if (\*cn == ',')/if (false)/
pool pool s/    if (p->last_ns \&\& p->due_ns/    if (false \&\& p->due_ns/
pool options s/ \&\& (anothers_too || !pool_is_anothers(c->ctl, ip)))/)/
pool options s/    if (!users || \*users)$/    if (!users)/
mgmt mgmt_host s/ || c->adm->kid != kid))/))/
mgmt mgmt_host s/ || c->id != cid || / || /
mgmt mgmt_host s/    if (!ctl->management || !mgmt_anybody(ctl->management->mgmt)) {/    if (false) {/
mgmt hooks s/        if (ctl->now.ns < c->adm->wait_ns)/        if (true)/
mgmt admit s/    int err = c->ctl->cfg->management_client_auth \&\& !login_proved(c) ? management_judge(c) : 0;/    int err = 0;/
mgmt mgmt_host s/ || c->adm->kid != kid)/)/
passwords clients s/    .reauthorize = op_reauthorize,//
passwords admit s/    return c->adm->again ? later_steps : first_steps;/    return first_steps;/
passwords admit s/login_check, by_managers, login_settle, NULL};/by_managers, login_settle, NULL};/
gatekeys admit s/ \&\& c->gate_id ? hook_gate_key(c) : 0;/ \&\& !c->gate_id ? hook_gate_key(c) : 0;/
passwords hooks s/ \&\& cfg->script_security >= 3//
passwords password s/(uint8_t)text\[n\] < 0x20 || //
passwords password s/    if (l \&\& l->changed)/    if (false)/
passwords password s/!\*login_user(c) \&\& !cfg->auth_user_pass_optional/false/
passwords password s/ \&\& strlen(login_user(c)) > NAME_MAX_AS_CN/ \&\& false/
passwords password s/    return m->err ? DBR_ERR_CERT : 0;/    return 0;/
passwords password s/    return other ? DBR_TOKEN_INVALID : v;/    return v;/
passwords password s/    if (v == DBR_TOKEN_GOOD || cfg->external)$/    if (true)/
passwords password s/v == DBR_TOKEN_GOOD \&\& !cfg->external;/v == DBR_TOKEN_GOOD;/
passwords password s/    if (\*++method \&\& !can_ask(c, method)) {/    if (*++method \&\& false) {/
passwords password s/ || strspn(text, BASE64) != n//
passwords password s/a->login->answers++ >= ANSWERS/false/
metrics seen s/else if (o != c \&\& shows(o, m, NULL))/else if (false)/
metrics seen s/(!m->leased \&\& s->leased \&\& m->family == 4)/(false)/
metrics seen s/ || (m->family == 6 \&\& is_link_local6(m->ip))//
metrics seen s/            forget(o, m, o == c ? at : NULL);/            ;/
metrics metrics s/!dbr_session_has_tls(c->session)/false/
metrics metrics s/if (!c->session || c->had_keys || /if (!c->session || /
signer signer s/ \&\& s->sent < WINDOW//
signer signer s/ \&\& !s->down//
signer signer s/s->n >= QUEUE_MAX/s->n > QUEUE_MAX/
signer signer s/if (\*at \&\& (\*at)->sent)/if (false)/
signer signer s/a->client == c \&\& a->sent/false/
signer signer s/    settle_all(ctl, true, /    if (0) settle_all(ctl, true, /
signer signer s/h->err ? 0 : h->n,/h->err ? 9 : h->n,/
signer signer s/               memcmp(s->key.id, dbr_tls_ctx_key_id/               !memcmp(s->key.id, dbr_tls_ctx_key_id/
signer signer s/^    ctl->signer->down = false;/    return;/
signer signer s/    s->sent -= a->sent;//
signer signer s/        signer_use(ctl);$//
LIST
}

# $1 number, $2 test, $3 file, $4 expression: prints one line when something is wrong
try_mutant() {
    local dir=$work/m$1 test=$2 file=${3#*/} source=$root/server/control/$3.c
    [ "$file" = "$3" ] || source=$root/common/$3.c
    mkdir "$dir"
    sed -e "$4" "$source" >"$dir/$file.c"
    if cmp -s "$source" "$dir/$file.c"; then
        echo "STALE    $file: $4"
    elif ! $cc $flags -c "$dir/$file.c" -o "$dir/$file.o" 2>/dev/null; then
        echo "BROKEN   $file: $4"
    else
        # The mutant comes before the archive that holds the good one.
        $cc "$dir/$file.o" "$work/test_$test.o" "$work/rig.o" "$work/pki.o" $archives $libs -o "$dir/test" 2>/dev/null ||
            echo "UNLINKED $file: $4"
        timeout 10 "$dir/test" >/dev/null 2>&1 && echo "SURVIVED $file: $4"
    fi
    rm -rf "$dir"
}
export -f try_mutant

include=$(printf -- '-I%s ' "$build"/rooms/*)
export flags="-std=gnu17 -O0 -w -D_GNU_SOURCE -DDBR_VERSION=\"0\" $include -I$root/tests/unit/crypto -I$root/tests/unit/control $(pkg-config --cflags libcrypto)"
export archives="-Wl,--start-group $(find "$build/server/control" "$build/server/ipc" "$build/common" "$build/certs" "$build/bridge" -name 'libdbr_*.a' | tr '\n' ' ') -Wl,--end-group"
export libs="$(pkg-config --libs libssl libcrypto) -llzo2 -lcmocka -lm -lpthread $(pkg-config --libs libnl-route-3.0 libnl-3.0 2>/dev/null)"

echo 'int main(void) { return 0; }' | $cc -xc - -lIPSec_MB -o "$work/has_mb" 2>/dev/null && libs+=" -lIPSec_MB"

for f in crypto/pki control/{rig,test_gate,test_gatekeys,test_hooks,test_life,test_metrics,test_mgmt,test_options,test_passwords,test_pksig,test_prints,test_pool,test_signer,test_status,test_verdicts}; do
    $cc $flags -c "$root/tests/unit/$f.c" -o "$work/$(basename $f).o" &
done
wait
for t in gate gatekeys hooks life metrics mgmt options passwords pksig pool prints signer status verdicts; do # the tests must be green without a mutation
    $cc "$work/test_$t.o" "$work/rig.o" "$work/pki.o" $archives $libs -o "$work/green" || exit 1
    "$work/green" >/dev/null 2>&1 || { echo "test_$t fails without a mutation"; exit 1; }
done

mutants >"$work/list"
n=0
while read -r test file expression; do
    printf '%s\0%s\0%s\0%s\0' $((n += 1)) "$test" "$file" "$expression"
done <"$work/list" | xargs -0 -P "$(nproc)" -n 4 bash -c 'try_mutant "$0" "$1" "$2" "$3"' >"$work/wrong"
cat "$work/wrong"
echo "$(wc -l <"$work/list") mutants, $(wc -l <"$work/wrong") not killed"
[ ! -s "$work/wrong" ]
