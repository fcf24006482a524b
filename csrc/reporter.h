// The GIL around an operation, and the way back to Python while it runs.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <optional>
#include <thread>

#include "reductions.h"

namespace parzen {

namespace py = pybind11;

// The GIL, dropped around f. Up to Python 3.13 a daemon thread that asks for it while the interpreter shuts down is ended by
// unwinding its stack, in the middle of an operation whose workers still use that stack. Such a thread stops here instead, until
// the process is gone, as Python 3.14 does it. Nothing between an ask and its Park may have a destructor.
class Gil {
 public:
  struct Park {
    bool passed = false;
    ~Park() {
      while (!passed) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  };

  template <class F>
  void without(F f) {
    drop();
    try {
      f();
    } catch (...) {
      take();
      throw;
    }
    take();
  }

  void drop() { thread_ = PyEval_SaveThread(); }
  void take() {
    Park park;
    PyEval_RestoreThread(thread_);
    park.passed = true;
  }

 private:
  PyThreadState* thread_ = nullptr;
};

// Runs on the calling thread about every 50 ms: reports progress and lets Ctrl-C through.
struct Reporter {
  std::optional<py::function> progress;
  std::optional<py::error_already_set> error;
  Gil gil;

  explicit Reporter(const std::optional<py::function>& callback) : progress(callback) {}

  static bool call(void* self, double fraction) {
    auto& reporter = *static_cast<Reporter*>(self);
    Gil::Park park;  // Python code drops the GIL and asks for it as well
    reporter.gil.take();
    bool well = PyErr_CheckSignals() == 0;
    if (well && reporter.progress) {
      PyObject* result = PyObject_CallFunction(reporter.progress->ptr(), "d", fraction);
      well = result != nullptr;
      Py_XDECREF(result);
    }
    if (!well) reporter.error.emplace();
    reporter.gil.drop();
    park.passed = true;
    return well;
  }

  template <class Operation>
  void run(Operation operation) {
    try {
      gil.without(operation);
    } catch (const Interrupted&) {
      throw std::move(*error);
    }
    if (progress) (*progress)(1.0);
  }

  Poll poll() { return {&call, this}; }
};

}  // namespace parzen
