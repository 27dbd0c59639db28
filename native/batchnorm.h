/*
 * Batch normalisation over one group of sixteen images: x[C,area,16], of which the first `lanes` are images. statistics[2C]
 * are means, then variances or inverse deviations. The sums over a plane run in four chains, position i in chain i mod 4,
 * whatever the instruction set; then the lanes that are images are added up.
 */
#ifndef ONKO_BATCHNORM_H
#define ONKO_BATCHNORM_H

#include "vector.h"

/* −1 in the lanes of this part that are images, 0 in the others */
INLINE VI images_in(int part, ptrdiff_t lanes) {
  VI lane;
  UNROLL for (int i = 0; i < V_LANES; i++) lane[i] = part * V_LANES + i;
  return lane < (int32_t)lanes - (VI){0};
}

/* Σ over the plane of x − from, or of its square: one sum per lane, of which those that are no images are 0 */
INLINE void sum_plane(float *sums, const float *x, ptrdiff_t area, float from, const int squared, ptrdiff_t lanes) {
  const V shift = all_v(from);
  UNROLL for (int part = 0; part < PARTS; part++) {
    const float *p = x + part * V_LANES;
    V chain[4] = {all_v(0), all_v(0), all_v(0), all_v(0)};
    ptrdiff_t i = 0;
    for (; i + 4 <= area; i += 4, p += 4 * LANES) {
      UNROLL for (int k = 0; k < 4; k++) {
        const V v = load_v(p + k * LANES) - shift;
        chain[k] = squared ? fma_v(v, v, chain[k]) : chain[k] + v;
      }
    }
    for (int k = 0; i < area; i++, k++, p += LANES) {
      const V v = load_v(p) - shift;
      chain[k] = squared ? fma_v(v, v, chain[k]) : chain[k] + v;
    }
    const V sum = (chain[0] + chain[1]) + (chain[2] + chain[3]);
    store_v(sums + part * V_LANES, select_v(images_in(part, lanes), sum, all_v(0)));
  }
}

/* x[C,area,16] → statistics[2C]: mean and (biased) variance of every channel over area × lanes values */
static void batchnorm_statistics(float *statistics, const float *x, ptrdiff_t lanes, ptrdiff_t channels, ptrdiff_t area) {
  const float count = (float)(area * lanes);
  float sums[LANES];
  for (ptrdiff_t c = 0; c < channels; c++, x += area * LANES) {
    sum_plane(sums, x, area, 0, 0, lanes);
    const float mean = sum_lanes(sums) / count;
    sum_plane(sums, x, area, mean, 1, lanes);
    statistics[c] = mean;
    statistics[channels + c] = sum_lanes(sums) / count;
  }
}

/* x[C,area,16], w[C], b[C], statistics[2C]: means, inverse deviations → y = (x − mean)·(w·inverse) + b */
static void batchnorm_forward(float *y, const float *x, const float *w, const float *b, const float *statistics,
                              ptrdiff_t channels, ptrdiff_t area) {
  for (ptrdiff_t c = 0; c < channels; c++) {
    const V mean = all_v(statistics[c]), slope = all_v(w[c] * statistics[channels + c]), shift = all_v(b[c]);
    for (ptrdiff_t i = 0; i < area * LANES; i += V_LANES) store_v(y + i, fma_v(load_v(x + i) - mean, slope, shift));
    x += area * LANES;
    y += area * LANES;
  }
}

/* Σ over the plane of dy, and of dy·(x − mean), as in sum_plane */
INLINE void sum_slopes(float *slopes, float *products, const float *x, const float *dy, ptrdiff_t area, float from,
                       ptrdiff_t lanes) {
  const V mean = all_v(from);
  UNROLL for (int part = 0; part < PARTS; part++) {
    const float *p = x + part * V_LANES, *q = dy + part * V_LANES;
    V slope[4] = {all_v(0), all_v(0), all_v(0), all_v(0)}, product[4] = {all_v(0), all_v(0), all_v(0), all_v(0)};
    ptrdiff_t i = 0;
    for (; i + 4 <= area; i += 4, p += 4 * LANES, q += 4 * LANES) {
      UNROLL for (int k = 0; k < 4; k++) {
        const V v = load_v(q + k * LANES);
        slope[k] += v;
        product[k] = fma_v(v, load_v(p + k * LANES) - mean, product[k]);
      }
    }
    for (int k = 0; i < area; i++, k++, p += LANES, q += LANES) {
      const V v = load_v(q);
      slope[k] += v;
      product[k] = fma_v(v, load_v(p) - mean, product[k]);
    }
    const VI images = images_in(part, lanes);
    const V all_slopes = (slope[0] + slope[1]) + (slope[2] + slope[3]);
    const V all_products = (product[0] + product[1]) + (product[2] + product[3]);
    store_v(slopes + part * V_LANES, select_v(images, all_slopes, all_v(0)));
    store_v(products + part * V_LANES, select_v(images, all_products, all_v(0)));
  }
}

/*
 * x[C,area,16], dy[C,area,16], statistics[2C]: means, inverse deviations → dw[C] += Σ dy·x̂, db[C] += Σ dy, with
 * x̂ = (x − mean)·inverse; sums[2C]: this group's Σ dy, then its Σ dy·x̂
 */
static void batchnorm_backward_parameters(float *dw, float *db, float *sums, const float *x, const float *dy,
                                          const float *statistics, ptrdiff_t lanes, ptrdiff_t channels,
                                          ptrdiff_t area) {
  float slopes[LANES], products[LANES];
  for (ptrdiff_t c = 0; c < channels; c++, x += area * LANES, dy += area * LANES) {
    sum_slopes(slopes, products, x, dy, area, statistics[c], lanes);
    const float slope = sum_lanes(slopes), product = sum_lanes(products) * statistics[channels + c];
    sums[c] = slope;
    sums[channels + c] = product;
    db[c] += slope;
    dw[c] += product;
  }
}

/* … and sums[2C], over area × lanes = n values → dx = w·inverse · (dy − Σdy/n − x̂·Σ(dy·x̂)/n), 0 in lanes that are no images */
static void batchnorm_backward_input(float *dx, const float *x, const float *dy, const float *w,
                                     const float *statistics, const float *sums, ptrdiff_t lanes, ptrdiff_t channels,
                                     ptrdiff_t area) {
  const float count = (float)(area * lanes);
  for (ptrdiff_t c = 0; c < channels; c++) {
    const float inverse = statistics[channels + c];
    const V mean = all_v(statistics[c]), factor = all_v(w[c] * inverse), less = all_v(sums[c] / count);
    const V tilt = all_v(-(inverse * sums[channels + c] / count));
    UNROLL for (int part = 0; part < PARTS; part++) {
      const VI images = images_in(part, lanes);
      for (ptrdiff_t i = part * V_LANES; i < area * LANES; i += LANES) {
        const V steep = fma_v(load_v(x + i) - mean, tilt, load_v(dy + i) - less);
        store_v(dx + i, select_v(images, steep * factor, all_v(0)));
      }
    }
    x += area * LANES;
    dy += area * LANES;
    dx += area * LANES;
  }
}

#endif
