// Which product it is to be.
#pragma once

#include "run.h"
#include "split.h"

namespace parzen::cuda {

constexpr index direct_depth = 8;  // columns up to which differences are squared

// Calls use(product) with the one for these samples. `symmetric`: |x-y| has to be |y-x| to the last bit.
template <class T, Argument argument, bool symmetric, class Use>
void with_product(index cols, const Execution& execution, const Run& run, const Use& use) {
  if constexpr (argument == Argument::squared_distance) {
    if (cols <= direct_depth) return use(Direct<T>{});
  }
  if constexpr (sizeof(T) == 8) return use(Tensor64{});
  if constexpr (sizeof(T) == 4) {
    if (execution.precision == Execution::plain) return use(Plain<float>{});
    if constexpr (!symmetric) {
      if (run.has_wgmma && execution.precision == Execution::fast) return use(Warpgroup<1>{});
      if (run.has_wgmma && execution.precision == Execution::full) return use(Warpgroup<2>{});
    }
    return use(Split{});
  }
}

}  // namespace parzen::cuda
