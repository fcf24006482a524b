// The tile product: 128 rows of x against 128 rows of y by a block of eight warps, exchangeable behind one shape.
//
// A warp has 64 x 32 of the tile, a thread 8 x 8 of it, dealt out as the tensor cores' instructions want their accumulators: what
// adds up, masks or compares them is one source for all products. Rows are packed to the same number of bytes whatever they hold,
// and arrive in shared memory a step of `step_bytes` a row at a time.
//
//   Direct    |x-y|^2 by differences, for few columns: as exact as the data
//   Plain     multiply-adds in the samples' type
//   Split     float32 to about 22 bits on the tensor cores (mma.sync m16n8k16, float16 in, float32 out)
//   Tensor64  float64 on the tensor cores (mma.sync m8n8k4)
//
// Split: a row is scaled by a power of two that brings its largest value into [2^14, 2^15), and each value becomes hi + lo, two
// float16 (Markidis et al., "NVIDIA Tensor Core Programmability, Performance & Precision", IPDPSW 2018; Ootomo and Yokota,
// "Recovering single precision accuracy from Tensor Cores", IJHPCA 2022). hi and lo lie side by side in 32 bits: for hi*hi one
// instruction takes sixteen columns' hi, for hi*lo + lo*hi two instructions take eight columns each as they lie, with y's halves
// exchanged. So the two cross terms of a column are summed inside one instruction, and |x-y| is |y-x| to the last bit where the
// tensor cores' sum of a few neighbouring products does not depend on their order. lo*lo, 2^-22 of the product, is left out.
#pragma once

#include "../kernels.h"
#include "schedule.h"

namespace parzen::cuda {

constexpr int block_threads = 256;
constexpr int thread_rows = 8, thread_cols = 8;

// The place of a thread's accumulator [r][c] in the tile.
struct Lane {
  int warp_row, warp_col, quad, in_quad;  // 2 x 4 warps; 8 x 4 threads of a warp

  PARZEN_INLINE explicit Lane(int thread)
      : warp_row(thread / 128), warp_col(thread / 32 % 4), quad(thread % 32 / 4), in_quad(thread % 4) {}
  PARZEN_INLINE int row(int r) const { return warp_row * 64 + r / 2 * 16 + r % 2 * 8 + quad; }
  PARZEN_INLINE int col(int c) const { return warp_col * 32 + c / 2 * 8 + in_quad * 2 + c % 2; }
  PARZEN_INLINE int row_sharer() const { return warp_col * 4 + in_quad; }  // which of the 16 threads that share a row
  PARZEN_INLINE int col_sharer() const { return warp_row * 8 + quad; }     // which of the 16 that share a column
};

template <class T>
using Accumulators = T[thread_rows][thread_cols];

// Calls f(r, row) for each row of accumulators. Of float64 a row at a time in the same registers: eight at once, each with a kernel
// function's intermediate values, would not fit.
template <class T, bool one_at_a_time = sizeof(T) == 8, class F>
__device__ PARZEN_DEVICE_INLINE void each_row(Accumulators<T>& v, F f) {
  if constexpr (!one_at_a_time) {
    PARZEN_UNROLL
    for (int r = 0; r < thread_rows; ++r) f(r, v[r]);
  } else {
    PARZEN_ROLLED
    for (int r = 0; r < thread_rows; ++r) {
      f(r, v[0]);
      PARZEN_UNROLL
      for (int c = 0; c < thread_cols; ++c) {
        const T first = v[0][c];
        PARZEN_UNROLL
        for (int next = 1; next < thread_rows; ++next) v[next - 1][c] = v[next][c];
        v[thread_rows - 1][c] = first;
      }
    }
  }
}

// Calls f(c, k) for each column, of which accumulators [r][k] are then the values; alike.
template <class T, class F>
__device__ PARZEN_DEVICE_INLINE void each_col(Accumulators<T>& v, F f) {
  if constexpr (sizeof(T) == 4) {
    PARZEN_UNROLL
    for (int c = 0; c < thread_cols; ++c) f(c, c);
  } else {
    PARZEN_ROLLED
    for (int c = 0; c < thread_cols; ++c) {
      f(c, 0);
      PARZEN_UNROLL
      for (int r = 0; r < thread_rows; ++r) {
        const T first = v[r][0];
        PARZEN_UNROLL
        for (int next = 1; next < thread_cols; ++next) v[r][next - 1] = v[r][next];
        v[r][thread_cols - 1] = first;
      }
    }
  }
}

// Where 16 bytes of a row's step lie in shared memory: exchanged among the row's so that eight rows' do not share banks.
template <int step_bytes>
PARZEN_INLINE int swizzled(int row, int chunk) {
  constexpr int chunks = step_bytes / 16, rows_a_line = 128 / step_bytes;
  return row * chunks + (chunk ^ (row / rows_a_line % chunks));
}

template <class Element, int step_bytes>
PARZEN_INLINE const Element* element(const unsigned char* panel, int row, int k) {
  constexpr int per_chunk = 16 / int(sizeof(Element));
  return reinterpret_cast<const Element*>(panel) + swizzled<step_bytes>(row, k / per_chunk) * per_chunk + k % per_chunk;
}

template <class T>
struct Plain {
  using Value = T;
  static constexpr int step_bytes = 128;
  static constexpr int step = step_bytes / int(sizeof(T));  // columns
  // Accumulators are put aside every so many steps: float32 loses digits in long sums.
  static constexpr int steps_a_sum = sizeof(T) == 4 ? 256 / step : 0;  // 0: never
  static constexpr bool direct = false, scaled = false;

