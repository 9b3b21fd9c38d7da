/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

const char *dbr_err_name(int err)
{
    switch (err) {
#define X(name, value, text)                                                                                 \
    case value: return #name;
        DBR_ERR_LIST(X)
#undef X
    }
    return "?";
}

const char *dbr_err_text(int err)
{
    switch (err) {
#define X(name, value, text)                                                                                 \
    case value: return text;
        DBR_ERR_LIST(X)
#undef X
    }
    return "?";
}
