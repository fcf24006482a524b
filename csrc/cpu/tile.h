// The register tile: R rows of x against C columns (rows of y), packed so that step k of all inner products is contiguous.
#pragma once

#include "../kernels.h"

namespace parzen::PARZEN_ISA_NAME {

// 12 x 2 accumulators, 2 columns and broadcasts from memory fill 32 registers; 6 x 2 fill 16.
#if defined(__AVX512F__) || defined(__ARM_NEON)
constexpr int tile_rows = 12;
#else
constexpr int tile_rows = 6;
#endif
constexpr int tile_vectors = 2;
template <class T>
constexpr int tile_cols = tile_vectors * lanes<T>;

// Accumulators are added to memory every so many k: rounding errors of float32 grow with the length of a running sum (and
// depth_step x tile_cols values of the column panel fit the first-level cache).
constexpr index depth_step = 256;

// Below this d, squared distances are summed from differences: as exact as the data, for one instruction more per term.
constexpr index direct_depth = 8;

// Above it |x|^2 + |y|^2 - 2<x,y> is off by about u (|x|^2 + |y|^2); where the result is smaller than this part of that sum, the
// digits lost matter and the pair is done again by differences of the rows as they were given.
constexpr double repair_below = 1.0 / 64;

template <class T>
struct Arguments {
  vec<T> v[tile_rows][tile_vectors];
};

template <class T, bool direct>
PARZEN_INLINE void accumulate(const T* a, const T* b, index depth, Arguments<T>& sum) {
  PARZEN_UNROLL
  for (int r = 0; r < tile_rows; ++r) {
    PARZEN_UNROLL
    for (int c = 0; c < tile_vectors; ++c) sum.v[r][c] = vec<T>{};
  }
  for (index k = 0; k < depth; ++k) {
    vec<T> col[tile_vectors];
    PARZEN_UNROLL
    for (int c = 0; c < tile_vectors; ++c) col[c] = load(b + k * tile_cols<T> + c * lanes<T>);
    PARZEN_UNROLL
    for (int r = 0; r < tile_rows; ++r) {
      const vec<T> row = broadcast(a[k * tile_rows + r]);
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) {
        if constexpr (direct) {
          const vec<T> difference = row - col[c];
          sum.v[r][c] += difference * difference;
        } else {
          sum.v[r][c] += row * col[c];
        }
      }
    }
  }
}

// Which pairs of a tile count.
enum class Pairs { all, upper, off_diagonal };  // all, i < j, i != j

struct Mask {
  int rows, cols;  // those inside the matrices
  index diagonal;  // column of row 0's own number: i0 - j0
  Pairs pairs;

  template <class T>
  PARZEN_INLINE bits<T> operator()(int row, int vector) const {
    using I = decltype(bits<T>{}[0] + bits<T>{}[0]);
    const bits<T> col = lane_numbers<T>() + I(vector * lanes<T>);
    bits<T> valid = col < I(row < rows ? cols : 0);
    // Clamped into the tile's neighbourhood, the number of this row fits the lanes' integers.
    const index own = diagonal + row < -1 ? -1 : diagonal + row > 2 * tile_cols<T> ? 2 * tile_cols<T> : diagonal + row;
    if (pairs == Pairs::upper) valid &= col > I(own);
    if (pairs == Pairs::off_diagonal) valid &= col != I(own);
    return valid;
  }
};

template <class T>
const T* row_of(const Matrix& m, index i) {
  return static_cast<const T*>(m.data) + i * m.stride;
}

template <class T>
double squared_norm(const T* x, index d) {
  double sum[4] = {0, 0, 0, 0};
  for (index k = 0; k < d; ++k) sum[k & 3] += double(x[k]) * double(x[k]);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// |x-y|^2 by differences; in blocks of depth_step, each summed in the input type.
template <class T>
T squared_difference(const T* x, const T* y, index d) {
  double sum = 0;
  for (index k0 = 0; k0 < d; k0 += depth_step) {
    const index end = k0 + depth_step < d ? k0 + depth_step : d;
    vec<T> block{};
    index k = k0;
    for (; k + lanes<T> <= end; k += lanes<T>) {
      vec<T> a, b;
      __builtin_memcpy(&a, x + k, sizeof a);
      __builtin_memcpy(&b, y + k, sizeof b);
      block += (a - b) * (a - b);
    }
    Wide<T> wide{};
    wide.add(block);
    sum += total(wide);
    for (; k < end; ++k) sum += double(x[k] - y[k]) * double(x[k] - y[k]);
  }
  return T(sum);
}

// What a pair's argument needs of one row besides <x',y'> of the centred rows x' = x - c:
//   <x,y>    = <x',y'> + (<x',c> + |c|^2/2) + (<y',c> + |c|^2/2)
//   |x-y|^2  = |x'|^2 + |y'|^2 - 2 <x',y'>
// Never inlined: rows and columns must get the same bits, so that |x-y| = |y-x| to the last one.
template <class T>
__attribute__((noinline)) T row_term(const T* x, const T* center, index d, Argument argument) {
  Wide<T> wide{};
  double sum = 0;
  index k = 0;
  for (; k + lanes<T> <= d; k += lanes<T>) {
    vec<T> v, c{};
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

// Rows [first, first + count) of m, less the centre, as panels of W rows: out[(panel * d + k) * W + r], zeros where there is no
// row.
template <class T, int W>
void pack(const Matrix& m, index first, index count, const T* center, Argument argument, T* out, T* terms) {
  const index d = m.cols;
  for (index panel = 0; panel * W < count; ++panel, out += d * W, terms += W) {
    const int rows = int(count - panel * W < W ? count - panel * W : W);
    const T* row[W];
    for (int r = 0; r < W; ++r) {
      row[r] = row_of<T>(m, first + panel * W + (r < rows ? r : 0));
      terms[r] = r < rows ? row_term(row[r], center, d, argument) : T(0);
    }
    for (index k = 0; k < d; ++k) {
      const T c = center ? center[k] : T(0);
      for (int r = 0; r < W; ++r) out[k * W + r] = row[r][k] - c;
    }
    for (int r = rows; r < W; ++r)
      for (index k = 0; k < d; ++k) out[k * W + r] = T(0);
  }
}

}  // namespace parzen::PARZEN_ISA_NAME
