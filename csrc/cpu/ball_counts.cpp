// How many points lie in each ball and how many balls about each point, for the balls of both sides in one pass.
#include "pairs.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T>
class BallSink {
 public:
  BallSink(const Plan<T>& plan, const BallCounts& op)
      : plan_(plan),
        op_(op),
        x_radii_(padded(op.x_squared_radii, op.x.rows, tile_rows)),
        y_radii_(padded(op.y_squared_radii, op.y.rows, tile_cols<T>)),
        block_(plan.threads * 2 * plan.block_rows()),
        row_slots_(plan.parts * 2 * op.x.rows),
        column_slots_(plan.groups * 2 * plan.slab_cols()) {
    for (index i = 0; i < plan.parts * 2 * op.x.rows; ++i) row_slots_[i] = 0;
  }

  void begin_task(const Place& at, index col0, index col1) {
    for (int side = 0; side < 2; ++side)
      for (index c = col0; c < col1; ++c) columns_of(at, side)[c] = 0;
  }

  void begin_block(const Place& at, index, index) {
    for (index r = 0; r < 2 * plan_.block_rows(); ++r) block_of(at)[r] = bits<T>{};
  }

  // A lane of a comparison is -1 where it holds: counts are kept negative until they leave the block.
  template <bool masked>
  PARZEN_INLINE void tile(const Place& at, const Arguments<T>& squared, index row, index in_block, index in_slab,
                          const Mask& mask) {
    bits<T> held[tile_vectors], holds[tile_vectors];
    PARZEN_UNROLL
    for (int c = 0; c < tile_vectors; ++c) held[c] = holds[c] = bits<T>{};
    bits<T>* rows = block_of(at) + 2 * in_block;
    PARZEN_UNROLL
    for (int r = 0; r < tile_rows; ++r) {
      const vec<T> radius = broadcast(x_radii_[row + r]);
      PARZEN_UNROLL
      for (int c = 0; c < tile_vectors; ++c) {
        bits<T> in_x = squared.v[r][c] <= radius;
        bits<T> in_y = squared.v[r][c] <= load(y_radii_.get() + col0_ + in_slab + c * lanes<T>);
        if constexpr (masked) {
          in_x &= mask.template operator()<T>(r, c);
          in_y &= mask.template operator()<T>(r, c);
        }
        rows[2 * r] += in_x;
        rows[2 * r + 1] += in_y;
        held[c] += in_x;
        holds[c] += in_y;
      }
    }
    PARZEN_UNROLL
    for (int c = 0; c < tile_vectors; ++c) {
      *reinterpret_cast<bits<T>*>(columns_of(at, 0) + in_slab + c * lanes<T>) += held[c];
      *reinterpret_cast<bits<T>*>(columns_of(at, 1) + in_slab + c * lanes<T>) += holds[c];
    }
  }

  void end_block(const Place& at, index row0, index rows) {
    for (index r = 0; r < 2 * rows; ++r) {
      index count = 0;
      for (int l = 0; l < lanes<T>; ++l) count -= block_of(at)[r][l];
      row_slots_[(at.part * op_.x.rows + row0) * 2 + r] += count;
    }
  }

  void end_slab(index col0, index cols) {
    for (index c = 0; c < cols; ++c)
      for (int side = 0; side < 2; ++side) {
        index count = 0;
        for (index g = 0; g < plan_.groups; ++g) count -= column_slots_[(g * 2 + side) * plan_.slab_cols() + c];
        (side == 0 ? op_.y_held : op_.y_holds)[col0 + c] = double(count);
      }
    col0_ = col0 + plan_.slab_cols();
  }

  void finish() {
    for (index i = 0; i < op_.x.rows; ++i) {
      index holds = 0, held = 0;
      for (index part = 0; part < plan_.parts; ++part) {
        holds += row_slots_[(part * op_.x.rows + i) * 2];
        held += row_slots_[(part * op_.x.rows + i) * 2 + 1];
      }
      op_.x_holds[i] = double(holds);
      op_.x_held[i] = double(held);
    }
  }

 private:
  using Count = decltype(bits<T>{}[0] + bits<T>{}[0]);

  struct padded : Buffer<T> {
    padded(const void* radii, index count, index panel) : Buffer<T>(ceil_div(count, panel) * panel) {
      for (index i = 0; i < ceil_div(count, panel) * panel; ++i) (*this)[i] = i < count ? static_cast<const T*>(radii)[i] : T(-1);
    }
  };

  bits<T>* block_of(const Place& at) const { return block_.get() + at.thread * 2 * plan_.block_rows(); }
  Count* columns_of(const Place& at, int side) const { return column_slots_.get() + (at.group * 2 + side) * plan_.slab_cols(); }

  const Plan<T>& plan_;
  const BallCounts& op_;
  const padded x_radii_, y_radii_;
  Buffer<bits<T>> block_;
  Buffer<index> row_slots_;
  Buffer<Count> column_slots_;
  index col0_ = 0;
};

template <class T>
void count(const BallCounts& op) {
  const Plan<T> plan(op.x, op.y, 2 * index(sizeof(T)));
  BallSink<T> sink(plan, op);
  Sweep<T, Argument::squared_distance, BallSink<T>>(plan, op.x, op.y, Pairs::all, static_cast<const T*>(op.center), sink, op.poll)
      .run();
  sink.finish();
}

}  // namespace

void ball_counts(const BallCounts& op) { op.x.type == Type::float32 ? count<float>(op) : count<double>(op); }

}  // namespace parzen::PARZEN_ISA_NAME
