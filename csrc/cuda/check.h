// Errors of the runtime as exceptions, and device memory that frees itself. After a failed call the error is cleared, so that the
// next one is not blamed for it.
#pragma once

#include <stdexcept>
#include <string>

#include "../matrix.h"
#include "api.h"
#include "runtime.h"

namespace parzen::cuda {

struct Failure : std::runtime_error {
  Status status;
  Failure(const std::string& what, Status status) : std::runtime_error(what), status(status) {}
};

inline void check(cudaError_t error, const std::string& what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();
  throw Failure("cuda: " + what + ": " + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")",
                error == cudaErrorMemoryAllocation ? out_of_memory : failed);
}

// A launch reports bad parameters at once; what goes wrong while it runs is reported by the wait for it.
inline void check_launch(const char* kernel) { check(cudaGetLastError(), std::string("launch of ") + kernel); }

// Makes a device current for a scope.
class OnDevice {
 public:
  explicit OnDevice(int device) {
    check(cudaGetDevice(&before_), "no device to return to");
    check(cudaSetDevice(device), "device " + std::to_string(device));
  }
  ~OnDevice() { cudaSetDevice(before_); }
  OnDevice(const OnDevice&) = delete;

 private:
  int before_ = 0;
};

// Device memory, taken and given back in the order of a stream.
template <class T>
class Scratch {
 public:
  Scratch(index count, cudaStream_t stream) : stream_(stream) {
    const std::size_t bytes = std::size_t(count > 0 ? count : 1) * sizeof(T);
    const cudaError_t error = cudaMallocAsync(reinterpret_cast<void**>(&data_), bytes, stream);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      std::size_t free = 0, total = 0;
      if (cudaMemGetInfo(&free, &total) != cudaSuccess) cudaGetLastError();
      throw Failure("cuda: out of memory: " + std::to_string(bytes) + " bytes of scratch were asked for, " + std::to_string(free) +
                        " of the device's " + std::to_string(total) + " are free",
                    out_of_memory);
    }
    check(error, std::to_string(bytes) + " bytes of scratch");
  }
  ~Scratch() {
    if (cudaFreeAsync(data_, stream_) != cudaSuccess) cudaGetLastError();
  }
  Scratch(const Scratch&) = delete;

  // From the host, zeros, and to the host. The host's memory must outlive the stream's work.
  Scratch(const T* values, index count, cudaStream_t stream) : Scratch(count, stream) {
    if (values)
      check(cudaMemcpyAsync(data_, values, std::size_t(count) * sizeof(T), cudaMemcpyHostToDevice, stream), "copy to the device");
  }
  void clear(index count) { check(cudaMemsetAsync(data_, 0, std::size_t(count) * sizeof(T), stream_), "clearing memory"); }
  void read(T* values, index count) const {
    check(cudaMemcpyAsync(values, data_, std::size_t(count) * sizeof(T), cudaMemcpyDeviceToHost, stream_), "copy from the device");
  }

  T* get() const { return data_; }

 private:
  T* data_ = nullptr;
  cudaStream_t stream_;
};

}  // namespace parzen::cuda
