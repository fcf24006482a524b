// Moments of samples up to order 3, and the norms of their mean tensors: an exact polynomial MMD in time linear in n.
//
// With z = [sqrt(gamma) x; sqrt(c)], (gamma <x,y> + c)^p = <z_x^(x p), z_y^(x p)>, so the double sum over pairs of samples is one
// product of mean tensors (Kar and Karnick, "Random feature maps for dot product kernels", AISTATS 2012, section 2, take random
// entries of it; these are all). Sums are of the raw [1; x]: gamma and c are weights of the squares, so that the same sums serve
// every kernel of the degree. In the squared distance of two mean tensors every entry is subtracted before it is squared: the
// rounding of an entry counts only to first order, times the distance itself.
//
// Products are taken in the arithmetic's type over depth_step samples, then added to float64.
#include "slices.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

constexpr index slot_bytes = 48 << 20;  // of partial sums in all; as many tasks at once as that allows
constexpr index max_tasks = 64;

// A vector of the arithmetic's type from one of the samples' type.
template <class T, class S>
PARZEN_INLINE vec<T> load_as(const S* p) {
  if constexpr (sizeof(S) == sizeof(T)) {
    vec<T> v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  } else {
    half_vector v;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, vec<T>);
  }
}

// Sums of the slices' products over the rows of one matrix.
template <class T, class S>
class SliceSums {
 public:
  SliceSums(const Slices& slices, const Matrix& x, const T* center, int threads)
      : slices_(slices),
        x_(x),
        center_(center),
        rows_size_(slices.rows_each / tile_rows * row_panel_size),
        packed_(threads * thread_size()),
        products_(threads * products_size()),
        extended_(threads * extended_size()) {}

  // slot[row * cols_each + col] = sum over samples [first, last).
  void run(const Slices::Slice& slice, index first, index last, int thread, double* slot) {
    for (index i = 0; i < slices_.rows_each * slices_.cols_each; ++i) slot[i] = 0;
    T* rows = packed_.get() + thread * thread_size();
    T* cols = rows + rows_size_;
    T* products = products_.get() + thread * products_size();
    T* z = extended_.get() + thread * extended_size();
    for (index j = 0; j < extended_size(); ++j) z[j] = 0;
    z[0] = 1;
    if (slices_.degree == 1) return add_rows(slice, first, last, z, slot);
    for (index i = 0; i < thread_size(); ++i) rows[i] = 0;
    for (index i = first; i < last && !stop_requested(); i += depth_step) {
      const index depth = smaller(depth_step, last - i);
      for (index k = 0; k < depth; ++k) {
        prefetch(slice, smaller(i + k + rows_ahead, last - 1));
        extend(slice, i + k, z);
        pack_row(slice, k, z, products, rows);
        for (index c = 0; c < slice.cols; c += lanes<T>) {
          vec<T> v;
          __builtin_memcpy(&v, z + slice.col0 + c, sizeof v);
          store(cols + c / tile_cols<T> * col_panel_size + k * tile_cols<T> + c % tile_cols<T>, v);
        }
      }
      multiply(slice, depth, rows, cols, slot);
    }
  }

 private:
  // No power of two: panels written side by side would share the same few lines of the first-level cache.
  static constexpr index col_panel_size = depth_step * tile_cols<T> + tile_cols<T>;
  static constexpr index row_panel_size = depth_step * tile_rows + pack_slack<T>;
  index thread_size() const { return rows_size_ + slices_.cols_each / tile_cols<T> * col_panel_size; }
  index products_size() const { return slices_.rows_each + 2 * lanes<T>; }
  index extended_size() const { return slices_.extended + 2 * lanes<T>; }

  // Rows are far apart in memory, and of each only what the slice needs is read: no hardware foresees that.
  static constexpr index rows_ahead = 12;
  PARZEN_INLINE void prefetch(const Slices::Slice& slice, index i) const {
    constexpr index line = 64 / sizeof(S);
    const S* x = row_of<S>(x_, i);
    for (index j = slice.col0; j < slice.col0 + slice.cols; j += line) __builtin_prefetch(x + j);
    for (index j = slice.row.first; j < smaller(slice.row.first + slice.rows, x_.cols); j += line) __builtin_prefetch(x + j);
  }

