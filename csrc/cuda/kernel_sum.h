// Sums of a kernel's values over pairs: the sink, and what an operation does around it.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "sum_slots.h"

namespace parzen::cuda {

template <class T, class Function>
__device__ PARZEN_DEVICE_INLINE void apply(const Function& function, T (&values)[slice_cols]) {
  PARZEN_UNROLL
  for (int n = 0; n < slice_cols; ++n) values[n] = function(values[n]);
}

// A scale is read once for eight values.
template <class T>
__device__ PARZEN_DEVICE_INLINE void apply(const GaussianMean<T>& mean, T (&values)[slice_cols]) {
  T sums[slice_cols] = {};
  PARZEN_ROLLED
  for (int b = 0; b < mean.count; ++b) {
    const T factor = T(-mean.scales[b] * log2_e);
    PARZEN_UNROLL
    for (int n = 0; n < slice_cols; ++n) sums[n] += exp2<T>(values[n] * factor, n);
  }
  PARZEN_UNROLL
  for (int n = 0; n < slice_cols; ++n) values[n] = sums[n] * T(1.0 / mean.count);
}

// Arguments become kernel values, 0 where a pair does not count.
template <class T, class Lane>
__device__ PARZEN_DEVICE_INLINE void evaluate(const Kernel& kernel, Argument argument, const Place& at, const Lane& mine,
                                              Accumulators<T>& v) {
  with_kernel<T>(kernel, [&](const auto& function) {
    using K = std::remove_cv_t<std::remove_reference_t<decltype(function)>>;
    if (K::argument != argument) return;
    each_slice<T>(v, [&](int, T(&values)[slice_cols]) { apply(function, values); });
  });
  hide(at, mine, T(0), v);
}

template <Argument argument>
struct KernelSumSink {
  Kernel kernel;  // its scales are the device's
  SumSlots slots;

  template <class P>
  static constexpr int shared_bytes = SumSlots::shared_bytes<P>;

  template <class P>
  __device__ PARZEN_DEVICE_INLINE void tile(const Place& at, const typename P::Lane& mine, unsigned char* shared,
                                            Accumulators<typename P::Value>& v) const {
    evaluate<typename P::Value>(kernel, argument, at, mine, v);
    slots.add<P>(at, mine, shared, v);
  }
};

// (gamma |x_i|^2 + coef0)^degree in float64, from the rows as they were given.
template <class T>
__global__ void __launch_bounds__(block_threads) diagonal_kernel(Rows<T> x, Kernel kernel, double* diagonal) {
  const index warps = index(gridDim.x) * (block_threads / 32);
  for (index i = index(blockIdx.x) * (block_threads / 32) + threadIdx.x / 32; i < x.rows; i += warps) {
    double norm = 0, value = 1;
    for (index k = int(threadIdx.x) % 32; k < x.cols; k += 32) norm += double(x[i][k]) * double(x[i][k]);
    double base = kernel.gamma * warp_sum(norm) + kernel.coef0;
    for (int degree = kernel.degree; degree; degree >>= 1, base *= base)
      if (degree & 1) value *= base;
    if (threadIdx.x % 32 == 0) diagonal[i] = value;
  }
}

// A kernel whose scales lie on the device.
class DeviceKernel {
 public:
  DeviceKernel(const Kernel& k, cudaStream_t stream)
      : scales_(k.scales, k.kind == Kernel::Kind::gaussian ? k.count : 0, stream), kernel(k) {
    kernel.scales = scales_.get();
  }

 private:
  Scratch<double> scales_;

 public:
  Kernel kernel;
};

inline Argument argument_of(const Kernel& k) {
  return k.kind == Kernel::Kind::polynomial ? Argument::inner_product : Argument::squared_distance;
}

// Row sums, column sums and squares of all pairs, on their way through the chunks.
class PairSums {
 public:
  template <class P>
  static constexpr index slot_bytes() {
    return (2 * tile_side + 1) * index(sizeof(double));
  }

  PairSums(const KernelSum& op, Run& run)
      : op_(op), run_(run), row_sums_(op.x.rows, run.stream), column_sums_(op.y.rows, run.stream), squares_(1, run.stream) {
    row_sums_.clear(op.x.rows);
    column_sums_.clear(op.y.rows);
    squares_.clear(1);
  }

