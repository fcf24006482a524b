// The part of the CUDA runtime that csrc/cuda uses, on the host: its sources compiled by g++ with "device" memory that is the
// host's. A block's threads are coroutines of the calling thread that take turns at barriers, blocks follow one another: what the
// kernels compute is executed as it stands, and the tensor cores' instructions are done as the PTX manual describes them.
//
// There are three devices, of which the last is too old for csrc/cuda.
//
// PARZEN_CUDA_HOST_BYTES: how much device memory there is. PARZEN_CUDA_HOST_SHARED: of a block's. PARZEN_CUDA_HOST_FAIL=n: the n-th
// launch from now on fails; PARZEN_CUDA_HOST_FAIL=-n: it goes astray. PARZEN_CUDA_HOST_DRY=1: launches do nothing.
// PARZEN_CUDA_HOST_TILES: how many tiles a launch takes at most. PARZEN_CUDA_HOST_COPIES=early: see cuda_instructions.h.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "cuda_instructions.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __trap std::abort

enum cudaError_t {
  cudaSuccess,
  cudaErrorMemoryAllocation,
  cudaErrorInvalidDevice,
  cudaErrorLaunchOutOfResources,
  cudaErrorNotReady,
  cudaErrorIllegalAddress,
  cudaErrorMisalignedAddress,
  cudaErrorInvalidAddressSpace,
  cudaErrorIllegalInstruction,
  cudaErrorInvalidPc,
  cudaErrorHardwareStackError,
  cudaErrorAssert,
  cudaErrorLaunchTimeout,
  cudaErrorLaunchFailure,
  cudaErrorECCUncorrectable
};
using cudaStream_t = struct Stream*;
using cudaEvent_t = struct HostEvent*;
enum { cudaEventDisableTiming, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaFuncAttributeMaxDynamicSharedMemorySize };
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount,
  cudaDevAttrMaxSharedMemoryPerBlockOptin,
  cudaDevAttrComputeCapabilityMajor,
  cudaDevAttrComputeCapabilityMinor
};
enum { cudaMemoryTypeDevice, cudaMemoryTypeManaged };
struct cudaPointerAttributes {
  int type, device;
};
struct cudaDeviceProp {
  char name[256];
  int major, minor, multiProcessorCount;
  std::size_t totalGlobalMem;
};

namespace parzen::cuda::host {
constexpr int devices = 3;
constexpr int capability[devices][2] = {{9, 0}, {9, 0}, {7, 5}};
inline thread_local int current = 0;
inline thread_local void* context = nullptr;  // a number of a device, and one
inline int contexts = 0;                      // how often one was wanted
inline std::size_t taken = 0, most_taken = 0;
struct Allocation {
  std::size_t bytes, mapped;
};
inline std::unordered_map<void*, Allocation> blocks;
inline std::recursive_mutex turn;
inline thread_local cudaError_t last = cudaSuccess;
inline cudaError_t set(cudaError_t error) { return error == cudaSuccess ? error : last = error; }
inline std::size_t capacity() {
  const char* text = std::getenv("PARZEN_CUDA_HOST_BYTES");
  return text ? std::strtoull(text, nullptr, 10) : std::size_t(1) << 30;
}
inline int block_bytes() {
  const char* text = std::getenv("PARZEN_CUDA_HOST_SHARED");
  return text ? std::atoi(text) : int(shared_bytes);
}
inline bool astray = false;
inline bool fails() {
  const char* text = std::getenv("PARZEN_CUDA_HOST_FAIL");
  static int launches = 0;
  launches = text ? launches + 1 : 0;
  astray = text && (astray || launches == -std::atoi(text));
  return text && launches == std::atoi(text);
}
inline cudaError_t work() { return set(astray ? cudaErrorIllegalAddress : cudaSuccess); }
}  // namespace parzen::cuda::host

