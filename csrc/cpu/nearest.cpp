// The k smallest squared distances of each query, kept sorted lane by lane; a tile that holds nothing closer costs one comparison.
#include "pairs.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T>
class NearestSink {
 public:
  NearestSink(const Plan<T>& plan, const Nearest& op) : plan_(plan), op_(op), best_(plan.groups * op.k * plan.slab_cols()) {}

  void begin_task(const Place& at, index col0, index col1) {
    for (int t = 0; t < op_.k; ++t)
      for (index c = col0; c < col1; ++c) best_[slot(at.group, t) + c] = far_away();
  }

  void begin_block(const Place&, index, index) {}
  void end_block(const Place&, index, index) {}

  template <bool masked>
  PARZEN_INLINE void tile(const Place& at, const Arguments<T>& squared, index, index, index in_slab, const Mask& mask) {
    PARZEN_UNROLL
    for (int c = 0; c < tile_vectors; ++c) {
      T* best = best_.get() + slot(at.group, 0) + in_slab + c * lanes<T>;
      const index next = plan_.slab_cols();
      vec<T> value[tile_rows];
      vec<T> closest = broadcast(far_away());
      PARZEN_UNROLL
      for (int r = 0; r < tile_rows; ++r) {
        value[r] = squared.v[r][c];
        if constexpr (masked) value[r] = mask.template operator()<T>(r, c) ? value[r] : broadcast(far_away());
        closest = min(closest, value[r]);
      }
      if (!any(closest < load(best + (op_.k - 1) * next))) continue;
      for (int r = 0; r < tile_rows; ++r) {
        vec<T> v = value[r];
        for (int t = 0; t < op_.k; ++t) {  // insertion: v sinks to its place, what it displaces goes on
          const vec<T> held = load(best + t * next);
          store(best + t * next, min(held, v));
          v = max(held, v);
        }
      }
    }
  }

  void end_slab(index col0, index cols) {
    for (index c = 0; c < cols; ++c) {
      T* out = static_cast<T*>(op_.squared) + (col0 + c) * op_.k;
      for (int t = 0; t < op_.k; ++t) out[t] = far_away();
      for (index g = 0; g < plan_.groups; ++g)
        for (int t = 0; t < op_.k; ++t) {
          T v = best_[slot(g, t) + c];
          if (!(v < out[op_.k - 1])) break;
          for (int s = 0; s < op_.k; ++s)
            if (v < out[s]) {
              const T held = out[s];
              out[s] = v;
              v = held;
            }
        }
    }
  }

 private:
  static constexpr T far_away() { return sizeof(T) == 4 ? T(__builtin_inff()) : T(__builtin_inf()); }
  index slot(index group, int t) const { return (group * op_.k + t) * plan_.slab_cols(); }

  const Plan<T>& plan_;
  const Nearest& op_;
  Buffer<T> best_;
};

template <class T>
void search(const Nearest& op) {
  const Plan<T> plan(op.x, op.queries, op.k * index(sizeof(T)));
  NearestSink<T> sink(plan, op);
  Sweep<T, Argument::squared_distance, NearestSink<T>>(plan, op.x, op.queries, op.same ? Pairs::off_diagonal : Pairs::all,
                                                       static_cast<const T*>(op.center), sink, op.poll)
      .run();
}

}  // namespace

void nearest(const Nearest& op) {
  if (op.x.type == Type::float32)
    search<float>(op);
  else
    search<double>(op);
}

}  // namespace parzen::PARZEN_ISA_NAME
