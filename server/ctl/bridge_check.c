/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge_check.h"
#include "base/err.h"
#include "bridge/netlink.h"
#include "conf/config.h"
#include "ipc/rundir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_MAX = 16 << 20, CANNOT_LOOK = 2 };

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    (void)arg;
    if (severity == DBR_CONF_ERROR)
        fprintf(stderr, "drawbridge-ctl: %s\n", line);
}

static int read_file(void *arg, const char *path, char **text, size_t *len)
{
    (void)arg;
    FILE *f = fopen(path, "re");
    *len = 0;
    *text = f ? malloc(CONFIG_MAX) : NULL;
    if (*text)
        *len = fread(*text, 1, CONFIG_MAX, f);
    if (f)
        fclose(f);
    return *text ? 0 : DBR_ERR_NOTFOUND;
}

static void print_finding(void *arg, int level, const char *what)
{
    static const char *const words[] = {"ok", "WARNING", "PROBLEM"};
    bool *problem = arg;
    printf("%-8s %s\n", words[level], what);
    *problem |= level == 2;
}

static int look(const struct dbr_bridge_plan *plan, const char *tap)
{
    struct dbr_why why = {""};
    bool problem = false;
    struct dbr_netlink *nl = dbr_netlink_open(&why);
    int err = nl ? dbr_bridge_check(nl, plan, tap, print_finding, &problem) : DBR_ERR_IO;
    dbr_netlink_close(nl);
    if (err)
        fprintf(stderr, "drawbridge-ctl: cannot look at the bridge: %s\n", why.text);
    return err ? CANNOT_LOOK : problem;
}

static int look_by_config(char *file)
{
    char word[] = "--config";
    char *const words[] = {word, file};
    const struct dbr_conf_diag diag = {.say = say, .read = read_file};
    char base[DBR_RUN_DIR_MAX], run_dir[DBR_RUN_DIR_MAX];
    struct dbr_bridge_plan plan = {.journal_dir = run_dir};
    dbr_run_dir(base, run_dir);
    struct dbr_config cfg;
    int code = CANNOT_LOOK, err = dbr_config_init(&cfg);
    if (!err)
        err = dbr_config_args(&cfg, 2, words, &diag);
    if (!err && !cfg.bridge.name)
        fprintf(stderr, "drawbridge-ctl: %s has no `bridge` line: the TAP is in no bridge\n", file);
    if (!err && cfg.bridge.name) {
        plan.bridge = cfg.bridge.name;
        plan.take_default_route = cfg.bridge_takeover;
        for (size_t i = 0; i < cfg.bridge.ifs.n && plan.nifs < DBR_BRIDGE_IFS_MAX; i++)
            plan.ifs[plan.nifs++] = cfg.bridge.ifs.v[i];
        code = look(&plan, cfg.dev && strpbrk(cfg.dev, "0123456789") ? cfg.dev : "tap0");
    }
    dbr_config_free(&cfg);
    return code;
}

int bridge_check(int n, char **words)
{
    char base[DBR_RUN_DIR_MAX], run_dir[DBR_RUN_DIR_MAX];
    struct dbr_bridge_plan plan = {.bridge = words[0], .journal_dir = run_dir};
    dbr_run_dir(base, run_dir);
    if (n == 2 && strcmp(words[0], "--config") == 0)
        return look_by_config(words[1]);
    for (int i = 1; i < n && plan.nifs < DBR_BRIDGE_IFS_MAX; i++)
        plan.ifs[plan.nifs++] = words[i];
    return look(&plan, "tap0");
}
