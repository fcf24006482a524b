// The k smallest squared distances of each query, kept sorted lane by lane; a tile that holds nothing closer costs one comparison a
// column. Among the rows of one matrix only i < j is computed, and each pair is offered to both of its rows. With `which` lists of
// the neighbours' numbers go beside those of the distances.
#include "pairs.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T>
constexpr T far_away = sizeof(T) == 4 ? T(__builtin_inff()) : T(__builtin_inf());

// A number of a row beside a distance, of the same width: a vector's lanes hold as many.
template <class T>
using Number = decltype(bits<T>{}[0] + 0);
constexpr int nobody = -1;

// (v, number) sinks to its place in a sorted list of k; the last falls out. Of equal distances the smaller number comes first,
// whichever part of the schedule found it.
template <bool which, class T, class N>
void insert(T* list, N* numbers, int k, T v, N number) {
  const auto before = [&](int at) {
    if constexpr (which) return v < list[at] || (v == list[at] && number < numbers[at]);
    return v < list[at];
  };
  int at = k - 1;
  if (!before(at)) return;
  for (; at > 0 && before(at - 1); --at) {
    list[at] = list[at - 1];
    if constexpr (which) numbers[at] = numbers[at - 1];
  }
  list[at] = v;
  if constexpr (which) numbers[at] = number;
}

template <class T, bool same, bool which>
class NearestSink {
  using N = Number<T>;

 public:
  NearestSink(const Plan<T>& plan, const Nearest& op)
      : plan_(plan),
        op_(op),
        out_(static_cast<T*>(op.squared)),
        scales_(static_cast<const T*>(op.scales)),
        columns_(plan.groups * op.k * plan.slab_cols()),
        rows_(same ? plan.parts * op.x.rows * op.k : 0),
        numbers_(which ? op.queries.rows * op.k : 0),
        column_numbers_(which ? plan.groups * op.k * plan.slab_cols() : 0),
        row_numbers_(which && same ? plan.parts * op.x.rows * op.k : 0) {
    clear(out_, numbers_, 0, op.queries.rows * op.k);
    if (same) clear(rows_.get(), row_numbers_, 0, plan.parts * op.x.rows * op.k);
  }

  void begin_task(const Place& at, index col0, index col1) {
    for (int t = 0; t < op_.k; ++t) clear(columns_.get(), column_numbers_, slot(at.group, t) + col0, slot(at.group, t) + col1);
  }

  void begin_block(const Place&, index, index) {}
  void end_block(const Place&, index, index) {}