  PARZEN_INLINE static T pack(T v, T* rounded) { return *rounded = v; }
  using Packed = T;

  static PARZEN_INLINE void multiply(const unsigned char* a, const unsigned char* b, const Lane& at, bool, Accumulators<T>& sum) {
    for (int k = 0; k < step; ++k) {
      T row[thread_rows];
      PARZEN_UNROLL
      for (int r = 0; r < thread_rows; ++r) row[r] = *element<T, step_bytes>(a, at.row(r), k);
      PARZEN_UNROLL
      for (int c = 0; c < thread_cols; ++c) {
        const T col = *element<T, step_bytes>(b, at.col(c), k);
        PARZEN_UNROLL
        for (int r = 0; r < thread_rows; ++r) sum[r][c] = multiply_add(row[r], col, sum[r][c]);
      }
    }
  }
};

template <class T>
struct Direct : Plain<T> {
  static constexpr int step = 8;
  static constexpr int step_bytes = step * int(sizeof(T));
  static constexpr int steps_a_sum = 0;
  static constexpr bool direct = true;

  static PARZEN_INLINE void multiply(const unsigned char* a, const unsigned char* b, const Lane& at, bool, Accumulators<T>& sum) {
    for (int k = 0; k < step; ++k) {
      T row[thread_rows];
      PARZEN_UNROLL
      for (int r = 0; r < thread_rows; ++r) row[r] = *element<T, step_bytes>(a, at.row(r), k);
      PARZEN_UNROLL
      for (int c = 0; c < thread_cols; ++c) {
        const T col = *element<T, step_bytes>(b, at.col(c), k);
        PARZEN_UNROLL
        for (int r = 0; r < thread_rows; ++r) {
          const T difference = row[r] - col;
          sum[r][c] = multiply_add(difference, difference, sum[r][c]);
        }
      }
    }
  }
};

struct Split {
  using Value = float;
  using Packed = std::uint32_t;  // hi in the low half, lo in the high half
  static constexpr int step = 32, step_bytes = 128;
  static constexpr int steps_a_sum = 64 / step;  // the tensor cores cut their sums off: an error of one sign
  static constexpr bool direct = false, scaled = true;

