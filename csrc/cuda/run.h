// One operation's way through a stream: what the device can do, and the poll while it works.
#pragma once

#include <any>
#include <chrono>
#include <deque>
#include <thread>
#include <vector>

#include "../reductions.h"
#include "check.h"

namespace parzen::cuda {

constexpr int least_major = 8;  // cp.async, mma.sync of float64

// Of a block's shared memory: on any device of compute capability 8.0 or later, and where there is wgmma.
constexpr int least_shared_bytes = 99 << 10, wgmma_shared_bytes = 227 << 10;

// wgmma is of compute capability 9.0 alone, and of code that was compiled for 9.0a.
#ifdef PARZEN_CUDA_WGMMA
constexpr bool wgmma_was_built = true;
#else
constexpr bool wgmma_was_built = false;
#endif

class Run {
 public:
  Run(const Execution& execution, const Poll& poll)
      : stream(cudaStream_t(execution.stream)), device_(execution.device), poll_(poll) {
    multiprocessors = attribute(cudaDevAttrMultiProcessorCount);
    shared_bytes = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    const int major = attribute(cudaDevAttrComputeCapabilityMajor);
    has_wgmma =
        wgmma_was_built && major == 9 && attribute(cudaDevAttrComputeCapabilityMinor) == 0 && shared_bytes >= wgmma_shared_bytes;
    if (major < least_major)
      throw Failure("cuda: device " + std::to_string(device_) + " is of compute capability " + std::to_string(major) + "." +
                        std::to_string(attribute(cudaDevAttrComputeCapabilityMinor)) + ", expected " + std::to_string(least_major) +
                        ".0 or later",
                    failed);
  }
  Run(const Run&) = delete;
  // Whatever went wrong, nothing reads the caller's matrices afterwards.
  ~Run() {
    if (cudaStreamSynchronize(stream) != cudaSuccess) cudaGetLastError();
  }

  // What the stream will read of the host's memory stays until it has come there.
  template <class T>
  const T* keep(std::vector<T> values) {
    return std::any_cast<std::vector<T>>(&kept_.emplace_back(std::move(values)))->data();
  }

  // Refuses a matrix that is not this device's: reading it would end the process's use of the device.
  void expect_here(const Matrix& m, const char* name) const {
    cudaPointerAttributes attributes;
    check(cudaPointerGetAttributes(&attributes, m.data), std::string("looking up where ") + name + " lies");
    if (attributes.type == cudaMemoryTypeManaged) return;
    if (attributes.type != cudaMemoryTypeDevice)
      throw Failure(std::string("cuda: ") + name + " is not in a device's memory", failed);
    if (attributes.device != device_)
      throw Failure(std::string("cuda: ") + name + " is on device " + std::to_string(attributes.device) + ", expected device " +
                        std::to_string(device_),
                    failed);
  }

  // After each of a run's parts has been put into the stream, of which two may wait there: `fraction` is done when they are.
  void part_launched(double fraction) {
    events_[parts_ % 2].record(stream);
    ++parts_;
    if (parts_ > 1) wait(events_[parts_ % 2]);  // the part before this one
    fraction_ = fraction;
  }

  // Until all is done. Errors of the kernels come to light here.
  void finish() {
    events_[0].record(stream);
    wait(events_[0]);
    check(cudaStreamSynchronize(stream), "the work on the device");
  }

  cudaStream_t stream;
  int multiprocessors = 1, shared_bytes = 0;
  bool has_wgmma = false;

 private:
  using Clock = std::chrono::steady_clock;

  int attribute(cudaDeviceAttr which) const {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, device_), "reading what the device has");
    return value;
  }

  void wait(const Event& event) {
    int looks = 0;
    for (;;) {
      const bool reached = event.reached();
      if (poll_.call && Clock::now() - asked_ > std::chrono::milliseconds(50)) {
        const bool go_on = poll_.call(poll_.context, fraction_);
        asked_ = Clock::now();
        if (!go_on) {
          check(cudaStreamSynchronize(stream), "the work on the device");  // the caller's matrices are in use until then
          throw Interrupted{};
        }
      }
      if (reached) return;
      if (++looks > 1000) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  int device_;
  const Poll& poll_;
  std::deque<std::any> kept_;
  Event events_[2];
  int parts_ = 0;
  double fraction_ = 0;
  Clock::time_point asked_ = Clock::now();
};

}  // namespace parzen::cuda
