/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ifconfig-pool-persist: what is read, who gets which address, what keeper is told to write and when. The
 * test is the keeper; that it replaces the file whole is in tests/interop/scripts.sh.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { A = 0x0a000001 };
#define POOL(n) (0xc0a83200u + (n)) /* 192.168.50.n */

static char path[] = "/tmp/dbr-pool-XXXXXX";

static struct rig *with_file(const char *text, const char *more)
{
    char config[256];
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    snprintf(config, sizeof config, "ifconfig-pool-persist %s %s", path, more);
    return rig_plain(config);
}

static const struct {
    const char *text;
    uint32_t alice, bob; /* 0: not remembered */
} files[] = {
    {"", 0, 0},
    {"alice,192.168.50.120\nbob,192.168.50.121\n", POOL(120), POOL(121)},
    {"alice,192.168.50.120\r\nbob,192.168.50.121,fd00::1", POOL(120), POOL(121)},
    {"alice,192.168.50.99\nbob,192.168.50.150\n", 0, 0}, /* outside of the pool */
    {"alice,0.0.0.1\nbob,250.0.0.1\n", 0, 0},
    {"alice,192.168.50.100\nbob,192.168.50.149\n", POOL(100), POOL(149)},
    {"alice,192.168.50.120\nbob,192.168.50.120\n", POOL(120), 0},
    {"alice,192.168.50.120\nalice,192.168.50.121\n", POOL(121), 0},
    {"alice\n,192.168.50.120\nbob 192.168.50.120\nalice,192.168.50\nbob,x\n\n\n", 0, 0},
    {"alice,192.168.50.120", POOL(120), 0},
};

static void test_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct rig *rig = with_file(files[i].text, "");
        uint32_t alice = pool_remembered(rig->ctl, "alice"), bob = pool_remembered(rig->ctl, "bob");
        if (alice != files[i].alice || bob != files[i].bob)
            fail_msg("case %zu: %x %x", i, alice, bob);
        rig_free(rig);
    }
}

static uint32_t address(struct rig *rig, const char *cn, uint16_t port)
{
    rig_connect(rig, cn, A, port);
    return rig_client(rig, cn)->adm->ip;
}

/* The remembered address, even if another name would have been hashed there; who is new gets nobody's. */
static void test_giving(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    uint32_t usual = address(rig, "carol", 4000);
    rig_free(rig);
    char text[64];
    snprintf(text, sizeof text, "alice,192.168.50.%u\n", usual & 255);
    rig = with_file(text, "");
    assert_true(address(rig, "carol", 4000) != usual);
    assert_int_equal(address(rig, "alice", 4001), usual);
    rig_free(rig);
    rig = with_file("alice,192.168.50.120\n", "\nduplicate-cn");
    assert_int_equal(address(rig, "alice", 4000), POOL(120));
    rig_connect(rig, "alice", A, 4001); /* both at once */
    const struct client *one = client_named(rig->ctl, "alice", NULL),
                        *two = client_named(rig->ctl, "alice", one);
    assert_true(one->adm->ip != two->adm->ip);
    rig_free(rig);
}

/* When nothing else is left, somebody's address is given after all. */
static void test_full(void **state)
{
    (void)state;
    char text[64 * 32];
    size_t n = 0;
    for (int i = 100; i < 150; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "user%d,192.168.50.%d\n", i, i);
    struct rig *rig = with_file(text, "");
    uint32_t ip = address(rig, "alice", 4000);
    assert_in_range(ip, POOL(100), POOL(149));
    char owner[16];
    snprintf(owner, sizeof owner, "user%u", ip & 255);
    assert_int_equal(pool_remembered(rig->ctl, owner), 0);
    assert_int_equal(pool_remembered(rig->ctl, "alice"), ip);
    rig_free(rig);
}

/* What keeper is told to write; NULL: nothing. */
static const char *written(struct rig *rig)
{
    static char text[4096];
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_file *m = (const void *)buf;
    int fd;
    while (!dbr_ipc_recv(rig->keeper, buf, &fd)) {
        if (m->head.type != DBR_IPC_FILE)
            continue;
        assert_int_equal(m->what, DBR_FILE_POOL);
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        close(fd);
        text[n > 0 ? n : 0] = 0;
        return text;
    }
    return NULL;
}

static void test_writing(void **state)
{
    (void)state;
    struct rig *rig = with_file("bob,192.168.50.121\n", "60");
    rig_run(rig, 3000);
    assert_null(written(rig)); /* nothing new */
    char want[128];
    uint32_t ip = address(rig, "Meier, Al", 4000);
    rig_run(rig, 1500);
    const char *text = written(rig);
    assert_non_null(text);
    snprintf(want, sizeof want, "Meier\\x2c Al,192.168.50.%u\n", ip & 255);
    assert_non_null(strstr(text, want));
    assert_non_null(strstr(text, "bob,192.168.50.121\n"));
    address(rig, "carol", 4001);
    rig_run(rig, 30000);
    assert_null(written(rig)); /* at most every 60 s */
    rig_run(rig, 40000);
    assert_non_null(strstr(written(rig), "carol,"));
    address(rig, "dave", 4002);
    rig_state(rig, DBR_STATE_SHUTDOWN); /* the end does not wait */
    assert_non_null(strstr(written(rig), "dave,"));
    rig_free(rig);
    rig = with_file("bob,192.168.50.121\n", "0");
    address(rig, "carol", 4000);
    rig_run(rig, 5000);
    rig_state(rig, DBR_STATE_SHUTDOWN);
    assert_null(written(rig)); /* 0: the file is the admin's */
    rig_free(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_giving),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_writing),
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 99;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rig_pki_free();
    return failed;
}
