// The sink of kernel_quadratic: for each of many indicator vectors, the sum over its rows and columns of the kernel's values.
//
// By the method of the four Russians (Arlazarov, Dinic, Kronrod, Faradzhev 1970): the rows of a tile are cut into groups of six,
// and the sums over all 64 subsets of a group are written to a table, each one addition away from a smaller one. What a vector p
// takes from a tile is then one entry for each group, named by p's six bits, and of their sum those lanes whose columns p has:
//
//   sum_p += columns_p & (table[0][rows_p of group 0] + table[1][rows_p of group 1])
//
// which is a sixth of the operations of a product of matrices, and no value leaves the caches.
#pragma once

#include "kernel_sum.h"

namespace parzen::PARZEN_ISA_NAME {

constexpr int group_rows = 6;
constexpr int subsets = 1 << group_rows;
constexpr int tile_groups = tile_rows / group_rows;
static_assert(tile_rows % group_rows == 0);

// Tables that are used in one pass over the vectors: four tiles' with AVX-512, more tiles' with narrower vectors. One tile's would
// fit the first-level cache, but every pass loads, masks and stores all sums: four tiles in one pass take a fifth less time.
constexpr int stack_groups = (64 << 10) / (subsets * tile_vectors * vector_bytes);

// Passes between which a sum is kept in the input type.
constexpr int passes_per_flush = 16;

// Lanes whose bit of `mask` is set get sum + v, the others keep sum.
template <class T>
PARZEN_INLINE vec<T> add_where(unsigned mask, vec<T> sum, vec<T> v) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (vec<T>)_mm512_mask_add_ps((__m512)sum, __mmask16(mask), (__m512)sum, (__m512)v);
  else
    return (vec<T>)_mm512_mask_add_pd((__m512d)sum, __mmask8(mask), (__m512d)sum, (__m512d)v);
#else
  using I = decltype(bits<T>{}[0] + bits<T>{}[0]);
  bits<T> lane{};
  PARZEN_UNROLL
  for (int l = 0; l < lanes<T>; ++l) lane[l] = I(1) << l;
  return sum + (vec<T>)((bits<T>)v & (((I(mask) - bits<T>{}) & lane) == lane));
#endif
}

// The sums of every vector, whatever the kernel.
template <class T>
class QuadraticSums {
 public:
  QuadraticSums(const Plan<T>& plan, const KernelQuadratic& op)
      : plan_(plan),
        op_(op),
        states_(plan.threads),
        tables_(plan.threads * stack_groups * subsets * tile_vectors),
        sums_(plan.threads * op.vectors),
        wide_(plan.threads * op.vectors),
        rows_(plan.threads * block_groups() * op.vectors),
        columns_(plan.threads * op.vectors),
        none_(op.vectors),
        slots_(plan.groups * plan.parts * op.vectors) {
    for (index p = 0; p < op.vectors; ++p) none_[p] = 0;
    for (index s = 0; s < plan.groups * plan.parts * op.vectors; ++s) slots_[s] = 0;
  }

  void begin_block(const Place& at, index row0) {
    states_[at.thread] = State{};
    for (index g = 0; g < block_groups(); ++g) pack_rows(row0 + g * group_rows, rows_of(at, g));
    for (index p = 0; p < op_.vectors; ++p) {
      sums_of(at)[p] = vec<T>{};
      wide_of(at)[p] = vec<double>{};
    }
  }

