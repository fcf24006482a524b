// The one kernel over all pairs: a persistent loop over a chunk's tiles whose accumulators become arguments, then values, then sums
// while they are in registers. What is done with them is a sink's:
//
//   template <class P> void tile(const Place&, const P::Lane&, unsigned char* shared, Accumulators<P::Value>& arguments) const
//
// called by all of a block's threads, with `shared_bytes<P>` of memory that is free from one call to the next.
#pragma once

#include "overlapped_loop.h"
#include "product.h"

namespace parzen::cuda {

// But where it is taken directly, |x|^2 + |y|^2 - 2<x,y> is off by about u (|x|^2 + |y|^2); where the result is smaller than this
// part of that sum, the digits lost matter and the pair is done again by differences of the rows as they were given.
constexpr double repair_below = 1.0 / 64;

// A tile among the chunk's and in the matrices.
struct Place {
  int number, tile_row, tile_col;  // in the chunk
  int row_tiles, col_tiles;
  index row0, col0;  // in the matrices
  int rows, cols;    // inside the matrices
  Pairs pairs;
  bool whole;  // every pair counts

  PARZEN_INLINE bool counts(int row, int col) const {
    if (row >= rows || col >= cols) return false;
    if (pairs == Pairs::upper) return row0 + row < col0 + col;
    return pairs == Pairs::all || row0 + row != col0 + col;
  }
};

// Pairs that do not count become `value`.
template <class T, int rows>
__device__ PARZEN_DEVICE_INLINE void hide(const Place& at, const Lane<rows>& mine, T value, Accumulators<T>& v) {
  if (at.whole) return;
  PARZEN_UNROLL
  for (int s = 0; s < slices; ++s) {
    PARZEN_UNROLL
    for (int n = 0; n < slice_cols; ++n)
      if (!at.counts(mine.row(s), mine.col(s, n))) v[s][n] = value;
  }
}

template <class P>
struct Chunk {
  using T = typename P::Value;
  Rows<T> x, y;
  Pairs pairs;
  index row0, col0;
  int row_tiles, col_tiles;
  bool triangle;  // its tiles are those with row <= col
  int tiles, steps;
  const unsigned char *x_packed, *y_packed;
  const T *x_terms, *y_terms, *x_scales, *y_scales;
  Wanted wanted;
  int stages;  // of the ring in shared memory

  PARZEN_INLINE TileIndex tile(int number) const {
    return triangle ? triangle_tile(number) : rectangle_tile(number, row_tiles, col_tiles);
  }

  PARZEN_INLINE Origin origin(int number) const {
    const TileIndex t = tile(number);
    const index bytes = index(steps) * panel_bytes<P>;
    return {x_packed + t.row * bytes, y_packed + t.col * bytes};
  }