  template <class P>
  void reserve(const Chunks& chunks) {
    const index tiles = chunks.rows * chunks.cols;
    row_slots_.emplace(tiles * tile_side, run_.stream);
    col_slots_.emplace(tiles * tile_side, run_.stream);
    square_slots_.emplace(tiles, run_.stream);
  }

  SumSlots slots() const { return {row_slots_->get(), col_slots_->get(), square_slots_->get()}; }

  template <class P>
  void end_chunk(const Chunk<P>& c) {
    const int blocks = (c.row_tiles + c.col_tiles) * tile_side / sums_a_block + 1;
    launch(add_slots_kernel, blocks, block_threads, block_threads * int(sizeof(double)), run_.stream, slots(),
           SumSlots{row_sums_.get(), column_sums_.get(), squares_.get()},
           ChunkShape{c.row0, op_.x.rows, c.col0, op_.y.rows, c.row_tiles, c.col_tiles, c.tiles, c.triangle});
    check_launch("add_slots_kernel");
  }

  // Of one sample with itself a pair counts for both: its value is in one's row and in the other's column.
  void finish() {
    std::vector<double> of_columns(op_.same ? op_.y.rows : 0);
    row_sums_.read(op_.row_sums, op_.x.rows);
    column_sums_.read(op_.same ? of_columns.data() : op_.column_sums, op_.y.rows);
    squares_.read(op_.squares, 1);
    run_.finish();
    if (!op_.same) return;
    for (index i = 0; i < op_.x.rows; ++i) op_.row_sums[i] += of_columns[i];
    *op_.squares *= 2;
  }

 private:
  const KernelSum& op_;
  Run& run_;
  Scratch<double> row_sums_, column_sums_, squares_;
  std::optional<Scratch<double>> row_slots_, col_slots_, square_slots_;
};

template <class T>
void diagonal_of(const KernelSum& op, Run& run) {
  if (op.kernel.kind != Kernel::Kind::polynomial) {  // a function of |x_i - x_i|
    std::fill(op.diagonal, op.diagonal + op.x.rows, op.kernel.kind == Kernel::Kind::energy ? 0.0 : 1.0);
    return;
  }
  Scratch<double> diagonal(op.x.rows, run.stream);
  launch(diagonal_kernel<T>, int(smaller(ceil_div(op.x.rows, block_threads / 32), 32 * run.multiprocessors)), block_threads, 0,
         run.stream, Rows<T>(op.x), op.kernel, diagonal.get());
  check_launch("diagonal_kernel");
  diagonal.read(op.diagonal, op.x.rows);
  run.finish();
}

// An operation on kernel values over all pairs: `Sums<argument>` is made of it, its kernel and the run, and is a sweep's sums.
template <template <Argument> class Sums, class T, Argument argument, class Op>
void sum_pairs(const Op& op, const Execution& execution, Run& run) {
  const DeviceKernel kernel(op.kernel, run.stream);
  const Scratch<T> center(static_cast<const T*>(op.center), op.center ? op.x.cols : 0, run.stream);
  Sums<argument> sums(op, kernel.kernel, run);
  with_product<T, argument, false>(op.x.cols, execution, run, [&](auto product) {
    sweep<decltype(product), argument>(op.x, op.y, op.same ? Pairs::upper : Pairs::all, op.center ? center.get() : nullptr,
                                       execution, run, sums);
  });
  sums.finish();
}

template <template <Argument> class Sums, class T, class Op>
void sum_pairs(const Op& op, const Execution& execution) {
  Run run(execution, op.poll);
  run.expect_here(op.x, "x");
  run.expect_here(op.y, "y");
  if (argument_of(op.kernel) == Argument::inner_product)
    sum_pairs<Sums, T, Argument::inner_product>(op, execution, run);
  else
    sum_pairs<Sums, T, Argument::squared_distance>(op, execution, run);
  if (op.same) diagonal_of<T>(op, run);
}

template <template <Argument> class Sums, class Op>
void sum_pairs(const Op& op, const Execution& execution) {
  op.x.type == Type::float32 ? sum_pairs<Sums, float>(op, execution) : sum_pairs<Sums, double>(op, execution);
}

}  // namespace parzen::cuda