  // Takes the values of one tile, zero where a pair does not count.
  __attribute__((noinline)) void stack(const Place& at, const Arguments<T>& values, index in_block, index col0, index in_slab) {
    State& state = states_[at.thread];
    if (state.column != in_slab) {
      pass(at);
      pack_columns(col0 + in_slab, columns_of(at));
      state.column = in_slab;
    }
    for (int g = 0; g < tile_groups; ++g) {
      vec<T>* table = table_of(at, state.groups);
      for (int c = 0; c < tile_vectors; ++c) table[c] = vec<T>{};
      PARZEN_UNROLL
      for (int r = 0; r < group_rows; ++r) {
        for (int s = 0; s < 1 << r; ++s) {
          PARZEN_UNROLL
          for (int c = 0; c < tile_vectors; ++c)
            table[((1 << r) + s) * tile_vectors + c] = table[s * tile_vectors + c] + values.v[g * group_rows + r][c];
        }
      }
      state.rows[state.groups++] = rows_of(at, in_block / group_rows + g);
    }
    if (state.groups == stack_groups) pass(at);
  }

  void end_block(const Place& at) {
    pass(at);
    flush(at);
    double* slots = slots_.get() + (at.group * plan_.parts + at.part) * op_.vectors;
    for (index p = 0; p < op_.vectors; ++p) slots[p] += total(wide_of(at)[p]);
  }

  void finish() const {
    for (index p = 0; p < op_.vectors; ++p) {
      double sum = 0;
      for (index s = 0; s < plan_.groups * plan_.parts; ++s) sum += slots_[s * op_.vectors + p];
      op_.values[p] = op_.same ? 2 * sum : sum;
    }
  }

 private:
  struct State {        // of a thread, within a block
    index column = -1;  // the columns whose bits are packed
    int groups = 0;     // tables that wait for their pass
    int passes = 0;     // since the last flush
    const std::uint8_t* rows[stack_groups] = {};
  };

  // Eight rows' bits of all vectors.
  const std::uint8_t* byte_of(const std::uint8_t* bits, index rows, index byte) const {
    return byte * 8 < rows ? bits + byte * op_.vectors : none_.get();
  }

  void pack_rows(index row, std::uint8_t* out) const {
    const std::uint8_t *low = byte_of(op_.u, op_.x.rows, row / 8), *high = byte_of(op_.u, op_.x.rows, row / 8 + 1);
    const int shift = int(row % 8);
    for (index p = 0; p < op_.vectors; ++p) out[p] = std::uint8_t(((low[p] | high[p] << 8) >> shift) & (subsets - 1));
  }

  void pack_columns(index col, std::uint32_t* out) const {
    constexpr int bytes = tile_cols<T> > 8 ? tile_cols<T> / 8 : 1;
    const std::uint8_t* byte[4] = {none_.get(), none_.get(), none_.get(), none_.get()};
    for (int b = 0; b < bytes; ++b) byte[b] = byte_of(op_.v, op_.y.rows, col / 8 + b);
    const int shift = int(col % 8);  // fewer than eight columns a tile
    for (index p = 0; p < op_.vectors; ++p)
      out[p] = (std::uint32_t(byte[0][p]) | std::uint32_t(byte[1][p]) << 8 | std::uint32_t(byte[2][p]) << 16 |
                std::uint32_t(byte[3][p]) << 24) >>
               shift;
  }

