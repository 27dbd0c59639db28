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

/* above[width], below[width] → pairs[width][2] */
INLINE void pair_line(uint8_t *pairs, const uint8_t *above, const uint8_t *below, ptrdiff_t width) {
  enum { STRETCH = 16 };
  if (width < STRETCH) {
    for (ptrdiff_t x = 0; x < width; x++) {
      const uint8_t pair[2] = {above[x], below[x]};
      __builtin_memcpy(pairs + 2 * x, pair, 2);
    }
    return;
  }
  for (ptrdiff_t x = 0; x < width; x += STRETCH) {
    /* The last stretch may begin inside the one before. By way of arrays of its own, it becomes vectors. */
    const ptrdiff_t from = least(x, width - STRETCH);
    uint8_t upper[STRETCH], lower[STRETCH], pair[2 * STRETCH];
    __builtin_memcpy(upper, above + from, STRETCH);
    __builtin_memcpy(lower, below + from, STRETCH);
    for (int i = 0; i < STRETCH; i++) {
      pair[2 * i] = upper[i];
      pair[2 * i + 1] = lower[i];
    }
    __builtin_memcpy(pairs + 2 * from, pair, 2 * STRETCH);
  }
}

/* image[height][width], in a frame of paper → pairs[height + 1][width + 2][2]: each pixel, and the one below it. Four bytes from
 * any pair on are a square of four neighbours, so that a pixel is resampled with one load; blank[width] is paper. */
INLINE void pair_lines(uint8_t *pairs, const uint8_t *image, const uint8_t *blank, ptrdiff_t height, ptrdiff_t width) {
  const uint8_t paper = blank[0];
  for (ptrdiff_t y = 0; y <= height; y++) {
    uint8_t *line = pairs + y * 2 * (width + 2);
    line[0] = line[1] = line[2 * width + 2] = line[2 * width + 3] = paper;
    pair_line(line + 2, y > 0 ? image + (y - 1) * width : blank, y < height ? image + y * width : blank, width);
  }
}

/* A block is at most CHUNK pixels of at most CHUNK lines inside one cell. All steps but the loads become vectors, two lines at
 * a time; what is not in the cell is computed too (clamped like all) and left out. */
enum { CHUNK = 8, PAIR = 2 * CHUNK };
struct block {
  int32_t at[CHUNK * CHUNK]; /* in `pairs` */
  int32_t fraction_u[CHUNK * CHUNK], fraction_v[CHUNK * CHUNK]; /* 1/256 of a pixel */
};

/* Where the pixels come from: in line j the first from (u[j], v[j]), the others each (du[j], dv[j]) further */
INLINE void locate(struct block *b, ptrdiff_t lines, const int32_t *u, const int32_t *v, const int32_t *du,
                   const int32_t *dv, int32_t height, int32_t width) {
  /* The last place whose neighbours to the right and below are still in the frame */
  const int32_t most_u = (width + 1) * 65536 - 129, most_v = (height + 1) * 65536 - 129;
  for (ptrdiff_t j = 0; j < lines; j++) {
    for (int i = 0; i < CHUNK; i++) {
      const int32_t x = (between(wrap_add(u[j], wrap_times(du[j], i)), 0, most_u) + 128) >> 8;
      const int32_t y = (between(wrap_add(v[j], wrap_times(dv[j], i)), 0, most_v) + 128) >> 8;
      b->at[j * CHUNK + i] = 2 * ((y >> 8) * (width + 2) + (x >> 8));
      b->fraction_u[j * CHUNK + i] = x & 255;
      b->fraction_v[j * CHUNK + i] = y & 255;
    }
  }
}

INLINE void mix(uint8_t *out, const uint8_t *pairs, const struct block *b, ptrdiff_t lines) {
  uint32_t squares[CHUNK * CHUNK];
  for (ptrdiff_t from = 0; from < lines * CHUNK; from += PAIR) {
    for (int i = 0; i < PAIR; i++) __builtin_memcpy(&squares[from + i], pairs + b->at[from + i], 4);
  }
  for (ptrdiff_t from = 0; from < lines * CHUNK; from += PAIR) {
    for (int i = 0; i < PAIR; i++) {
      /* Left and right side by side, in 16 bits each: no sum below leaves them, though a difference may in between. */
      const uint32_t above = squares[from + i] & 0xff00ff, below = squares[from + i] >> 8 & 0xff00ff;
      const uint32_t sides = (above << 8) + (below - above) * (uint32_t)b->fraction_v[from + i];
      const uint32_t left = sides & 0xffff, right = sides >> 16;
      out[from + i] = (uint8_t)(((left << 8) + (right - left) * (uint32_t)b->fraction_u[from + i] + 32768) >> 16);
    }
  }
}

