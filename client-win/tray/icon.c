/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pictures as lists of shapes on a grid of 16 by 16, sampled 8 times per pixel in each direction. See icon.h.
 */
#include "client-win/tray/icon.h"

#include <stdbool.h>
#include <string.h>

enum kind { TILE, BOX, LINE };

/* TILE: x0,y0 to x1,y1 with corners of radius r, in the look's colour. BOX: the same, square and white. LINE:
 * white, from one point to the other, r to each side, round ends. */
struct shape {
    enum kind kind;
    float x0, y0, x1, y1, r;
};

#define TOWER                                                                                                \
    {TILE, 0.0f, 0.0f, 16.0f, 16.0f, 3.0f}, {BOX, 2.0f, 5.0f, 6.0f, 13.0f}, {BOX, 2.0f, 3.0f, 3.0f, 5.0f},   \
    {                                                                                                        \
        BOX, 5.0f, 3.0f, 6.0f, 5.0f                                                                          \
    }

static const struct shape bridge_up[] = {TOWER, {LINE, 8.0f, 12.2f, 8.0f, 3.8f, 0.8f}};
static const struct shape half_way[] = {
    TOWER, {LINE, 7.2f, 12.2f, 12.6f, 6.8f, 0.9f}, {LINE, 6.0f, 5.4f, 12.0f, 6.6f, 0.3f}};
static const struct shape bridge_down[] = {
    TOWER, {LINE, 6.8f, 12.2f, 13.4f, 12.2f, 0.8f}, {LINE, 6.0f, 5.6f, 13.0f, 11.6f, 0.4f}};
static const struct shape alarm[] = {
    TOWER, {LINE, 10.5f, 4.2f, 10.5f, 8.6f, 1.2f}, {LINE, 10.5f, 11.8f, 10.5f, 11.8f, 1.3f}};

#define SHAPES(a) a, sizeof(a) / sizeof(a[0])

static const struct {
    const struct shape *shapes;
    size_t n;
    uint8_t bgr[3]; /* dark enough for white on it at 4.5 : 1 */
} pictures[DBR_LOOKS] = {
    [DBR_LOOK_OFF] = {SHAPES(bridge_up), {0x73, 0x65, 0x5b}},
    [DBR_LOOK_WORKING] = {SHAPES(half_way), {0x09, 0x53, 0xb4}},
    [DBR_LOOK_CONNECTED] = {SHAPES(bridge_down), {0x38, 0x77, 0x12}},
    [DBR_LOOK_TROUBLE] = {SHAPES(alarm), {0x1c, 0x1c, 0xb9}},
};

static float clamp(float v, float low, float high)
{
    return v < low ? low : v > high ? high : v;
}

/* Whether (x, y) is within r of the rectangle that is the tile less its corners. */
static bool in_tile(const struct shape *s, float x, float y)
{
    float dx = x - clamp(x, s->x0 + s->r, s->x1 - s->r);
    float dy = y - clamp(y, s->y0 + s->r, s->y1 - s->r);
    return dx * dx + dy * dy <= s->r * s->r;
}

static bool in_line(const struct shape *s, float x, float y)
{
    float lx = s->x1 - s->x0, ly = s->y1 - s->y0;
    float length2 = lx * lx + ly * ly;
    float along = length2 > 0.0f ? clamp(((x - s->x0) * lx + (y - s->y0) * ly) / length2, 0.0f, 1.0f) : 0.0f;
    float dx = x - (s->x0 + along * lx), dy = y - (s->y0 + along * ly);
    return dx * dx + dy * dy <= s->r * s->r;
}

static bool inside(const struct shape *s, float x, float y)
{
    switch (s->kind) {
    case TILE: return in_tile(s, x, y);
    case BOX: return x >= s->x0 && x < s->x1 && y >= s->y0 && y < s->y1;
    case LINE: return in_line(s, x, y);
    }
    return false;
}

enum { SUB = 8 };

