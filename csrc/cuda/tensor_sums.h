// Sums over samples of the entries of tensor.h, batch after batch of its rows: the tile product with samples as the inner
// dimension. Of the columns every row's lowest and those above it are wanted: tiles left of it are left out.
//
//   for each batch of tensor rows
//     for each run of samples           z transposed; rows z_a z_b and columns z_c packed
//       for each (tile, part of the run)  a block: added to a float64 slot of its own
//     the parts of a tile are added, and `take` gets the batch's sums, [tile][row][column]
#pragma once

#include <vector>

#include "../tensor.h"
#include "overlapped_loop.h"

namespace parzen::cuda {

// Extended rows z = [1; x - c] of samples [first, first + count), transposed: out[j * count + i], 0 where there is no sample.
template <class T, class S>
__global__ void __launch_bounds__(block_threads) transpose_kernel(Rows<S> x, index first, index count, const T* center, T* out) {
  T* tile = reinterpret_cast<T*>(shared_memory());
  const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
  const index across = ceil_div(x.cols, 32), i0 = index(blockIdx.x) / across * 32, j0 = index(blockIdx.x) % across * 32;
  for (int i = warp; i < 32; i += block_threads / 32) {
    const index sample = first + i0 + i, j = j0 + lane;
    tile[i * 33 + lane] = sample < x.rows && j < x.cols ? T(x[sample][j]) - center[j] : T(0);
  }
  __syncthreads();
  for (int j = warp; j < 32; j += block_threads / 32)
    if (j0 + j < x.cols && i0 + lane < count) out[(1 + j0 + j) * count + i0 + lane] = tile[lane * 33 + j];
  if (j0 == 0 && warp == 0 && i0 + lane < count) out[i0 + lane] = first + i0 + lane < x.rows ? T(1) : T(0);
}

// Rows z_first z_middle of the tensor, or for degree 2 rows z_first, as a product wants them: a warp a row.
template <class P>
__global__ void __launch_bounds__(block_threads)
    tensor_rows_kernel(Tensor tensor, index first, index count, index samples, const typename P::Value* z, unsigned char* out,
                       typename P::Value* scales) {
  using T = typename P::Value;
  const int lane = int(threadIdx.x) % 32;
  const index warps = index(gridDim.x) * (block_threads / 32);
  for (index r = index(blockIdx.x) * (block_threads / 32) + threadIdx.x / 32; r < count; r += warps) {
    const bool lives = first + r < tensor.rows();
    const Tensor::Row row = tensor.row(lives ? first + r : 0);
    const T *a = z + row.first * samples, *b = z + row.middle * samples;
    const auto value = [&](index i) {
      if (!lives) return T(0);
      return tensor.degree == 3 ? a[i] * b[i] : a[i];
    };
    T scale = 1;
    if constexpr (P::scaled) {
      T largest = 0;
      for (index i = lane; i < samples; i += 32) largest = max(T(::fabs(value(i))), largest);
      scale = scale_of(warp_max(largest));
    }
    unsigned char* packed = out + Panel<P::step_bytes>::row(r, samples / P::step);
    for (index i = lane; i < samples; i += 32) P::store(packed, i, value(i) * scale);
    if constexpr (P::scaled) {
      if (lane == 0) scales[r] = 1 / scale;
    }
  }
}

// Tiles of a batch, each cut into parts of the samples.
template <class P>
struct TensorWork {
  const TileIndex* indices;
  int tiles, parts, steps;  // tiles x parts, and steps of a part
  const unsigned char *rows, *cols;
  const typename P::Value *row_scales, *col_scales;
  Wanted wanted;
  int stages;
  double* slots;

  PARZEN_INLINE Origin origin(int number) const {
    const TileIndex t = indices[number / parts];
    const index part = number % parts, bytes = index(steps) * panel_bytes<P>;
    return {rows + (index(t.row) * parts + part) * bytes, cols + (index(t.col) * parts + part) * bytes};
  }
};

template <class P>
__global__ void __launch_bounds__(block_threads, 1) moments_kernel(const __grid_constant__ TensorWork<P> work) {
  using T = typename P::Value;
  run_tiles<P>(work, [&](int number, Accumulators<T>& v) {
    const typename P::Lane mine(only_here(int(threadIdx.x)));
    double* slot = work.slots + index(number) * tile_side * tile_side;
    const TileIndex t = work.indices[number / work.parts];
    const T* row_scales = work.row_scales + index(t.row) * tile_side;
    const T* col_scales = work.col_scales + index(t.col) * tile_side;
    each_slice<T, true>(v, [&](int s, T(&values)[slice_cols]) {
      const int row = mine.row(s);
      PARZEN_UNROLL
      for (int n = 0; n < slice_cols; ++n) {
        const int col = mine.col(s, n);
        if constexpr (P::scaled) values[n] *= row_scales[row] * col_scales[col];
        slot[row * tile_side + col] += double(values[n]);
      }
    });
  });
}

// The first part of every tile becomes the sum of all.
static __global__ void add_parts_kernel(double* slots, index tiles, int parts) {
  constexpr index size = tile_side * tile_side;
  const index i = index(blockIdx.x) * blockDim.x + threadIdx.x, tile = i / size;
  if (tile >= tiles) return;
  double* sum = slots + tile * parts * size + i % size;
  for (int part = 1; part < parts; ++part) *sum += sum[part * size];
}

// A batch's tiles and where their sums are: sums[number * stride + row * tile_side + column].
struct TensorBatch {
  index first_row;  // of the tensor
  std::vector<TileIndex> tiles;
  const TileIndex* device_tiles;
  index stride;
};

template <class P, class S>
class TensorSums {
 public:
  using T = typename P::Value;

