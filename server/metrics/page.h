/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A snapshot as Prometheus text (exposition format 0.0.4,
 * https://prometheus.io/docs/instrumenting/exposition_formats/). Pure but for the memory of the text.
 */
#ifndef DBR_METRICS_PAGE_H
#define DBR_METRICS_PAGE_H

#include "metrics/snapshot.h"

#define PAGE_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The text of s (which snapshot_names() has sorted), NUL-terminated; *len without the NUL. The caller frees
 * it. NULL: out of memory. */
char *page_write(const struct snapshot *s, const char *version, size_t *len);

/* Copies a label's value with \\, \" and \n escaped, cut to cap (at least 1) between characters, and what is
 * not UTF-8 as '?'. Returns out. */
const char *page_label(char *out, size_t cap, const char *value);

#endif