  PARZEN_INLINE static Packed pack(float v, float* rounded) {
    const __half hi = __float2half_rn(v), lo = __float2half_rn(v - __half2float(hi));
    *rounded = __half2float(hi) + __half2float(lo);
    return std::uint32_t(__half_as_ushort(hi)) | std::uint32_t(__half_as_ushort(lo)) << 16;
  }

  // The hi of two columns, and a column's halves exchanged.
  static __device__ PARZEN_DEVICE_INLINE std::uint32_t both_hi(std::uint32_t a, std::uint32_t b) {
    return __byte_perm(a, b, 0x5410);
  }
  static __device__ PARZEN_DEVICE_INLINE std::uint32_t exchanged(std::uint32_t a) { return __byte_perm(a, a, 0x1032); }

  static __device__ PARZEN_DEVICE_INLINE void multiply(const unsigned char* a, const unsigned char* b, const Lane& at, bool hi_only,
                                                       Accumulators<float>& sum) {
    const int lane = at.quad * 4 + at.in_quad;
    PARZEN_ROLLED                                // two at once would not fit the registers
        for (int k = 0; k < step / 4; k += 4) {  // in chunks of four columns
      std::uint32_t hi[4][2], first[4][2], second[4][2];
      PARZEN_UNROLL
      for (int n = 0; n < 4; n += 2) {
        std::uint32_t words[4], next[4];  // words and those 4 further on, of column n, then of n + 1
        const int col = at.warp_col * 32 + n * 8 + lane / 16 * 8 + lane % 8, chunk = k + lane / 8 % 2;
        load_matrices(b + swizzled<step_bytes>(col, chunk) * 16, words);
        load_matrices(b + swizzled<step_bytes>(col, chunk + 2) * 16, next);
        PARZEN_UNROLL
        for (int w = 0; w < 4; ++w) {
          hi[n + w / 2][w % 2] = both_hi(words[w], next[w]);
          first[n + w / 2][w % 2] = exchanged(words[w]);
          second[n + w / 2][w % 2] = exchanged(next[w]);
        }
      }
      PARZEN_UNROLL
      for (int m = 0; m < 4; ++m) {
        std::uint32_t words[4], next[4], row_hi[4];  // of the upper eight rows, of the lower; then those 4 further on
        const int row = at.warp_row * 64 + m * 16 + lane % 16, chunk = k + lane / 16;
        load_matrices(a + swizzled<step_bytes>(row, chunk) * 16, words);
        load_matrices(a + swizzled<step_bytes>(row, chunk + 2) * 16, next);
        PARZEN_UNROLL
        for (int w = 0; w < 4; ++w) row_hi[w] = both_hi(words[w], next[w]);
        PARZEN_UNROLL
        for (int n = 0; n < 4; ++n) {
          float *upper = &sum[2 * m][2 * n], *lower = &sum[2 * m + 1][2 * n];
          multiply_16_8_16(upper, lower, row_hi, hi[n]);
          if (hi_only) continue;
          multiply_16_8_16(upper, lower, words, first[n]);
          multiply_16_8_16(upper, lower, next, second[n]);
        }
      }
    }
  }
};

struct Tensor64 : Plain<double> {
  static __device__ PARZEN_DEVICE_INLINE void multiply(const unsigned char* a, const unsigned char* b, const Lane& at, bool,
                                                       Accumulators<double>& sum) {
    PARZEN_ROLLED
    for (int k = 0; k < step; k += 4) {
      double row[thread_rows];
      PARZEN_UNROLL
      for (int r = 0; r < thread_rows; ++r) row[r] = *element<double, step_bytes>(a, at.row(r), k + at.in_quad);
      PARZEN_UNROLL
      for (int n = 0; n < 4; ++n) {
        const double col = *element<double, step_bytes>(b, at.warp_col * 32 + n * 8 + at.quad, k + at.in_quad);
        PARZEN_UNROLL
        for (int r = 0; r < thread_rows; ++r) multiply_8_8_4(&sum[r][2 * n], row[r], col);
      }
    }
  }
};

}  // namespace parzen::cuda
