// One operation's way through a stream: what the device can do, and the poll while it works.
#pragma once

#include <chrono>
#include <thread>

#include "../reductions.h"
#include "check.h"

namespace parzen::cuda {

class Run {
 public:
  Run(const Execution& execution, const Poll& poll)
      : stream(cudaStream_t(execution.stream)), device_(execution.device), poll_(poll) {
    check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device_), "reading the device's size");
    check(cudaDeviceGetAttribute(&shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device_), "reading the device's size");
    for (cudaEvent_t& event : events_) check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "an event");
  }
  ~Run() {
    for (cudaEvent_t event : events_) cudaEventDestroy(event);
  }
  Run(const Run&) = delete;

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
    check(cudaEventRecord(events_[parts_ % 2], stream), "an event");
    ++parts_;
    if (parts_ > 1) wait(parts_ % 2);  // the part before this one
    fraction_ = fraction;
  }

  // Until all is done. Errors of the kernels come to light here.
  void finish() {
    check(cudaEventRecord(events_[0], stream), "an event");
    wait(0);
    check(cudaStreamSynchronize(stream), "the work on the device");
  }

  cudaStream_t stream;
  int multiprocessors = 1, shared_bytes = 0;

 private:
  using Clock = std::chrono::steady_clock;

  void wait(int event) {
    int looks = 0;
    for (;;) {
      const cudaError_t state = cudaEventQuery(events_[event]);
      if (state != cudaSuccess && state != cudaErrorNotReady) check(state, "the work on the device");
      if (poll_.call && Clock::now() - asked_ > std::chrono::milliseconds(50)) {
        const bool go_on = poll_.call(poll_.context, fraction_);
        asked_ = Clock::now();
        if (!go_on) {
          cudaStreamSynchronize(stream);  // scratch is in use until then
          throw Interrupted{};
        }
      }
      if (state == cudaSuccess) return;
      if (++looks > 1000) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  int device_;
  const Poll& poll_;
  cudaEvent_t events_[2] = {};
  int parts_ = 0;
  double fraction_ = 0;
  Clock::time_point asked_ = Clock::now();
};

}  // namespace parzen::cuda
