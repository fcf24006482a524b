// A borrowed matrix: who owns the memory is Python's business.
#pragma once

#include <cstdint>

namespace parzen {

using index = std::int64_t;

enum class Type { float32, float64 };

struct Matrix {
  const void* data = nullptr;
  index rows = 0;
  index cols = 0;
  index stride = 0;  // elements from one row to the next; a row itself is contiguous
  Type type = Type::float64;
};

}  // namespace parzen