/* The first `columns`, 1 to CHUNK, of a chunk: the library's memcpy would take longer to find out how many. */
INLINE void copy_chunk(uint8_t *to, const uint8_t *chunk, ptrdiff_t columns) {
  enum { HALF = CHUNK / 2 };
  if (columns == CHUNK) {
    __builtin_memcpy(to, chunk, CHUNK);
  } else if (columns >= HALF) {
    __builtin_memcpy(to, chunk, HALF);
    __builtin_memcpy(to + columns - HALF, chunk + columns - HALF, HALF);
  } else {
    for (ptrdiff_t i = 0; i < columns; i++) to[i] = chunk[i];
  }
}

/* pairs → image[height][width]: each pixel from where the mesh says, between four neighbours */
INLINE void resample(uint8_t *image, const uint8_t *pairs, const int32_t *mesh, ptrdiff_t height, ptrdiff_t width) {
  const ptrdiff_t cell_width = divide_up(width, MESH_CELLS), cell_height = divide_up(height, MESH_CELLS);
  const int32_t across = (1 << 20) / (int32_t)cell_width, down = (1 << 20) / (int32_t)cell_height;
  for (int cell = 0; cell < MESH_CELLS * MESH_CELLS; cell++) {
    const ptrdiff_t left = cell % MESH_CELLS * cell_width, right = least(left + cell_width, width);
    const ptrdiff_t top = cell / MESH_CELLS * cell_height, bottom = least(top + cell_height, height);
    /* x and y of the node at the top left, then of that at the top right; and how much they change from line to line */
    const int32_t *upper = mesh + 2 * (cell / MESH_CELLS * (MESH_CELLS + 1) + cell % MESH_CELLS);
    const int32_t *lower = upper + 2 * (MESH_CELLS + 1);
    int32_t step[4];
    for (int i = 0; i < 4; i++) step[i] = part_of(wrap_subtract(lower[i], upper[i]), down);
    for (ptrdiff_t y = top; y < bottom; y += CHUNK) {
      const ptrdiff_t lines = least(bottom - y, CHUNK);
      int32_t u[CHUNK], v[CHUNK], du[CHUNK], dv[CHUNK];
      for (int j = 0; j < CHUNK; j++) {
        const int32_t row = (int32_t)(y - top) + j;
        u[j] = wrap_add(upper[0], wrap_times(step[0], row));
        v[j] = wrap_add(upper[1], wrap_times(step[1], row));
        du[j] = part_of(wrap_subtract(wrap_add(upper[2], wrap_times(step[2], row)), u[j]), across);
        dv[j] = part_of(wrap_subtract(wrap_add(upper[3], wrap_times(step[3], row)), v[j]), across);
      }
      for (ptrdiff_t x = left; x < right; x += CHUNK) {
        struct block block;
        uint8_t pixels[CHUNK * CHUNK];
        locate(&block, CHUNK, u, v, du, dv, (int32_t)height, (int32_t)width);
        mix(pixels, pairs, &block, lines);
        const ptrdiff_t columns = least(right - x, CHUNK);
        for (ptrdiff_t j = 0; j < lines; j++) {
          copy_chunk(image + (y + j) * width + x, pixels + j * CHUNK, columns);
        }
        for (int j = 0; j < CHUNK; j++) {
          u[j] = wrap_add(u[j], wrap_times(du[j], CHUNK));
          v[j] = wrap_add(v[j], wrap_times(dv[j], CHUNK));
        }
      }
    }
  }
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
 * [2·(height + 2)·(width + 2)] */
static void augment(uint8_t *pixels, ptrdiff_t count, const int32_t *rows, uint8_t *scratch, ptrdiff_t channels,
                    ptrdiff_t height, ptrdiff_t width, ptrdiff_t paper) {
  const ptrdiff_t area = height * width;
  /* Behind the pairs, and behind what `spread` has padded */
  uint8_t *blank = scratch + 2 * (height + 1) * (width + 2);
  __builtin_memset(blank, (int)paper, (size_t)width);
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
      pair_lines(scratch, plane, blank, height, width);
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
