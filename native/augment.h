/*
 * Changes images as their rows say: one resampling pass over a mesh, then stroke thickness, cut-out, noise, inversion. Whole
 * numbers only, so every instruction set, compiler and language gives the same bytes; the specification is
 * src/engine/kernels/reference/augment.ts. No row can make it touch memory that is not its own: coordinates wrap, then are clamped.
 */
#ifndef ONKO_AUGMENT_H
#define ONKO_AUGMENT_H

#include <stdbool.h>

#include "vector.h"

/* A row, as src/engine/kernels/augmentation-row.ts has it */
enum {
  MESH_CELLS = 4,
  MESH_NODES = (MESH_CELLS + 1) * (MESH_CELLS + 1),
  ROW_THICKNESS = 2 * MESH_NODES,
  ROW_CUT = ROW_THICKNESS + 1, /* left, top, right, bottom */
  ROW_NOISE = ROW_CUT + 4,
  ROW_NOISE_SEED,
  ROW_INVERT,
  ROW_LENGTH,
};

INLINE int32_t wrap_add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
INLINE int32_t wrap_subtract(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }
INLINE int32_t wrap_times(int32_t a, int32_t b) { return (int32_t)((uint32_t)a * (uint32_t)b); }
/* a/n rounded down, where `part` is ⌊2²⁰/n⌋ */
INLINE int32_t part_of(int32_t a, int32_t part) { return (int32_t)(((int64_t)a * part) >> 20); }
INLINE int32_t between(int32_t value, int32_t least, int32_t most) {
  const int32_t raised = value < least ? least : value;
  return raised > most ? most : raised;
}

/* image[height][width] → padded[height + 2][width + 2], in a frame of paper */
INLINE void pad_image(uint8_t *padded, const uint8_t *image, ptrdiff_t height, ptrdiff_t width, uint8_t paper) {
  const ptrdiff_t stride = width + 2;
  __builtin_memset(padded, paper, (size_t)stride);
  for (ptrdiff_t y = 0; y < height; y++) {
    uint8_t *line = padded + (y + 1) * stride;
    line[0] = paper;
    /* Nobody hands over pixels that overlap the scratch; but if somebody does, it must not be undefined. */
    __builtin_memmove(line + 1, image + y * width, (size_t)width);
    line[width + 1] = paper;
  }
  __builtin_memset(padded + (height + 1) * stride, paper, (size_t)stride);
}

/* CHUNK pixels of a line inside one cell: coordinates first, then pixels, then their mixture, so that the first and the last
 * loop become vectors. Of a shorter stretch the rest is computed too (clamped like all) and left out. */
enum { CHUNK = 8 };
INLINE void resample_chunk(uint8_t *out, const uint8_t *padded, int32_t stride, int32_t u, int32_t v, int32_t du,
                           int32_t dv, int32_t most_u, int32_t most_v) {
  int32_t at[CHUNK], fraction_u[CHUNK], fraction_v[CHUNK], above[CHUNK], below[CHUNK];
  for (int i = 0; i < CHUNK; i++) {
    /* In 1/256 of a pixel from here on */
    const int32_t x = (between(wrap_add(u, wrap_times(du, i)), 0, most_u) + 128) >> 8;
    const int32_t y = (between(wrap_add(v, wrap_times(dv, i)), 0, most_v) + 128) >> 8;
    at[i] = (y >> 8) * stride + (x >> 8);
    fraction_u[i] = x & 255;
    fraction_v[i] = y & 255;
  }
  for (int i = 0; i < CHUNK; i++) {
    uint16_t pair[2];
    __builtin_memcpy(&pair[0], padded + at[i], 2);
    __builtin_memcpy(&pair[1], padded + at[i] + stride, 2);
    above[i] = pair[0];
    below[i] = pair[1];
  }
  for (int i = 0; i < CHUNK; i++) {
    const int32_t fu = fraction_u[i], fv = fraction_v[i];
    const int32_t top = (above[i] & 255) * (256 - fu) + (above[i] >> 8) * fu;
    const int32_t bottom = (below[i] & 255) * (256 - fu) + (below[i] >> 8) * fu;
    out[i] = (uint8_t)((top * (256 - fv) + bottom * fv + 32768) >> 16);
  }
}

/* padded → image[height][width]: each pixel from where the mesh says, between four neighbours */
INLINE void resample(uint8_t *image, const uint8_t *padded, const int32_t *mesh, ptrdiff_t height, ptrdiff_t width) {
  const int32_t stride = (int32_t)width + 2;
  const int32_t cell_width = ((int32_t)width + MESH_CELLS - 1) / MESH_CELLS;
  const int32_t cell_height = ((int32_t)height + MESH_CELLS - 1) / MESH_CELLS;
  const int32_t across = (1 << 20) / cell_width, down = (1 << 20) / cell_height;
  /* The last place whose neighbours to the right and below are still in the frame */
  const int32_t most_u = ((int32_t)width + 1) * 65536 - 129, most_v = ((int32_t)height + 1) * 65536 - 129;
  for (ptrdiff_t y = 0; y < height; y++) {
    const int32_t *upper = mesh + y / cell_height * (2 * (MESH_CELLS + 1));
    const int32_t *lower = upper + 2 * (MESH_CELLS + 1);
    const int32_t row = (int32_t)(y % cell_height);
    int32_t u[MESH_CELLS + 1], v[MESH_CELLS + 1];
    for (int k = 0; k <= MESH_CELLS; k++) {
      u[k] = wrap_add(upper[2 * k], wrap_times(part_of(wrap_subtract(lower[2 * k], upper[2 * k]), down), row));
      v[k] = wrap_add(upper[2 * k + 1], wrap_times(part_of(wrap_subtract(lower[2 * k + 1], upper[2 * k + 1]), down), row));
    }
    for (int k = 0; k < MESH_CELLS; k++) {
      const int32_t du = part_of(wrap_subtract(u[k + 1], u[k]), across);
      const int32_t dv = part_of(wrap_subtract(v[k + 1], v[k]), across);
      const ptrdiff_t from = (ptrdiff_t)k * cell_width;
      const ptrdiff_t to = from + cell_width < width ? from + cell_width : width;
      for (ptrdiff_t x = from; x < to; x += CHUNK) {
        const int32_t done = (int32_t)(x - from);
        uint8_t chunk[CHUNK];
        resample_chunk(chunk, padded, stride, wrap_add(u[k], wrap_times(du, done)), wrap_add(v[k], wrap_times(dv, done)), du,
                       dv, most_u, most_v);
        uint8_t *out = image + y * width + x;
        if (to - x >= CHUNK) __builtin_memcpy(out, chunk, CHUNK);
        else __builtin_memcpy(out, chunk, (size_t)(to - x));
      }
    }
  }
}

