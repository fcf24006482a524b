// The operations of reductions.h on a device, by libparzen_cuda.so. It is looked for at the first use: beside the module, or where
// PARZEN_CUDA_LIBRARY says.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "reductions.h"

namespace parzen {

// A device's failure as it is told to the caller; `out_of_memory` where more was asked for than there was.
struct DeviceError : std::runtime_error {
  bool out_of_memory;
  DeviceError(const std::string& what, bool out_of_memory) : std::runtime_error(what), out_of_memory(out_of_memory) {}
};

// Matrices are the device's, every other pointer the host's. Where the library or a device is missing, a DeviceError says so.
namespace cuda {
void kernel_sum(const KernelSum&, const Execution&);
void kernel_quadratic(const KernelQuadratic&, const Execution&);
void log_density(const LogDensity&, const Execution&);
void nearest(const Nearest&, const Execution&);
void ball_counts(const BallCounts&, const Execution&);
void moments(const Moments&, const Execution&);
void moment_norms(const MomentNorms&, const Execution&);
void column_bounds(const ColumnBounds&, const Execution&);

struct DeviceFacts {
  std::string name;
  int major, minor, multiprocessors;
  std::size_t total_bytes;
};

struct Facts {
  std::string library;        // its path
  std::string missing;        // why it cannot be used, or empty
  std::string architectures;  // what it was built for
  int runtime = 0, driver = 0;
  std::string unusable;  // why there are no devices, or empty
  std::vector<DeviceFacts> devices;
};
Facts facts();
std::size_t free_bytes(int device);  // makes a context there

// What is in `stream` from now on waits for what is in `other` by now.
void join(int device, void* stream, void* other);
}  // namespace cuda

}  // namespace parzen
