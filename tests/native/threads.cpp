// Every reduction from several threads at once, for ThreadSanitizer: while another thread changes the number of threads, while some
// calls are interrupted, and (without a sanitizer, which does not follow) in the child of a fork. The answers are those of one
// thread alone, to the last bit.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <stdexcept>
#include <thread>

#include "operations.h"

namespace parzen {
namespace {

using Bytes = std::vector<unsigned char>;

// Owns what a Problem points to.
template <class T>
struct Sample {
  std::vector<T> x, y, center, radii;
  std::vector<std::uint8_t> bits;
  std::vector<double> weights;
  Problem problem;

  Sample(Type type, index n, index m, index d, bool same, Kernel::Kind kind)
      : x(n * d), y(m * d), center(d, T(0.1)), radii(std::max(n, m), T(d)), bits((std::max(n, m) + 7) / 8 * 20) {
    std::mt19937_64 random(n + m + d);
    std::normal_distribution<double> normal;
    for (T& value : x) value = T(normal(random));
    for (T& value : y) value = T(normal(random) + 0.2);
    for (index i = 0; i < n; ++i) weights.push_back(normal(random));
    for (std::uint8_t& eight : bits) eight = std::uint8_t(random());
    Problem& p = problem;
    p.x = {x.data(), n, d, d, type};
    p.y = same ? p.x : Matrix{y.data(), m, d, d, type};
    p.same = same;
    p.center = center.data();
    p.scales = {0.5 / double(d), 0.1};
    p.kernel.kind = kind;
    p.kernel.gamma = 1.0 / double(d);
    p.kernel.scales = p.scales.data();
    p.kernel.count = int(p.scales.size());
    p.k = 5;
    p.log_weights = weights.data();
    p.bandwidths = {std::sqrt(double(d)), 2.0};
    p.squared_radii = p.y_squared_radii = radii.data();
    p.u = p.v = bits.data();
    p.vectors = 20;
    p.order = d < 100 ? 3 : 2;
  }
};

struct Case {
  const Operation& operation;
  const Problem& problem;
  Bytes expected;

  void check(const char* when) const {
    if (operation(problem) != expected) fail(std::string(operation.name) + ": another answer " + when);
  }
};

// Stops at the first poll, or says that there was none.
bool interrupted(const Operation& operation, Problem problem) {
  bool polled = false;
  problem.poll.context = &polled;
  problem.poll.call = [](void* context, double fraction) {
    if (!(fraction >= 0 && fraction <= 1)) fail("a fraction outside [0, 1]");
    *static_cast<bool*>(context) = true;
    return false;
  };
  try {
    operation(problem);
  } catch (const Interrupted&) {
    if (!polled) fail(std::string(operation.name) + ": interrupted without being asked");
    return true;
  }
  if (polled) fail(std::string(operation.name) + ": was told to stop and went on");
  return false;
}

void at_once(const std::vector<Case>& cases, const Problem& large) {
  std::atomic<bool> done{false};
  std::atomic<int> stopped{0};
  std::vector<std::thread> callers;
  for (unsigned first = 0; first < 4; ++first)
    callers.emplace_back([&, first] {
      for (std::size_t i = 0; i < 2 * cases.size(); ++i) cases[(7 * first + i) % cases.size()].check("among several callers");
    });
  std::thread counts([&] {
    for (int threads = 1; !done; threads = threads % 5 + 1) {
      set_thread_count(threads);
      if (thread_count() != threads) fail("another number of threads than was set");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  std::thread impatient([&] {
    for (const Operation& operation : operations)
      for (int attempt = 0; attempt < 20; ++attempt)
        if (interrupted(operation, large)) {
          ++stopped;
          break;
        }
  });
  for (std::thread& caller : callers) caller.join();
  impatient.join();
  done = true;
  counts.join();
  if (stopped == 0) fail("no operation could be interrupted");
  for (const Case& c : cases) c.check("after all that");
}

void refusals(const Case& c) {
  try {
    parallel(
        3, 100,
        [](void*, index task, int) {
          if (task == 50) throw std::length_error("task");
        },
        nullptr, {}, 0, 1);
    fail("what a task throws is lost");
  } catch (const std::length_error&) {
  }
  // A poll that calls back, from an operation that lasts until it is polled.
  struct Caller {
    const Case& c;
    bool refused = false;
  } caller{c};
  const auto call_back = [](void* context, double) {
    auto& self = *static_cast<Caller*>(context);
    try {
      self.c.check("in a poll");
    } catch (const std::logic_error&) {
      self.refused = true;
    }
    return true;
  };
  const auto wait = [](void*, index, int) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); };
  parallel(2, 500, wait, nullptr, {call_back, &caller}, 0, 1);
  if (!caller.refused) fail("a poll may call back");
  c.check("after a refusal");
}

#if !defined(__SANITIZE_THREAD__)
void forks(const std::vector<Case>& cases) {
  for (int round = 0; round < 5; ++round) {
    std::thread busy([&] {
      for (const Case& c : cases) c.check("while another thread forks");
    });
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      for (const Case& c : cases) c.check("in the child of a fork");
      _exit(0);
    }
    busy.join();
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) fail("the child of a fork did not end well");
  }
}
#endif

void test() {
  const Sample<float> single(Type::float32, 300, 500, 20, false, Kernel::Kind::gaussian);
  const Sample<double> twice(Type::float64, 400, 1, 3, true, Kernel::Kind::energy);
  const Sample<float> deep(Type::float32, 70, 90, 600, false, Kernel::Kind::polynomial);
  const Sample<double> one(Type::float64, 1, 900, 9, false, Kernel::Kind::rational_quadratic);
  const Sample<float> large(Type::float32, 6000, 6000, 64, false, Kernel::Kind::gaussian);
  set_thread_count(1);
  std::vector<Case> cases;
  for (const Problem* problem : {&single.problem, &twice.problem, &deep.problem, &one.problem})
    for (const Operation& operation : operations) cases.push_back({operation, *problem, operation(*problem)});
  for (const int threads : {2, 3, 8}) {
    set_thread_count(threads);
    for (const Case& c : cases) c.check("of several threads");
  }
  at_once(cases, large.problem);
  refusals(cases.front());
#if !defined(__SANITIZE_THREAD__)
  forks(cases);
#endif
  std::printf("%s: %zu answers, each the same from any number of threads and callers\n", cpu::isa(), cases.size());
}

}  // namespace
}  // namespace parzen

int main() { parzen::test(); }