/* One pixel: of its 64 samples, how many are covered at all, and how many of these are white. */
static void draw_pixel(enum dbr_tray_look look, float unit, unsigned px, unsigned py, uint8_t bgra[4])
{
    unsigned covered = 0, white = 0;
    for (unsigned i = 0; i < SUB * SUB; i++) {
        float x = ((float)px + ((float)(i % SUB) + 0.5f) / SUB) * unit;
        float y = ((float)py + ((float)(i / SUB) + 0.5f) / SUB) * unit;
        bool any = false, glyph = false;
        for (size_t k = 0; k < pictures[look].n; k++) {
            bool hit = inside(&pictures[look].shapes[k], x, y);
            any |= hit;
            glyph |= hit && pictures[look].shapes[k].kind != TILE;
        }
        covered += any;
        white += glyph;
    }
    for (int c = 0; c < 3; c++) {
        unsigned sum = white * 255u + (covered - white) * pictures[look].bgr[c];
        bgra[c] = (uint8_t)(covered > 0 ? sum / covered : 0);
    }
    bgra[3] = (uint8_t)(covered * 255u / (SUB * SUB));
}

void dbr_icon_draw(enum dbr_tray_look look, unsigned size, uint8_t *bgra)
{
    float unit = 16.0f / (float)size;
    for (unsigned y = 0; y < size; y++)
        for (unsigned x = 0; x < size; x++)
            draw_pixel(look, unit, x, y, bgra + ((size_t)y * size + x) * 4);
}

static const unsigned sizes[] = {16, 20, 24, 32, 40, 48, 64, 256};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), DIR = 6, ENTRY = 16, DIB = 40 };

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, size_t v)
{
    put16(p, (unsigned)(v & 0xffff));
    put16(p + 2, (unsigned)(v >> 16 & 0xffff));
}

static size_t mask_row(unsigned size)
{
    return (size + 31u) / 32u * 4u;
}

static size_t image_bytes(unsigned size)
{
    return DIB + (size_t)size * size * 4 + mask_row(size) * size;
}

static void put_entry(uint8_t *p, unsigned size, size_t offset)
{
    memset(p, 0, ENTRY);
    p[0] = p[1] = (uint8_t)(size & 0xff); /* 0 stands for 256 */
    put16(p + 4, 1);
    put16(p + 6, 32);
    put32(p + 8, image_bytes(size));
    put32(p + 12, offset);
}

/* The mask is for what knows no alpha: transparent where a pixel is less than half covered. */
static void put_mask(uint8_t *mask, const uint8_t *bgra, unsigned size)
{
    for (unsigned y = 0; y < size; y++)
        for (unsigned x = 0; x < size; x++)
            if (bgra[((size_t)y * size + x) * 4 + 3] < 128)
                mask[(size - 1 - y) * mask_row(size) + x / 8] |= (uint8_t)(0x80u >> x % 8);
}

static void put_image(uint8_t *p, enum dbr_tray_look look, unsigned size)
{
    static uint8_t bgra[DBR_ICON_MAX * DBR_ICON_MAX * 4]; /* the build's one thread */
    size_t row = (size_t)size * 4;
    memset(p, 0, image_bytes(size));
    put32(p, DIB);
    put32(p + 4, size);
    put32(p + 8, size * 2u);
    put16(p + 12, 1);
    put16(p + 14, 32);
    dbr_icon_draw(look, size, bgra);
    for (unsigned y = 0; y < size; y++)
        memcpy(p + DIB + (size - 1 - y) * row, bgra + y * row, row);
    put_mask(p + DIB + row * size, bgra, size);
}

size_t dbr_icon_file(enum dbr_tray_look look, uint8_t *out, size_t cap)
{
    size_t end = DIR + (size_t)SIZES * ENTRY;
    for (size_t i = 0; i < SIZES; i++)
        end += image_bytes(sizes[i]);
    if (cap < end)
        return 0;
    put16(out, 0);
    put16(out + 2, 1);
    put16(out + 4, SIZES);
    size_t at = DIR + (size_t)SIZES * ENTRY;
    for (size_t i = 0; i < SIZES; i++) {
        put_entry(out + DIR + i * ENTRY, sizes[i], at);
        put_image(out + at, look, sizes[i]);
        at += image_bytes(sizes[i]);
    }
    return end;
}
