// A block's way over its tiles: packed rows arrive in a ring of shared memory, step by step and across the tiles' borders, while
// the products of steps before are taken. `Work` says what there is to do:
//
//   tiles, origin(number)     where a tile's packed rows begin
//   steps                     of every tile
//   wanted, stages
#pragma once

#include "pack.h"

namespace parzen::cuda {

struct Origin {
  const unsigned char *x, *y;
};

template <class P>
constexpr int panel_bytes = Panel<P::step_bytes>::bytes;

// With what is said of a stage's arrival where there is need.
template <class P>
PARZEN_INLINE constexpr int ring_bytes(int stages) {
  return stages * 2 * panel_bytes<P> + (P::warpgroup ? 128 : 0);
}

template <class P, class Work>
class Loader {
 public:
  // With so many steps' rows on their way.
  __device__ PARZEN_DEVICE_INLINE Loader(const Work& work, int ahead) : work_(work), tile_(int(blockIdx.x)) {
    locate();
    for (int s = 0; s < ahead; ++s) next();
  }

  __device__ PARZEN_DEVICE_INLINE void next() {
    if (tile_ < work_.tiles) {
      unsigned char* stage = shared_memory() + slot_ * 2 * panel_bytes<P> + only_here(int(threadIdx.x)) * 16;
      copy(stage, x_);
      copy(stage + panel_bytes<P>, y_);
      x_ += panel_bytes<P>;
      y_ += panel_bytes<P>;
      if (++step_ == work_.steps) {
        step_ = 0;
        tile_ += int(gridDim.x);
        locate();
      }
    }
    if (++slot_ == work_.stages) slot_ = 0;
    commit_copies();
  }

 private:
  __device__ PARZEN_DEVICE_INLINE void locate() {
    if (tile_ >= work_.tiles) return;
    const Origin origin = work_.origin(tile_);
    const int mine = only_here(int(threadIdx.x)) * 16;
    x_ = origin.x + mine;
    y_ = origin.y + mine;
  }

  __device__ PARZEN_DEVICE_INLINE static void copy(unsigned char* to, const unsigned char* from) {
    constexpr int at_once = block_threads * 16;
    static_assert(panel_bytes<P> % at_once == 0);
    PARZEN_UNROLL
    for (int i = 0; i < panel_bytes<P>; i += at_once) copy_16_bytes(to + i, from + i);
  }

  const Work& work_;
  int tile_;
  int step_ = 0, slot_ = 0;
  const unsigned char *x_ = nullptr, *y_ = nullptr;
};

template <class T>
__device__ PARZEN_DEVICE_INLINE void clear(Accumulators<T>& sum) {
  PARZEN_UNROLL
  for (int s = 0; s < slices; ++s) {
    PARZEN_UNROLL
    for (int n = 0; n < slice_cols; ++n) sum[s][n] = 0;
  }
}

template <class T>
__device__ PARZEN_DEVICE_INLINE void add(Accumulators<T>& total, const Accumulators<T>& sum) {
  PARZEN_UNROLL
  for (int s = 0; s < slices; ++s) {
    PARZEN_UNROLL
    for (int n = 0; n < slice_cols; ++n) total[s][n] += sum[s][n];
  }
}

// Calls finish(number, products) for each of the block's tiles, by all of its threads.
template <class P, class Work, class Finish>
__device__ PARZEN_DEVICE_INLINE void each_tile(const Work& work, Finish finish) {
  using T = typename P::Value;
  Loader<P, Work> loader(work, work.stages - 1);
  int slot = 0;
  for (int number = int(blockIdx.x); number < work.tiles; number += int(gridDim.x)) {
    const typename P::Lane mine{int(threadIdx.x)};
    Accumulators<T> sum, total;
    clear<T>(sum);
    clear<T>(total);
    for (int step = 0; step < work.steps; ++step) {
      wait_for_copies(work.stages - 2);
      __syncthreads();
      loader.next();
      const unsigned char* stage = shared_memory() + slot * 2 * panel_bytes<P>;
      if (++slot == work.stages) slot = 0;
      P::multiply(stage, stage + panel_bytes<P>, mine, work.wanted, sum);
      if constexpr (P::steps_a_sum > 0) {
        if ((step + 1) % P::steps_a_sum == 0 || step + 1 == work.steps) {
          add<T>(total, sum);
          clear<T>(sum);
        }
      }
    }
    if constexpr (P::steps_a_sum > 0)
      finish(number, total);
    else
      finish(number, sum);
  }
}

struct Shared {
  int stages, bytes;
};

// As many stages as the device has room for beside `others`.
template <class P, int others, class Kernel>
Shared shared_for(Kernel kernel, const Run& run) {
  static_assert(ring_bytes<P>(P::least_stages) + others <= (P::warpgroup ? wgmma_shared_bytes : least_shared_bytes));
  int stages = P::most_stages;
  while (stages > P::least_stages && ring_bytes<P>(stages) + others > run.shared_bytes) --stages;
  const int bytes = ring_bytes<P>(stages) + others;
  if (bytes > run.shared_bytes)
    throw Failure("cuda: a block takes " + std::to_string(bytes) + " bytes of shared memory, the device has " +
                      std::to_string(run.shared_bytes),
                  failed);
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
        "reserving shared memory");
  return {stages, bytes};
}

}  // namespace parzen::cuda
