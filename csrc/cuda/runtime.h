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

// Until this thread's copies are there but for the last `under_way` that were committed, 0 or 1.
__device__ __forceinline__ void wait_for_copies(int under_way) {
  if (under_way == 1)
    asm volatile("cp.async.wait_group 1;" ::: "memory");
  else
    asm volatile("cp.async.wait_group 0;" ::: "memory");
}

// wgmma: products of a warpgroup, warps 4 i .. 4 i + 3, that go on by themselves. The compiler knows the instructions for sm_90a
// alone; elsewhere a kernel that has them stops at once.
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
constexpr bool code_has_wgmma = true;
#define PARZEN_WGMMA(...) asm volatile(__VA_ARGS__)
#else
constexpr bool code_has_wgmma = false;
#define PARZEN_WGMMA(...) __trap()
#endif

__device__ __forceinline__ unsigned shared_address(const void* shared) { return unsigned(__cvta_generic_to_shared(shared)); }

// Where the bytes of copies arrive in shared memory (mbarrier). Its phases follow one another: each ends when one thread has said
// how many bytes there are to be and all of them are there.
using Arrival = std::uint64_t;
__device__ __forceinline__ void prepare(Arrival* arrival) {
  PARZEN_WGMMA("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared_address(arrival)) : "memory");
}
__device__ __forceinline__ void show_prepared() {
  PARZEN_WGMMA("fence.mbarrier_init.release.cluster; fence.proxy.async.shared::cta;" :: : "memory");
}
__device__ __forceinline__ void expect(Arrival* arrival, int bytes) {
  PARZEN_WGMMA("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(arrival)), "r"(bytes) : "memory");
}
// So many bytes at once, by one thread; wgmma sees them where the arrival was waited for.
__device__ __forceinline__ void copy_bytes(unsigned char* shared, const unsigned char* global, int bytes, Arrival* arrival) {
  PARZEN_WGMMA(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(shared_address(shared)),
      "l"(global), "r"(bytes), "r"(shared_address(arrival)) : "memory");
}
// Until a phase has ended: the even ones are 0, the odd ones 1.
__device__ __forceinline__ void wait_for_arrival(Arrival* arrival, int phase) {
  PARZEN_WGMMA(
      "{\n"
      ".reg .pred there;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 there, [%0], %1;\n"
      "@there bra done;\n"
      "bra again;\n"
      "done:\n"
      "}" ::"r"(shared_address(arrival)),
      "r"(phase) : "memory");
}

// Around what is committed together. Until wait_for_products nothing may touch the sums.
__device__ __forceinline__ void begin_products() { PARZEN_WGMMA("wgmma.fence.sync.aligned;" :: : "memory"); }
__device__ __forceinline__ void end_products() { PARZEN_WGMMA("wgmma.commit_group.sync.aligned;" :: : "memory"); }
template <int under_way>
__device__ __forceinline__ void wait_for_products() {
  PARZEN_WGMMA("wgmma.wait_group.sync.aligned %0;" ::"n"(under_way) : "memory");
}

// After waiting: the sums are what the products made of them, and not read before.
__device__ __forceinline__ void settle(float (&sum)[8][8]) {
#pragma unroll
  for (int s = 0; s < 8; ++s) {
#pragma unroll
    for (int n = 0; n < 8; ++n) asm volatile("" : "+f"(sum[s][n])::"memory");
  }
}

// 64 x 16 times 16 x 128 float16, added to float32, or, unless `add`, in place of it. Thread t of the 128 has of rows
// 16 (t / 32) + quad (sum[0 .. 3]) and eight further down (sum[4 .. 7]) two of every eight columns, from twice its place on.
__device__ __forceinline__ void multiply_64_128_16(float (&sum)[8][8], std::uint64_t a, std::uint64_t b, bool add) {
#define PARZEN_OF_EIGHT(j)                                                                                   \
  "+f"(sum[(j) / 4][(j) % 4 * 2]), "+f"(sum[(j) / 4][(j) % 4 * 2 + 1]), "+f"(sum[4 + (j) / 4][(j) % 4 * 2]), \
      "+f"(sum[4 + (j) / 4][(j) % 4 * 2 + 1])
#define PARZEN_OF_32(j) PARZEN_OF_EIGHT(j), PARZEN_OF_EIGHT(j + 1), PARZEN_OF_EIGHT(j + 2), PARZEN_OF_EIGHT(j + 3)
  PARZEN_WGMMA(
      "{\n"
      ".reg .pred add;\n"
      "setp.ne.b32 add, %66, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, "
      "%26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, "
      "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, %64, %65, add, 1, 1, 0, 0;\n"
      "}" : PARZEN_OF_32(0),
      PARZEN_OF_32(4), PARZEN_OF_32(8), PARZEN_OF_32(12) : "l"(a), "l"(b), "r"(int(add)));
#undef PARZEN_OF_32
#undef PARZEN_OF_EIGHT
}

}  // namespace parzen::cuda

#define PARZEN_DEVICE_INLINE __forceinline__
#define PARZEN_BOTH __host__ __device__
#define PARZEN_EITHER _Pragma("nv_exec_check_disable")  // a template for callables of either side
#define PARZEN_INLINE __host__ __device__ __forceinline__
#ifdef __CUDA_ARCH__
#define PARZEN_UNROLL _Pragma("unroll")
#define PARZEN_UNROLL_8 _Pragma("unroll 8")
#define PARZEN_ROLLED _Pragma("unroll 1")
#else
#define PARZEN_UNROLL
#define PARZEN_UNROLL_8
#define PARZEN_ROLLED
#endif
#else
#include "cuda_host.h"

#define PARZEN_DEVICE_INLINE inline
#define PARZEN_BOTH
#define PARZEN_EITHER
#define PARZEN_INLINE inline __attribute__((always_inline))
#define PARZEN_UNROLL
#define PARZEN_UNROLL_8
#define PARZEN_ROLLED
#endif
