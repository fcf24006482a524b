// Errors of the runtime as exceptions; what is given back by itself: the current device, events, memory. After a failed call the
// error is cleared, so that the next one is not blamed for it.
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

// A kernel that goes astray takes its context with it: every call fails from then on, whosever the kernel was.
inline bool is_final(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorIllegalInstruction:
    case cudaErrorInvalidPc:
    case cudaErrorHardwareStackError:
    case cudaErrorAssert:
    case cudaErrorLaunchTimeout:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable: return true;
    default: return false;
  }
}

inline void check(cudaError_t error, const std::string& what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();
  throw Failure("cuda: " + what + ": " + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")" +
                    (is_final(error) ? "; after this error the process cannot use the device any more: start a new one" : ""),
                error == cudaErrorMemoryAllocation ? out_of_memory : failed);
}

// A launch reports bad parameters at once; what goes wrong while it runs is reported by the wait for it.
inline void check_launch(const char* kernel) { check(cudaGetLastError(), std::string("launch of ") + kernel); }

// Makes a device current for a scope, then what was. That is a context and not a number: to set the device of a thread that has
// none would make a context on it, a few hundred megabytes, perhaps on a device that nobody asked for.
class OnDevice {
 public:
  explicit OnDevice(int device) : before_(current_context()) { check(cudaSetDevice(device), "device " + std::to_string(device)); }
  ~OnDevice() { make_current(before_); }
  OnDevice(const OnDevice&) = delete;

 private:
  void* before_;
};

// A place in a stream's order.
class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "an event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;

  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "an event"); }
  bool reached() const {
    const cudaError_t state = cudaEventQuery(event_);
    if (state != cudaErrorNotReady) check(state, "the work on the device");
    if (state != cudaSuccess) cudaGetLastError();  // that it is not is no error
    return state == cudaSuccess;
  }
  void hold(cudaStream_t stream) const { check(cudaStreamWaitEvent(stream, event_, 0), "one stream's wait for another"); }

 private:
  cudaEvent_t event_ = nullptr;
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

  // From the host, zeros, and to the host. The host's memory has to stay until the stream has come there.
  Scratch(const T* values, index count, cudaStream_t stream) : Scratch(count, stream) {
    if (values) write(values, count);
  }
  void write(const T* values, index count) {
    check(cudaMemcpyAsync(data_, values, std::size_t(count) * sizeof(T), cudaMemcpyHostToDevice, stream_), "copy to the device");
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
