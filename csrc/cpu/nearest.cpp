// The k smallest squared distances of each query, kept sorted lane by lane; a tile that holds nothing closer costs one comparison a
// column. Among the rows of one matrix only i < j is computed, and each pair is offered to both of its rows.
#include "pairs.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T>
constexpr T far_away = sizeof(T) == 4 ? T(__builtin_inff()) : T(__builtin_inf());

// v sinks to its place in a sorted list of k; the largest falls out.
template <class T>
void insert(T* list, int k, T v) {
  int at = k - 1;
  if (!(v < list[at])) return;
  for (; at > 0 && v < list[at - 1]; --at) list[at] = list[at - 1];
  list[at] = v;
}

template <class T, bool same>
class NearestSink {
 public:
  NearestSink(const Plan<T>& plan, const Nearest& op)
      : plan_(plan),
        op_(op),
        out_(static_cast<T*>(op.squared)),
        columns_(plan.groups * op.k * plan.slab_cols()),
        rows_(same ? plan.parts * op.x.rows * op.k : 0) {
    for (index i = 0; i < op.queries.rows * op.k; ++i) out_[i] = far_away<T>;
    if (same)
      for (index i = 0; i < plan.parts * op.x.rows * op.k; ++i) rows_[i] = far_away<T>;
  }

  void begin_task(const Place& at, index col0, index col1) {
    for (int t = 0; t < op_.k; ++t)
      for (index c = col0; c < col1; ++c) columns_[slot(at.group, t) + c] = far_away<T>;
  }

  void begin_block(const Place&, index, index) {}
  void end_block(const Place&, index, index) {}

  template <bool masked>
  PARZEN_INLINE void tile(const Place& at, const Arguments<T>& squared, index row, index, index in_slab, const Mask& mask) {
    Arguments<T> value;
    PARZEN_UNROLL
    for (int r = 0; r < tile_rows; ++r) {
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) {
        value.v[r][c] = squared.v[r][c];
        if constexpr (masked) value.v[r][c] = mask.template operator()<T>(r, c) ? value.v[r][c] : broadcast(far_away<T>);
      }
    }
    PARZEN_UNROLL
    for (int c = 0; c < tile_vectors; ++c) {
      T* best = columns_.get() + slot(at.group, 0) + in_slab + c * lanes<T>;
      vec<T> closest = value.v[0][c];
      PARZEN_UNROLL
      for (int r = 1; r < tile_rows; ++r) closest = min(closest, value.v[r][c]);
      if (any(closest < load(best + (op_.k - 1) * plan_.slab_cols()))) to_columns(value, c, best);
    }
    if constexpr (same) {
      T* lists = rows_.get() + (at.part * op_.x.rows + row) * op_.k;
      PARZEN_UNROLL
      for (int r = 0; r < tile_rows; ++r) {
        if (masked && r >= mask.rows) break;
        vec<T> closest = value.v[r][0];
        PARZEN_UNROLL
        for (int c = 1; c < tile_vectors; ++c) closest = min(closest, value.v[r][c]);
        if (any(closest < broadcast(lists[r * op_.k + op_.k - 1]))) to_row(value, r, lists + r * op_.k);
      }
    }
  }

  void end_slab(index col0, index cols) {
    for (index g = 0; g < plan_.groups; ++g)
      for (int t = 0; t < op_.k; ++t)
        for (index c = 0; c < cols; ++c) insert(out_ + (col0 + c) * op_.k, op_.k, columns_[slot(g, t) + c]);
  }

  void finish() {
    for (index i = 0; same && i < plan_.parts * op_.x.rows * op_.k; ++i)
      insert(out_ + i / op_.k % op_.x.rows * op_.k, op_.k, rows_[i]);
  }

 private:
  index slot(index group, int t) const { return (group * op_.k + t) * plan_.slab_cols(); }

  __attribute__((noinline)) void to_columns(const Arguments<T>& value, int c, T* best) {
    for (int r = 0; r < tile_rows; ++r) {
      vec<T> v = value.v[r][c];
      for (int t = 0; t < op_.k; ++t) {  // insertion: v sinks to its place, what it displaces goes on
        T* held_at = best + t * plan_.slab_cols();
        const vec<T> held = load(held_at);
        store(held_at, min(held, v));
        v = max(held, v);
      }
    }
  }

  __attribute__((noinline)) void to_row(const Arguments<T>& value, int r, T* list) {
    for (int c = 0; c < tile_vectors; ++c)
      for (int l = 0; l < lanes<T>; ++l) insert(list, op_.k, value.v[r][c][l]);
  }

  const Plan<T>& plan_;
  const Nearest& op_;
  T* out_;
  Buffer<T> columns_, rows_;
};

template <class T, bool same>
void search(const Nearest& op) {
  const Plan<T> plan(op.x, op.queries, op.k * index(sizeof(T)));
  NearestSink<T, same> sink(plan, op);
  Sweep<T, Argument::squared_distance, NearestSink<T, same>>(plan, op.x, op.queries, same ? Pairs::upper : Pairs::all,
                                                             static_cast<const T*>(op.center), sink, op.poll)
      .run();
  sink.finish();
}

template <class T>
void search(const Nearest& op) {
  op.same ? search<T, true>(op) : search<T, false>(op);
}

}  // namespace

void nearest(const Nearest& op) { op.x.type == Type::float32 ? search<float>(op) : search<double>(op); }

}  // namespace parzen::PARZEN_ISA_NAME