  // The shapes of all that is summed together; from them alone follows what is added in which order.
  TensorSums(const Tensor& tensor, index samples, int sets, const Execution& execution, Run& run)
      : tensor_(tensor),
        execution_(execution),
        run_(run),
        most_tiles_(int(larger(ceil_div(tensor.extended, tile_side), slot_bytes / (tile_bytes * sets)))),
        batch_rows_(rows_of_batch()),
        batch_tiles_(index(tiles_of(0).size())),
        parts_(int(larger(1, smaller(most_tiles_ / batch_tiles_, samples / (8 * P::step))))),
        samples_(samples_of(samples)),
        z_(tensor.extended * samples_, run.stream),
        rows_(batch_rows_ * packed_row_bytes(), run.stream),
        cols_(padded_extended() * packed_row_bytes(), run.stream),
        row_scales_(batch_rows_, run.stream),
        col_scales_(padded_extended(), run.stream),
        indices_(batch_tiles_, run.stream) {}

  index batches() const { return ceil_div(tensor_.rows(), batch_rows_); }

  TensorBatch batch(index number) {
    const index first_row = number * batch_rows_;
    TensorBatch batch{first_row, tiles_of(first_row), indices_.get(), parts_ * tile_side * tile_side};
    indices_.write(run_.keep(batch.tiles), index(batch.tiles.size()));
    return batch;
  }

  index slots() const { return batch_tiles_ * parts_ * tile_side * tile_side; }

  // The sums of a batch over the rows of one matrix; center: (cols) on the device.
  void add(const TensorBatch& batch, const Matrix& x, const T* center, double* slots, double begin, double end) {
    const index count = index(batch.tiles.size());
    check(cudaMemsetAsync(slots, 0, std::size_t(count * parts_ * tile_bytes), run_.stream), "clearing memory");
    const auto kernel = moments_kernel<P>;
    const auto [stages, shared] = shared_for<P, 0>(kernel, run_);
    const int tiles = int(count * parts_);
    for (index first = 0; first < x.rows; first += samples_) {
      launch(transpose_kernel<T, S>, int(ceil_div(samples_, 32) * ceil_div(x.cols, 32)), block_threads, 32 * 33 * int(sizeof(T)),
             run_.stream, Rows<S>(x), first, samples_, center, z_.get());
      check_launch("transpose_kernel");
      pack(tensor_, batch.first_row, batch_rows_, rows_.get(), row_scales_.get());
      pack({2, tensor_.extended}, 0, padded_extended(), cols_.get(), col_scales_.get());
      const TensorWork<P> work{indices_.get(),
                               tiles,
                               parts_,
                               int(samples_ / parts_ / P::step),
                               rows_.get(),
                               cols_.get(),
                               row_scales_.get(),
                               col_scales_.get(),
                               {P::step, execution_.precision == Execution::fast},
                               stages,
                               slots};
      launch(kernel, int(smaller(tiles, run_.multiprocessors)), block_threads, shared, run_.stream, work);
      check_launch("moments_kernel");
      run_.part_launched(begin + (end - begin) * double(smaller(first + samples_, x.rows)) / double(x.rows));
    }
    launch(add_parts_kernel, int(ceil_div(count * tile_side * tile_side, block_threads)), block_threads, 0, run_.stream, slots,
           count, parts_);
    check_launch("add_parts_kernel");
  }

 private:
  static constexpr index tile_bytes = tile_side * tile_side * index(sizeof(double));
  static constexpr index slot_bytes = 64 << 20;    // of all partial sums
  static constexpr index packed_bytes = 48 << 20;  // of the packed rows, of the columns and of z

  index packed_row_bytes() const { return samples_ / P::step * P::step_bytes; }
  index padded_extended() const { return ceil_div(tensor_.extended, tile_side) * tile_side; }

  // Rows of a batch: whole tiles, as many as the slots allow. No later row has more columns than the first.
  index rows_of_batch() const {
    const index each = ceil_div(tensor_.extended, tile_side);
    return smaller(ceil_div(tensor_.rows(), tile_side), larger(1, most_tiles_ / each)) * tile_side;
  }

  // Samples at once: whole steps of every part.
  index samples_of(index all) const {
    const index step = index(parts_) * P::step;
    const index most = packed_bytes / (index(sizeof(T)) * larger(batch_rows_, padded_extended()));
    return larger(1, smaller(ceil_div(all, step), most / step)) * step;
  }

  std::vector<TileIndex> tiles_of(index first_row) const {
    std::vector<TileIndex> tiles;
    const index rows = smaller(batch_rows_, tensor_.rows() - first_row);
    for (index row = 0; row < rows; row += tile_side)
      for (index col = tensor_.row(first_row + row).last() / tile_side; col * tile_side < tensor_.extended; ++col)
        tiles.push_back({int(row / tile_side), int(col)});
    return tiles;
  }

  void pack(const Tensor& tensor, index first, index count, unsigned char* out, T* scales) {
    const int blocks = int(smaller(ceil_div(count, block_threads / 32), 32 * run_.multiprocessors));
    launch(tensor_rows_kernel<P>, blocks, block_threads, 0, run_.stream, tensor, first, count, samples_, z_.get(), out, scales);
    check_launch("tensor_rows_kernel");
  }

  const Tensor tensor_;
  const Execution& execution_;
  Run& run_;
  const int most_tiles_;
  const index batch_rows_, batch_tiles_;
  const int parts_;
  const index samples_;
  Scratch<T> z_;
  Scratch<unsigned char> rows_, cols_;
  Scratch<T> row_scales_, col_scales_;
  Scratch<TileIndex> indices_;
};

}  // namespace parzen::cuda