  template <bool masked>
  PARZEN_INLINE void tile(const Place& at, const Arguments<T>& squared, index row, index, index in_slab, const Mask& mask) {
    Arguments<T> value;
    PARZEN_UNROLL
    for (int r = 0; r < tile_rows; ++r) {
      vec<T> scale = broadcast(T(1));
      if constexpr (which && !same)
        if (scales_ && (!masked || r < mask.rows)) scale = broadcast(scales_[row + r]);
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) {
        value.v[r][c] = which && !same ? squared.v[r][c] * scale : squared.v[r][c];
        if constexpr (masked) value.v[r][c] = mask.template operator()<T>(r, c) ? value.v[r][c] : broadcast(far_away<T>);
      }
    }
    PARZEN_UNROLL
    for (int c = 0; c < tile_vectors; ++c) {
      const index first = slot(at.group, 0) + in_slab + c * lanes<T>;
      vec<T> closest = value.v[0][c];
      PARZEN_UNROLL
      for (int r = 1; r < tile_rows; ++r) closest = min(closest, value.v[r][c]);
      if (any(closest < load(columns_.get() + first + (op_.k - 1) * plan_.slab_cols()))) to_columns(value, c, first, row);
    }
    if constexpr (same) {
      const index lists = (at.part * op_.x.rows + row) * op_.k;
      PARZEN_UNROLL
      for (int r = 0; r < tile_rows; ++r) {
        if (masked && r >= mask.rows) break;
        vec<T> closest = value.v[r][0];
        PARZEN_UNROLL
        for (int c = 1; c < tile_vectors; ++c) closest = min(closest, value.v[r][c]);
        const index list = lists + r * op_.k;
        if (any(closest < broadcast(rows_[list + op_.k - 1]))) to_row(value, r, list, slab_col0_ + in_slab);
      }
    }
  }

  void end_slab(index col0, index cols) {
    for (index g = 0; g < plan_.groups; ++g)
      for (int t = 0; t < op_.k; ++t)
        for (index c = 0; c < cols; ++c) to_query(col0 + c, columns_, column_numbers_, slot(g, t) + c);
    slab_col0_ = col0 + cols;
  }

  void finish() {
    for (index i = 0; same && i < plan_.parts * op_.x.rows * op_.k; ++i) to_query(i / op_.k % op_.x.rows, rows_, row_numbers_, i);
    for (index i = 0; op_.numbers && i < op_.queries.rows * op_.k; ++i) op_.numbers[i] = numbers_[i];
  }

 private:
  index slot(index group, int t) const { return (group * op_.k + t) * plan_.slab_cols(); }

  static void clear(T* values, const Buffer<N>& numbers, index begin, index end) {
    for (index i = begin; i < end; ++i) {
      values[i] = far_away<T>;
      if constexpr (which) numbers[i] = nobody;
    }
  }

  void to_query(index query, const Buffer<T>& values, const Buffer<N>& numbers, index i) {
    insert<which>(out_ + query * op_.k, numbers_.get() + query * op_.k, op_.k, values[i], which ? numbers[i] : nobody);
  }

  __attribute__((noinline)) void to_columns(const Arguments<T>& value, int c, index first, index row) {
    for (int r = 0; r < tile_rows; ++r) {
      vec<T> v = value.v[r][c];
      bits<T> number = bits<T>{} + N(row + r);
      for (int t = 0; t < op_.k; ++t) {  // insertion: v sinks to its place, what it displaces goes on
        const index at = first + t * plan_.slab_cols();
        const vec<T> held = load(columns_.get() + at);
        if constexpr (which) {
          bits<T>& held_number = *reinterpret_cast<bits<T>*>(column_numbers_.get() + at);
          const bits<T> sinks = v < held, other = held_number;
          held_number = sinks ? number : other;
          number = sinks ? other : number;
        }
        store(columns_.get() + at, min(held, v));
        v = max(held, v);
      }
    }
  }

  __attribute__((noinline)) void to_row(const Arguments<T>& value, int r, index list, index col) {
    for (int c = 0; c < tile_vectors; ++c)
      for (int l = 0; l < lanes<T>; ++l)
        insert<which>(rows_.get() + list, row_numbers_.get() + list, op_.k, value.v[r][c][l], N(col + c * lanes<T> + l));
  }

  const Plan<T>& plan_;
  const Nearest& op_;
  T* out_;
  const T* scales_;
  Buffer<T> columns_, rows_;
  Buffer<N> numbers_, column_numbers_, row_numbers_;
  index slab_col0_ = 0;
};

template <class T, bool same, bool which>
void search(const Nearest& op) {
  const Plan<T> plan(op.x, op.queries, op.k * index(sizeof(T)) * (which ? 2 : 1));
  using Sink = NearestSink<T, same, which>;
  Sink sink(plan, op);
  Sweep<T, Argument::squared_distance, Sink>(plan, op.x, op.queries, same ? Pairs::upper : Pairs::all,
                                             static_cast<const T*>(op.center), sink, op.poll)
      .run();
  sink.finish();
}

template <class T>
void search(const Nearest& op) {
  const bool which = op.numbers || op.scales;
  if (op.same)
    which ? search<T, true, true>(op) : search<T, true, false>(op);
  else
    which ? search<T, false, true>(op) : search<T, false, false>(op);
}

}  // namespace

void nearest(const Nearest& op) { op.x.type == Type::float32 ? search<float>(op) : search<double>(op); }

}  // namespace parzen::PARZEN_ISA_NAME
