// Row-wise log of a weighted sum of kernels, several bandwidths in one pass, without a second pass for the maximum.
//
// Queries are the tiles' rows. Of every row a warp keeps, over its columns of the tile, the largest term m and s = sum 2^(t - m),
// with t = log2 k(x, q) + log2 w. The parts of a query's sum are merged in a fixed order, in float64, relative to the larger m.
//
// A compact kernel's terms are at most 1 and 0 outside its support: there s = sum w k with weights relative to the largest, and m
// stays 0. A sum of nothing is 0, whose logarithm is minus infinity.
#include <limits>
#include <optional>
#include <vector>

#include "../device.h"
#include "pairs.h"

namespace parzen::cuda {
namespace {

template <class T>
constexpr T nothing = sizeof(T) == 4 ? T(-1e37) : T(-1e300);  // the reference where there is no term

template <class Profile>
struct Named {
  using type = Profile;
};

// Calls use(Named<Profile>) with the one that is named.
PARZEN_EITHER
template <class T, class Use>
PARZEN_BOTH void with_profile(LogDensity::Profile profile, const Use& use) {
  switch (profile) {
    case LogDensity::Profile::gaussian: return use(Named<GaussianProfile<T>>{});
    case LogDensity::Profile::exponential: return use(Named<ExponentialProfile<T>>{});
    case LogDensity::Profile::tophat: return use(Named<TophatProfile<T>>{});
    case LogDensity::Profile::epanechnikov: return use(Named<EpanechnikovProfile<T>>{});
    case LogDensity::Profile::linear: return use(Named<LinearProfile<T>>{});
    case LogDensity::Profile::cosine: return use(Named<CosineProfile<T>>{});
  }
}

template <class T>
struct LogSink {
  LogDensity::Profile profile;
  const void* profiles;  // one for each bandwidth
  const T* weights;      // of the samples, padded to whole tiles
  int count;
  T* references;  // [bandwidth][part][row of the chunk]; a part is a warp's columns of a tile
  double* sums;   //

  template <class P>
  static constexpr int shared_bytes = 0;

  template <class P>
  __device__ PARZEN_DEVICE_INLINE void tile(const Place& at, const typename P::Lane& mine, unsigned char*,
                                            Accumulators<T>& v) const {
    hide(at, mine, T(HUGE_VAL), v);  // infinitely far
    with_profile<T>(profile, [&](auto named) {
      using Profile = typename decltype(named)::type;
      if constexpr (Profile::of_distance) {
        PARZEN_UNROLL
        for (int s = 0; s < slices; ++s) {
          PARZEN_UNROLL
          for (int n = 0; n < slice_cols; ++n) v[s][n] = sqrt(v[s][n]);
        }
      }
      for (int b = 0; b < count; ++b) add(static_cast<const Profile*>(profiles)[b], b, at, mine, v);
    });
  }

