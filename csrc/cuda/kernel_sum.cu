// Sums of kernel values over all pairs, with row sums, column sums and the sum of squares, which standard errors need.
#include "../device.h"
#include "kernel_sum.h"

namespace parzen::cuda {
namespace {

template <Argument argument>
class KernelSums : public PairSums {
 public:
  KernelSums(const KernelSum& op, const Kernel& kernel, Run& run) : PairSums(op, run), kernel_(kernel) {}
  KernelSumSink<argument> sink() const { return {kernel_, slots()}; }

 private:
  const Kernel& kernel_;
};

template <class T, Argument argument>
void sum(const KernelSum& op, const Execution& execution, Run& run) {
  const DeviceKernel kernel(op.kernel, run.stream);
  const Scratch<T> center(static_cast<const T*>(op.center), op.center ? op.x.cols : 0, run.stream);
  KernelSums<argument> sums(op, kernel.kernel, run);
  with_product<T, argument>(op.x.cols, execution, [&](auto product) {
    sweep<decltype(product), argument>(op.x, op.y, op.same ? Pairs::upper : Pairs::all, op.center ? center.get() : nullptr,
                                       execution, run, sums);
  });
  sums.finish();
}

template <class T>
void sum(const KernelSum& op, const Execution& execution) {
  Run run(execution, op.poll);
  run.expect_here(op.x, "x");
  run.expect_here(op.y, "y");
  if (argument_of(op.kernel) == Argument::inner_product)
    sum<T, Argument::inner_product>(op, execution, run);
  else
    sum<T, Argument::squared_distance>(op, execution, run);
  if (op.same) diagonal_of<T>(op, run);
}

}  // namespace

void kernel_sum(const KernelSum& op, const Execution& execution) {
  op.x.type == Type::float32 ? sum<float>(op, execution) : sum<double>(op, execution);
}

}  // namespace parzen::cuda
