// The sink that adds up a function of every pair: in the input type within a row of a tile, in float64 beyond.
#pragma once

#include "pairs.h"

namespace parzen::PARZEN_ISA_NAME {

template <class T, class K>
class SumSink {
 public:
  SumSink(const Plan<T>& plan, const K& kernel, bool same, index rows, double* row_sums, double* column_sums)
      : plan_(plan),
        kernel_(kernel),
        same_(same),
        rows_(rows),
        row_sums_(row_sums),
        column_sums_(column_sums),
        block_(plan.threads * plan.block_rows()),
        row_slots_(plan.parts * rows),
        column_slots_(plan.groups * plan.slab_cols()),
        square_slots_(plan.groups * plan.parts) {
    for (index i = 0; i < rows; ++i) row_sums_[i] = 0;
    for (index s = 0; s < plan.groups * plan.parts; ++s) square_slots_[s] = vec<double>{};
    clear_rows();
  }

  void begin_task(const Place& at, index col0, index col1) {
    double* columns = columns_of(at);
    for (index c = col0; c < col1; ++c) columns[c] = 0;
  }

  void begin_block(const Place& at, index, index) {
    for (index r = 0; r < plan_.block_rows(); ++r) block_of(at)[r] = vec<double>{};
  }

  template <bool masked>
  PARZEN_INLINE void tile(const Place& at, const Arguments<T>& arguments, index, index in_block, index in_slab, const Mask& mask) {
    vec<T> column[tile_vectors], square[tile_vectors];
    PARZEN_UNROLL
    for (int c = 0; c < tile_vectors; ++c) column[c] = square[c] = vec<T>{};
    vec<double>* rows = block_of(at) + in_block;
    PARZEN_UNROLL
    for (int r = 0; r < tile_rows; ++r) {
      vec<T> sum{};
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) {
        vec<T> value = kernel_(arguments.v[r][c]);
        if constexpr (masked) value = mask.template operator()<T>(r, c) ? value : vec<T> {};
        sum += value;
        column[c] += value;
        square[c] += value * value;
      }
      rows[r] += folded<T>(sum);
    }
    Wide<T>* columns = reinterpret_cast<Wide<T>*>(columns_of(at) + in_slab);
    vec<double>& squares = square_slots_[at.group * plan_.parts + at.part];
    PARZEN_UNROLL
    for (int c = 0; c < tile_vectors; ++c) {
      columns[c].add(column[c]);
      squares += folded<T>(square[c]);
    }
  }

  void end_block(const Place& at, index row0, index rows) {
    for (index r = 0; r < rows; ++r) row_slots_[at.part * rows_ + row0 + r] += total(block_of(at)[r]);
  }

  void end_slab(index col0, index cols) {
    for (index part = 0; part < plan_.parts; ++part)
      for (index i = 0; i < rows_; ++i) row_sums_[i] += row_slots_[part * rows_ + i];
    clear_rows();
    double* columns = same_ ? row_sums_ : column_sums_;
    for (index c = 0; c < cols; ++c) {
      double sum = 0;
      for (index g = 0; g < plan_.groups; ++g) sum += column_slots_[g * plan_.slab_cols() + c];
      columns[col0 + c] = same_ ? columns[col0 + c] + sum : sum;
    }
  }

  double squares() const {
    double sum = 0;
    for (index s = 0; s < plan_.groups * plan_.parts; ++s) sum += total(square_slots_[s]);
    return same_ ? 2 * sum : sum;
  }

 private:
  void clear_rows() {
    for (index i = 0; i < plan_.parts * rows_; ++i) row_slots_[i] = 0;
  }
  vec<double>* block_of(const Place& at) const { return block_.get() + at.thread * plan_.block_rows(); }
  double* columns_of(const Place& at) const { return column_slots_.get() + at.group * plan_.slab_cols(); }

  const Plan<T>& plan_;
  const K& kernel_;
  const bool same_;
  const index rows_;
  double *row_sums_, *column_sums_;
  Buffer<vec<double>> block_;
  Buffer<double> row_slots_, column_slots_;
  Buffer<vec<double>> square_slots_;
};

template <class T, class K>
void sum_pairs(const Matrix& x, const Matrix& y, bool same, const T* center, const K& kernel, double* row_sums, double* column_sums,
               double* squares, const Poll& poll) {
  const Plan<T> plan(x, y, sizeof(double));
  SumSink<T, K> sink(plan, kernel, same, x.rows, row_sums, column_sums);
  Sweep<T, K::argument, SumSink<T, K>>(plan, x, y, same ? Pairs::upper : Pairs::all, center, sink, poll).run();
  if (squares) *squares = sink.squares();
}

inline double power(double base, int degree) {
  double result = 1;
  for (; degree; degree >>= 1, base *= base)
    if (degree & 1) result *= base;
  return result;
}

// k(x_i, x_i) in float64, from the rows as they were given.
template <class T>
void diagonal_of(const KernelSum& op) {
  for (index i = 0; i < op.x.rows; ++i) {
    double value = op.kernel.kind == Kernel::Kind::energy ? 0 : 1;
    if (op.kernel.kind == Kernel::Kind::polynomial)
      value = power(op.kernel.gamma * squared_norm(row_of<T>(op.x, i), op.x.cols) + op.kernel.coef0, op.kernel.degree);
    op.diagonal[i] = value;
  }
}

}  // namespace parzen::PARZEN_ISA_NAME
