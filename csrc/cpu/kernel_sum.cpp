// Sums of kernel values over all pairs, with row sums, column sums and the sum of squares, which standard errors need.
#include "kernel_sum.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T>
void sum(const KernelSum& op) {
  with_kernel<T>(op.kernel, [&](const auto& kernel) {
    sum_pairs<T>(op.x, op.y, op.same, static_cast<const T*>(op.center), kernel, op.row_sums, op.column_sums, op.squares, op.poll);
  });
}

double power(double base, int degree) {
  double result = 1;
  for (; degree; degree >>= 1, base *= base)
    if (degree & 1) result *= base;
  return result;
}

// k(x_i, x_i) in float64, from the rows as they were given.
template <class T>
void diagonal(const KernelSum& op) {
  for (index i = 0; i < op.x.rows; ++i) {
    double value = op.kernel.kind == Kernel::Kind::energy ? 0 : 1;
    if (op.kernel.kind == Kernel::Kind::polynomial)
      value = power(op.kernel.gamma * squared_norm(row_of<T>(op.x, i), op.x.cols) + op.kernel.coef0, op.kernel.degree);
    op.diagonal[i] = value;
  }
}

}  // namespace

void kernel_sum(const KernelSum& op) {
  if (op.x.type == Type::float32) {
    sum<float>(op);
    if (op.same) diagonal<float>(op);
  } else {
    sum<double>(op);
    if (op.same) diagonal<double>(op);
  }
}

}  // namespace parzen::PARZEN_ISA_NAME
