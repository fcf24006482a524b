// The schedule: every pair of rows of x and y, tile by tile, each tile's arguments given to a sink while still in registers.
//
// Columns (rows of y) are packed in slabs that all threads share; rows of x are cut into blocks, blocks into groups. A task is one
// group against one part of the slab: it packs a block, keeps it in the second-level cache and streams the slab's panels past it.
//
//   for each slab of y            packed by all threads
//     for each (group, part)      a task
//       for each block of x       packed by the task
//         for each panel of the part, each depth step, each panel of the block: one register tile
//
// Groups, blocks and parts depend on the shapes alone. A sink keeps one slot of partial sums per group (for columns) and per part
// (for rows) and adds them in order, so results do not depend on the number of threads or on which thread did what.
#pragma once

#include "pack.h"
#include "parallel.h"

namespace parzen::PARZEN_ISA_NAME {

// Owned aligned memory. Not std::vector: nothing here may share a symbol with other instruction sets.
template <class T>
class Buffer {
 public:
  explicit Buffer(index size) : data_(static_cast<T*>(allocate(size * index(sizeof(T))))) {}
  ~Buffer() { release(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* get() const { return data_; }
  T& operator[](index i) const { return data_[i]; }

 private:
  T* data_;
};

constexpr index ceil_div(index a, index b) { return (a + b - 1) / b; }
constexpr index smaller(index a, index b) { return a < b ? a : b; }
constexpr index larger(index a, index b) { return a > b ? a : b; }

template <class T>
struct Plan {
  static constexpr index tasks = 64;               // per slab, at least where there are pairs enough
  static constexpr index block_bytes = 512 << 10;  // of packed x per task: a second-level cache's share
  static constexpr index slab_bytes = 16 << 20;    // of packed y, shared
  static constexpr index max_slab_cols = 16384;    // bounds a sink's column slots
  static constexpr index max_block_panels = 8;
  static constexpr index min_part_panels = 4;  // columns that repay the packing of a block

  index d, row_panels, block_panels, blocks, blocks_per_group, groups, col_panels, slab_panels, parts;
  int threads;

  Plan(const Matrix& x, const Matrix& y, index sink_bytes_per_col) {
    d = x.cols;
    row_panels = ceil_div(x.rows, tile_rows);
    const index panel_bytes = tile_rows * d * index(sizeof(T));
    block_panels = smaller(row_panels, smaller(max_block_panels, larger(1, block_bytes / panel_bytes)));
    blocks = ceil_div(row_panels, block_panels);
    blocks_per_group = ceil_div(blocks, tasks);
    groups = ceil_div(blocks, blocks_per_group);
    col_panels = ceil_div(y.rows, tile_cols<T>);
    const index slot_cols = larger(1, (slab_bytes / 2) / larger(1, groups * sink_bytes_per_col));
    slab_panels = larger(1, slab_bytes / (tile_cols<T> * d * index(sizeof(T))));
    slab_panels = smaller(slab_panels, larger(1, smaller(max_slab_cols, slot_cols) / tile_cols<T>));
    slab_panels = smaller(slab_panels, col_panels);
    parts = smaller(ceil_div(slab_panels, min_part_panels), ceil_div(tasks, groups));  // few rows: share out the columns as well
    threads = thread_count();
  }

  index block_rows() const { return block_panels * tile_rows; }
  index slab_cols() const { return slab_panels * tile_cols<T>; }
};

// Where in the schedule a sink's callback is.
struct Place {
  index group, part;
  int thread;
};

template <class T, Argument argument, class Sink>
class Sweep {
 public:
  Sweep(const Plan<T>& plan, const Matrix& x, const Matrix& y, Pairs pairs, const T* center, Sink& sink, const Poll& poll)
      : plan_(plan),
        x_(x),
        y_(y),
        pairs_(pairs),
        direct_(argument == Argument::squared_distance && x.cols <= direct_depth),
        center_(direct_ ? nullptr : center),
        sink_(sink),
        poll_(poll),
        slab_(plan.slab_cols() * plan.d + pack_slack<T>),
        slab_terms_(plan.slab_cols()),
        block_(plan.threads * block_size()),
        block_terms_(plan.threads * plan.block_rows()),
        block_peaks_(plan.threads * plan.block_panels),
        partial_(plan.threads * plan.block_panels) {}

  void run() {
    const index slab_cols = plan_.slab_cols();
    for (col0_ = 0; col0_ < y_.rows; col0_ += slab_cols) {
      cols_ = smaller(slab_cols, y_.rows - col0_);
      const double begin = fraction(col0_), end = fraction(col0_ + cols_);
      const index panels = ceil_div(cols_, tile_cols<T>);
      parallel(plan_.threads, panels, &pack_panel, this, poll_, begin, begin);
      parallel(plan_.threads, plan_.groups * plan_.parts, &run_task, this, poll_, begin, end);
      sink_.end_slab(col0_, cols_);
    }
  }

 private:
  double fraction(index cols) const {
    const double f = double(cols) / double(y_.rows);
    return pairs_ == Pairs::upper ? f * f : f;
  }

  static void pack_panel(void* self, index panel, int) {
    auto& s = *static_cast<Sweep*>(self);
    const index first = panel * tile_cols<T>;
    pack<T, tile_cols<T>>(s.y_, s.col0_ + first, smaller(tile_cols<T>, s.cols_ - first), s.center_, argument,
                          s.slab_.get() + first * s.plan_.d, s.slab_terms_.get() + first);
  }

  static void run_task(void* self, index task, int thread) {
    auto& s = *static_cast<Sweep*>(self);
    // The last groups of a triangle have the most columns above them: hand them out first.
    s.task({s.plan_.groups - 1 - task / s.plan_.parts, task % s.plan_.parts, thread});
  }

  void task(const Place& place) {
    const index panels = ceil_div(cols_, tile_cols<T>);
    const index panel0 = panels * place.part / plan_.parts, panel1 = panels * (place.part + 1) / plan_.parts;
    if (panel0 == panel1) return;
    sink_.begin_task(place, panel0 * tile_cols<T>, panel1 * tile_cols<T>);
    const index block1 = smaller(plan_.blocks, (place.group + 1) * plan_.blocks_per_group);
    for (index block = place.group * plan_.blocks_per_group; block < block1 && !stop_requested(); ++block) {
      const index row0 = block * plan_.block_rows();
      const index rows = smaller(plan_.block_rows(), x_.rows - row0);
      if (pairs_ == Pairs::upper && row0 >= col0_ + smaller(cols_, panel1 * tile_cols<T>) - 1) continue;
      pack<T, tile_rows>(x_, row0, rows, center_, argument, block_of(place), block_terms_of(place));
      for (index p = 0; p < ceil_div(rows, tile_rows); ++p) block_peaks_of(place)[p] = peak(block_terms_of(place) + p * tile_rows);
      sink_.begin_block(place, row0, rows);
      if (argument == Argument::squared_distance && direct_)
        block_by_panels<true>(place, row0, rows, panel0, panel1);
      else
        block_by_panels<false>(place, row0, rows, panel0, panel1);
      sink_.end_block(place, row0, rows);
    }
  }

  template <bool direct>
  void block_by_panels(const Place& place, index row0, index rows, index panel0, index panel1) {
    if constexpr (direct && argument != Argument::squared_distance) return;
    for (index panel = panel0; panel < panel1; ++panel) {
      index panels = ceil_div(rows, tile_rows);
      const index first = col0_ + panel * tile_cols<T>;
      if (pairs_ == Pairs::upper) {  // panels whose first row is left of the panel's last column
        const index above = first + tile_cols<T> - 1 - row0;
        if (above <= 0) continue;
        panels = smaller(panels, ceil_div(above, tile_rows));
      }
      tiles<direct>(place, row0, rows, panels, panel);
    }
  }

  // One panel of columns against `panels` panels of the block.
  template <bool direct>
  __attribute__((noinline)) void tiles(const Place& place, index row0, index rows, index panels, index col_panel) {
    const index d = plan_.d;
    const T* block = block_of(place);
    const T* col = slab_.get() + col_panel * tile_cols<T> * d;
    const bool narrow = cols_ - col_panel * tile_cols<T> <= lanes<T>;  // few queries, or a remainder
    Arguments<T>* partial = partial_.get() + place.thread * plan_.block_panels;
    for (index k = 0; k < d; k += depth_step) {
      const index depth = smaller(depth_step, d - k);
      for (index p = 0; p < panels; ++p) {
        Arguments<T> sum;
        const T* row = block + p * tile_rows * d + k * tile_rows;
        if (narrow)
          accumulate<T, direct, 1>(row, col + k * tile_cols<T>, depth, sum);
        else
          accumulate<T, direct>(row, col + k * tile_cols<T>, depth, sum);
        if (k > 0) add(sum, partial[p]);
        if (k + depth < d) {
          copy(partial[p], sum);
          continue;
        }
        finish<direct>(place, row0, rows, p, col_panel, sum);
      }
    }
  }

  template <bool direct>
  PARZEN_INLINE void finish(const Place& place, index row0, index rows, index p, index col_panel, Arguments<T>& sum) {
    const index in_block = p * tile_rows, in_slab = col_panel * tile_cols<T>;
    const index i = row0 + in_block, j = col0_ + in_slab;
    const T* row_terms = block_terms_of(place) + in_block;
    const T* col_terms = slab_terms_.get() + in_slab;
    if constexpr (argument == Argument::inner_product) {
      PARZEN_UNROLL
      for (int r = 0; r < tile_rows; ++r) {
        PARZEN_UNROLL
        for (int c = 0; c < tile_vectors; ++c) sum.v[r][c] += load(col_terms + c * lanes<T>) + row_terms[r];
      }
    } else if constexpr (!direct) {
      vec<T> closest[tile_vectors];
      PARZEN_UNROLL
      for (int r = 0; r < tile_rows; ++r) {
        PARZEN_UNROLL
        for (int c = 0; c < tile_vectors; ++c) {
          sum.v[r][c] = (load(col_terms + c * lanes<T>) + row_terms[r]) - T(2) * sum.v[r][c];
          closest[c] = r == 0 ? sum.v[r][c] : min(closest[c], sum.v[r][c]);
        }
      }
      // The closest pair of each column against the largest norm of the rows: rarely true, never missed.
      bits<T> doubtful{};
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c)
        doubtful |= closest[c] < T(repair_below) * (load(col_terms + c * lanes<T>) + block_peaks_of(place)[p]);
      if (__builtin_expect(any(doubtful), 0)) {
        Arguments<T> lost;
        copy(lost, sum);
        repair(lost, i, j, row_terms, col_terms);
        copy(sum, lost);
      }
    }
    const int live_rows = int(smaller(tile_rows, rows - in_block)), live_cols = int(smaller(tile_cols<T>, cols_ - in_slab));
    const bool whole =
        live_rows == tile_rows && live_cols == tile_cols<T> &&
        (pairs_ == Pairs::all || j > i + tile_rows - 1 || (pairs_ == Pairs::off_diagonal && i > j + tile_cols<T> - 1));
    if (__builtin_expect(whole, 1))
      sink_.template tile<false>(place, sum, i, in_block, in_slab, Mask{});
    else
      sink_.template tile<true>(place, sum, i, in_block, in_slab, Mask{live_rows, live_cols, i - j, pairs_});
  }

  __attribute__((noinline)) void repair(Arguments<T>& squared, index i, index j, const T* row_terms, const T* col_terms) {
    for (int r = 0; r < tile_rows && i + r < x_.rows; ++r)
      for (int c = 0; c < tile_vectors; ++c) {
        const bits<T> lost = squared.v[r][c] < T(repair_below) * (load(col_terms + c * lanes<T>) + row_terms[r]);
        if (!any(lost)) continue;
        for (int l = 0; l < lanes<T> && j + c * lanes<T> + l < y_.rows; ++l)
          if (lost[l])
            squared.v[r][c][l] = squared_difference<T>(row_of<T>(x_, i + r), row_of<T>(y_, j + c * lanes<T> + l), plan_.d);
      }
  }

  static T peak(const T* terms) {
    T highest = terms[0];
    for (int r = 1; r < tile_rows; ++r) highest = terms[r] > highest ? terms[r] : highest;
    return highest;
  }

  static PARZEN_INLINE void add(Arguments<T>& sum, const Arguments<T>& other) {
    PARZEN_UNROLL
    for (int r = 0; r < tile_rows; ++r) {
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) sum.v[r][c] += other.v[r][c];
    }
  }

  static PARZEN_INLINE void copy(Arguments<T>& to, const Arguments<T>& from) {
    PARZEN_UNROLL
    for (int r = 0; r < tile_rows; ++r) {
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) to.v[r][c] = from.v[r][c];
    }
  }

  index block_size() const { return ceil_div(plan_.block_rows() * plan_.d + pack_slack<T>, lanes<T>) * lanes<T>; }
  T* block_of(const Place& place) const { return block_.get() + place.thread * block_size(); }
  T* block_terms_of(const Place& place) const { return block_terms_.get() + place.thread * plan_.block_rows(); }
  T* block_peaks_of(const Place& place) const { return block_peaks_.get() + place.thread * plan_.block_panels; }

  const Plan<T>& plan_;
  const Matrix &x_, &y_;
  const Pairs pairs_;
  const bool direct_;
  const T* center_;
  Sink& sink_;
  const Poll& poll_;
  Buffer<T> slab_, slab_terms_, block_, block_terms_, block_peaks_;
  Buffer<Arguments<T>> partial_;
  index col0_ = 0, cols_ = 0;
};

}  // namespace parzen::PARZEN_ISA_NAME
