// Each column's smallest and largest value in one pass: what says that all is finite, how wide the data are and where their centre
// is.
#include "pairs.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

// Narrow rows that lie side by side are read as one of `fold` rows' width, so that vectors stay full. Smallest and largest do not
// depend on the order: a slot a thread is enough.
template <class T>
class Bounds {
 public:
  static constexpr index width_wanted = 256;
  static constexpr index task_elements = 1 << 18;

  explicit Bounds(const ColumnBounds& op)
      : op_(op),
        fold_(op.x.stride == op.x.cols ? smaller(op.x.rows, ceil_div(width_wanted, op.x.cols)) : 1),
        width_(fold_ * op.x.cols),
        steps_(op.x.rows / fold_),
        steps_each_(larger(1, task_elements / width_)),
        tasks_(ceil_div(steps_, steps_each_)),
        threads_(tasks_ > 1 ? thread_count() : 1),
        low_(threads_ * width_),
        high_(threads_ * width_),
        lost_(threads_ * width_) {
    for (index i = 0; i < threads_ * width_; ++i) {
      low_[i] = high_[i] = at(0)[i % op.x.cols];
      lost_[i] = 0;
    }
  }

  void run() {
    if (tasks_ > 1)
      parallel(threads_, tasks_, &run_task, this, op_.poll, 0, 1);
    else
      task(0, 0);
    for (index row = steps_ * fold_; row < op_.x.rows; ++row) add(at(row), op_.x.cols, 0);
    for (index c = 0; c < op_.x.cols; ++c) {
      T low = low_[c], high = high_[c], lost = 0;
      for (index i = c; i < threads_ * width_; i += op_.x.cols) {
        low = low_[i] < low ? low_[i] : low;
        high = high_[i] > high ? high_[i] : high;
        lost += lost_[i];
      }
      // One NaN for all: which of several a sum passes on depends on the order. And one zero, not -0 here and 0 there.
      const bool finite = lost == T(0);
      op_.low[c] = finite ? double(low) + 0.0 : __builtin_nan("");
      op_.high[c] = finite ? double(high) + 0.0 : __builtin_nan("");
    }
  }

 private:
  static void run_task(void* self, index task, int thread) { static_cast<Bounds*>(self)->task(task, thread); }

  void task(index task, int thread) {
    const index end = smaller(steps_, (task + 1) * steps_each_);
    for (index step = task * steps_each_; step < end; ++step) add(at(step * fold_), width_, thread);
  }

  const T* at(index row) const { return row_of<T>(op_.x, row); }

  // A comparison forgets NaN: v - v, which is NaN for infinity too, does not.
  void add(const T* v, index width, int thread) {
    T* __restrict low = low_.get() + thread * width_;
    T* __restrict high = high_.get() + thread * width_;
    T* __restrict lost = lost_.get() + thread * width_;
    for (index i = 0; i < width; ++i) {
      low[i] = v[i] < low[i] ? v[i] : low[i];
      high[i] = v[i] > high[i] ? v[i] : high[i];
      lost[i] += v[i] - v[i];
    }
  }

  const ColumnBounds& op_;
  const index fold_, width_, steps_, steps_each_, tasks_;
  const int threads_;
  Buffer<T> low_, high_, lost_;
};

}  // namespace

void column_bounds(const ColumnBounds& op) { op.x.type == Type::float32 ? Bounds<float>(op).run() : Bounds<double>(op).run(); }

}  // namespace parzen::PARZEN_ISA_NAME
