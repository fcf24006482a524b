// The C interface: exceptions become a status and a message.
#include <cstdio>
#include <exception>
#include <new>

#include "../device.h"
#include "api.h"
#include "check.h"

#ifndef PARZEN_CUDA_ARCHITECTURES
#define PARZEN_CUDA_ARCHITECTURES "the host"
#endif

namespace parzen::cuda {
namespace {

int told(Status status, const char* what, Message message) {
  if (message.size > 0) std::snprintf(message.text, message.size, "%s", what);
  return status;
}

template <class Work>
int guarded(Message message, Work work) noexcept {
  try {
    work();
    return done;
  } catch (const Failure& failure) {
    return told(failure.status, failure.what(), message);
  } catch (const Interrupted&) {
    return told(interrupted, "interrupted", message);
  } catch (const std::bad_alloc&) {
    return told(out_of_memory, "the host is out of memory", message);
  } catch (const std::exception& error) {
    return told(failed, error.what(), message);
  }
}

}  // namespace
}  // namespace parzen::cuda

using namespace parzen;
using namespace parzen::cuda;

int parzen_cuda_abi() { return abi; }

const char* parzen_cuda_architectures() { return PARZEN_CUDA_ARCHITECTURES; }

int parzen_cuda_versions(int* runtime, int* driver, Message message) {
  return guarded(message, [&] {
    check(cudaRuntimeGetVersion(runtime), "reading the runtime's version");
    check(cudaDriverGetVersion(driver), "reading the driver's version");
  });
}

int parzen_cuda_device_count(int* count, Message message) {
  return guarded(message, [&] { check(cudaGetDeviceCount(count), "looking for devices"); });
}

int parzen_cuda_device(int number, Device* device, Message message) {
  return guarded(message, [&] {
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, number), "reading device " + std::to_string(number));
    std::snprintf(device->name, sizeof device->name, "%s", properties.name);
    device->major = properties.major;
    device->minor = properties.minor;
    device->multiprocessors = properties.multiProcessorCount;
    device->total_bytes = properties.totalGlobalMem;
  });
}

int parzen_cuda_free_bytes(int number, std::size_t* bytes, Message message) {
  return guarded(message, [&] {
    const OnDevice here(number);
    std::size_t total = 0;
    check(cudaMemGetInfo(bytes, &total), "reading the memory of device " + std::to_string(number));
  });
}

int parzen_cuda_join(int device, void* stream, void* other, Message message) {
  return guarded(message, [&] {
    const OnDevice here(device);
    Event event;
    event.record(cudaStream_t(other));
    event.hold(cudaStream_t(stream));
  });
}

#define PARZEN_DEFINE(Operation, name)                                                       \
  int parzen_cuda_##name(const Operation* op, const Execution* execution, Message message) { \
    return guarded(message, [&] {                                                            \
      const OnDevice here(execution->device);                                                \
      cuda::name(*op, *execution);                                                           \
    });                                                                                      \
  }
PARZEN_CUDA_OPERATIONS(PARZEN_DEFINE)
