// Row-wise log of a weighted sum of kernels, several bandwidths in one pass, without a second pass for the maximum.
//
// Each column (a query) keeps a reference m and s = sum 2^(t - m), with t = log2 k(x, q) + log2 w. Terms far below m vanish as they
// should; m moves up only when a term exceeds it by 2^head_room, which single precision holds with ease, so a rescaling is rare.
// The parts of a query's sum, one per group of rows, are merged in order at the end, relative to the largest m.
//
// A compact kernel's terms are at most 1 and 0 outside its support: there s = sum w k with weights relative to the largest, and m
// stays 0. A sum of nothing is 0, whose logarithm is minus infinity.
#include <math.h>

#include "pairs.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T>
constexpr T nothing = sizeof(T) == 4 ? T(-1e37) : T(-1e300);  // the reference before the first term
template <class T>
constexpr T excluded = sizeof(T) == 4 ? T(-3e38) : T(-1e308);  // a masked term: far below even that
constexpr int head_room = 40;

template <class T, class Profile>
class LogSumSink {
 public:
  LogSumSink(const Plan<T>& plan, const LogDensity& op)
      : plan_(plan),
        op_(op),
        profiles_(op.count),
        weights_(plan.row_panels * tile_rows),
        reference_(plan.groups * op.count * plan.slab_cols()),
        sum_(plan.groups * op.count * plan.slab_cols()) {
    for (int b = 0; b < op.count; ++b) profiles_[b] = Profile(op.bandwidths[b]);
    if (Profile::compact && op.log_weights) {
      unit_ = op.log_weights[0];
      for (index i = 1; i < op.x.rows; ++i) unit_ = op.log_weights[i] > unit_ ? op.log_weights[i] : unit_;
    }
    for (index i = 0; i < plan.row_panels * tile_rows; ++i) {
      const double log_weight = op.log_weights && i < op.x.rows ? op.log_weights[i] : unit_;
      weights_[i] = Profile::compact ? T(::exp(log_weight - unit_)) : T(log_weight * log2_e);
    }
  }

  void begin_task(const Place& at, index col0, index col1) {
    for (int b = 0; b < op_.count; ++b)
      for (index c = col0; c < col1; ++c) {
        reference_[slot(at.group, b) + c] = Profile::compact ? T(0) : nothing<T>;
        sum_[slot(at.group, b) + c] = 0;
      }
  }

  void begin_block(const Place&, index, index) {}
  void end_block(const Place&, index, index) {}

  template <bool masked>
  PARZEN_INLINE void tile(const Place& at, const Arguments<T>& squared, index row, index, index in_slab, const Mask& mask) {
    if constexpr (Profile::of_distance) {
      Arguments<T> distance;
      PARZEN_UNROLL
      for (int r = 0; r < tile_rows; ++r) {
        PARZEN_UNROLL
        for (int c = 0; c < tile_vectors; ++c) distance.v[r][c] = sqrt(squared.v[r][c]);
      }
      add<masked>(at, distance, row, in_slab, mask);
    } else {
      add<masked>(at, squared, row, in_slab, mask);
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
        op_.log_sums[b * op_.queries.rows + col0 + c] = (::log2(sum) + highest) / log2_e + unit_;
      }
  }

 private:
  index slot(index group, int b) const { return (group * op_.count + b) * plan_.slab_cols(); }

  template <bool masked>
  PARZEN_INLINE void add(const Place& at, const Arguments<T>& arguments, index row, index in_slab, const Mask& mask) {
    for (int b = 0; b < op_.count; ++b) {
      const Profile profile = profiles_[b];
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) {
        T* reference = reference_.get() + slot(at.group, b) + in_slab + c * lanes<T>;
        double* sum = sum_.get() + slot(at.group, b) + in_slab + c * lanes<T>;
        vec<T> terms{};
        if constexpr (Profile::compact) {
          PARZEN_UNROLL
          for (int r = 0; r < tile_rows; ++r) {
            vec<T> term = profile(arguments.v[r][c]) * weights_[row + r];
            if constexpr (masked) term = mask.template operator()<T>(r, c) ? term : vec<T> {};
            terms += term;
          }
        } else {
          vec<T> t[tile_rows];
          vec<T> highest = broadcast(excluded<T>);
          PARZEN_UNROLL
          for (int r = 0; r < tile_rows; ++r) {
            t[r] = profile(arguments.v[r][c]) + weights_[row + r];
            if constexpr (masked) t[r] = mask.template operator()<T>(r, c) ? t[r] : broadcast(excluded<T>);
            highest = max(highest, t[r]);
          }
          if (__builtin_expect(any(highest > load(reference) + T(head_room)), 0)) raise(reference, sum, highest);
          const vec<T> base = load(reference);
          PARZEN_UNROLL
          for (int r = 0; r < tile_rows; ++r) terms += exp2<T>(t[r] - base);
        }
        reinterpret_cast<Wide<T>*>(sum)->add(terms);
      }
    }
  }

  static __attribute__((noinline)) void raise(T* reference, double* sum, vec<T> highest) {
    for (int l = 0; l < lanes<T>; ++l)
      if (highest[l] > reference[l]) {
        sum[l] *= ::exp2(double(reference[l]) - double(highest[l]));
        reference[l] = highest[l];
      }
  }

  const Plan<T>& plan_;
  const LogDensity& op_;
  Buffer<Profile> profiles_;
  Buffer<T> weights_, reference_;
  Buffer<double> sum_;
  double unit_ = 0;  // the logarithm of what weights are relative to
};

template <class T, class Profile>
void log_sums(const LogDensity& op) {
  using Sink = LogSumSink<T, Profile>;
  const Plan<T> plan(op.x, op.queries, op.count * index(sizeof(T) + sizeof(double)));
  Sink sink(plan, op);
  Sweep<T, Argument::squared_distance, Sink>(plan, op.x, op.queries, op.same ? Pairs::off_diagonal : Pairs::all,
                                             static_cast<const T*>(op.center), sink, op.poll)
      .run();
}

template <class T>
void log_sums(const LogDensity& op) {
  switch (op.profile) {
    case LogDensity::Profile::gaussian: return log_sums<T, GaussianProfile<T>>(op);
    case LogDensity::Profile::exponential: return log_sums<T, ExponentialProfile<T>>(op);
    case LogDensity::Profile::tophat: return log_sums<T, TophatProfile<T>>(op);
    case LogDensity::Profile::epanechnikov: return log_sums<T, EpanechnikovProfile<T>>(op);
    case LogDensity::Profile::linear: return log_sums<T, LinearProfile<T>>(op);
    case LogDensity::Profile::cosine: return log_sums<T, CosineProfile<T>>(op);
  }
}

}  // namespace

void log_density(const LogDensity& op) {
  if (op.x.type == Type::float32)
    log_sums<float>(op);
  else
    log_sums<double>(op);
}

}  // namespace parzen::PARZEN_ISA_NAME
