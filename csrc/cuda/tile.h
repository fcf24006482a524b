// The tile product: 128 rows of x against 128 rows of y by a block of eight warps, exchangeable behind one shape.
//
//   Direct    |x-y|^2 by differences, for few columns: as exact as the data
//   Plain     multiply-adds in the samples' type
//   Tensor64  float64 on the tensor cores (mma.sync m8n8k4)
//   Split, Warpgroup: float32 on the tensor cores, see split.h
//
// A product says how it wants its rows (`store` puts column k's value there and returns what is left of it; bytes and columns of a
// step), who holds what of its sums (`Lane`), and after how many steps they are put aside (`steps_a_sum`, 0 for never). Products of
// a `warpgroup` go on while the threads do something else; the others are done when `multiply` returns.
#pragma once

#include "layout.h"

namespace parzen::cuda {

template <class T, int bytes>
PARZEN_INLINE const T* element(const unsigned char* panel, int row, int k) {
  constexpr int per_chunk = 16 / int(sizeof(T));
  return reinterpret_cast<const T*>(panel + Panel<bytes>::at(row, k / per_chunk)) + k % per_chunk;
}

struct Wanted {
  int cols;      // of a row
  bool hi_only;  // the first 11 bits
};

template <class T, int bytes>
struct Dense {
  using Value = T;
  using Lane = cuda::Lane<8>;
  static constexpr int step_bytes = bytes, step = step_bytes / int(sizeof(T));  // columns
  static constexpr int steps_a_sum = 0;
  static constexpr int least_stages = 2, most_stages = 3;  // of the ring in shared memory
  static constexpr bool direct = false, scaled = false, warpgroup = false;

  static PARZEN_INLINE T store(unsigned char* row, index k, T v) {
    constexpr int per_chunk = 16 / int(sizeof(T));
    reinterpret_cast<T*>(row + Panel<step_bytes>::chunk(k / per_chunk))[k % per_chunk] = v;
    return v;
  }

  // sum[r][c] = add(x, y, sum[r][c]) for each of so many columns of x and y.
  template <class Add>
  static PARZEN_INLINE void accumulate(const unsigned char* a, const unsigned char* b, const Lane& at, int cols,
                                       Accumulators<T>& sum, Add add) {
    for (int k = 0; k < cols; ++k) {
      T row[slices];
      PARZEN_UNROLL
      for (int r = 0; r < slices; ++r) row[r] = *element<T, step_bytes>(a, at.row(r), k);
      PARZEN_UNROLL
      for (int c = 0; c < slice_cols; ++c) {
        const T col = *element<T, step_bytes>(b, at.col(0, c), k);
        PARZEN_UNROLL
        for (int r = 0; r < slices; ++r) sum[r][c] = add(row[r], col, sum[r][c]);
      }
    }
  }
};

template <class T>
struct Plain : Dense<T, 128> {
  using typename Dense<T, 128>::Lane;
  static constexpr int steps_a_sum = sizeof(T) == 4 ? 8 : 0;  // float32 loses digits in long sums

  static PARZEN_INLINE void multiply(const unsigned char* a, const unsigned char* b, const Lane& at, Wanted, Accumulators<T>& sum) {
    Plain::accumulate(a, b, at, Plain::step, sum, [](T row, T col, T s) { return multiply_add(row, col, s); });
  }
};

template <class T>
struct Direct : Dense<T, 8 * sizeof(T)> {
  using typename Dense<T, 8 * sizeof(T)>::Lane;
  static constexpr bool direct = true;

  static PARZEN_INLINE void multiply(const unsigned char* a, const unsigned char* b, const Lane& at, Wanted wanted,
                                     Accumulators<T>& sum) {
    Direct::accumulate(a, b, at, wanted.cols, sum, [](T row, T col, T s) {
      const T difference = row - col;
      return multiply_add(difference, difference, s);
    });
  }
};

struct Tensor64 : Dense<double, 128> {
  static __device__ PARZEN_DEVICE_INLINE void multiply(const unsigned char* a, const unsigned char* b, const Lane& at, Wanted,
                                                       Accumulators<double>& sum) {
    PARZEN_ROLLED
    for (int k = 0; k < step; k += 4) {
      double row[slices];
      PARZEN_UNROLL
      for (int r = 0; r < slices; ++r) row[r] = *element<double, step_bytes>(a, at.row(r), k + at.in_quad);
      PARZEN_UNROLL
      for (int n = 0; n < 4; ++n) {
        const double col = *element<double, step_bytes>(b, at.first_col(0) + n * 8 + at.quad, k + at.in_quad);
        PARZEN_UNROLL
        for (int r = 0; r < slices; ++r) multiply_8_8_4(&sum[r][2 * n], row[r], col);
      }
    }
  }
};

}  // namespace parzen::cuda