  // Gives every vector what it takes from the tables that wait.
  __attribute__((noinline)) void pass(const Place& at) {
    State& state = states_[at.thread];
    const int groups = state.groups;
    if (groups == 0) return;
    const vec<T>* tables = table_of(at, 0);
    const std::uint32_t* columns = columns_of(at);
    vec<T>* sums = sums_of(at);
    const std::uint8_t* rows[stack_groups];
    for (int g = 0; g < stack_groups; ++g) rows[g] = state.rows[g];
    for (index p = 0; p < op_.vectors; ++p) {
      const vec<T>* entry = tables + rows[0][p] * tile_vectors;
      vec<T> taken[tile_vectors];
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) taken[c] = entry[c];
      PARZEN_UNROLL
      for (int g = 1; g < groups; ++g) {
        entry = tables + (g * subsets + rows[g][p]) * tile_vectors;
        PARZEN_UNROLL
        for (int c = 0; c < tile_vectors; ++c) taken[c] += entry[c];
      }
      vec<T> sum = sums[p];
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) sum = add_where<T>(columns[p] >> c * lanes<T>, sum, taken[c]);
      sums[p] = sum;
    }
    state.groups = 0;
    if (++state.passes == passes_per_flush) flush(at);
  }

  void flush(const Place& at) {
    vec<T>* sums = sums_of(at);
    vec<double>* wide = wide_of(at);
    for (index p = 0; p < op_.vectors; ++p) {
      wide[p] += folded<T>(sums[p]);
      sums[p] = vec<T>{};
    }
    states_[at.thread].passes = 0;
  }

  index block_groups() const { return plan_.block_panels * tile_groups; }
  std::uint8_t* rows_of(const Place& at, index group) const {
    return rows_.get() + (at.thread * block_groups() + group) * op_.vectors;
  }
  std::uint32_t* columns_of(const Place& at) const { return columns_.get() + at.thread * op_.vectors; }
  vec<T>* sums_of(const Place& at) const { return sums_.get() + at.thread * op_.vectors; }
  vec<double>* wide_of(const Place& at) const { return wide_.get() + at.thread * op_.vectors; }
  vec<T>* table_of(const Place& at, int group) const {
    return tables_.get() + (at.thread * stack_groups + group) * subsets * tile_vectors;
  }

  const Plan<T>& plan_;
  const KernelQuadratic& op_;
  Buffer<State> states_;
  Buffer<vec<T>> tables_, sums_;
  Buffer<vec<double>> wide_;
  Buffer<std::uint8_t> rows_;
  Buffer<std::uint32_t> columns_;
  Buffer<std::uint8_t> none_;  // a byte of no rows
  Buffer<double> slots_;       // for each group and part, each vector
};

// The kernel where the tile's arguments are kernel values already.
template <class T>
struct Value {
  PARZEN_INLINE vec<T> operator()(vec<T> value) const { return value; }
};

template <class T, class K>
class QuadraticSink {
 public:
  QuadraticSink(const Plan<T>& plan, const K& kernel, const KernelQuadratic& op)
      : plan_(plan),
        kernel_(kernel),
        op_(op),
        sums_(plan, value_, op.same, op.x.rows, op.row_sums, op.column_sums),
        quadratics_(plan, op) {}

  void begin_task(const Place& at, index col0, index col1) { sums_.begin_task(at, col0, col1); }

  void begin_block(const Place& at, index row0, index rows) {
    sums_.begin_block(at, row0, rows);
    quadratics_.begin_block(at, row0);
  }

  template <bool masked>
  PARZEN_INLINE void tile(const Place& at, const Arguments<T>& arguments, index row, index in_block, index in_slab,
                          const Mask& mask) {
    Arguments<T> values;
    PARZEN_UNROLL
    for (int r = 0; r < tile_rows; ++r) {
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) {
        values.v[r][c] = kernel_(arguments.v[r][c]);
        if constexpr (masked) values.v[r][c] = mask.template operator()<T>(r, c) ? values.v[r][c] : vec<T> {};
      }
    }
    sums_.template tile<false>(at, values, row, in_block, in_slab, mask);
    quadratics_.stack(at, values, in_block, col0_, in_slab);
  }

  void end_block(const Place& at, index row0, index rows) {
    sums_.end_block(at, row0, rows);
    quadratics_.end_block(at);
  }

  void end_slab(index col0, index cols) {
    sums_.end_slab(col0, cols);
    col0_ = col0 + plan_.slab_cols();
  }

  void finish() const {
    quadratics_.finish();
    *op_.squares = sums_.squares();
  }

 private:
  const Plan<T>& plan_;
  const K& kernel_;
  const KernelQuadratic& op_;
  const Value<T> value_{};
  SumSink<T, Value<T>> sums_;
  QuadraticSums<T> quadratics_;
  index col0_ = 0;
};

}  // namespace parzen::PARZEN_ISA_NAME
