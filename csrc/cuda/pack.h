// Rows on their way into the tile: centred, rounded as the product wants them, padded with zeros to whole tiles and steps, each
// with what its pairs' arguments need of it alone, from the values as they were rounded:
//   <x,y>    = <x',y'> + (<x',c> + |c|^2/2) + (<y',c> + |c|^2/2)
//   |x-y|^2  = |x'|^2 + |y'|^2 - 2 <x',y'>
#pragma once

#include "run.h"
#include "split.h"

namespace parzen::cuda {

// The power of two that brings a row's largest value into [2^14, 2^15); within limits that leave room for the product of two.
PARZEN_INLINE float scale_of(float largest) {
  if (!(largest > 0)) return 1;
  constexpr int most = 60, bias = 127, mantissa = 23;
  const int exponent = 14 - (int(bits_of<std::uint32_t>(largest) >> mantissa) - bias);
  return bits_of<float>(std::uint32_t((exponent < -most ? -most : exponent > most ? most : exponent) + bias) << mantissa);
}

template <class V>
__device__ PARZEN_DEVICE_INLINE V warp_sum(V v) {
  for (int lane = 16; lane > 0; lane /= 2) v += __shfl_xor_sync(0xffffffffu, v, lane);
  return v;
}

template <class V>
__device__ PARZEN_DEVICE_INLINE V warp_max(V v) {
  for (int lane = 16; lane > 0; lane /= 2) v = max(v, __shfl_xor_sync(0xffffffffu, v, lane));
  return v;
}

template <class T>
struct Rows {
  const T* data;
  index rows, cols, stride;

  Rows(const Matrix& m) : data(static_cast<const T*>(m.data)), rows(m.rows), cols(m.cols), stride(m.stride) {}
  PARZEN_INLINE const T* operator[](index i) const { return data + i * stride; }
};

// Rows [first, first + count) of x, a warp a row; zeros where x has no row.
template <class P>
__global__ void __launch_bounds__(block_threads)
    pack_kernel(Rows<typename P::Value> x, index first, index count, index steps, const typename P::Value* center,
                Argument argument, unsigned char* out, typename P::Value* terms, typename P::Value* scales) {
  using T = typename P::Value;
  const int lane = int(threadIdx.x) % 32;
  const index warps = index(gridDim.x) * (block_threads / 32);
  for (index r = index(blockIdx.x) * (block_threads / 32) + threadIdx.x / 32; r < count; r += warps) {
    const index d = first + r < x.rows ? x.cols : 0;
    const T* row = x[first + r];
    T scale = 1;
    if constexpr (P::scaled) {
      T largest = 0;
      for (index k = lane; k < d; k += 32) largest = max(T(::fabs(row[k] - (center ? center[k] : T(0)))), largest);
      scale = scale_of(warp_max(largest));
    }
    const double back = 1 / double(scale);
    unsigned char* packed = out + Panel<P::step_bytes>::row(r, steps);
    double term = 0;
    for (index k = lane; k < steps * P::step; k += 32) {
      const double c = center && k < d ? double(center[k]) : 0.0;
      const T rounded = P::store(packed, k, k < d ? (row[k] - T(c)) * scale : T(0));
      const double v = double(rounded) * back;
      if (k < d) term += argument == Argument::inner_product ? (v + 0.5 * c) * c : v * v;
    }
    term = warp_sum(term);
    if (lane == 0) {
      terms[r] = T(term);
      if constexpr (P::scaled) scales[r] = T(back);
    }
  }
}

// One side's packed rows of a chunk: whole tiles.
template <class P>
class PackedRows {
 public:
  using T = typename P::Value;

  PackedRows(index rows, index cols, const Run& run)
      : run_(run),
        steps(ceil_div(cols, P::step)),
        data(rows * steps * P::step_bytes, run.stream),
        terms(rows, run.stream),
        scales(P::scaled ? rows : 1, run.stream) {}

  void pack(const Matrix& m, index first, index count, const T* center, Argument argument) {
    const int blocks = int(smaller(ceil_div(count, block_threads / 32), 32 * run_.multiprocessors));
    launch(pack_kernel<P>, blocks, block_threads, 0, run_.stream, Rows<T>(m), first, count, steps, center, argument, data.get(),
           terms.get(), scales.get());
    check_launch("pack_kernel");
  }

 private:
  const Run& run_;

 public:
  const index steps;
  Scratch<unsigned char> data;
  Scratch<T> terms, scales;
};

}  // namespace parzen::cuda
