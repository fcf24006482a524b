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

// A stage of the ring: a step's panel of x, then of y.
template <class P>
__device__ PARZEN_DEVICE_INLINE unsigned char* stage(int slot) {
  return shared_memory() + slot * 2 * panel_bytes<P>;
}

// How far a block has come with fetching: the tile, the step of it and the stage that it goes to. `rows` are the step's panels, or,
// of each thread, its first 16 bytes of them.
template <class P, class Work, bool of_each_thread>
class Cursor {
 public:
  __device__ PARZEN_DEVICE_INLINE explicit Cursor(const Work& work) : work_(work), tile_(int(blockIdx.x)) { locate(); }
  __device__ PARZEN_DEVICE_INLINE bool inside() const { return tile_ < work_.tiles; }
  __device__ PARZEN_DEVICE_INLINE int slot() const { return slot_; }
  __device__ PARZEN_DEVICE_INLINE const Origin& rows() const { return rows_; }

  __device__ PARZEN_DEVICE_INLINE void advance(int stages) {
    if (++slot_ == stages) slot_ = 0;
    if (!inside()) return;
    rows_.x += panel_bytes<P>;
    rows_.y += panel_bytes<P>;
    if (++step_ < work_.steps) return;
    step_ = 0;
    tile_ += int(gridDim.x);
    locate();
  }

 private:
  __device__ PARZEN_DEVICE_INLINE void locate() {
    if (!inside()) return;
    rows_ = work_.origin(tile_);
    if constexpr (of_each_thread) {
      const int mine = only_here(int(threadIdx.x)) * 16;
      rows_.x += mine;
      rows_.y += mine;
    }
  }

  const Work& work_;
  int tile_, step_ = 0, slot_ = 0;
  Origin rows_{};
};

// All threads copy, 16 bytes each at a time.
template <class P, class Work>
class Loader {
 public:
  // With so many steps' rows on their way.
  __device__ PARZEN_DEVICE_INLINE Loader(const Work& work, int ahead) : stages_(work.stages), at_(work) {
    for (int s = 0; s < ahead; ++s) next();
  }

  __device__ PARZEN_DEVICE_INLINE void next() {
    if (at_.inside()) {
      unsigned char* to = stage<P>(at_.slot()) + only_here(int(threadIdx.x)) * 16;
      copy(to, at_.rows().x);
      copy(to + panel_bytes<P>, at_.rows().y);
    }
    at_.advance(stages_);
    commit_copies();
  }

 private:
  __device__ PARZEN_DEVICE_INLINE static void copy(unsigned char* to, const unsigned char* from) {
    constexpr int at_once = block_threads * 16;
    static_assert(panel_bytes<P> % at_once == 0);
    PARZEN_UNROLL
    for (int i = 0; i < panel_bytes<P>; i += at_once) copy_16_bytes(to + i, from + i);
  }

  const int& stages_;
  Cursor<P, Work, true> at_;
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
      const unsigned char* rows = stage<P>(slot);
      if (++slot == work.stages) slot = 0;
      P::multiply(rows, rows + panel_bytes<P>, mine, work.wanted, sum);
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
