// Each column's smallest and largest value in one pass. A comparison forgets NaN: v - v, which is NaN for infinity too, does not.
#include <vector>

#include "../device.h"
#include "pack.h"

namespace parzen::cuda {
namespace {

constexpr int column_threads = 32, row_threads = block_threads / column_threads;

// Block (part, columns): its rows' bounds of 32 columns, to slots [part][0 low, 1 high, 2 lost][column].
template <class T>
__global__ void __launch_bounds__(block_threads) bounds_kernel(Rows<T> x, int groups, index rows_each, double* slots) {
  const int part = int(blockIdx.x) / groups;
  const index col = index(int(blockIdx.x) % groups) * column_threads + threadIdx.x % column_threads;
  T* bounds = reinterpret_cast<T*>(shared_memory());
  const index begin = part * rows_each, end = smaller(x.rows, begin + rows_each);
  if (col < x.cols) {
    T low = x[begin][col], high = low, lost = 0;
    for (index i = begin + threadIdx.x / column_threads; i < end; i += row_threads) {
      const T v = x[i][col];
      low = v < low ? v : low;
      high = v > high ? v : high;
      lost += v - v;
    }
    bounds[threadIdx.x] = low;
    bounds[block_threads + threadIdx.x] = high;
    bounds[2 * block_threads + threadIdx.x] = lost;
  }
  __syncthreads();
  if (threadIdx.x >= column_threads || col >= x.cols) return;
  T low = bounds[threadIdx.x], high = bounds[block_threads + threadIdx.x], lost = 0;
  for (int t = int(threadIdx.x); t < block_threads; t += column_threads) {
    low = min(low, bounds[t]);
    high = max(high, bounds[block_threads + t]);
    lost += bounds[2 * block_threads + t];
  }
  double* slot = slots + part * 3 * x.cols + col;
  slot[0] = double(low);
  slot[x.cols] = double(high);
  slot[2 * x.cols] = double(lost);
}

template <class T>
void bounds(const ColumnBounds& op, const Execution& execution) {
  Run run(execution, op.poll);
  run.expect_here(op.x, "x");
  const index groups = ceil_div(op.x.cols, column_threads);
  const index rows_each = ceil_div(op.x.rows, larger(1, 1024 / groups)), parts = ceil_div(op.x.rows, rows_each);
  const index size = parts * 3 * op.x.cols;
  Scratch<double> slots(size, run.stream);
  launch(bounds_kernel<T>, int(parts * groups), block_threads, int(3 * block_threads * sizeof(T)), run.stream, Rows<T>(op.x),
         int(groups), rows_each, slots.get());
  check_launch("bounds_kernel");
  std::vector<double> found(size);
  slots.read(found.data(), size);
  run.finish();
  for (index c = 0; c < op.x.cols; ++c) {
    double low = found[c], high = found[op.x.cols + c], lost = 0;
    for (index part = 0; part < parts; ++part) {
      const double* slot = found.data() + part * 3 * op.x.cols + c;
      low = min(low, slot[0]);
      high = max(high, slot[op.x.cols]);
      lost += slot[2 * op.x.cols];
    }
    op.low[c] = low + lost;
    op.high[c] = high + lost;
  }
}

}  // namespace

void column_bounds(const ColumnBounds& op, const Execution& execution) {
  op.x.type == Type::float32 ? bounds<float>(op, execution) : bounds<double>(op, execution);
}

}  // namespace parzen::cuda