inline cudaError_t cudaGetLastError() {
  const cudaError_t error = parzen::cuda::host::last;
  parzen::cuda::host::last = cudaSuccess;
  return error;
}
inline const char* cudaGetErrorString(cudaError_t error) {
  constexpr const char* texts[] = {"no error",
                                   "out of memory",
                                   "invalid device ordinal",
                                   "too many resources requested for launch",
                                   "device not ready",
                                   "an illegal memory access was encountered"};
  return texts[error];
}
inline const char* cudaGetErrorName(cudaError_t error) {
  constexpr const char* names[] = {
      "cudaSuccess",       "cudaErrorMemoryAllocation", "cudaErrorInvalidDevice", "cudaErrorLaunchOutOfResources",
      "cudaErrorNotReady", "cudaErrorIllegalAddress"};
  return names[error];
}
inline cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= parzen::cuda::host::devices) return parzen::cuda::host::set(cudaErrorInvalidDevice);
  ++parzen::cuda::host::contexts;
  parzen::cuda::host::current = device;
  parzen::cuda::host::context = reinterpret_cast<void*>(std::uintptr_t(device + 1));
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* count) { return *count = parzen::cuda::host::devices, cudaSuccess; }
inline cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 0, cudaSuccess; }
inline cudaError_t cudaDriverGetVersion(int* version) { return *version = 0, cudaSuccess; }
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = 3; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = parzen::cuda::host::block_bytes(); break;
    case cudaDevAttrComputeCapabilityMajor: *value = parzen::cuda::host::capability[device][0]; break;
    case cudaDevAttrComputeCapabilityMinor: *value = parzen::cuda::host::capability[device][1]; break;
  }
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  std::snprintf(properties->name, sizeof properties->name, "the host");
  cudaDeviceGetAttribute(&properties->major, cudaDevAttrComputeCapabilityMajor, device);
  cudaDeviceGetAttribute(&properties->minor, cudaDevAttrComputeCapabilityMinor, device);
  cudaDeviceGetAttribute(&properties->multiProcessorCount, cudaDevAttrMultiProcessorCount, device);
  properties->totalGlobalMem = parzen::cuda::host::capacity();
  return cudaSuccess;
}
inline cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void*) {
  *attributes = {cudaMemoryTypeDevice, parzen::cuda::host::current};
  return cudaSuccess;
}
inline cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  ++parzen::cuda::host::contexts;
  *total = parzen::cuda::host::capacity();
  *free = *total - parzen::cuda::host::taken;
  return cudaSuccess;
}
// Memory that ends where a page begins that nobody may touch, filled with a pattern: what is read before it was written shows, and
// what is read or written behind the end ends the process. Aligned to 16 bytes, the most that the kernels ask for.
inline void* guarded(std::size_t bytes, std::size_t* mapped) {
  constexpr std::size_t page = 4096;
  const std::size_t used = (bytes + page - 1) / page * page;
  *mapped = used + page;
  void* pages = mmap(nullptr, *mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED || mprotect(static_cast<char*>(pages) + used, page, PROT_NONE) != 0) std::abort();
  char* data = static_cast<char*>(pages) + (used - (bytes + 15) / 16 * 16);
  std::memset(data, 0xff, bytes);
  return data;
}
inline cudaError_t cudaMallocAsync(void** data, std::size_t bytes, cudaStream_t) {
  using namespace parzen::cuda::host;
  const std::lock_guard lock(turn);
  if (taken + bytes > capacity()) return set(cudaErrorMemoryAllocation);
  std::size_t mapped = 0;
  *data = guarded(bytes, &mapped);
  blocks[*data] = {bytes, mapped};
  taken += bytes;
  most_taken = std::max(most_taken, taken);
  return cudaSuccess;
}
inline cudaError_t cudaFreeAsync(void* data, cudaStream_t) {
  using namespace parzen::cuda::host;
  const std::lock_guard lock(turn);
  taken -= blocks[data].bytes;
  munmap(reinterpret_cast<void*>(std::uintptr_t(data) / 4096 * 4096), blocks[data].mapped);
  blocks.erase(data);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, int, cudaStream_t) {
  return std::memcpy(to, from, bytes), cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
  return std::memset(to, value, bytes), cudaSuccess;
}
// Never there at the first look, and that is what the next call for the last error hears.
struct HostEvent {
  bool looked_at = false;
};
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, int) { return *event = new HostEvent, cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) { return event->looked_at = false, cudaSuccess; }
inline cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (event->looked_at) return parzen::cuda::host::work();
  event->looked_at = true;
  return parzen::cuda::host::set(cudaErrorNotReady);
}
inline cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete event, cudaSuccess; }
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, int) { return cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return parzen::cuda::host::work(); }
inline cudaError_t cudaFuncSetAttribute(const void*, int, int) { return cudaSuccess; }

namespace parzen::cuda {

inline void* current_context() { return host::context; }
inline void make_current(void* context) {
  host::context = context;
  host::current = context ? int(std::uintptr_t(context)) - 1 : 0;
}

inline int most_tiles() {
  const char* text = std::getenv("PARZEN_CUDA_HOST_TILES");
  return text ? std::atoi(text) : 16384;
}

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), int blocks, int threads, int shared_bytes, cudaStream_t, Arguments... arguments) {
  const std::lock_guard lock(host::turn);
  if (host::fails() || blocks < 1 || shared_bytes > host::block_bytes()) {
    host::last = cudaErrorLaunchOutOfResources;
    return;
  }
  if (std::getenv("PARZEN_CUDA_HOST_DRY")) return;
  gridDim.x = unsigned(blocks);
  blockDim.x = unsigned(threads);
  for (int b = 0; b < blocks; ++b) {
    blockIdx.x = unsigned(b);
    std::memset(host::block.shared, 0xff, std::size_t(shared_bytes));
    host::begin_block(threads);
    host::block.run(threads, [&] { kernel(arguments...); });
  }
}

}  // namespace parzen::cuda
