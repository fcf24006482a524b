// How many points lie in each ball, and how many balls about each point: the sum over pairs of an indicator.
#include "kernel_sum.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T>
void count(const BallCounts& op) {
  const index rows = ceil_div(op.x.rows, tile_rows) * tile_rows;
  Buffer<T> radii(rows);
  for (index i = 0; i < rows; ++i) radii[i] = i < op.x.rows ? static_cast<const T*>(op.squared_radii)[i] : T(0);
  sum_pairs<T>(op.x, op.queries, false, static_cast<const T*>(op.center), Ball<T>{radii.get()}, op.per_center, op.per_query,
               nullptr, op.poll);
}

}  // namespace

void ball_counts(const BallCounts& op) {
  if (op.x.type == Type::float32)
    count<float>(op);
  else
    count<double>(op);
}

}  // namespace parzen::PARZEN_ISA_NAME