  // Order 1 is a plain sum: no tile would be full.
  void add_rows(const Slices::Slice& slice, index first, index last, T* z, double* slot) const {
    for (index i = first; i < last && !stop_requested(); ++i) {
      prefetch(slice, smaller(i + rows_ahead, last - 1));
      extend(slice, i, z);
      for (index c = 0; c < slice.cols; c += lanes<T>) {
        vec<T> v;
        __builtin_memcpy(&v, z + slice.col0 + c, sizeof v);
        reinterpret_cast<Wide<T>*>(slot + c)->add(v);
      }
    }
  }

  // z = [1; x - c] of sample i: all of it, or of long rows what the slice needs.
  PARZEN_INLINE void extend(const Slices::Slice& slice, index i, T* z) const {
    if (slices_.extended <= slices_.cols_each) return extend(i, 1, slices_.extended, z);
    extend(i, slice.col0, slice.col0 + slice.cols, z);
    each_run(slice, [&](index, index first, index count, index middle) {
      extend(i, first, first + count, z);
      extend(i, middle, middle + 1, z);
    });
  }

  PARZEN_INLINE void extend(index i, index first, index last, T* z) const {
    const S* x = row_of<S>(x_, i) - 1;
    const T* c = center_ - 1;
    const auto vector = [&](index j) {
      vec<T> mean;
      __builtin_memcpy(&mean, c + j, sizeof mean);
      const vec<T> value = load_as<T>(x + j) - mean;
      __builtin_memcpy(z + j, &value, sizeof value);
    };
    index j = first > 0 ? first : 1;
    for (; j + lanes<T> <= last; j += lanes<T>) vector(j);
    if (j == last) return;
    if (last > lanes<T>) return vector(last - lanes<T>);  // the last few again, with those before them
    for (; j < last; ++j) z[j] = T(x[j]) - c[j];
  }

  // Rows of a slice that share their second index, as visit(row, first, count, second).
  template <class Visit>
  static PARZEN_INLINE void each_run(const Slices::Slice& slice, Visit visit) {
    Slices::Row row = slice.row;
    for (index r = 0; r < slice.rows;) {
      const index count = row.degree == 3 ? smaller(row.middle - row.first + 1, slice.rows - r) : slice.rows;
      visit(r, row.first, count, row.middle);
      r += count;
      row = {0, row.middle + 1, row.degree};
    }
  }

  // Whole vectors everywhere: what spills over a run is the next run's, over a panel's row the next k's or the slack's, and those
  // write it again.
  PARZEN_INLINE void pack_row(const Slices::Slice& slice, index k, const T* z, T* products, T* out) const {
    each_run(slice, [&](index r, index first, index count, index second) {
      const vec<T> factor = broadcast(z[second]);
      for (index t = 0; t < count; t += lanes<T>) {
        vec<T> v;
        __builtin_memcpy(&v, z + first + t, sizeof v);
        v *= factor;
        __builtin_memcpy(products + r + t, &v, sizeof v);
      }
    });
    for (index p = 0; p * tile_rows < slice.rows; ++p)
      for (int r = 0; r < tile_rows; r += lanes<T>) {
        vec<T> v;
        __builtin_memcpy(&v, products + p * tile_rows + r, sizeof v);
        __builtin_memcpy(out + p * row_panel_size + k * tile_rows + r, &v, sizeof v);
      }
  }

  void multiply(const Slices::Slice& slice, index depth, const T* rows, const T* cols, double* slot) const {
    for (index c = 0; c < slice.cols; c += tile_cols<T>) {
      const bool narrow = slice.cols - c <= lanes<T>;
      const T* col = cols + c / tile_cols<T> * col_panel_size;
      Slices::Row row = slice.row;
      for (index r = 0; r < slice.rows; r += tile_rows) {
        if (row.last() >= slice.col0 + c + tile_cols<T>) break;  // this tile and those below it hold nothing new
        const T* panel = rows + r / tile_rows * row_panel_size;
        double* to = slot + r * slices_.cols_each + c;
        narrow ? tile<1>(panel, col, depth, to, slices_.cols_each) : tile<tile_vectors>(panel, col, depth, to, slices_.cols_each);
        for (int t = 0; t < tile_rows; ++t) row.step();
      }
    }
  }

