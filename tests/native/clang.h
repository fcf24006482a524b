// Included before everything else where clang compiles csrc/cpu: its comparisons of doubles are vectors of long long, ours
// (bits<double>) of long, and simd.h's any() would be ambiguous. A template is taken only where no function fits exactly.
#pragma once

namespace parzen::PARZEN_ISA_NAME {

template <class V>
inline bool any(V mask) {
  bool set = false;
  for (unsigned lane = 0; lane < sizeof mask / sizeof mask[0]; ++lane) set |= mask[lane] != 0;
  return set;
}

}  // namespace parzen::PARZEN_ISA_NAME