/* padded → image: `weight`/256 of the way to the brightest (or darkest) of a pixel and its four neighbours */
INLINE void spread(uint8_t *image, const uint8_t *padded, ptrdiff_t height, ptrdiff_t width, bool brightest,
                   int32_t weight) {
  const ptrdiff_t stride = width + 2;
  const uint8_t flip = brightest ? 0 : 255; /* the darkest is the brightest of the negative */
  for (ptrdiff_t y = 0; y < height; y++) {
    const uint8_t *p = padded + (y + 1) * stride + 1;
    uint8_t *out = image + y * width;
    for (ptrdiff_t x = 0; x < width; x++) {
      uint8_t most = p[x] ^ flip;
      const uint8_t left = p[x - 1] ^ flip, right = p[x + 1] ^ flip;
      const uint8_t above = p[x - stride] ^ flip, below = p[x + stride] ^ flip;
      most = left > most ? left : most;
      most = right > most ? right : most;
      most = above > most ? above : most;
      most = below > most ? below : most;
      out[x] = (uint8_t)((p[x] * (256 - weight) + (most ^ flip) * weight + 128) >> 8);
    }
  }
}

/* Triangular noise of at most `strength`: the sixteen words of a hash of (seed, place) make 32 pixels' noise */
INLINE void add_noise(uint8_t *image, ptrdiff_t count, int32_t strength, uint32_t seed) {
  for (ptrdiff_t from = 0; from < count; from += 32) {
    int32_t noise[32];
    for (int i = 0; i < 16; i++) {
      uint32_t h = (uint32_t)(from / 2 + i) * 0x9e3779b1u + seed;
      h ^= h >> 16;
      h *= 0x85ebca6bu;
      h ^= h >> 13;
      h *= 0xc2b2ae35u;
      h ^= h >> 16;
      noise[i] = ((int32_t)((h & 255) + (h >> 8 & 255) - 255) * strength) >> 8;
      noise[16 + i] = ((int32_t)((h >> 16 & 255) + (h >> 24) - 255) * strength) >> 8;
    }
    if (count - from >= 32) {
      for (int i = 0; i < 32; i++) image[from + i] = (uint8_t)between(image[from + i] + noise[i], 0, 255);
    } else {
      for (int i = 0; i < count - from; i++) image[from + i] = (uint8_t)between(image[from + i] + noise[i], 0, 255);
    }
  }
}

/* pixels[count][channels][height][width] changed in place, each image by its row of rows[count][ROW_LENGTH]; scratch
 * [(height + 2)·(width + 2)] */
static void augment(uint8_t *pixels, ptrdiff_t count, const int32_t *rows, uint8_t *scratch, ptrdiff_t channels,
                    ptrdiff_t height, ptrdiff_t width, ptrdiff_t paper) {
  const ptrdiff_t area = height * width;
  for (ptrdiff_t n = 0; n < count; n++) {
    /* A copy: what is checked stays as it was, whatever the pixels overlap. */
    int32_t row[ROW_LENGTH];
    __builtin_memcpy(row, rows + n * ROW_LENGTH, sizeof row);
    uint8_t *image = pixels + n * channels * area;
    const int32_t thickness = between(row[ROW_THICKNESS], -256, 256);
    const int32_t left = between(row[ROW_CUT], 0, (int32_t)width), right = between(row[ROW_CUT + 2], left, (int32_t)width);
    const int32_t top = between(row[ROW_CUT + 1], 0, (int32_t)height);
    const int32_t bottom = between(row[ROW_CUT + 3], top, (int32_t)height);
    for (ptrdiff_t c = 0; c < channels; c++) {
      uint8_t *plane = image + c * area;
      pad_image(scratch, plane, height, width, (uint8_t)paper);
      resample(plane, scratch, row, height, width);
      if (thickness != 0) {
        pad_image(scratch, plane, height, width, (uint8_t)paper);
        const bool ink_is_bright = paper < 128;
        spread(plane, scratch, height, width, (thickness > 0) == ink_is_bright, thickness < 0 ? -thickness : thickness);
      }
      if (right > left) {
        for (ptrdiff_t y = top; y < bottom; y++)
          __builtin_memset(plane + y * width + left, (int)paper, (size_t)(right - left));
      }
    }
    const int32_t noise = between(row[ROW_NOISE], 0, 255);
    if (noise > 0) add_noise(image, channels * area, noise, (uint32_t)row[ROW_NOISE_SEED]);
    if (row[ROW_INVERT] != 0) {
      for (ptrdiff_t i = 0; i < channels * area; i++) image[i] = 255 - image[i];
    }
  }
}

#endif