  PARZEN_INLINE Place place(int number) const {
    const TileIndex t = tile(number);
    Place at{number, t.row, t.col, row_tiles, col_tiles, row0 + index(t.row) * tile_side, col0 + index(t.col) * tile_side,
             0,      0,     pairs, false};
    at.rows = int(smaller(tile_side, x.rows - at.row0));
    at.cols = int(smaller(tile_side, y.rows - at.col0));
    const bool apart = at.col0 >= at.row0 + tile_side || (pairs == Pairs::off_diagonal && at.row0 >= at.col0 + tile_side);
    at.whole = at.rows == tile_side && at.cols == tile_side && (pairs == Pairs::all || apart);
    return at;
  }
};

// |x-y|^2 of rows as they were given; by a warp.
template <class T>
__device__ PARZEN_DEVICE_INLINE T squared_difference(const T* x, const T* y, index d, int lane) {
  double sum = 0;
  for (index k = lane; k < d; k += 32) {
    const double difference = double(x[k]) - double(y[k]);
    sum += difference * difference;
  }
  return T(warp_sum(sum));
}

template <class P, Argument argument>
constexpr int repair_bytes =
    P::direct || argument == Argument::inner_product ? 0 : slice_cols * block_threads * int(sizeof(typename P::Value));

// Does again what is lost, a warp's pairs one after the other.
template <class P>
__device__ PARZEN_DEVICE_INLINE void repair(const Chunk<P>& chunk, const Place& at, const typename P::Lane& mine,
                                            unsigned char* shared, Accumulators<typename P::Value>& squared) {
  using T = typename P::Value;
  const int thread = int(threadIdx.x), lane = thread % 32;
  T* staged = reinterpret_cast<T*>(shared) + thread;  // a slice of a thread's own: registers have no numbers at run time
  const T* row_terms = chunk.x_terms + index(at.tile_row) * tile_side;
  const T* col_terms = chunk.y_terms + index(at.tile_col) * tile_side;
  PARZEN_UNROLL
  for (int s = 0; s < slices; ++s) {
    PARZEN_UNROLL
    for (int n = 0; n < slice_cols; ++n) staged[n * block_threads] = squared[s][n];
    PARZEN_ROLLED
    for (int n = 0; n < slice_cols; ++n) {
      const T terms = col_terms[mine.col(s, n)] + row_terms[mine.row(s)];
      const bool lost = staged[n * block_threads] < T(repair_below) * terms && at.counts(mine.row(s), mine.col(s, n));
      for (unsigned left = __ballot_sync(0xffffffffu, lost); left; left &= left - 1) {
        const int owner = __ffs(int(left)) - 1;
        const typename P::Lane theirs(thread - lane + owner);
        const T exact =
            squared_difference(chunk.x[at.row0 + theirs.row(s)], chunk.y[at.col0 + theirs.col(s, n)], chunk.x.cols, lane);
        if (lane == owner) staged[n * block_threads] = exact;
      }
    }
    PARZEN_UNROLL
    for (int n = 0; n < slice_cols; ++n) squared[s][n] = staged[n * block_threads];
  }
}

// Products become <x,y> or |x-y|^2.
template <class P, Argument argument>
__device__ PARZEN_DEVICE_INLINE void complete(const Chunk<P>& chunk, const Place& at, const typename P::Lane& mine,
                                              unsigned char* shared, Accumulators<typename P::Value>& sum) {
  using T = typename P::Value;
  using L = typename P::Lane;
  if constexpr (P::direct) return;
  const index row0 = index(at.tile_row) * tile_side, col0 = index(at.tile_col) * tile_side;
  constexpr T factor = argument == Argument::inner_product ? T(1) : T(-2);
  T row_terms[L::thread_rows], row_factors[L::thread_rows];
  PARZEN_UNROLL
  for (int r = 0; r < L::thread_rows; ++r) {
    const index row = row0 + mine.row(r * L::row_slices);
    row_terms[r] = chunk.x_terms[row];
    row_factors[r] = P::scaled ? factor * chunk.x_scales[row] : factor;
  }
  bool lost = false;
  PARZEN_UNROLL
  for (int part = 0; part < L::row_slices; ++part) {
    T col_terms[slice_cols], col_scales[slice_cols];
    read_cols(chunk.y_terms + col0, mine, part, col_terms);
    if constexpr (P::scaled) read_cols(chunk.y_scales + col0, mine, part, col_scales);
    PARZEN_UNROLL
    for (int r = 0; r < L::thread_rows; ++r) {
      PARZEN_UNROLL
      for (int n = 0; n < slice_cols; ++n) {
        T& v = sum[r * L::row_slices + part][n];
        const T terms = col_terms[n] + row_terms[r];
        v = multiply_add(P::scaled ? row_factors[r] * col_scales[n] : factor, v, terms);
        if constexpr (argument == Argument::squared_distance) lost |= v < T(repair_below) * terms;
      }
    }
  }
  if constexpr (argument == Argument::squared_distance) {
    if (__any_sync(0xffffffffu, lost)) repair(chunk, at, mine, shared, sum);
  }
}

template <class P, Argument argument, class Sink>
__global__ void __launch_bounds__(block_threads, 1)
    pairs_kernel(const __grid_constant__ Chunk<P> chunk, const __grid_constant__ Sink sink) {
  using L = typename P::Lane;
  const auto finish = [&](int number, Accumulators<typename P::Value>& v) {
    const Place at = chunk.place(number);
    unsigned char* shared = shared_memory() + ring_bytes<P>(only_here(chunk.stages));
    complete<P, argument>(chunk, at, L(only_here(int(threadIdx.x))), shared, v);
    if constexpr (repair_bytes<P, argument> > 0) __syncthreads();  // some warps may still repair where the sink is to write
    sink.template tile<P>(at, L(only_here(int(threadIdx.x))), shared, v);
  };
  run_tiles<P>(chunk, finish);
}

// All pairs of x and y, chunk by chunk. `sums` has
//   slot_bytes<P>()               of a tile's partial sums
//   reserve<P>(Chunks)            before anything else
//   Sink sink()                   for a launch
//   end_chunk(const Chunk<P>&)    puts what adds a chunk's slots up into the stream
template <class P, Argument argument, class Sums>
void sweep(const Matrix& x, const Matrix& y, Pairs pairs, const typename P::Value* center, const Execution& execution, Run& run,
           Sums& sums) {
  using Sink = decltype(sums.sink());
  const bool same = pairs != Pairs::all, triangle = pairs == Pairs::upper;
  if constexpr (P::direct) center = nullptr;
  const index row_bytes = ceil_div(x.cols, P::step) * P::step_bytes;
  const Chunks chunks(x.rows, y.rows, triangle, row_bytes, sums.template slot_bytes<P>());
  sums.template reserve<P>(chunks);
  PackedRows<P> x_packed(chunks.rows * tile_side, x.cols, run), y_packed(chunks.cols * tile_side, x.cols, run);

  const auto kernel = pairs_kernel<P, argument, Sink>;
  constexpr int of_sink = Sink::template shared_bytes<P>;
  constexpr int others = repair_bytes<P, argument> > of_sink ? repair_bytes<P, argument> : of_sink;
  const auto [stages, shared] = shared_for<P, others>(kernel, run);

  double done = 0;
  const double across = double(chunks.chunk_cols()),
               parts = triangle ? across * (across + 1) / 2 : across * double(chunks.chunk_rows());
  for (index chunk_col = 0; chunk_col < chunks.chunk_cols(); ++chunk_col) {
    const index col_tile = chunk_col * chunks.cols, col_tiles = smaller(chunks.cols, chunks.col_tiles - col_tile);
    y_packed.pack(y, col_tile * tile_side, col_tiles * tile_side, center, argument);
    for (index chunk_row = 0; chunk_row < (triangle ? chunk_col + 1 : chunks.chunk_rows()); ++chunk_row) {
      const index row_tile = chunk_row * chunks.rows, row_tiles = smaller(chunks.rows, chunks.row_tiles - row_tile);
      const bool on_diagonal = triangle && chunk_row == chunk_col;
      const bool packed = same && row_tile == col_tile && row_tiles == col_tiles;
      if (!packed) x_packed.pack(x, row_tile * tile_side, row_tiles * tile_side, center, argument);
      const PackedRows<P>& rows = packed ? y_packed : x_packed;
      Chunk<P> chunk{x,
                     y,
                     pairs,
                     row_tile * tile_side,
                     col_tile * tile_side,
                     int(row_tiles),
                     int(col_tiles),
                     on_diagonal,
                     int(on_diagonal ? row_tiles * (row_tiles + 1) / 2 : row_tiles * col_tiles),
                     int(y_packed.steps),
                     rows.data.get(),
                     y_packed.data.get(),
                     rows.terms.get(),
                     y_packed.terms.get(),
                     rows.scales.get(),
                     y_packed.scales.get(),
                     {int(x.cols), execution.precision == Execution::fast},
                     stages};
      const int blocks = int(smaller(chunk.tiles, run.multiprocessors));
      launch(kernel, blocks, block_threads, shared, run.stream, chunk, sums.sink());
      check_launch("pairs_kernel");
      sums.end_chunk(chunk);
      done += 1;
      run.part_launched(done / parts);
    }
  }
}

}  // namespace parzen::cuda
