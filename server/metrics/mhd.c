/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metrics/mhd.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

const char *mhd_open(struct mhd *m)
{
    static const struct {
        const char *name;
        size_t at;
    } functions[] = {
#define X(name) {"MHD_" #name, offsetof(struct mhd, name)},
        MHD_FUNCTIONS(X)
#undef X
    };
    void *library = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return dlerror();
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *f = dlsym(library, functions[i].name);
        if (!f)
            return dlerror();
        memcpy((char *)m + functions[i].at, &f, sizeof f);
    }
    return NULL;
}
