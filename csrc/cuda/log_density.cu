// Row-wise log of a weighted sum of kernels, several bandwidths in one pass, without a second pass for the maximum.
//
// Of every column (a query) a warp keeps, over its 64 rows of the tile, the largest term m and s = sum 2^(t - m), with
// t = log2 k(x, q) + log2 w. The parts of a query's sum are merged in order of the rows, in float64, relative to the larger m.
//
// A compact kernel's terms are at most 1 and 0 outside its support: there s = sum w k with weights relative to the largest, and m
// stays 0. A sum of nothing is 0, whose logarithm is minus infinity.
#include <optional>
#include <vector>

#include "../device.h"
#include "pairs.h"

namespace parzen::cuda {
namespace {

template <class T>
constexpr T nothing = sizeof(T) == 4 ? T(-1e37) : T(-1e300);  // the reference where there is no term
template <class T>
constexpr T excluded = sizeof(T) == 4 ? T(-3e38) : T(-1e308);  // a masked term: far below even that

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

constexpr int parts_a_tile = 2;  // a column's, one for each row of warps

template <class T>
struct LogSink {
  LogDensity::Profile profile;
  const void* profiles;  // one for each bandwidth
  const T* weights;      // of the samples
  int count;
  T* references;  // [bandwidth][part][column of the chunk]
  double* sums;   //

  static constexpr int shared_bytes = 0;

  template <class U>
  __device__ PARZEN_DEVICE_INLINE void tile(const Place& at, const Lane& mine, unsigned char*, Accumulators<T>& v) const {
    with_profile<T>(profile, [&](auto named) {
      using Profile = typename decltype(named)::type;
      if constexpr (Profile::of_distance) {
        PARZEN_UNROLL
        for (int r = 0; r < thread_rows; ++r) {
          PARZEN_UNROLL
          for (int c = 0; c < thread_cols; ++c) v[r][c] = sqrt(v[r][c]);
        }
      }
      for (int b = 0; b < count; ++b) add(static_cast<const Profile*>(profiles)[b], b, at, mine, v);
    });
  }

