// How many multiply-adds this machine can do: independent chains in registers, nothing read from memory. Compiled for the machine
// it runs on when the benchmarks start. A rate above this is a mistake in counting; a rate near it is the arithmetic limit.
#include <thread>
#include <vector>

#if defined(__AVX512F__)
constexpr int bytes = 64;
#elif defined(__AVX__)
constexpr int bytes = 32;
#else
constexpr int bytes = 16;
#endif

// Two units of latency 4 or 5 want 10 chains; 12 and two constants fit into 16 registers.
constexpr int chains = 12;

template <class T>
void spin(long steps, T seed, T* out) {
  typedef T vec __attribute__((vector_size(bytes)));
  vec sum[chains], factor = vec{} + seed, term = vec{} + (1 - seed);  // tends to 1: neither overflows nor becomes denormal
#pragma GCC unroll 12
  for (int c = 0; c < chains; ++c) sum[c] = vec{} + T(c);
  for (long s = 0; s < steps; ++s) {
#pragma GCC unroll 12
    for (int c = 0; c < chains; ++c) sum[c] = sum[c] * factor + term;
  }
  vec total = sum[0];
#pragma GCC unroll 12
  for (int c = 1; c < chains; ++c) total += sum[c];
  *out = total[0];
}

// Runs `steps` on every thread; returns the floating-point operations done.
template <class T>
double run(int threads, long steps, T seed) {
  std::vector<T> out(threads);
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t) pool.emplace_back(spin<T>, steps, seed, &out[t]);
  for (auto& thread : pool) thread.join();
  return 2.0 * threads * steps * chains * (bytes / int(sizeof(T)));
}

extern "C" double fma_float32(int threads, long steps) { return run<float>(threads, steps, 0.999f); }
extern "C" double fma_float64(int threads, long steps) { return run<double>(threads, steps, 0.999); }
