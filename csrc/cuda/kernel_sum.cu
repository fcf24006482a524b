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

}  // namespace

void kernel_sum(const KernelSum& op, const Execution& execution) { sum_pairs<KernelSums>(op, execution); }

}  // namespace parzen::cuda
