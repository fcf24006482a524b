// What adds up a function of every pair, a tile's sums in slots of their own: eight values in the samples' type, float64 beyond.
#pragma once

#include "pairs.h"

namespace parzen::cuda {

// Slots of a chunk's row and column sums: [tile_col][row of the chunk], [tile_row][column of the chunk]; of squares: [tile].
struct SumSlots {
  double *rows, *cols, *squares;

  template <class P>
  static constexpr int shared_bytes =
      ((P::Lane::warp_cols + P::Lane::warp_rows) * tile_side + block_threads / 32) * int(sizeof(double));

  template <class P>
  __device__ PARZEN_DEVICE_INLINE void add(const Place& at, const typename P::Lane& mine, unsigned char* shared,
                                           const Accumulators<typename P::Value>& v) const {
    using L = typename P::Lane;
    const int thread = int(threadIdx.x), lane = thread % 32;
    double* by_row = reinterpret_cast<double*>(shared);  // [warp_cols][row]
    double* by_col = by_row + L::warp_cols * tile_side;  // [warp_rows][column]
    double* by_warp = by_col + L::warp_rows * tile_side;
    const double squares_of_warp = warp_sum(rows_of(v, mine, lane, by_row));
    if (lane == 0) by_warp[thread / 32] = squares_of_warp;
    cols_of(v, mine, lane, by_col);
    __syncthreads();
    const int own = thread % tile_side;
    const bool of_rows = thread < tile_side;
    const double* shares = (of_rows ? by_row : by_col) + own;
    double sum = 0;
    for (int s = 0; s < (of_rows ? L::warp_cols : L::warp_rows); ++s) sum += shares[s * tile_side];
    if (of_rows)
      rows[(index(at.tile_col) * at.row_tiles + at.tile_row) * tile_side + own] = sum;
    else
      cols[(index(at.tile_row) * at.col_tiles + at.tile_col) * tile_side + own] = sum;
    if (thread == 0) {
      sum = 0;
      for (int warp = 0; warp < block_threads / 32; ++warp) sum += by_warp[warp];
      squares[at.number] = sum;
    }
  }

 private:
  // A warp's sums of its rows; returns the thread's sum of squares.
  template <class T, class L>
  static __device__ PARZEN_DEVICE_INLINE double rows_of(const Accumulators<T>& v, const L& mine, int lane, double* by_row) {
    double sums[L::thread_rows] = {}, squares = 0;
    PARZEN_UNROLL
    for (int s = 0; s < slices; ++s) {
      T sum = 0, square = 0;
      PARZEN_UNROLL
      for (int n = 0; n < slice_cols; ++n) {
        sum += v[s][n];
        square = multiply_add(v[s][n], v[s][n], square);
      }
      sums[s / L::row_slices] += double(sum);
      squares += double(square);
    }
    const Share share = deal<L::thread_rows, 1, 4>(sums, lane);
    constexpr int mine_of_four = L::thread_rows > 4 ? L::thread_rows / 4 : 1;
    if (share.tells) {
      PARZEN_UNROLL
      for (int i = 0; i < mine_of_four; ++i)
        by_row[mine.warp_col * tile_side + mine.row((share.first + i) * L::row_slices)] = sums[i];
    }
    return squares;
  }

  // A warp's sums of its columns, over the eight quads.
  template <class T, class L>
  static __device__ PARZEN_DEVICE_INLINE void cols_of(const Accumulators<T>& v, const L& mine, int lane, double* by_col) {
    T sums[L::thread_cols];
    PARZEN_UNROLL
    for (int c = 0; c < L::thread_cols; ++c) {
      sums[c] = 0;
      PARZEN_UNROLL
      for (int r = 0; r < L::thread_rows; ++r) sums[c] += v[r * L::row_slices + c / slice_cols][c % slice_cols];
    }
    constexpr int in_type = 8 / L::thread_rows;  // quads until eight values are together
    const Share begun = deal<L::thread_cols, 4, 4 * in_type>(sums, lane);
    constexpr int left = L::thread_cols / in_type, at_last = L::thread_cols / 8;
    double wide[left];
    PARZEN_UNROLL
    for (int c = 0; c < left; ++c) wide[c] = double(sums[c]);
    const Share share = deal<left, 4 * in_type, 32>(wide, lane, begun);
    PARZEN_UNROLL
    for (int i = 0; i < at_last; ++i) {
      const int c = share.first + i;
      by_col[mine.warp_row * tile_side + mine.col(c / slice_cols, c % slice_cols)] = wide[i];
    }
  }
};

// The sum of term(0) ... term(count - 1) by a block: 32 sums at once, each by the eight threads with the same threadIdx.x % 32,
// which take every eighth term, are added in order, and all have the sum.
constexpr int sums_a_block = 32;
template <class Term>
__device__ PARZEN_DEVICE_INLINE double sum_of_eight(int count, Term term) {
  constexpr int lanes = block_threads / sums_a_block;
  double* found = reinterpret_cast<double*>(shared_memory());
  double sum = 0;
  PARZEN_UNROLL_8
  for (int t = int(threadIdx.x) / sums_a_block; t < count; t += lanes) sum += term(t);
  found[threadIdx.x] = sum;
  __syncthreads();
  sum = 0;
  for (int lane = 0; lane < lanes; ++lane) sum += found[lane * sums_a_block + int(threadIdx.x) % sums_a_block];
  return sum;
}

struct ChunkShape {
  index row0, rows, col0, cols;  // of the matrices
  int row_tiles, col_tiles, tiles;
  bool triangle;
};

// Adds a chunk's slots to the totals: blocks for its rows, for its columns, and one for the squares.
static __global__ void __launch_bounds__(block_threads) add_slots_kernel(SumSlots slots, SumSlots totals, ChunkShape c) {
  constexpr int blocks_a_tile = tile_side / sums_a_block;
  const int block = int(blockIdx.x), row_blocks = c.row_tiles * blocks_a_tile, col_blocks = c.col_tiles * blocks_a_tile;
  const bool adds = int(threadIdx.x) < sums_a_block;
  const index i = index(block < row_blocks ? block : block - row_blocks) * sums_a_block + threadIdx.x % sums_a_block;
  if (block < row_blocks) {
    const int first = c.triangle ? int(i / tile_side) : 0;
    const index pitch = index(c.row_tiles) * tile_side;
    const double sum = sum_of_eight(c.col_tiles - first, [&](int t) { return slots.rows[(first + t) * pitch + i]; });
    if (adds && c.row0 + i < c.rows) totals.rows[c.row0 + i] += sum;
  } else if (block < row_blocks + col_blocks) {
    const int count = c.triangle ? int(i / tile_side) + 1 : c.row_tiles;
    const index pitch = index(c.col_tiles) * tile_side;
    const double sum = sum_of_eight(count, [&](int t) { return slots.cols[t * pitch + i]; });
    if (adds && c.col0 + i < c.cols) totals.cols[c.col0 + i] += sum;
  } else {
    const int each = (c.tiles + sums_a_block - 1) / sums_a_block, first = each * (int(threadIdx.x) % sums_a_block);
    const int count = c.tiles - first < each ? c.tiles - first : each;
    const double sum = warp_sum(sum_of_eight(count, [&](int t) { return slots.squares[first + t]; }));
    if (threadIdx.x == 0) *totals.squares += sum;
  }
}

}  // namespace parzen::cuda
