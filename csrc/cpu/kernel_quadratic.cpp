// u_p' K v_p for many pairs of indicator vectors, without K, in one pass over the pairs.
#include "kernel_quadratic.h"

#include <type_traits>

namespace parzen::PARZEN_ISA_NAME {
namespace {

template <class T>
void quadratic(const KernelQuadratic& op) {
  with_kernel<T>(op.kernel, [&](const auto& kernel) {
    using K = std::remove_cvref_t<decltype(kernel)>;
    using Sink = QuadraticSink<T, K>;
    const Plan<T> plan(op.x, op.y, sizeof(double));
    Sink sink(plan, kernel, op);
    Sweep<T, K::argument, Sink>(plan, op.x, op.y, op.same ? Pairs::upper : Pairs::all, static_cast<const T*>(op.center), sink,
                                op.poll)
        .run();
    sink.finish();
  });
  if (op.same) diagonal_of<T>(op);
}

}  // namespace

void kernel_quadratic(const KernelQuadratic& op) { op.x.type == Type::float32 ? quadratic<float>(op) : quadratic<double>(op); }

}  // namespace parzen::PARZEN_ISA_NAME
