// Who holds what: packed rows in memory, a tile's products in the registers of a block's threads, and sums on their way between
// them.
#pragma once

#include "../kernels.h"
#include "schedule.h"

namespace parzen::cuda {

constexpr int block_threads = 256;

// Packed rows lie as the steps of a tile take them: [tile][step][8 rows][16 bytes of a row][row of the 8]. What a step takes of a
// tile is one piece. Eight rows' 16 bytes are 128 bytes in a line, which no two of the rows share a bank of: the tensor cores'
// "core matrix".
template <int step_bytes>
struct Panel {
  static constexpr int chunks = step_bytes / 16;  // of a row's step
  static constexpr int chunk_bytes = 8 * 16;      // from one of a row's chunks to the next
  static constexpr int group_bytes = 8 * step_bytes;
  static constexpr int bytes = tile_side * step_bytes;

  // Where a row's chunk lies in a tile's step; and in memory, a row among all and its chunk from there on.
  static PARZEN_INLINE int at(int row, int chunk) { return row / 8 * group_bytes + chunk * chunk_bytes + row % 8 * 16; }
  static PARZEN_INLINE index row(index row, index steps) { return row / tile_side * steps * bytes + at(int(row % tile_side), 0); }
  static PARZEN_INLINE index chunk(index chunk) { return chunk / chunks * bytes + chunk % chunks * chunk_bytes; }
};

// A thread's 64 products of a tile: eight slices, each of eight columns of one row.
constexpr int slices = 8, slice_cols = 8;
template <class T>
using Accumulators = T[slices][slice_cols];

// Which rows and columns they are. Warps stand warp_rows x warp_cols in the tile. In a warp's part a thread has every eighth row
// from its quad on, and of every eight columns 2 in_quad and the next: so the tensor cores' instructions deal them out. mma.sync
// has warps of 64 x 32 (Lane<8>), wgmma of 16 x 128 (Lane<2>).
template <int rows>
struct Lane {
  static constexpr int thread_rows = rows, thread_cols = slices * slice_cols / rows;
  static constexpr int row_slices = slices / rows;  // slices r * row_slices ... are of a thread's row r
  static constexpr int warp_rows = tile_side / (8 * thread_rows), warp_cols = tile_side / (4 * thread_cols);
  static_assert(warp_rows * warp_cols == block_threads / 32);

  int warp_row, warp_col, quad, in_quad;

  PARZEN_INLINE explicit Lane(int thread)
      : warp_row(thread / 32 / warp_cols), warp_col(thread / 32 % warp_cols), quad(thread % 32 / 4), in_quad(thread % 4) {}
  PARZEN_INLINE int row(int slice) const { return warp_row * 8 * thread_rows + slice / row_slices * 8 + quad; }
  PARZEN_INLINE int col(int slice, int n) const { return first_col(slice) + n / 2 * 8 + in_quad * 2 + n % 2; }
  // Of the 32 columns that a warp's slices with this number have together.
  PARZEN_INLINE int first_col(int slice) const { return (warp_col * row_slices + slice % row_slices) * 32; }
};

// Two neighbours of a sequence, read at once.
template <class T>
struct alignas(2 * sizeof(T)) Two {
  T first, second;
};

// What a slice's columns have of a sequence over the tile's columns.
template <class T, int rows>
__device__ PARZEN_DEVICE_INLINE void read_cols(const T* of_tile, const Lane<rows>& mine, int slice, T (&values)[slice_cols]) {
  const Two<T>* pairs = reinterpret_cast<const Two<T>*>(of_tile + mine.col(slice, 0));
  PARZEN_UNROLL
  for (int n = 0; n < slice_cols; n += 2) {
    values[n] = pairs[n * 2].first;  // eight columns further on are four pairs
    values[n + 1] = pairs[n * 2].second;
  }
}

// Calls f(slice, values) for each. Of float64 a slice at a time in the same registers: eight at once, each with a kernel function's
// intermediate values, would not fit.
template <class T, bool one_at_a_time = sizeof(T) == 8, class F>
__device__ PARZEN_DEVICE_INLINE void each_slice(Accumulators<T>& v, F f) {
  if constexpr (!one_at_a_time) {
    PARZEN_UNROLL
    for (int s = 0; s < slices; ++s) f(s, v[s]);
  } else {
    PARZEN_ROLLED
    for (int s = 0; s < slices; ++s) {
      f(s, v[0]);
      PARZEN_UNROLL
      for (int n = 0; n < slice_cols; ++n) {
        const T first = v[0][n];
        PARZEN_UNROLL
        for (int next = 1; next < slices; ++next) v[next - 1][n] = v[next][n];
        v[slices - 1][n] = first;
      }
    }
  }
}

// Calls f(r, values) for each of a thread's rows, values[row_slices][slice_cols]; alike.
template <class L, class T, class F>
__device__ PARZEN_DEVICE_INLINE void each_row(Accumulators<T>& v, F f) {
  using Row = T[L::row_slices][slice_cols];
  if constexpr (L::row_slices == 1) {
    each_slice<T>(v, [&](int s, T(&values)[slice_cols]) { f(s, reinterpret_cast<Row&>(values)); });
  } else {
    static_assert(sizeof(T) == 4);
    PARZEN_UNROLL
    for (int r = 0; r < L::thread_rows; ++r) f(r, reinterpret_cast<Row&>(v[r * L::row_slices]));
  }
}

// Sums over the lanes of a warp whose numbers differ in the bits from `bit` to below `end`. The `count` sums of v are dealt out: a
// lane is left with sums first, first + 1, ... in v[0], v[1], ...; where there are fewer sums than lanes, one of those that have
// the same is the one to tell it.
struct Share {
  int first = 0;
  bool tells = true;
};
template <int count, int bit, int end, class V>
__device__ PARZEN_DEVICE_INLINE Share deal(V* v, int lane, Share share = {}) {
  if constexpr (bit >= end) {
    return share;
  } else if constexpr (count > 1) {
    constexpr int half = count / 2;
    const bool upper = (lane & bit) != 0;
    PARZEN_UNROLL
    for (int i = 0; i < half; ++i) {
      const V given = upper ? v[i] : v[i + half], kept = upper ? v[i + half] : v[i];
      v[i] = kept + __shfl_xor_sync(0xffffffffu, given, bit);
    }
    return deal<half, 2 * bit, end>(v, lane, {share.first + (upper ? half : 0), share.tells});
  } else {
    v[0] += __shfl_xor_sync(0xffffffffu, v[0], bit);
    return deal<1, 2 * bit, end>(v, lane, {share.first, share.tells && (lane & bit) == 0});
  }
}

}  // namespace parzen::cuda
