// A block's threads on the host: coroutines of the calling thread that take turns at barriers.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

struct Position {
  unsigned x = 0;
};
inline Position threadIdx, blockIdx, blockDim, gridDim;

namespace parzen::cuda::host {

constexpr std::size_t stack_bytes = 128 << 10, shared_bytes = 227 << 10;

struct Barrier {
  int arrived = 0, round = 0;
};

// The threads of the block that runs.
class Block {
 public:
  void run(int threads, const std::function<void()>& body) {
    body_ = &body;
    threads_.resize(threads);
    while (int(stacks_.size()) < threads) stacks_.emplace_back(new char[stack_bytes]);
    finished_.assign(threads, false);
    whole = Barrier{};
    warps.assign(threads / 32 + 1, Barrier{});
    for (Thread& thread : threads_) thread.started = false;
    // Forwards and backwards by turns: what only one order gets right is a barrier that is missing.
    bool backwards = false;
    for (int left = threads; left > 0; backwards = !backwards) {
      progress_ = false;
      for (int i = 0; i < threads; ++i) {
        const int t = backwards ? threads - 1 - i : i;
        if (finished_[t]) continue;
        threadIdx.x = unsigned(t);
        if (_setjmp(back_) == 0) resume(t);
        if (finished_[t]) --left;
      }
      if (!progress_) {  // on a device this would hang
        std::fprintf(stderr, "a barrier that not all threads of a block reach\n");
        std::abort();
      }
    }
  }

  void wait(Barrier& barrier, int threads) {
    const int round = barrier.round;
    if (++barrier.arrived == threads) {
      barrier.arrived = 0;
      ++barrier.round;
      progress_ = true;
    }
    while (barrier.round == round)
      if (_setjmp(threads_[threadIdx.x].here) == 0) _longjmp(back_, 1);
  }

  Barrier whole;
  std::vector<Barrier> warps;
  unsigned char lanes[32][32][32];  // what a warp's threads exchange
  int votes[2] = {};
  alignas(128) unsigned char shared[shared_bytes];

 private:
  struct Thread {
    bool started;
    jmp_buf here;
  };

  // A context of its own to begin with, jumps from then on: they leave the signal mask, and with it the system, alone.
  void resume(int t) {
    if (threads_[t].started) _longjmp(threads_[t].here, 1);
    threads_[t].started = true;
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = stacks_[t].get();
    context.uc_stack.ss_size = stack_bytes;
    context.uc_link = nullptr;
    makecontext(&context, &enter, 0);
    setcontext(&context);
  }
  static void enter();

  const std::function<void()>* body_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<std::unique_ptr<char[]>> stacks_;
  std::vector<bool> finished_;
  jmp_buf back_;
  bool progress_ = false;
};
inline Block block;

inline void Block::enter() {
  (*block.body_)();
  block.finished_[threadIdx.x] = true;
  block.progress_ = true;
  _longjmp(block.back_, 1);
}

// The values of all 32 threads of a warp.
template <class T>
void exchange(T value, T (&all)[32]) {
  const unsigned thread = threadIdx.x, warp = thread / 32;
  static_assert(sizeof(T) <= sizeof block.lanes[0][0]);
  const int threads = int(blockDim.x) < 32 ? int(blockDim.x) : 32;
  std::memcpy(&block.lanes[warp][thread % 32], &value, sizeof value);
  block.wait(block.warps[warp], threads);
  for (int lane = 0; lane < threads; ++lane) std::memcpy(&all[lane], &block.lanes[warp][lane], sizeof value);
  block.wait(block.warps[warp], threads);
}

}  // namespace parzen::cuda::host

inline void __syncthreads() { parzen::cuda::host::block.wait(parzen::cuda::host::block.whole, int(blockDim.x)); }
inline void __syncwarp() {
  int all[32];
  parzen::cuda::host::exchange(0, all);
}
inline int __syncthreads_or(int vote) {
  static int votes;
  __syncthreads();
  if (threadIdx.x == 0) votes = 0;
  __syncthreads();
  votes |= vote != 0;
  __syncthreads();
  return votes;
}
template <class T>
T __shfl_sync(unsigned, T value, int lane) {
  T all[32];
  parzen::cuda::host::exchange(value, all);
  return all[lane];
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  T all[32];
  parzen::cuda::host::exchange(value, all);
  return all[(threadIdx.x % 32) ^ unsigned(mask)];
}
inline unsigned __ballot_sync(unsigned, bool vote) {
  int all[32];
  parzen::cuda::host::exchange(int(vote), all);
  unsigned votes = 0;
  for (int lane = 0; lane < 32; ++lane) votes |= unsigned(all[lane]) << lane;
  return votes;
}
inline bool __any_sync(unsigned, bool vote) { return __ballot_sync(0, vote) != 0; }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline std::uint32_t __byte_perm(std::uint32_t a, std::uint32_t b, unsigned selector) {
  const std::uint64_t both = std::uint64_t(b) << 32 | a;
  std::uint32_t chosen = 0;
  for (unsigned i = 0; i < 4; ++i) chosen |= std::uint32_t(both >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
  return chosen;
}
template <class T>
T atomicAdd(T* to, T value) {
  const T before = *to;
  *to += value;
  return before;
}
