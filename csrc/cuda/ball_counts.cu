// How many points lie in each ball and how many balls about each point, for the balls of both sides in one pass. Counts are
// integers: they may be added in any order.
#include <vector>

#include "../device.h"
#include "pairs.h"

namespace parzen::cuda {
namespace {

using Count = unsigned long long;

template <class T>
struct BallSink {
  const T *x_radii, *y_radii;
  Count *x_holds, *x_held, *y_held, *y_holds;

  template <class P>
  static constexpr int shared_bytes = tile_side * int(4 * sizeof(int) + sizeof(T));

  template <class P>
  __device__ PARZEN_DEVICE_INLINE void tile(const Place& at, const Lane<8>& mine, unsigned char* shared,
                                            Accumulators<T>& squared) const {
    int* counts = reinterpret_cast<int*>(shared);  // [x_holds, x_held][row], [y_held, y_holds][column]
    const int thread = int(threadIdx.x), own = thread % tile_side;
    T* row_radii = reinterpret_cast<T*>(counts + 4 * tile_side);
    counts[thread] = counts[thread + block_threads] = 0;
    if (thread < tile_side) row_radii[thread] = thread < at.rows ? x_radii[at.row0 + thread] : T(-1);
    __syncthreads();
    T radii[slice_cols];
    int held[slice_cols], holds[slice_cols];
    PARZEN_UNROLL
    for (int c = 0; c < slice_cols; ++c) {
      radii[c] = mine.col(0, c) < at.cols ? y_radii[at.col0 + mine.col(0, c)] : T(-1);
      held[c] = holds[c] = 0;
    }
    each_slice<T>(squared, [&](int r, const T(&row)[slice_cols]) {
      const T radius = row_radii[mine.row(r)];
      int in_x = 0, in_y = 0;
      PARZEN_UNROLL
      for (int c = 0; c < slice_cols; ++c) {
        const bool counted = at.whole || at.counts(mine.row(r), mine.col(0, c));
        const bool by_x = counted && row[c] <= radius, by_y = counted && row[c] <= radii[c];
        in_x += by_x;
        in_y += by_y;
        held[c] += by_x;
        holds[c] += by_y;
      }
      atomicAdd(counts + mine.row(r), in_x);
      atomicAdd(counts + tile_side + mine.row(r), in_y);
    });
    PARZEN_UNROLL
    for (int c = 0; c < slice_cols; ++c) {
      atomicAdd(counts + 2 * tile_side + mine.col(0, c), held[c]);
      atomicAdd(counts + 3 * tile_side + mine.col(0, c), holds[c]);
    }
    __syncthreads();
    const bool of_rows = thread < tile_side;
    if (own >= (of_rows ? at.rows : at.cols)) return;
    const int* two = counts + (of_rows ? 0 : 2 * tile_side) + own;
    const index i = (of_rows ? at.row0 : at.col0) + own;
    atomicAdd((of_rows ? x_holds : y_held) + i, Count(two[0]));
    atomicAdd((of_rows ? x_held : y_holds) + i, Count(two[tile_side]));
  }
};

template <class T>
class Counts {
 public:
  template <class P>
  static constexpr index slot_bytes() {
    return 1;  // none
  }

  Counts(const BallCounts& op, Run& run)
      : op_(op),
        run_(run),
        x_radii_(static_cast<const T*>(op.x_squared_radii), op.x.rows, run.stream),
        y_radii_(static_cast<const T*>(op.y_squared_radii), op.y.rows, run.stream),
        counts_(2 * (op.x.rows + op.y.rows), run.stream) {
    counts_.clear(2 * (op.x.rows + op.y.rows));
  }

  template <class P>
  void reserve(const Chunks&) {}
  BallSink<T> sink() const {
    Count* x = counts_.get();
    Count* y = x + 2 * op_.x.rows;
    return {x_radii_.get(), y_radii_.get(), x, x + op_.x.rows, y, y + op_.y.rows};
  }
  template <class P>
  void end_chunk(const Chunk<P>&) {}

  void finish() {
    std::vector<Count> counts(2 * (op_.x.rows + op_.y.rows));
    counts_.read(counts.data(), index(counts.size()));
    run_.finish();
    const Count* from = counts.data();
    const auto take = [&](double* to, index rows) {
      for (index i = 0; i < rows; ++i) to[i] = double(*from++);
    };
    take(op_.x_holds, op_.x.rows);
    take(op_.x_held, op_.x.rows);
    take(op_.y_held, op_.y.rows);
    take(op_.y_holds, op_.y.rows);
  }

 private:
  const BallCounts& op_;
  Run& run_;
  Scratch<T> x_radii_, y_radii_;
  Scratch<Count> counts_;
};

template <class T>
void count(const BallCounts& op, const Execution& execution) {
  Run run(execution, op.poll);
  run.expect_here(op.x, "x");
  run.expect_here(op.y, "y");
  const Scratch<T> center(static_cast<const T*>(op.center), op.center ? op.x.cols : 0, run.stream);
  Counts<T> counts(op, run);
  with_product<T, Argument::squared_distance, true>(op.x.cols, execution, run, [&](auto product) {
    sweep<decltype(product), Argument::squared_distance>(op.x, op.y, Pairs::all, op.center ? center.get() : nullptr, execution, run,
                                                         counts);
  });
  counts.finish();
}

}  // namespace

void ball_counts(const BallCounts& op, const Execution& execution) {
  op.x.type == Type::float32 ? count<float>(op, execution) : count<double>(op, execution);
}

}  // namespace parzen::cuda