  template <class Profile, class L>
  __device__ PARZEN_DEVICE_INLINE void add(const Profile profile, int b, const Place& at, const L& mine, Accumulators<T>& v) const {
    const index part = (index(b) * at.col_tiles + at.tile_col) * L::warp_cols + mine.warp_col;
    const index slot = (part * at.row_tiles + at.tile_row) * tile_side;
    const T* of_tile = weights + at.col0;
    T weight[slice_cols];
    if constexpr (L::row_slices == 1) read_cols(of_tile, mine, 0, weight);  // there is room for one slice's
    each_row<L, T>(v, [&](int r, T(&values)[L::row_slices][slice_cols]) {
      const int row = mine.row(r * L::row_slices);
      T highest = Profile::compact ? T(0) : nothing<T>, sum = 0;
      PARZEN_UNROLL
      for (int s = 0; s < L::row_slices; ++s) {
        T t[slice_cols], top = highest, eight = 0;
        if constexpr (L::row_slices > 1) read_cols(of_tile, mine, s, weight);
        PARZEN_UNROLL
        for (int n = 0; n < slice_cols; ++n) {
          t[n] = profile(values[s][n]);
          if constexpr (Profile::compact)
            eight += t[n] * weight[n];
          else
            top = max(top, t[n] += weight[n]);
        }
        if constexpr (!Profile::compact) {
          top = max(top, __shfl_xor_sync(0xffffffffu, top, 1));
          top = max(top, __shfl_xor_sync(0xffffffffu, top, 2));
          PARZEN_UNROLL
          for (int n = 0; n < slice_cols; ++n) eight += exp2<T>(t[n] - top);
          if (s > 0) sum *= exp2<T>(highest - top);
          highest = top;
        }
        sum += eight;
      }
      sum += __shfl_xor_sync(0xffffffffu, sum, 1);
      sum += __shfl_xor_sync(0xffffffffu, sum, 2);
      if (mine.in_quad == 0) {
        references[slot + row] = highest;
        sums[slot + row] = double(sum);
      }
    });
  }
};

// sum 2^reference, brought to the larger of two references.
struct LogSum {
  double reference, sum;

  __device__ PARZEN_DEVICE_INLINE void add(double other, double other_sum) {
    if (other > reference) {
      sum = sum * ::exp2(reference - other) + other_sum;
      reference = other;
    } else {
      sum += other_sum * ::exp2(other - reference);
    }
  }
};

constexpr int merge_queries = 32, merge_lanes = block_threads / merge_queries;

// A block 32 queries of one bandwidth: each of a query's eight threads takes every eighth part, and what they have is merged in
// order.
template <class T>
__global__ void __launch_bounds__(block_threads)
    merge_kernel(LogSink<T> slots, int parts, index rows, index row0, index queries, LogSum* logs) {
  const index groups = rows / merge_queries, row = index(blockIdx.x) % groups * merge_queries + threadIdx.x % merge_queries;
  const index b = index(blockIdx.x) / groups;
  LogSum mine{double(nothing<T>), 0};
  for (int part = int(threadIdx.x) / merge_queries; part < parts; part += merge_lanes) {
    const index at = (b * parts + part) * rows + row;
    mine.add(double(slots.references[at]), slots.sums[at]);
  }
  LogSum* found = reinterpret_cast<LogSum*>(shared_memory());
  found[threadIdx.x] = mine;
  __syncthreads();
  if (int(threadIdx.x) >= merge_queries || row0 + row >= queries) return;
  LogSum& all = logs[b * queries + row0 + row];
  for (int lane = 0; lane < merge_lanes; ++lane) {
    const LogSum& next = found[lane * merge_queries + int(threadIdx.x)];
    all.add(next.reference, next.sum);
  }
}

__global__ void clear_logs_kernel(LogSum* logs, index count, double reference) {
  const index i = index(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) logs[i] = {reference, 0};
}

template <class T>
class LogSums {
 public:
  LogSums(const LogDensity& op, Run& run)
      : op_(op),
        run_(run),
        profiles_(op.count * index(sizeof(double)) * 2, run.stream),
        weights_(ceil_div(op.x.rows, tile_side) * tile_side, run.stream),
        logs_(op.count * op.queries.rows, run.stream) {
    bool compact = false;
    with_profile<T>(op.profile, [&](auto named) {
      using Profile = typename decltype(named)::type;
      static_assert(sizeof(Profile) <= 2 * sizeof(double));
      compact = Profile::compact;
      std::vector<Profile> profiles;
      for (int b = 0; b < op.count; ++b) {
        Profile& at_bandwidth = profiles.emplace_back(op.bandwidths[b]);
        // Infinitely far is infinitely little at every bandwidth: infinity times zero would be no number.
        if constexpr (!Profile::compact)
          at_bandwidth.factor = smaller_of(at_bandwidth.factor, -std::numeric_limits<T>::denorm_min());
      }
      const index bytes = op.count * index(sizeof(Profile));
      profiles_.write(reinterpret_cast<const unsigned char*>(run.keep(std::move(profiles))), bytes);
    });
    if (compact && op.log_weights) {
      unit_ = op.log_weights[0];
      for (index i = 1; i < op.x.rows; ++i) unit_ = larger_of(unit_, op.log_weights[i]);
    }
    std::vector<T> weights(ceil_div(op.x.rows, tile_side) * tile_side);
    for (index i = 0; i < op.x.rows; ++i) {
      const double log_weight = op.log_weights ? op.log_weights[i] : unit_;
      weights[i] = compact ? T(::exp(log_weight - unit_)) : T(log_weight * log2_e);
    }
    const index padded = index(weights.size());
    weights_.write(run.keep(std::move(weights)), padded);
    const index count = op.count * op.queries.rows;
    launch(clear_logs_kernel, int(ceil_div(count, block_threads)), block_threads, 0, run.stream, logs_.get(), count,
           compact ? 0.0 : double(nothing<T>));
    check_launch("clear_logs_kernel");
  }

