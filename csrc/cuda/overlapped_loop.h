// The block's way over its tiles for products that go on by themselves: a tile is finished while the first two steps of the next
// are being multiplied. Rows arrive a panel at a time, fetched by one thread.
#pragma once

#include "tile_loop.h"

namespace parzen::cuda {

template <class P>
__device__ PARZEN_DEVICE_INLINE Arrival* arrival(int slot) {
  return reinterpret_cast<Arrival*>(stage<P>(P::most_stages)) + slot;  // behind the ring
}

// The first warp's. Behind the last tile there is nothing to fetch, which is there at once.
template <class P, class Work>
class Fetcher {
 public:
  __device__ PARZEN_DEVICE_INLINE Fetcher(const Work& work, int ahead) : at_(work) {
    if (threadIdx.x == 0) {
      for (int slot = 0; slot < P::most_stages; ++slot) prepare(arrival<P>(slot));
      show_prepared();
    }
    __syncwarp();
    for (int s = 0; s < ahead; ++s) next();
  }

  __device__ PARZEN_DEVICE_INLINE void next() {
    if (threadIdx.x >= 32) return;
    if (threadIdx.x == 0) {
      unsigned char* to = stage<P>(at_.slot());
      Arrival* there = arrival<P>(at_.slot());
      expect(there, at_.inside() ? 2 * panel_bytes<P> : 0);
      if (at_.inside()) {
        copy_bytes(to, at_.rows().x, panel_bytes<P>, there);
        copy_bytes(to + panel_bytes<P>, at_.rows().y, panel_bytes<P>, there);
      }
    }
    __syncwarp();
    at_.advance(P::most_stages);
  }

 private:
  Cursor<P, Work, false> at_;
};

// Two steps are under way at a time, so that a slot is filled again two steps after it was read. A warpgroup waits for its sums to
// put them aside while the other's are under way: the second is half a sum behind.
template <class P, class Work, class Finish>
__device__ PARZEN_DEVICE_INLINE void each_tile_overlapped(const Work& work, Finish finish) {
  using T = typename P::Value;
  constexpr int stages = P::most_stages;
  static_assert(P::least_stages == stages && stages * int(sizeof(Arrival)) <= 128 && P::steps_a_sum >= 2);
  Fetcher<P, Work> fetcher(work, stages - 2);
  __syncthreads();
  Accumulators<T> sum, total;
  clear<T>(sum);
  clear<T>(total);
  int slot = 0, phase = 0;
  bool anew = true;
  const auto start = [&] {
    wait_for_products<1>();
    wait_for_arrival(arrival<P>(slot), phase);
    __syncthreads();
    const unsigned char* rows = stage<P>(slot);
    P::start(rows, rows + panel_bytes<P>, !anew, sum);
    anew = false;
    if (++slot == stages) {
      slot = 0;
      phase ^= 1;
    }
    fetcher.next();
  };
  // The last turn finishes the last tile and multiplies what happens to lie there, for nobody: to the compiler every turn is alike,
  // and it does not wait before it calls `finish`.
  const int first = int(blockIdx.x), ahead = work.steps < 2 ? work.steps : 2;
  const int behind = __shfl_sync(0xffffffffu, int(threadIdx.x) / 128, 0) * (P::steps_a_sum / 2);
  for (int number = first;; number += int(gridDim.x)) {
    PARZEN_ROLLED
    for (int step = 0; step < ahead; ++step) start();
    if (number != first) finish(number - int(gridDim.x), total);
    if (number >= work.tiles) break;
    clear<T>(total);
    for (int step = ahead;; ++step) {
      if ((step + behind) % P::steps_a_sum == 0 || step == work.steps) {
        wait_for_products<0>();
        settle(sum);
        add<T>(total, sum);
        anew = true;
      }
      if (step == work.steps) break;
      start();
    }
  }
  wait_for_products<0>();
}

template <class P, class Work, class Finish>
__device__ PARZEN_DEVICE_INLINE void run_tiles(const Work& work, const Finish& finish) {
  if constexpr (!P::warpgroup)
    each_tile<P>(work, finish);
  else if constexpr (code_has_wgmma)
    each_tile_overlapped<P>(work, finish);
  else
    __trap();
}

}  // namespace parzen::cuda
