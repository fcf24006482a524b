// The plain C interface of libparzen_cuda.so, which _core opens at first use. Operations are the structs of reductions.h; pointers
// in a Matrix are the device's, all others the host's. What a call returns says how it ended; a message of at most `size` bytes
// comes with every failure, and the device can be used on.
#pragma once

#include "../reductions.h"

#ifndef PARZEN_API
#define PARZEN_API __attribute__((visibility("default")))
#endif

namespace parzen::cuda {

constexpr int abi = 3;  // of this file and of reductions.h: counted up with every change of either

enum Status { done = 0, failed = 1, out_of_memory = 2, interrupted = 3 };

struct Message {
  char* text;
  std::size_t size;
};

struct Device {
  char name[256];
  int major, minor, multiprocessors;
  std::size_t total_bytes;
};

}  // namespace parzen::cuda

extern "C" {
PARZEN_API int parzen_cuda_abi();
PARZEN_API const char* parzen_cuda_architectures();  // what was built, as in "80-real 90a-real 80-virtual"
PARZEN_API int parzen_cuda_versions(int* runtime, int* driver, parzen::cuda::Message);
PARZEN_API int parzen_cuda_device_count(int* count, parzen::cuda::Message);
PARZEN_API int parzen_cuda_device(int number, parzen::cuda::Device*, parzen::cuda::Message);
// Makes the process a context on the device, which takes memory itself and stays; nothing above does.
PARZEN_API int parzen_cuda_free_bytes(int number, std::size_t*, parzen::cuda::Message);
// What is in `stream` from now on waits for what is in `other` by now.
PARZEN_API int parzen_cuda_join(int device, void* stream, void* other, parzen::cuda::Message);

#define PARZEN_CUDA_OPERATIONS(X)      \
  X(KernelSum, kernel_sum)             \
  X(KernelQuadratic, kernel_quadratic) \
  X(LogDensity, log_density)           \
  X(Nearest, nearest)                  \
  X(BallCounts, ball_counts)           \
  X(Moments, moments)                  \
  X(MomentNorms, moment_norms)         \
  X(ColumnBounds, column_bounds)
#define PARZEN_DECLARE(Operation, name) \
  PARZEN_API int parzen_cuda_##name(const parzen::Operation*, const parzen::Execution*, parzen::cuda::Message);
PARZEN_CUDA_OPERATIONS(PARZEN_DECLARE)
#undef PARZEN_DECLARE
}
