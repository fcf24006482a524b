// Moments of samples up to order 3, and the norms of their mean tensors. See csrc/cpu/moments.cpp for the mathematics.
//
// Products are taken in the arithmetic's type over the samples of a part, then added to float64; order 1 is summed in float64.
#include "../device.h"
#include "product.h"
#include "tensor_sums.h"

namespace parzen::cuda {
namespace {

// A fixed number of blocks, so that what is added in which order does not depend on the device.
constexpr int sum_blocks = 512;

// Order 1: sums of the columns of [1; x - c], to slots [block][column].
template <class T, class S>
__global__ void __launch_bounds__(block_threads) column_sums_kernel(Rows<S> x, const T* center, double* slots) {
  const index begin = x.rows * blockIdx.x / gridDim.x, end = x.rows * (blockIdx.x + 1) / gridDim.x;
  double* slot = slots + index(blockIdx.x) * (x.cols + 1);
  for (index j = threadIdx.x; j < x.cols; j += block_threads) {
    double sum = 0;
    for (index i = begin; i < end; ++i) sum += double(T(T(x[i][j]) - center[j]));
    slot[1 + j] = sum;
  }
  if (threadIdx.x == 0) slot[0] = double(end - begin);
}

constexpr int powers = 4;

// sum_i |x_i|^(2t), t = 0 .. 3, to slots [block][t]: a warp a row.
template <class S>
__global__ void __launch_bounds__(block_threads) norm_powers_kernel(Rows<S> x, double* slots) {
  constexpr int warps = block_threads / 32;
  double* shared = reinterpret_cast<double*>(shared_memory());
  const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
  double sums[powers] = {};
  for (index i = index(blockIdx.x) * warps + warp; i < x.rows; i += index(gridDim.x) * warps) {
    double norm = 0;
    for (index k = lane; k < x.cols; k += 32) norm += double(x[i][k]) * double(x[i][k]);
    norm = warp_sum(norm);
    double power = 1;
    PARZEN_UNROLL
    for (int t = 0; t < powers; ++t, power *= norm) sums[t] += power;
  }
  if (lane == 0) {
    PARZEN_UNROLL
    for (int t = 0; t < powers; ++t) shared[warp * powers + t] = sums[t];
  }
  __syncthreads();
  if (threadIdx.x >= powers) return;
  double sum = 0;
  for (int w = 0; w < warps; ++w) sum += shared[w * powers + int(threadIdx.x)];
  slots[index(blockIdx.x) * powers + threadIdx.x] = sum;
}

template <class S>
void norm_powers(const Matrix& x, Run& run, double (&sums)[powers]) {
  Scratch<double> slots(sum_blocks * powers, run.stream);
  launch(norm_powers_kernel<S>, sum_blocks, block_threads, block_threads / 32 * powers * int(sizeof(double)), run.stream,
         Rows<S>(x), slots.get());
  check_launch("norm_powers_kernel");
  std::vector<double> found(sum_blocks * powers);
  slots.read(found.data(), index(found.size()));
  run.finish();
  for (int t = 0; t < powers; ++t) {
    sums[t] = 0;
    for (int b = 0; b < sum_blocks; ++b) sums[t] += found[b * powers + t];
  }
}

// sums[j] += the sums of the columns of [1; x - c].
template <class T, class S>
void column_sums(const Matrix& x, const T* center, Run& run, double* sums) {
  const index size = x.cols + 1;
  const int blocks = int(smaller(sum_blocks, x.rows));
  Scratch<double> slots(blocks * size, run.stream);
  launch(column_sums_kernel<T, S>, blocks, block_threads, 0, run.stream, Rows<S>(x), center, slots.get());
  check_launch("column_sums_kernel");
  std::vector<double> found(blocks * size);
  slots.read(found.data(), index(found.size()));
  run.finish();
  for (index j = 0; j < size; ++j) {
    double sum = 0;
    for (int b = 0; b < blocks; ++b) sum += found[b * size + j];
    sums[j] += sum;
  }
}

template <class T>
std::vector<T> center_as(const double* center, index cols) {
  std::vector<T> c(cols);
  for (index j = 0; j < cols; ++j) c[j] = center ? T(center[j]) : T(0);
  return c;
}

template <class P, class S>
void sum_moments(const Moments& op, const Execution& execution, Run& run) {
  using T = typename P::Value;
  const Tensor tensor{op.degree, op.x.cols + 1};
  const Scratch<T> center(run.keep(center_as<T>(op.center, op.x.cols)), op.x.cols, run.stream);
  if (op.degree == 1) return column_sums<T, S>(op.x, center.get(), run, op.sums);
  TensorSums<P, S> sums(tensor, op.x.rows, 1, execution, run);
  Scratch<double> slots(sums.slots(), run.stream);
  for (index number = 0; number < sums.batches(); ++number) {
    const TensorBatch batch = sums.batch(number);
    sums.add(batch, op.x, center.get(), slots.get(), double(number) / double(sums.batches()),
             double(number + 1) / double(sums.batches()));
    std::vector<double> found(batch.tiles.size() * tile_side * tile_side);
    for (std::size_t t = 0; t < batch.tiles.size(); ++t)
      check(cudaMemcpyAsync(found.data() + t * tile_side * tile_side, slots.get() + index(t) * batch.stride,
                            tile_side * tile_side * sizeof(double), cudaMemcpyDeviceToHost, run.stream),
            "copy from the device");
    run.finish();
    for (std::size_t t = 0; t < batch.tiles.size(); ++t) {
      const double* tile = found.data() + t * tile_side * tile_side;
      const index row0 = batch.first_row + batch.tiles[t].row * tile_side, col0 = index(batch.tiles[t].col) * tile_side;
      Tensor::Row row = tensor.row(row0);
      for (index r = 0; r < smaller(tile_side, tensor.rows() - row0); ++r, row.step()) {
        double* out = op.sums + tensor.offset(row) - row.last();
        for (index c = larger(col0, row.last()); c < smaller(col0 + tile_side, tensor.extended); ++c)
          out[c] += tile[r * tile_side + c - col0];
      }
    }
  }
}

// Products are taken in T, of samples in S.
template <class T, class S>
void moments_of(const Moments& op, const Execution& execution) {
  Run run(execution, op.poll);
  run.expect_here(op.x, "x");
  with_product<T, Argument::inner_product, false>(op.x.cols, execution, run,
                                                  [&](auto product) { sum_moments<decltype(product), S>(op, execution, run); });
  if (!op.norm_powers) return;
  double found[powers];
  norm_powers<S>(op.x, run, found);
  for (int t = 0; t <= op.degree; ++t) op.norm_powers[t] += found[t];
}

// norms[tile][3]: weighted squares of a tile's entries of mu_x - mu_y, mu_x and mu_y; a block a tile.
__global__ void __launch_bounds__(block_threads)
    norms_kernel(Tensor tensor, const TileIndex* tiles, index first_row, const double* x_sums, const double* y_sums, index stride,
                 double n, double m, double gamma, double coef0, double* norms) {
  double* shared = reinterpret_cast<double*>(shared_memory());
  const TileIndex t = tiles[blockIdx.x];
  double sums[3] = {};
  for (int i = int(threadIdx.x); i < tile_side * tile_side; i += block_threads) {
    const index number = first_row + index(t.row) * tile_side + i / tile_side, col = index(t.col) * tile_side + i % tile_side;
    if (number >= tensor.rows() || col >= tensor.extended) continue;
    const Tensor::Row row = tensor.row(number);
    if (col < row.last()) continue;
    const double weight = tensor.weight(row, col, gamma, coef0);
    const double x = x_sums[blockIdx.x * stride + i] / n, y = y_sums[blockIdx.x * stride + i] / m;
    sums[0] += weight * (x - y) * (x - y);
    sums[1] += weight * x * x;
    sums[2] += weight * y * y;
  }
  PARZEN_UNROLL
  for (int s = 0; s < 3; ++s) {
    const double sum = warp_sum(sums[s]);
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32 * 3 + s] = sum;
  }
  __syncthreads();
  if (threadIdx.x >= 3) return;
  double sum = 0;
  for (int warp = 0; warp < block_threads / 32; ++warp) sum += shared[warp * 3 + int(threadIdx.x)];
  norms[index(blockIdx.x) * 3 + threadIdx.x] = sum;
}

// The mean of (gamma <x_i, x_i> + coef0)^degree: a sum of positive terms.
double mean_diagonal(const double (&sums)[powers], const MomentNorms& op) {
  const double binomial[4][4] = {{1}, {1, 1}, {1, 2, 1}, {1, 3, 3, 1}};
  double sum = 0;
  for (int t = 0; t <= op.degree; ++t) {
    double term = binomial[op.degree][t] * sums[t];
    for (int f = 0; f < op.degree; ++f) term *= f < t ? op.gamma : op.coef0;
    sum += term;
  }
  return sum / sums[0];
}

template <class P>
void tensor_norms(const MomentNorms& op, const Execution& execution, Run& run) {
  using T = typename P::Value;
  const Tensor tensor{op.degree, op.x.cols + 1};
  const double n = double(op.x.rows), m = double(op.y.rows);
  const Scratch<T> center(run.keep(center_as<T>(nullptr, op.x.cols)), op.x.cols, run.stream);
  for (int s = 0; s < 3; ++s) op.norms[s] = 0;
  if (op.degree == 1) {
    std::vector<double> x(op.x.cols + 1), y(op.x.cols + 1);
    column_sums<T, T>(op.x, center.get(), run, x.data());
    column_sums<T, T>(op.y, center.get(), run, y.data());
    for (index c = 0; c <= op.x.cols; ++c) {
      const double weight = tensor.weight(tensor.row(0), c, op.gamma, op.coef0), mean_x = x[c] / n, mean_y = y[c] / m;
      op.norms[0] += weight * (mean_x - mean_y) * (mean_x - mean_y);
      op.norms[1] += weight * mean_x * mean_x;
      op.norms[2] += weight * mean_y * mean_y;
    }
    return;
  }
  TensorSums<P, T> sums(tensor, larger(op.x.rows, op.y.rows), 2, execution, run);
  Scratch<double> x_slots(sums.slots(), run.stream), y_slots(sums.slots(), run.stream);
  for (index number = 0; number < sums.batches(); ++number) {
    const TensorBatch batch = sums.batch(number);
    const double begin = double(number) / double(sums.batches()), end = double(number + 1) / double(sums.batches());
    sums.add(batch, op.x, center.get(), x_slots.get(), begin, (begin + end) / 2);
    sums.add(batch, op.y, center.get(), y_slots.get(), (begin + end) / 2, end);
    const index tiles = index(batch.tiles.size());
    Scratch<double> norms(tiles * 3, run.stream);
    launch(norms_kernel, int(tiles), block_threads, block_threads / 32 * 3 * int(sizeof(double)), run.stream, tensor,
           batch.device_tiles, batch.first_row, x_slots.get(), y_slots.get(), batch.stride, n, m, op.gamma, op.coef0, norms.get());
    check_launch("norms_kernel");
    std::vector<double> found(tiles * 3);
    norms.read(found.data(), tiles * 3);
    run.finish();
    for (index t = 0; t < tiles * 3; ++t) op.norms[t % 3] += found[t];
  }
}

template <class T>
void moment_norms_of(const MomentNorms& op, const Execution& execution) {
  Run run(execution, op.poll);
  run.expect_here(op.x, "x");
  run.expect_here(op.y, "y");
  with_product<T, Argument::inner_product, false>(op.x.cols, execution, run,
                                                  [&](auto product) { tensor_norms<decltype(product)>(op, execution, run); });
  double found[powers];
  norm_powers<T>(op.x, run, found);
  op.norms[3] = mean_diagonal(found, op);
  norm_powers<T>(op.y, run, found);
  op.norms[4] = mean_diagonal(found, op);
}

}  // namespace

void moments(const Moments& op, const Execution& execution) {
  if (op.x.type == Type::float64)
    moments_of<double, double>(op, execution);
  else if (op.wide)
    moments_of<double, float>(op, execution);
  else
    moments_of<float, float>(op, execution);
}

void moment_norms(const MomentNorms& op, const Execution& execution) {
  op.x.type == Type::float64 ? moment_norms_of<double>(op, execution) : moment_norms_of<float>(op, execution);
}

}  // namespace parzen::cuda
