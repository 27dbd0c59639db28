/* A linear layer is the tile of tile.h over one position. */
#ifndef ONKO_LINEAR_H
#define ONKO_LINEAR_H

#include "tile.h"

/* x[I,16], w[U,I], b[U] → y[U,16]; each sum over i, from the bias on */
static void linear_forward(float *y, const float *x, const float *w, const float *b, ptrdiff_t inputs,
                           ptrdiff_t units) {
  compute_line((struct tile){.y = y, .x = x, .w = w, .bias = b, .y_filter = LANES, .w_filter = inputs, .outer = 1,
                             .middle = 1, .inner = inputs, .x_inner = LANES, .w_inner = 1},
               units, 1);
}

/* dy[U,16], w[U,I] → dx[I,16]; each sum over u */
static void linear_backward_input(float *dx, const float *dy, const float *w, ptrdiff_t inputs, ptrdiff_t units) {
  compute_line((struct tile){.y = dx, .x = dy, .w = w, .y_filter = LANES, .w_filter = 1, .outer = 1, .middle = 1,
                             .inner = units, .x_inner = LANES, .w_inner = inputs},
               inputs, 1);
}

#define CHUNK 256

/* x[count,16] → t[16][CHUNK], zeros up to a whole vector */
static void transpose_lanes(float *t, const float *x, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + 4 <= count; i += 4) {
    UNROLL for (int lane = 0; lane < LANES; lane++) {
      const float *p = x + i * LANES + lane;
      const float four[4] = {p[0], p[LANES], p[2 * LANES], p[3 * LANES]};
      __builtin_memcpy(t + lane * CHUNK + i, four, sizeof four);
    }
  }
  for (; i < count; i++) {
    for (int lane = 0; lane < LANES; lane++) t[lane * CHUNK + i] = x[i * LANES + lane];
  }
  for (; i % LANES != 0; i++) {
    for (int lane = 0; lane < LANES; lane++) t[lane * CHUNK + i] = 0;
  }
}

/*
 * x[I,16], dy[U,16] → dw[U,I] +=, db[U] +=
 *
 * With x transposed the lanes are the taps and sixteen inputs stand side by side: the sum over the lanes, in order, needs
 * no sum across a register.
 */
static void linear_backward_parameters(float *dw, float *db, const float *x, const float *dy, ptrdiff_t inputs,
                                       ptrdiff_t units) {
  float transposed[LANES * CHUNK];
  for (ptrdiff_t u = 0; u < units; u++) db[u] += sum_lanes(dy + u * LANES);
  for (ptrdiff_t first = 0; first < inputs; first += CHUNK) {
    const ptrdiff_t count = least(CHUNK, inputs - first);
    transpose_lanes(transposed, x + first * LANES, count);
    const ptrdiff_t vectors = count / V_LANES, rest = count % V_LANES;
    const ptrdiff_t across = divide_up(vectors, MOST_COLUMNS);
    const ptrdiff_t most_units = most_filters[vectors == 0 ? 1 : divide_up(vectors, across)];
    const ptrdiff_t down = divide_up(units, most_units);
    struct tile t = {.y_filter = inputs, .y_column = V_LANES, .x_column = V_LANES, .w_filter = LANES, .outer = 1,
                     .middle = 1, .inner = LANES, .x_inner = CHUNK, .w_inner = 1, .adds = 1};
    for (ptrdiff_t i = 0; i < down; i++) {
      const ptrdiff_t u = cut(units, down, i), unit_count = cut(units, down, i + 1) - u;
      t.w = dy + u * LANES;
      for (ptrdiff_t k = 0; k < across; k++) {
        const ptrdiff_t j = cut(vectors, across, k);
        t.x = transposed + j * V_LANES;
        t.y = dw + u * inputs + first + j * V_LANES;
        tile_functions[cut(vectors, across, k + 1) - j][unit_count](&t);
      }
      if (rest == 0) continue;
      /* The last inputs do not fill a vector: their tile goes beside, not over what follows them. */
      float beside[12 * V_LANES];
      struct tile last = t;
      last.x = transposed + vectors * V_LANES;
      last.y = beside;
      last.y_filter = V_LANES;
      last.adds = 0;
      tile_functions[1][unit_count](&last);
      for (ptrdiff_t n = 0; n < unit_count; n++) {
        float *row = dw + (u + n) * inputs + first + vectors * V_LANES;
        for (ptrdiff_t k = 0; k < rest; k++) row[k] += beside[n * V_LANES + k];
      }
    }
  }
}

#endif
