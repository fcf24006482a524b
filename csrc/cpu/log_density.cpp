// Row-wise log-sum-exp of a Gaussian kernel, several bandwidths in one pass, without a second pass for the maximum.
//
// Each column (a query) keeps a reference m and s = sum 2^(t - m), with t = -scale log2(e) |x-q|^2 + log2 w. Terms far below m
// vanish as they should; m moves up only when a term exceeds it by 2^head_room, which single precision holds with ease, so a
// rescaling is rare. The parts of a query's sum, one per group of rows, are merged in order at the end, relative to the largest m.
#include <math.h>

#include "pairs.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T>
constexpr T nothing = sizeof(T) == 4 ? T(-1e37) : T(-1e300);  // the reference before the first term
template <class T>
constexpr T excluded = sizeof(T) == 4 ? T(-3e38) : T(-1e308);  // a masked term: far below even that
constexpr int head_room = 40;

template <class T>
class LogSumSink {
 public:
  LogSumSink(const Plan<T>& plan, const LogDensity& op)
      : plan_(plan),
        op_(op),
        weights_(plan.row_panels * tile_rows),
        reference_(plan.groups * op.count * plan.slab_cols()),
        sum_(plan.groups * op.count * plan.slab_cols()) {
    for (index i = 0; i < plan.row_panels * tile_rows; ++i)
      weights_[i] = op.log_weights && i < op.x.rows ? T(op.log_weights[i] * log2_e) : T(0);
  }

  void begin_task(const Place& at, index col0, index col1) {
    for (int b = 0; b < op_.count; ++b)
      for (index c = col0; c < col1; ++c) {
        reference_[slot(at.group, b) + c] = nothing<T>;
        sum_[slot(at.group, b) + c] = 0;
      }
  }

  void begin_block(const Place&, index, index) {}
  void end_block(const Place&, index, index) {}

  template <bool masked>
  PARZEN_INLINE void tile(const Place& at, const Arguments<T>& squared, index row, index, index in_slab, const Mask& mask) {
    for (int b = 0; b < op_.count; ++b) {
      const T factor = T(-op_.scales[b] * log2_e);
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) {
        T* reference = reference_.get() + slot(at.group, b) + in_slab + c * lanes<T>;
        double* sum = sum_.get() + slot(at.group, b) + in_slab + c * lanes<T>;
        vec<T> t[tile_rows];
        vec<T> highest = broadcast(excluded<T>);
        PARZEN_UNROLL
        for (int r = 0; r < tile_rows; ++r) {
          t[r] = squared.v[r][c] * factor + weights_[row + r];
          if constexpr (masked) t[r] = mask.template operator()<T>(r, c) ? t[r] : broadcast(excluded<T>);
          highest = max(highest, t[r]);
        }
        if (__builtin_expect(any(highest > load(reference) + T(head_room)), 0)) raise(reference, sum, highest);
        const vec<T> base = load(reference);
        vec<T> terms{};
        PARZEN_UNROLL
        for (int r = 0; r < tile_rows; ++r) terms += exp2<T>(t[r] - base);
        reinterpret_cast<Wide<T>*>(sum)->add(terms);
      }
    }
  }

  void end_slab(index col0, index cols) {
    for (int b = 0; b < op_.count; ++b)
      for (index c = 0; c < cols; ++c) {
        double highest = reference_[slot(0, b) + c];
        for (index g = 1; g < plan_.groups; ++g) {
          const double reference = reference_[slot(g, b) + c];
          if (reference > highest) highest = reference;
        }
        double sum = 0;
        for (index g = 0; g < plan_.groups; ++g) sum += sum_[slot(g, b) + c] * ::exp2(double(reference_[slot(g, b) + c]) - highest);
        op_.log_sums[b * op_.queries.rows + col0 + c] = (::log2(sum) + highest) / log2_e;
      }
  }

 private:
  index slot(index group, int b) const { return (group * op_.count + b) * plan_.slab_cols(); }

  static __attribute__((noinline)) void raise(T* reference, double* sum, vec<T> highest) {
    for (int l = 0; l < lanes<T>; ++l)
      if (highest[l] > reference[l]) {
        sum[l] *= ::exp2(double(reference[l]) - double(highest[l]));
        reference[l] = highest[l];
      }
  }

  const Plan<T>& plan_;
  const LogDensity& op_;
  Buffer<T> weights_, reference_;
  Buffer<double> sum_;
};

template <class T>
void log_sums(const LogDensity& op) {
  const Plan<T> plan(op.x, op.queries, op.count * index(sizeof(T) + sizeof(double)));
  LogSumSink<T> sink(plan, op);
  Sweep<T, Argument::squared_distance, LogSumSink<T>>(plan, op.x, op.queries, op.same ? Pairs::off_diagonal : Pairs::all,
                                                      static_cast<const T*>(op.center), sink, op.poll)
      .run();
}

}  // namespace

void log_density(const LogDensity& op) {
  if (op.x.type == Type::float32)
    log_sums<float>(op);
  else
    log_sums<double>(op);
}

}  // namespace parzen::PARZEN_ISA_NAME