  template <class P>
  index slot_bytes() const {
    return op_.count * P::Lane::warp_cols * tile_side * index(sizeof(T) + sizeof(double));
  }

  template <class P>
  void reserve(const Chunks& chunks) {
    const index count = op_.count * P::Lane::warp_cols * chunks.rows * chunks.cols * tile_side;
    references_.emplace(count, run_.stream);
    sums_.emplace(count, run_.stream);
  }

  LogSink<T> sink() const { return {op_.profile, profiles_.get(), weights_.get(), op_.count, references_->get(), sums_->get()}; }

  template <class P>
  void end_chunk(const Chunk<P>& c) {
    const index rows = index(c.row_tiles) * tile_side;
    launch(merge_kernel<T>, int(op_.count * rows / merge_queries), block_threads, block_threads * int(sizeof(LogSum)), run_.stream,
           sink(), c.col_tiles * P::Lane::warp_cols, rows, c.row0, op_.queries.rows, logs_.get());
    check_launch("merge_kernel");
  }

  void finish() {
    std::vector<LogSum> logs(op_.count * op_.queries.rows);
    logs_.read(logs.data(), index(logs.size()));
    run_.finish();
    for (std::size_t i = 0; i < logs.size(); ++i) op_.log_sums[i] = (::log2(logs[i].sum) + logs[i].reference) / log2_e + unit_;
  }

 private:
  static double larger_of(double a, double b) { return a > b ? a : b; }
  static T smaller_of(T a, T b) { return a < b ? a : b; }

  const LogDensity& op_;
  Run& run_;
  double unit_ = 0;  // the logarithm of what weights are relative to
  Scratch<unsigned char> profiles_;
  Scratch<T> weights_;
  Scratch<LogSum> logs_;
  std::optional<Scratch<T>> references_;
  std::optional<Scratch<double>> sums_;
};

template <class T>
void log_sums(const LogDensity& op, const Execution& execution) {
  Run run(execution, op.poll);
  run.expect_here(op.x, "x");
  run.expect_here(op.queries, "queries");
  const Scratch<T> center(static_cast<const T*>(op.center), op.center ? op.x.cols : 0, run.stream);
  LogSums<T> sums(op, run);
  with_product<T, Argument::squared_distance, false>(op.x.cols, execution, run, [&](auto product) {
    sweep<decltype(product), Argument::squared_distance>(op.queries, op.x, op.same ? Pairs::off_diagonal : Pairs::all,
                                                         op.center ? center.get() : nullptr, execution, run, sums);
  });
  sums.finish();
}

}  // namespace

void log_density(const LogDensity& op, const Execution& execution) {
  op.x.type == Type::float32 ? log_sums<float>(op, execution) : log_sums<double>(op, execution);
}

}  // namespace parzen::cuda
