// The CUDA runtime, or what stands in for it where the same sources are compiled for the host (tests/native/cuda_host.h).
#pragma once

#ifdef __CUDACC__
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <dlfcn.h>

#include <cstdint>

namespace parzen::cuda {

// The thread's context, or null; the driver's, which every copy of the runtime in a process shares. The library is open where the
// runtime works, and is not linked: this one is opened without a driver too.
inline void* of_driver(const char* name) {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  return driver ? dlsym(driver, name) : nullptr;
}
inline void* current_context() {
  void* context = nullptr;
  if (const auto get = reinterpret_cast<int (*)(void**)>(of_driver("cuCtxGetCurrent"))) get(&context);
  return context;
}
inline void make_current(void* context) {
  if (const auto set = reinterpret_cast<int (*)(void*)>(of_driver("cuCtxSetCurrent"))) set(context);
}

// Of a chunk of schedule.h: so few that a launch takes milliseconds, so many that its end, where processors wait, is a small part.
constexpr int most_tiles() { return 16384; }

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

// The tensor cores' instructions, by a warp. Thread t's quad is t / 4, its place in the quad t % 4; see the PTX manual for who
// holds what of a matrix.

// Four 8 x 8 matrices of 16-bit values (ldmatrix): threads 8 i .. 8 i + 7 name the rows, of 16 bytes, of matrix i; words[i] becomes
// the word of row `quad` at the thread's place.
__device__ __forceinline__ void load_matrices(const unsigned char* row, std::uint32_t (&words)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(unsigned(__cvta_generic_to_shared(row))));
}

// 16 x 16 times 16 x 8 float16, added to float32: upper and lower are rows `quad` and 8 + quad, two columns from twice the place
// on.
__device__ __forceinline__ void multiply_16_8_16(float* upper, float* lower, const std::uint32_t (&a)[4],
                                                 const std::uint32_t (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(upper[0]), "+f"(upper[1]), "+f"(lower[0]), "+f"(lower[1])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// 8 x 4 times 4 x 8 float64: row `quad`, two columns from twice the place on.
__device__ __forceinline__ void multiply_8_8_4(double* sum, double a, double b) {
  asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0,%1}, {%2}, {%3}, {%0,%1};"
               : "+d"(sum[0]), "+d"(sum[1])
               : "d"(a), "d"(b));
}

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
