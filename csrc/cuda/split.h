// Float32 to about 22 bits on the tensor cores, which take float16 and sum in float32.
//
// A row is scaled by a power of two that brings its largest value into [2^14, 2^15), and each value becomes hi + lo, two float16
// (Markidis et al., "NVIDIA Tensor Core Programmability, Performance & Precision", IPDPSW 2018; Ootomo and Yokota, "Recovering
// single precision accuracy from Tensor Cores", IJHPCA 2022). Three products stand for one, hi*hi + hi*lo + lo*hi; lo*lo, 2^-22 of
// it, is left out. The tensor cores cut their sums off, an error of one sign: they are put aside before it counts.
#pragma once

#include "tile.h"

namespace parzen::cuda {

struct Halves {
  std::uint16_t hi, lo;
  float rounded;

  explicit PARZEN_INLINE Halves(float v) {
    const __half high = __float2half_rn(v), low = __float2half_rn(v - __half2float(high));
    hi = __half_as_ushort(high);
    lo = __half_as_ushort(low);
    rounded = __half2float(high) + __half2float(low);
  }
};

// By mma.sync m16n8k16. hi and lo lie side by side in 32 bits: for hi*hi one instruction takes sixteen columns' hi, for
// hi*lo + lo*hi two instructions take eight columns each as they lie, with y's halves exchanged. So the two cross terms of a column
// are summed inside one instruction, and |x-y| is |y-x| to the last bit where the tensor cores' sum of a few neighbouring products
// does not depend on their order.
struct Split : Dense<float, 128> {
  static constexpr int steps_a_sum = 64 / step;
  static constexpr bool scaled = true;

  static PARZEN_INLINE float store(unsigned char* row, index k, float v) {
    const Halves halves(v);
    const std::uint32_t word = halves.hi | std::uint32_t(halves.lo) << 16;
    reinterpret_cast<std::uint32_t*>(row + Panel<step_bytes>::chunk(k / 4))[k % 4] = word;
    return halves.rounded;
  }

  // The hi of two columns, and a column's halves exchanged.
  static __device__ PARZEN_DEVICE_INLINE std::uint32_t both_hi(std::uint32_t a, std::uint32_t b) {
    return __byte_perm(a, b, 0x5410);
  }
  static __device__ PARZEN_DEVICE_INLINE std::uint32_t exchanged(std::uint32_t a) { return __byte_perm(a, a, 0x1032); }

  static __device__ PARZEN_DEVICE_INLINE void multiply(const unsigned char* a, const unsigned char* b, const Lane& at,
                                                       Wanted wanted, Accumulators<float>& sum) {
    const int lane = at.quad * 4 + at.in_quad;
    using Rows = Panel<step_bytes>;
    PARZEN_ROLLED                                // two at once would not fit the registers
        for (int k = 0; k < step / 4; k += 4) {  // in chunks of four columns
      std::uint32_t hi[4][2], first[4][2], second[4][2];
      PARZEN_UNROLL
      for (int n = 0; n < 4; n += 2) {
        std::uint32_t words[4], next[4];  // words and those 4 further on, of column n, then of n + 1
        const int col = at.first_col(0) + n * 8 + lane / 16 * 8 + lane % 8, chunk = k + lane / 8 % 2;
        load_matrices(b + Rows::at(col, chunk), words);
        load_matrices(b + Rows::at(col, chunk + 2), next);
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
        const int row = at.row(2 * m) - at.quad + lane % 16, chunk = k + lane / 16;
        load_matrices(a + Rows::at(row, chunk), words);
        load_matrices(a + Rows::at(row, chunk + 2), next);
        PARZEN_UNROLL
        for (int w = 0; w < 4; ++w) row_hi[w] = both_hi(words[w], next[w]);
        PARZEN_UNROLL
        for (int n = 0; n < 4; ++n) {
          float *upper = &sum[2 * m][2 * n], *lower = &sum[2 * m + 1][2 * n];
          multiply_16_8_16(upper, lower, row_hi, hi[n]);
          if (wanted.hi_only) continue;
          multiply_16_8_16(upper, lower, words, first[n]);
          multiply_16_8_16(upper, lower, next, second[n]);
        }
      }
    }
  }
};

// What wgmma wants to know of a matrix in shared memory, in units of 16 bytes: where its first core matrix is, how far it is to the
// next along the rows and to the next eight rows (PTX manual, "matrix descriptor", without exchange of banks). Bytes / 16 more is
// the same matrix further on.
PARZEN_INLINE std::uint64_t shared_matrix(unsigned address, int along, int down) {
  return std::uint64_t(address >> 4) | std::uint64_t(along >> 4) << 16 | std::uint64_t(down >> 4) << 32;
}

// By wgmma m64n128k16, of four warps at once, which reads both sides from shared memory: of every eight columns one chunk is hi
// and, where there are two parts, the next is lo. Sixteen columns are two chunks of hi, or the two of lo beside them. The cross
// terms come first, while the sums they are added to are small. Nothing is said of |x-y| and |y-x|.
template <int parts>
struct Warpgroup : Dense<float, 128> {
  using Lane = cuda::Lane<2>;
  static constexpr int step = 64 / parts;
  static constexpr int steps_a_sum = 2;
  static constexpr int least_stages = 6, most_stages = 6;
  static constexpr bool scaled = true, warpgroup = true;

  static PARZEN_INLINE float store(unsigned char* row, index k, float v) {
    const Halves halves(v);
    const auto half = [&](int part) {
      return reinterpret_cast<std::uint16_t*>(row + Panel<step_bytes>::chunk(k / 8 * parts + part)) + k % 8;
    };
    *half(0) = halves.hi;
    if constexpr (parts == 2) *half(1) = halves.lo;
    return halves.rounded;
  }

  // A step's products are on their way when this returns; `add` them to sum, or begin it anew.
  static __device__ PARZEN_DEVICE_INLINE void start(const unsigned char* a, const unsigned char* b, bool add,
                                                    Accumulators<float>& sum) {
    constexpr int chunk = Panel<step_bytes>::chunk_bytes, along = parts * chunk, down = Panel<step_bytes>::group_bytes;
    constexpr int lo = chunk / 16, next = 2 * along / 16;  // from a hi to its lo, from sixteen columns to the next
    const std::uint64_t x = shared_matrix(shared_address(a + int(threadIdx.x) / 128 * 64 / 8 * down), along, down);
    const std::uint64_t y = shared_matrix(shared_address(b), along, down);
    begin_products();
    if constexpr (parts == 2) {
      PARZEN_UNROLL
      for (int k = 0; k < step / 16; ++k) {
        multiply_64_128_16(sum, x + k * next, y + k * next + lo, add);
        multiply_64_128_16(sum, x + k * next + lo, y + k * next, true);
        add = true;
      }
    }
    PARZEN_UNROLL
    for (int k = 0; k < step / 16; ++k) {
      multiply_64_128_16(sum, x + k * next, y + k * next, add);
      add = true;
    }
    end_products();
  }
};

}  // namespace parzen::cuda