  // One register tile over `depth` samples, added to float64.
  template <int vectors>
  static __attribute__((noinline)) void tile(const T* row, const T* col, index depth, double* slot, index stride) {
    Arguments<T> sum;
    accumulate<T, false, vectors>(row, col, depth, sum);
    PARZEN_UNROLL
    for (int r = 0; r < tile_rows; ++r) {
      PARZEN_UNROLL
      for (int c = 0; c < vectors; ++c) reinterpret_cast<Wide<T>*>(slot + r * stride + c * lanes<T>)->add(sum.v[r][c]);
    }
  }

  const Slices& slices_;
  const Matrix& x_;
  const T* center_;
  const index rows_size_;
  Buffer<T> packed_, products_, extended_;
};

// Every slice of one or two matrices, in batches; `take(slice, number, x_sums, y_sums)` gets each when its sums are complete.
template <class T, class S, class Take>
class MomentSweep {
 public:
  MomentSweep(const Slices& slices, const Matrix& x, const Matrix* y, const double* center, Take take, const Poll& poll)
      : slices_(slices),
        x_(x),
        y_(y),
        threads_(thread_count()),
        // Few slices: share out the samples as well. By the shapes alone, as everything that orders a sum.
        tasks_(smaller(max_tasks, larger(1, slot_bytes / (slot_size() * sets() * index(sizeof(double)))))),
        parts_(larger(1, smaller(tasks_ / slices.count, (x.rows + (y ? y->rows : 0)) / (8 * depth_step)))),
        batch_(smaller(slices.count, tasks_ / parts_)),
        center_(x.cols),
        x_sums_(slices, x, center_.get(), threads_),
        y_sums_(slices, y ? *y : x, center_.get(), threads_),
        slots_(batch_ * parts_ * sets() * slot_size()),
        take_(take),
        poll_(poll) {
    for (index j = 0; j < x.cols; ++j) center_[j] = center ? T(center[j]) : T(0);
  }

  void run() {
    for (first_ = 0; first_ < slices_.count; first_ += batch_) {
      const index count = smaller(batch_, slices_.count - first_);
      const double begin = double(first_) / double(slices_.count), end = double(first_ + count) / double(slices_.count);
      parallel(threads_, count * parts_, &sum_part, this, poll_, begin, end);
      parallel(threads_, count, &finish, this, poll_, end, end);
    }
  }

 private:
  int sets() const { return y_ ? 2 : 1; }
  double* slot(index task, int set) const { return slots_.get() + (task * sets() + set) * slot_size(); }
  index slot_size() const { return slices_.rows_each * slices_.cols_each; }

  static void sum_part(void* self, index task, int thread) {
    auto& s = *static_cast<MomentSweep*>(self);
    const index number = s.first_ + task / s.parts_, part = task % s.parts_;
    const Slices::Slice slice = s.slices_[number];
    s.x_sums_.run(slice, s.x_.rows * part / s.parts_, s.x_.rows * (part + 1) / s.parts_, thread, s.slot(task, 0));
    if (s.y_) s.y_sums_.run(slice, s.y_->rows * part / s.parts_, s.y_->rows * (part + 1) / s.parts_, thread, s.slot(task, 1));
  }

  static void finish(void* self, index local, int) {
    auto& s = *static_cast<MomentSweep*>(self);
    const index number = s.first_ + local, size = s.slot_size();
    for (index part = 1; part < s.parts_; ++part)
      for (index i = 0; i < s.sets() * size; ++i) s.slot(local * s.parts_, 0)[i] += s.slot(local * s.parts_ + part, 0)[i];
    s.take_(s.slices_[number], number, s.slot(local * s.parts_, 0), s.slot(local * s.parts_, s.sets() - 1));
  }

  const Slices& slices_;
  const Matrix& x_;
  const Matrix* y_;
  const int threads_;
  const index tasks_, parts_, batch_;
  Buffer<T> center_;
  SliceSums<T, S> x_sums_, y_sums_;
  Buffer<double> slots_;
  Take take_;
  const Poll& poll_;
  index first_ = 0;
};

// powers[t] = sum_i |x_i|^(2t), t = 0 .. 3: what a polynomial of <x_i, x_i> needs.
template <class S>
class NormPowers {
 public:
  static constexpr int count = 4;

  NormPowers(const Matrix& x, const Poll& poll) : x_(x), slots_(ceil_div(x.rows, rows_each) * count) {
    parallel(thread_count(), ceil_div(x.rows, rows_each), &block, this, poll, 1, 1);
    for (index s = 0; s < ceil_div(x.rows, rows_each); ++s)
      for (int t = 0; t < count; ++t) sums_[t] += slots_[s * count + t];
  }

