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
// float16 (Markidis et al., "NVIDIA Tensor Core Programmability, Performance & Precision", IPDPSW 2018; Ootomo and Yokota, "Recovering
// single precision accuracy from Tensor Cores", IJHPCA 2022). hi and lo lie side by side in 32 bits: for hi*hi one instruction takes
// sixteen columns' hi, for hi*lo + lo*hi two instructions take eight columns each as they lie, with y's halves exchanged. So the two
// cross terms of a column are summed inside one instruction, and |x-y| is |y-x| to the last bit where the tensor cores' sum of a few
// neighbouring products does not depend on their order. lo*lo, 2^-22 of the product, is left out.
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
  static constexpr int steps_a_sum = 256 / step;
  static constexpr bool direct = false, scaled = true;

  PARZEN_INLINE static Packed pack(float v, float* rounded) {
    const __half hi = __float2half_rn(v), lo = __float2half_rn(v - __half2float(hi));
    *rounded = __half2float(hi) + __half2float(lo);
    return std::uint32_t(__half_as_ushort(hi)) | std::uint32_t(__half_as_ushort(lo)) << 16;
  }

#ifdef __CUDA_ARCH__
  // Eight columns of 16 rows, or of 8: words 4 k' + in_quad, row by row as the instruction's fragments are.
  static __device__ __forceinline__ void load(const unsigned char* panel, int row, int k, int in_quad, std::uint32_t (&words)[2]) {
    words[0] = *element<std::uint32_t, step_bytes>(panel, row, k + in_quad);
    words[1] = *element<std::uint32_t, step_bytes>(panel, row, k + 4 + in_quad);
  }

  static __device__ __forceinline__ void mma(float& c0, float& c1, float& c2, float& c3, std::uint32_t a0, std::uint32_t a1,
                                             std::uint32_t a2, std::uint32_t a3, std::uint32_t b0, std::uint32_t b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c0), "+f"(c1), "+f"(c2), "+f"(c3)
                 : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
  }

  static __device__ __forceinline__ std::uint32_t both_hi(std::uint32_t a, std::uint32_t b) { return __byte_perm(a, b, 0x5410); }
  static __device__ __forceinline__ std::uint32_t exchanged(std::uint32_t a) { return __byte_perm(a, a, 0x1032); }

  static __device__ __forceinline__ void multiply(const unsigned char* a, const unsigned char* b, const Lane& at, bool hi_only,
                                                  Accumulators<float>& sum) {
    PARZEN_ROLLED  // two at once would not fit the registers
    for (int k = 0; k < step; k += 16) {
      std::uint32_t hi[4][2], first[4][2], second[4][2];
      PARZEN_UNROLL
      for (int n = 0; n < 4; ++n) {
        const int col = at.warp_col * 32 + n * 8 + at.quad;
        load(b, col, k, at.in_quad, first[n]);
        load(b, col, k + 8, at.in_quad, second[n]);
        PARZEN_UNROLL
        for (int w = 0; w < 2; ++w) {
          hi[n][w] = both_hi(first[n][w], second[n][w]);
          first[n][w] = exchanged(first[n][w]);
          second[n][w] = exchanged(second[n][w]);
        }
      }
      PARZEN_UNROLL
      for (int m = 0; m < 4; ++m) {
        std::uint32_t upper[2], lower[2], next_upper[2], next_lower[2];
        const int row = at.warp_row * 64 + m * 16 + at.quad;
        load(a, row, k, at.in_quad, upper);
        load(a, row + 8, k, at.in_quad, lower);
        load(a, row, k + 8, at.in_quad, next_upper);
        load(a, row + 8, k + 8, at.in_quad, next_lower);
        PARZEN_UNROLL
        for (int n = 0; n < 4; ++n) {
          float(&top)[thread_cols] = sum[2 * m];
          float(&bottom)[thread_cols] = sum[2 * m + 1];
          mma(top[2 * n], top[2 * n + 1], bottom[2 * n], bottom[2 * n + 1], both_hi(upper[0], next_upper[0]),
              both_hi(lower[0], next_lower[0]), both_hi(upper[1], next_upper[1]), both_hi(lower[1], next_lower[1]), hi[n][0], hi[n][1]);
          if (hi_only) continue;
          mma(top[2 * n], top[2 * n + 1], bottom[2 * n], bottom[2 * n + 1], upper[0], lower[0], upper[1], lower[1], first[n][0],
              first[n][1]);
          mma(top[2 * n], top[2 * n + 1], bottom[2 * n], bottom[2 * n + 1], next_upper[0], next_lower[0], next_upper[1],
              next_lower[1], second[n][0], second[n][1]);
        }
      }
    }
  }
#else
  // The tensor cores' arithmetic one pair at a time: products are exact, the sum of an instruction's is added to float32 and cut
  // off, not rounded (Fasi et al., "Numerical behavior of NVIDIA tensor cores", PeerJ Computer Science 2021); the least that any of
  // these devices does is taken, sums of four products.
  static float cut_off(double v) {
    const float rounded = float(v);
    return ::fabs(double(rounded)) > ::fabs(v) ? ::nextafterf(rounded, 0.0f) : rounded;
  }

  static void multiply(const unsigned char* a, const unsigned char* b, const Lane& at, bool hi_only, Accumulators<float>& sum) {
    for (int r = 0; r < thread_rows; ++r)
      for (int c = 0; c < thread_cols; ++c) {
        float s = sum[r][c];
        for (int k = 0; k < step; k += 16) {
          const auto value = [&](const unsigned char* panel, int row, int j, int shift) {
            const std::uint32_t word = *element<std::uint32_t, step_bytes>(panel, row, j);
            return double(__half2float(__ushort_as_half(std::uint16_t(word >> shift))));
          };
          for (int j = k; j < k + 16; j += 4) {
            double products = 0;
            for (int t = j; t < j + 4; ++t) products += value(a, at.row(r), t, 0) * value(b, at.col(c), t, 0);
            s = cut_off(double(s) + products);
          }
          if (hi_only) continue;
          for (int j = k; j < k + 16; j += 2) {
            double products = 0;
            for (int t = j; t < j + 2; ++t)
              products += value(a, at.row(r), t, 0) * value(b, at.col(c), t, 16) + value(a, at.row(r), t, 16) * value(b, at.col(c), t, 0);
            s = cut_off(double(s) + products);
          }
        }
        sum[r][c] = s;
      }
  }
#endif
};

struct Tensor64 : Plain<double> {
#ifdef __CUDA_ARCH__
  static __device__ __forceinline__ void multiply(const unsigned char* a, const unsigned char* b, const Lane& at, bool,
                                                  Accumulators<double>& sum) {
    for (int k = 0; k < step; k += 4) {
      double row[thread_rows];
      PARZEN_UNROLL
      for (int r = 0; r < thread_rows; ++r) row[r] = *element<double, step_bytes>(a, at.row(r), k + at.in_quad);
      PARZEN_UNROLL
      for (int n = 0; n < 4; ++n) {
        const double col = *element<double, step_bytes>(b, at.warp_col * 32 + n * 8 + at.quad, k + at.in_quad);
        PARZEN_UNROLL
        for (int r = 0; r < thread_rows; ++r)
          asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0,%1}, {%2}, {%3}, {%0,%1};"
                       : "+d"(sum[r][2 * n]), "+d"(sum[r][2 * n + 1])
                       : "d"(row[r]), "d"(col));
      }
    }
  }
#endif
};

}  // namespace parzen::cuda
