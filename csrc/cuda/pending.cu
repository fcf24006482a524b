// Operations that are not on the device yet.
#include "../device.h"
#include "check.h"

namespace parzen::cuda {
#define PARZEN_PENDING(Operation, name) \
  void name(const Operation&, const Execution&) { throw Failure("cuda: " #name " is not built yet", failed); }




PARZEN_PENDING(Moments, moments)
PARZEN_PENDING(MomentNorms, moment_norms)
}  // namespace parzen::cuda
