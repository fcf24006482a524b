// A pool of std::threads that lives as long as the process. See parallel.h.
#include "parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace parzen {
namespace {

// Results below the smallest normal number become zero: kernel values of far pairs underflow by the million, and each denormal
// would cost a microcode assist. Magnitudes at which this could matter are refused or widened before they get here.
void flush_denormals() {
#if defined(__SSE2__)
  _mm_setcsr(_mm_getcsr() | 0x8040);
#elif defined(__aarch64__)
  std::uint64_t fpcr;
  asm volatile("mrs %0, fpcr" : "=r"(fpcr));
  asm volatile("msr fpcr, %0" ::"r"(fpcr | (1u << 24)));
#endif
}

using Clock = std::chrono::steady_clock;
constexpr auto poll_period = std::chrono::milliseconds(50);
thread_local Clock::time_point last_poll;
thread_local bool calling = false;  // inside parallel(), so that a poll which comes back here is told instead of waiting for itself

// How often this process has become the child of a fork. See forked().
std::atomic<int> forks{0};

// Asks the poll, which may run Python code. A child forked in there has no workers to wait for, and its locks may be held by
// nobody: it may use parzen, but not finish what its parent is doing.
bool keep_going(const Poll& poll, double fraction) {
  if (!poll.call) return true;
  const int before = forks;
  const bool answer = poll.call(poll.context, fraction);
  if (forks == before) return answer;
  if (!answer) throw Interrupted{};
  throw std::runtime_error("the process was forked inside a progress callback; only the parent can finish this operation");
}

struct Job {
  Body body = nullptr;
  void* context = nullptr;
  index tasks = 0;
  std::atomic<index> next{0}, finished{0};
};

class Pool {
 public:
  explicit Pool(int threads) {
    try {
      for (int t = 0; t < threads; ++t) workers_.emplace_back([this, t] { work(t); });
    } catch (const std::system_error& error) {  // the process may have no more
      const std::string started = std::to_string(workers_.size());
      join();
      throw std::runtime_error("only " + started + " of " + std::to_string(threads) + " threads could be started (" +
                               error.code().message() + "); set_num_threads(" + started + ") or fewer");
    } catch (...) {
      join();
      throw;
    }
  }

  ~Pool() { join(); }

  int size() const { return int(workers_.size()); }
  bool stopping() const { return stop_.load(std::memory_order_relaxed); }

  void run(index tasks, Body body, void* context, const Poll& poll, double begin, double end) {
    Job job;
    job.body = body;
    job.context = context;
    job.tasks = tasks;
    std::unique_lock lock(mutex_);
    stop_ = false;
    failure_ = nullptr;
    job_ = &job;
    busy_ = size();
    ++generation_;
    wake_.notify_all();
    bool interrupted = false;
    // The clock runs on from one call to the next, so that an operation made of many short calls is polled as well.
    while (!done_.wait_until(lock, last_poll + poll_period, [this] { return busy_ == 0; })) {
      lock.unlock();  // the poll may run Python code
      const double done = double(job.finished.load(std::memory_order_relaxed)) / double(tasks);
      if (!interrupted && !keep_going(poll, begin + (end - begin) * done)) interrupted = stop_ = true;
      last_poll = Clock::now();
      lock.lock();
    }
    job_ = nullptr;
    if (failure_) std::rethrow_exception(failure_);
    if (interrupted) throw Interrupted{};
  }

