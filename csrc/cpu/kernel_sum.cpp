// Sums of kernel values over all pairs, with row sums, column sums and the sum of squares, which standard errors need.
#include "kernel_sum.h"

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T, class K>
void sum_with(const KernelSum& op, const K& kernel) {
  sum_pairs<T>(op.x, op.y, op.same, static_cast<const T*>(op.center), kernel, op.row_sums, op.column_sums, op.squares, op.poll);
}

template <class T>
void sum(const KernelSum& op) {
  const Kernel& k = op.kernel;
  switch (k.kind) {
    case Kernel::Kind::polynomial:
      switch (k.degree) {
        case 1: return sum_with<T>(op, Polynomial<T, 1>(k));
        case 2: return sum_with<T>(op, Polynomial<T, 2>(k));
        case 3: return sum_with<T>(op, Polynomial<T, 3>(k));
        default: return sum_with<T>(op, Polynomial<T, 0>(k));
      }
    case Kernel::Kind::gaussian:
      if (k.count == 1) return sum_with<T>(op, Gaussian<T>(k));
      return sum_with<T>(op, GaussianMean<T>(k));
    case Kernel::Kind::rational_quadratic: return sum_with<T>(op, RationalQuadratic<T>(k));
    case Kernel::Kind::energy: return sum_with<T>(op, Energy<T>(k));
  }
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
