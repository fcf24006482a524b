// For tests/test_cuda_host.py: the schedule's integers, and memory for its matrices.
#include "cuda/schedule.h"

#define PARZEN_TEST extern "C" __attribute__((visibility("default")))

using namespace parzen::cuda;

PARZEN_TEST void parzen_test_triangle_tile(int number, int* row, int* col) {
  const TileIndex t = triangle_tile(number);
  *row = t.row;
  *col = t.col;
}

PARZEN_TEST void parzen_test_rectangle_tile(int number, int row_tiles, int col_tiles, int* row, int* col) {
  const TileIndex t = rectangle_tile(number, row_tiles, col_tiles);
  *row = t.row;
  *col = t.col;
}

PARZEN_TEST void parzen_test_chunks(long long rows, long long cols, long long triangle, long long row_bytes, long long slot_bytes,
                                    long long* out) {
  const Chunks chunks(rows, cols, triangle != 0, row_bytes, slot_bytes);
  out[0] = chunks.row_tiles;
  out[1] = chunks.col_tiles;
  out[2] = chunks.rows;
  out[3] = chunks.cols;
}

PARZEN_TEST int parzen_test_context() { return int(std::uintptr_t(current_context())); }

PARZEN_TEST int parzen_test_contexts() { return host::contexts; }

PARZEN_TEST void parzen_test_make_current(long context) { make_current(reinterpret_cast<void*>(context)); }

// The most memory that was taken since the last call.
PARZEN_TEST long long parzen_test_most_taken() {
  const long long most = (long long)(host::most_taken);
  host::most_taken = host::taken;
  return most;
}

PARZEN_TEST void* parzen_test_allocate(std::size_t bytes) {
  void* data = nullptr;
  return cudaMallocAsync(&data, bytes, nullptr) == cudaSuccess ? data : nullptr;
}

PARZEN_TEST void parzen_test_release(void* data) { cudaFreeAsync(data, nullptr); }
