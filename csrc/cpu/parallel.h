// One pool of threads for everything in csrc/cpu. Plain functions and plain data only: this header is included by sources compiled
// for several instruction sets, so it must define nothing.
#pragma once

#include "../reductions.h"

namespace parzen {

using Body = void (*)(void* context, index task, int thread);

// Runs body(context, task, thread) for every task in [0, tasks), tasks handed out in order, thread in [0, threads).
// The calling thread waits and polls; `begin` and `end` are the fractions of the whole operation that this call covers, 0 for its
// first call. Throws Interrupted when the poll said stop, and what a body threw. One call runs at a time; others wait.
void parallel(int threads, index tasks, Body body, void* context, const Poll& poll, double begin, double end);

bool stop_requested();  // true once the running call is to be given up

int thread_count();
void set_thread_count(int threads);  // at least 1

// 64-byte aligned, throws std::bad_alloc; release(nullptr) does nothing.
void* allocate(index bytes);
void release(void* p);

}  // namespace parzen