  template <class Profile>
  __device__ PARZEN_DEVICE_INLINE void add(const Profile& profile, int b, const Place& at, const Lane& mine,
                                           Accumulators<T>& v) const {
    const auto weight = [&](int r) { return mine.row(r) < at.rows ? weights[at.row0 + mine.row(r)] : T(0); };
    const index part = (index(b) * at.row_tiles + at.tile_row) * parts_a_tile + mine.warp_row;
    const index slot = (part * at.col_tiles + at.tile_col) * tile_side;
    each_col<T>(v, [&](int c, int k) {
      T highest = Profile::compact ? T(0) : nothing<T>, t[thread_rows], sum = 0;
      PARZEN_UNROLL
      for (int r = 0; r < thread_rows; ++r) {
        const bool counts = at.whole || at.counts(mine.row(r), mine.col(c));
        if constexpr (Profile::compact) {
          sum += counts ? profile(v[r][k]) * weight(r) : T(0);
        } else {
          t[r] = counts ? profile(v[r][k]) + weight(r) : excluded<T>;
          highest = max(highest, t[r]);
        }
      }
      if constexpr (!Profile::compact) {
        for (int lane = 4; lane < 32; lane *= 2) highest = max(highest, __shfl_xor_sync(0xffffffffu, highest, lane));
        PARZEN_UNROLL
        for (int r = 0; r < thread_rows; ++r) sum += exp2<T>(t[r] - highest, r);
      }
      for (int lane = 4; lane < 32; lane *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lane);
      if (mine.quad == 0) {
        references[slot + mine.col(c)] = highest;
        sums[slot + mine.col(c)] = double(sum);
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

// A warp a query: each lane takes every 32nd part, the lanes' sums are merged in a tree.
template <class T>
__global__ void __launch_bounds__(block_threads)
    merge_kernel(LogSink<T> parts, int row_tiles, int col_tiles, index col0, index queries, LogSum* logs) {
  const int lane = int(threadIdx.x) % 32;
  const index warp = index(blockIdx.x) * (block_threads / 32) + threadIdx.x / 32;
  const index cols = index(col_tiles) * tile_side, col = warp % cols;
  const int b = int(warp / cols);
  if (b >= parts.count || col0 + col >= queries) return;
  LogSum mine{double(nothing<T>), 0};
  const int count = row_tiles * parts_a_tile;
  for (int part = lane; part < count; part += 32) {
    const index at = (index(b) * count + part) * cols + col;
    mine.add(double(parts.references[at]), parts.sums[at]);
  }
  for (int other = 1; other < 32; other *= 2) {
    const double reference = __shfl_xor_sync(0xffffffffu, mine.reference, other);
    const double sum = __shfl_xor_sync(0xffffffffu, mine.sum, other);
    mine.add(reference, sum);
  }
  if (lane == 0) logs[b * queries + col0 + col].add(mine.reference, mine.sum);
}

__global__ void clear_logs_kernel(LogSum* logs, index count, double reference) {
  const index i = index(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) logs[i] = {reference, 0};
}

template <class T>
class LogSums {
 public:
  const index slot_bytes;

  LogSums(const LogDensity& op, Run& run)
      : slot_bytes(op.count * parts_a_tile * tile_side * index(sizeof(T) + sizeof(double))),
        op_(op),
        run_(run),
        profiles_(op.count * index(sizeof(double)) * 2, run.stream),
        weights_(op.x.rows, run.stream),
        logs_(op.count * op.queries.rows, run.stream) {
    bool compact = false;
    with_profile<T>(op.profile, [&](auto named) {
      using Profile = typename decltype(named)::type;
      static_assert(sizeof(Profile) <= 2 * sizeof(double));
      compact = Profile::compact;
      std::vector<Profile> profiles;
      for (int b = 0; b < op.count; ++b) profiles.emplace_back(op.bandwidths[b]);
      check(
          cudaMemcpyAsync(profiles_.get(), profiles.data(), profiles.size() * sizeof(Profile), cudaMemcpyHostToDevice, run.stream),
          "copy to the device");
    });
    if (compact && op.log_weights) {
      unit_ = op.log_weights[0];
      for (index i = 1; i < op.x.rows; ++i) unit_ = larger_of(unit_, op.log_weights[i]);
    }
    std::vector<T> weights(op.x.rows);
    for (index i = 0; i < op.x.rows; ++i) {
      const double log_weight = op.log_weights ? op.log_weights[i] : unit_;
      weights[i] = compact ? T(::exp(log_weight - unit_)) : T(log_weight * log2_e);
    }
    check(cudaMemcpyAsync(weights_.get(), weights.data(), weights.size() * sizeof(T), cudaMemcpyHostToDevice, run.stream),
          "copy to the device");
    const index count = op.count * op.queries.rows;
    launch(clear_logs_kernel, int(ceil_div(count, block_threads)), block_threads, 0, run.stream, logs_.get(), count,
           compact ? 0.0 : double(nothing<T>));
    check_launch("clear_logs_kernel");
  }

  void reserve(const Chunks& chunks) {
    const index count = op_.count * parts_a_tile * chunks.rows * chunks.cols * tile_side;
    references_.emplace(count, run_.stream);
    sums_.emplace(count, run_.stream);
  }

  LogSink<T> sink() const { return {op_.profile, profiles_.get(), weights_.get(), op_.count, references_->get(), sums_->get()}; }

  template <class P>
  void end_chunk(const Chunk<P>& c) {
    const index warps = index(op_.count) * c.col_tiles * tile_side;
    launch(merge_kernel<T>, int(ceil_div(warps, block_threads / 32)), block_threads, 0, run_.stream, sink(), c.row_tiles,
           c.col_tiles, c.col0, op_.queries.rows, logs_.get());
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
  with_product<T, Argument::squared_distance>(op.x.cols, execution, [&](auto product) {
    sweep<decltype(product), Argument::squared_distance>(op.x, op.queries, op.same ? Pairs::off_diagonal : Pairs::all,
                                                         op.center ? center.get() : nullptr, execution, run, sums);
  });
  sums.finish();
}

}  // namespace

void log_density(const LogDensity& op, const Execution& execution) {
  op.x.type == Type::float32 ? log_sums<float>(op, execution) : log_sums<double>(op, execution);
}

}  // namespace parzen::cuda