 private:
  void join() {
    {
      std::lock_guard lock(mutex_);
      quit_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  void work(int thread) {
    flush_denormals();
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return quit_ || generation_ != seen; });
      if (quit_) return;
      seen = generation_;
      Job& job = *job_;
      lock.unlock();
      for (;;) {
        const index task = job.next.fetch_add(1, std::memory_order_relaxed);
        if (task >= job.tasks || stopping()) break;
        try {
          job.body(job.context, task, thread);
        } catch (...) {
          std::lock_guard guard(mutex_);
          if (!failure_) failure_ = std::current_exception();
          stop_ = true;
        }
        job.finished.fetch_add(1, std::memory_order_relaxed);
      }
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  int busy_ = 0;
  std::uint64_t generation_ = 0;
  bool quit_ = false;
  std::atomic<bool> stop_{false};
  std::exception_ptr failure_;
};

int cgroup_limit() {
  int limit = 0;
#if defined(__linux__)
  if (std::FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    long long quota, period;
    if (std::fscanf(f, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
      limit = int(std::max<long long>(1, (quota + period - 1) / period));
    std::fclose(f);
  }
#endif
  return limit;
}

int default_threads() {
  if (const char* text = std::getenv("PARZEN_NUM_THREADS")) {
    char* end;
    const long asked = std::strtol(text, &end, 10);  // out of range: the largest
    if (asked > 0 && *end == 0) return int(std::min(asked, 1024L));
  }
  int threads = int(std::max(1u, std::thread::hardware_concurrency()));
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) threads = CPU_COUNT(&set);
#endif
  const int limit = cgroup_limit();
  return limit > 0 ? std::min(threads, limit) : threads;
}

// One operation at a time. Not std::timed_mutex, whose pthread_mutex_clocklock ThreadSanitizer (GCC 12) does not know.
class Turn {
 public:
  bool take(Clock::duration patience) {
    std::unique_lock lock(mutex_);
    return free_again_.wait_for(lock, patience, [this] { return !taken_; }) && (taken_ = true);
  }
  void give_back() {
    {
      std::lock_guard lock(mutex_);
      taken_ = false;
    }
    free_again_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_again_;
  bool taken_ = false;
};

// Everything a forked child must not touch: its threads do not exist there, and its mutexes may be held by nobody.
struct State {
  Turn turn;
  Pool* pool = nullptr;
  std::atomic<int> threads{0};
};
State* state = new State;

[[maybe_unused]] void forked() {
  const int threads = state->threads;
  state = new State;  // the old one is abandoned, never joined
  state->threads = threads;
  calling = false;
  ++forks;
}

[[maybe_unused]] const int registered = [] {
#if defined(__unix__) || defined(__APPLE__)
  pthread_atfork(nullptr, nullptr, forked);
#endif
  return 0;
}();

std::atomic<Pool*> running{nullptr};

}  // namespace

void parallel(int threads, index tasks, Body body, void* context, const Poll& poll, double begin, double end) {
  if (tasks <= 0) return;
  if (calling) throw std::logic_error("a progress callback called back into parzen; it may only report");
  struct Mark {
    Mark() { calling = true; }
    ~Mark() { calling = false; }
  } mark;
  struct Taken {
    Turn& turn;
    const int born = forks;
    Taken(Turn& t, const Poll& poll, double fraction) : turn(t) {
      while (!turn.take(poll_period))  // another thread's operation may take hours
        if (!keep_going(poll, fraction)) throw Interrupted{};
    }
    ~Taken() {
      if (forks == born) turn.give_back();
    }
  } taken(state->turn, poll, begin);
  if (begin == 0) last_poll = Clock::now();
  if (!state->pool || state->pool->size() != threads) {
    delete state->pool;
    state->pool = nullptr;
    state->pool = new Pool(threads);
  }
  running = state->pool;
  state->pool->run(tasks, body, context, poll, begin, end);
}

bool stop_requested() {
  Pool* pool = running.load(std::memory_order_relaxed);
  return pool && pool->stopping();
}

int thread_count() {
  int threads = state->threads;
  if (threads != 0) return threads;
  const int found = default_threads();
  // Where set_thread_count came in between, what it set stays, and is what is read.
  return state->threads.compare_exchange_strong(threads, found) ? found : threads;
}

void set_thread_count(int threads) { state->threads = std::max(1, threads); }

void* allocate(index bytes) { return ::operator new(std::size_t(std::max<index>(bytes, 64)), std::align_val_t(64)); }

void release(void* p) { ::operator delete(p, std::align_val_t(64)); }

}  // namespace parzen
