// Sums of kernel values over all pairs, with row sums, column sums and the sum of squares, which standard errors need.
#include "kernel_sum.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T>
void sum(const KernelSum& op) {
  with_kernel<T>(op.kernel, [&](const auto& kernel) {
    sum_pairs<T>(op.x, op.y, op.same, static_cast<const T*>(op.center), kernel, op.row_sums, op.column_sums, op.squares, op.poll);
  });
  if (op.same) diagonal_of<T>(op);
}

}  // namespace

void kernel_sum(const KernelSum& op) { op.x.type == Type::float32 ? sum<float>(op) : sum<double>(op); }

}  // namespace parzen::PARZEN_ISA_NAME