  double operator[](int t) const { return sums_[t]; }

 private:
  static constexpr index rows_each = 256;

  static void block(void* self, index number, int) {
    auto& s = *static_cast<NormPowers*>(self);
    double* sums = s.slots_.get() + number * count;
    for (int t = 0; t < count; ++t) sums[t] = 0;
    for (index i = number * rows_each; i < smaller(s.x_.rows, (number + 1) * rows_each); ++i) {
      const double norm = squared_norm(row_of<S>(s.x_, i), s.x_.cols);
      double power = 1;
      for (int t = 0; t < count; ++t, power *= norm) sums[t] += power;
    }
  }

  const Matrix& x_;
  Buffer<double> slots_;
  double sums_[count] = {};
};

// The mean of (gamma <x_i, x_i> + coef0)^degree: a sum of positive terms.
template <class S>
double mean_diagonal(const NormPowers<S>& powers, const MomentNorms& op) {
  const double binomial[4][4] = {{1}, {1, 1}, {1, 2, 1}, {1, 3, 3, 1}};
  double sum = 0;
  for (int t = 0; t <= op.degree; ++t) {
    double term = binomial[op.degree][t] * powers[t];
    for (int f = 0; f < op.degree; ++f) term *= f < t ? op.gamma : op.coef0;
    sum += term;
  }
  return sum / powers[0];
}

template <class T, class S>
void sum_moments(const Moments& op) {
  const Slices slices(op.degree, op.x.cols + 1, tile_cols<T>);
  const auto take = [&](const Slices::Slice& slice, index, const double* sums, const double*) {
    Slices::Row row = slice.row;
    for (index r = 0; r < slice.rows; ++r, row.step()) {
      double* out = op.sums + slices.offset(row) - row.last();
      for (index c = larger(slice.col0, row.last()); c < slice.col0 + slice.cols; ++c)
        out[c] += sums[r * slices.cols_each + c - slice.col0];
    }
  };
  MomentSweep<T, S, decltype(take)>(slices, op.x, nullptr, op.center, take, op.poll).run();
  if (!op.norm_powers) return;
  const NormPowers<S> powers(op.x, op.poll);
  for (int t = 0; t <= op.degree; ++t) op.norm_powers[t] += powers[t];
}

template <class T>
void moment_norms_of(const MomentNorms& op) {
  const Slices slices(op.degree, op.x.cols + 1, tile_cols<T>);
  Buffer<double> slots(slices.count * 3);
  const auto take = [&](const Slices::Slice& slice, index number, const double* x_sums, const double* y_sums) {
    double *norms = slots.get() + number * 3, n = double(op.x.rows), m = double(op.y.rows);
    norms[0] = norms[1] = norms[2] = 0;
    Slices::Row row = slice.row;
    for (index r = 0; r < slice.rows; ++r, row.step())
      for (index c = larger(slice.col0, row.last()); c < slice.col0 + slice.cols; ++c) {
        const index at = r * slices.cols_each + c - slice.col0;
        const double weight = slices.weight(row, c, op.gamma, op.coef0);
        const double x = x_sums[at] / n, y = y_sums[at] / m;
        norms[0] += weight * (x - y) * (x - y);
        norms[1] += weight * x * x;
        norms[2] += weight * y * y;
      }
  };
  MomentSweep<T, T, decltype(take)>(slices, op.x, &op.y, nullptr, take, op.poll).run();
  for (int t = 0; t < 3; ++t) {
    op.norms[t] = 0;
    for (index s = 0; s < slices.count; ++s) op.norms[t] += slots[s * 3 + t];
  }
  op.norms[3] = mean_diagonal(NormPowers<T>(op.x, op.poll), op);
  op.norms[4] = mean_diagonal(NormPowers<T>(op.y, op.poll), op);
}

}  // namespace

void moments(const Moments& op) {
  if (op.x.type == Type::float64)
    sum_moments<double, double>(op);
  else if (op.wide)
    sum_moments<double, float>(op);
  else
    sum_moments<float, float>(op);
}

void moment_norms(const MomentNorms& op) {
  if (op.x.type == Type::float32)
    moment_norms_of<float>(op);
  else
    moment_norms_of<double>(op);
}

}  // namespace parzen::PARZEN_ISA_NAME
