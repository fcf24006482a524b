// Rows on their way into the tile: centred, transposed panel by panel, each with what its pairs' arguments need of it alone.
#pragma once

#include "tile.h"

namespace parzen::PARZEN_ISA_NAME {

// What a pair's argument needs of one row besides <x',y'> of the centred rows x' = x - c:
//   <x,y>    = <x',y'> + (<x',c> + |c|^2/2) + (<y',c> + |c|^2/2)
//   |x-y|^2  = |x'|^2 + |y'|^2 - 2 <x',y'>
// Never inlined: rows and columns must get the same bits, so that |x-y| = |y-x| to the last one.
template <class T>
__attribute__((noinline)) T row_term(const T* x, const T* center, index d, Argument argument, index ahead) {
  Wide<T> wide{};
  double sum = 0;
  index k = 0;
  for (; k + lanes<T> <= d; k += lanes<T>) {
    vec<T> v, c{};
    __builtin_prefetch(x + k + ahead);
    __builtin_memcpy(&v, x + k, sizeof v);
    if (center) __builtin_memcpy(&c, center + k, sizeof c);
    v -= c;
    const Wide<T> wide_v(v);
    wide.add_product(wide_v, argument == Argument::inner_product ? Wide<T>(c) : wide_v);
    if (argument == Argument::inner_product) wide.add_product(Wide<T>(c * T(0.5)), Wide<T>(c));
  }
  for (; k < d; ++k) {
    const T c = center ? center[k] : T(0), v = x[k] - c;
    sum += argument == Argument::inner_product ? (double(v) + 0.5 * double(c)) * double(c) : double(v) * double(v);
  }
  return T(sum + total(wide));
}

// The stores of a panel whose width is no multiple of the lanes reach this many elements past its end.
template <class T>
constexpr index pack_slack = lanes<T>;

// Columns [k, k + lanes) of up to W rows, transposed. Where W is no multiple of the lanes, a store spills into the first rows of
// the next column: groups of rows go from last to first and columns upwards, so that the spill is always written over.
template <class T, int W>
PARZEN_INLINE void pack_square(const T* const* row, int rows, vec<T> center, index k, T* out) {
  constexpr int n = lanes<T>;
  for (int group = (W - 1) / n * n; group >= 0; group -= n) {
    vec<T> square[n];
    PARZEN_UNROLL
    for (int r = 0; r < n; ++r) {
      square[r] = vec<T>{};
      if (group + r >= W || group + r >= rows) continue;
      __builtin_memcpy(&square[r], row[group + r] + k, sizeof square[r]);
      square[r] -= center;
    }
    transpose<T>(square);
    PARZEN_UNROLL
    for (int j = 0; j < n; ++j) __builtin_memcpy(out + (k + j) * W + group, &square[j], sizeof square[j]);
  }
}

// Rows [first, first + count) of m, less the centre, as panels of W rows: out[(panel * d + k) * W + r], zeros where there is no
// row; pack_slack elements behind the last panel are written as well.
template <class T, int W>
void pack(const Matrix& m, index first, index count, const T* center, Argument argument, T* out, T* terms) {
  const index d = m.cols;
  for (index panel = 0; panel * W < count; ++panel, out += d * W, terms += W) {
    const int rows = int(count - panel * W < W ? count - panel * W : W);
    const T* row[W];
    for (int r = 0; r < W; ++r) {
      row[r] = row_of<T>(m, first + panel * W + (r < rows ? r : 0));
      terms[r] = r < rows ? row_term(row[r], center, d, argument, W * m.stride) : T(0);
    }
    index k = 0;
    for (; k + lanes<T> <= d; k += lanes<T>) {
      vec<T> c{};
      if (center) __builtin_memcpy(&c, center + k, sizeof c);
      if (rows == W)
        pack_square<T, W>(row, W, c, k, out);
      else
        pack_square<T, W>(row, rows, c, k, out);
    }
    for (; k < d; ++k) {
      const T c = center ? center[k] : T(0);
      for (int r = 0; r < W; ++r) out[k * W + r] = r < rows ? row[r][k] - c : T(0);
    }
  }
}

}  // namespace parzen::PARZEN_ISA_NAME
