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

// The first `vectors` vectors of columns; the others are zero.
template <class T, bool direct, int vectors = tile_vectors>
PARZEN_INLINE void accumulate(const T* a, const T* b, index depth, Arguments<T>& sum) {
  PARZEN_UNROLL
  for (int r = 0; r < tile_rows; ++r) {
    PARZEN_UNROLL
    for (int c = 0; c < tile_vectors; ++c) sum.v[r][c] = vec<T>{};
  }
  for (index k = 0; k < depth; ++k) {
    vec<T> col[vectors];
    PARZEN_UNROLL
    for (int c = 0; c < vectors; ++c) col[c] = load(b + k * tile_cols<T> + c * lanes<T>);
    PARZEN_UNROLL
    for (int r = 0; r < tile_rows; ++r) {
      const vec<T> row = broadcast(a[k * tile_rows + r]);
      PARZEN_UNROLL
      for (int c = 0; c < vectors; ++c) {
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
  Wide<T> wide{};
  index k = 0;
  for (; k + lanes<T> <= d; k += lanes<T>) {
    vec<T> v;
    __builtin_memcpy(&v, x + k, sizeof v);
    wide.add_product(Wide<T>(v), Wide<T>(v));
  }
  double sum = total(wide);
  for (; k < d; ++k) sum += double(x[k]) * double(x[k]);
  return sum;
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

}  // namespace parzen::PARZEN_ISA_NAME
