// A block's way over its tiles: packed rows arrive in a ring of shared memory, step by step and across the tiles' borders, while
// the product of the step before is taken. `Work` says what there is to do:
//
//   tiles, origin(number)     where a tile's packed rows begin
//   steps, padded_cols        of every tile
//   hi_only, stages
#pragma once

#include "pack.h"

namespace parzen::cuda {

template <class P>
struct Origin {
  const typename P::Packed *x, *y;
};

template <class P>
constexpr int panel_bytes = tile_side * P::step_bytes;

template <class P>
PARZEN_INLINE constexpr int ring_bytes(int stages) {
  return stages * 2 * panel_bytes<P>;
}

template <class P, class Work>
class Loader {
 public:
  __device__ PARZEN_DEVICE_INLINE explicit Loader(const Work& work) : work_(work), tile_(int(blockIdx.x)) { locate(); }

  __device__ PARZEN_DEVICE_INLINE void next() {
    if (tile_ < work_.tiles) {
      const int thread = only_here(int(threadIdx.x));
      unsigned char* stage = shared_memory() + slot_ * 2 * panel_bytes<P>;
      copy(stage, x_, thread);
      copy(stage + panel_bytes<P>, y_, thread);
      x_ += P::step_bytes;
      y_ += P::step_bytes;
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
  // Where this thread's first 16 bytes of the tile are; its others are whole rows further down.
  __device__ PARZEN_DEVICE_INLINE void locate() {
    if (tile_ >= work_.tiles) return;
    const Origin<P> origin = work_.origin(tile_);
    const int thread = only_here(int(threadIdx.x));
    const index mine = thread / chunks * pitch() + thread % chunks * 16;
    x_ = reinterpret_cast<const unsigned char*>(origin.x) + mine;
    y_ = reinterpret_cast<const unsigned char*>(origin.y) + mine;
  }

  __device__ PARZEN_DEVICE_INLINE void copy(unsigned char* panel, const unsigned char* from, int thread) const {
    PARZEN_UNROLL
    for (int i = 0; i < tile_side / rows_at_once; ++i) {
      copy_16_bytes(panel + swizzled<P::step_bytes>(thread / chunks + i * rows_at_once, thread % chunks) * 16, from);
      from += rows_at_once * pitch();
    }
  }

  static constexpr int chunks = P::step_bytes / 16, rows_at_once = block_threads / chunks;
  __device__ PARZEN_DEVICE_INLINE index pitch() const { return work_.padded_cols * index(sizeof(typename P::Packed)); }

  const Work& work_;
  int tile_;
  int step_ = 0, slot_ = 0;
  const unsigned char *x_ = nullptr, *y_ = nullptr;
};

// Calls finish(number, products) for each of the block's tiles, by all of its threads.
template <class P, class Work, class Finish>
__device__ PARZEN_DEVICE_INLINE void each_tile(const Work& work, const Lane& mine, Finish finish) {
  using T = typename P::Value;
  Loader<P, Work> loader(work);
  for (int s = 1; s < work.stages; ++s) loader.next();
  int slot = 0;
  for (int number = int(blockIdx.x); number < work.tiles; number += int(gridDim.x)) {
    Accumulators<T> sum, total;
    PARZEN_UNROLL
    for (int r = 0; r < thread_rows; ++r) {
      PARZEN_UNROLL
      for (int c = 0; c < thread_cols; ++c) sum[r][c] = total[r][c] = 0;
    }
    for (int step = 0; step < work.steps; ++step) {
      wait_for_copies(work.stages);
      __syncthreads();
      loader.next();
      const unsigned char* stage = shared_memory() + slot * 2 * panel_bytes<P>;
      P::multiply(stage, stage + panel_bytes<P>, mine, work.hi_only, sum);
      if (++slot == work.stages) slot = 0;
      if constexpr (P::steps_a_sum > 0) {
        if ((step + 1) % P::steps_a_sum == 0 || step + 1 == work.steps) {
          PARZEN_UNROLL
          for (int r = 0; r < thread_rows; ++r) {
            PARZEN_UNROLL
            for (int c = 0; c < thread_cols; ++c) {
              total[r][c] += sum[r][c];
              sum[r][c] = 0;
            }
          }
        }
      }
    }
    if constexpr (P::steps_a_sum > 0)
      finish(number, total);
    else
      finish(number, sum);
  }
}

constexpr int least_shared_bytes = 99 << 10;  // of a block, on any device of compute capability 8.0 or later

struct Shared {
  int stages, bytes;
};

// As many stages as the device has room for beside `others`, at most 3.
template <class P, class Kernel>
Shared shared_for(Kernel kernel, index others, const Run& run) {
  const int stages = ring_bytes<P>(3) + others <= run.shared_bytes ? 3 : 2;
  const index bytes = ring_bytes<P>(stages) + others;
  if (bytes > run.shared_bytes)
    throw Failure("cuda: a block takes " + std::to_string(bytes) + " bytes of shared memory, the device has " +
                      std::to_string(run.shared_bytes),
                  failed);
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, int(bytes)),
        "reserving shared memory");
  return {stages, int(bytes)};
}

}  // namespace parzen::cuda
