// The CUDA runtime, or what stands in for it where the same sources are compiled for the host (tests/native/cuda_host.h).
#pragma once

#ifdef __CUDACC__
#include <cuda_fp16.h>
#include <cuda_runtime.h>

namespace parzen::cuda {

// A block's dynamic shared memory.
__device__ __forceinline__ unsigned char* shared_memory() {
  extern __shared__ __align__(128) unsigned char memory[];
  return memory;
}

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), int blocks, int threads, int shared_bytes, cudaStream_t stream, Arguments... arguments) {
  kernel<<<blocks, threads, shared_bytes, stream>>>(arguments...);
}

// 16 bytes from global to shared memory, without a register in between.
__device__ __forceinline__ void copy_16_bytes(unsigned char* shared, const unsigned char* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(unsigned(__cvta_generic_to_shared(shared))), "l"(global)
               : "memory");
}
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// The same number, which the compiler cannot know: what depends on it is computed where it is used, not kept in registers before.
__device__ __forceinline__ int only_here(int v) {
  asm volatile("" : "+r"(v));
  return v;
}

// Until the oldest of the ring's stages that are under way is there.
__device__ __forceinline__ void wait_for_copies(int stages) {
  if (stages == 3)
    asm volatile("cp.async.wait_group 1;" ::: "memory");
  else
    asm volatile("cp.async.wait_group 0;" ::: "memory");
}

}  // namespace parzen::cuda

#define PARZEN_DEVICE_INLINE __forceinline__
#define PARZEN_BOTH __host__ __device__
#define PARZEN_EITHER _Pragma("nv_exec_check_disable")  // a template for callables of either side
#define PARZEN_INLINE __host__ __device__ __forceinline__
#ifdef __CUDA_ARCH__
#define PARZEN_UNROLL _Pragma("unroll")
#define PARZEN_ROLLED _Pragma("unroll 1")
#else
#define PARZEN_UNROLL
#define PARZEN_ROLLED
#endif
#else
#include "cuda_host.h"

#define PARZEN_DEVICE_INLINE inline
#define PARZEN_BOTH
#define PARZEN_EITHER
#define PARZEN_INLINE inline __attribute__((always_inline))
#define PARZEN_UNROLL
#define PARZEN_ROLLED
#endif
