// What the C library asks of a system: nothing here has a heap, ends by itself or runs destructors.

#include <cstddef>

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the C library gives the names.
void* __dso_handle;

int __aeabi_atexit(void*, void (*)(void*), void*) { return 0; }

// The first call of malloc asks for memory here.
void* _sbrk(std::ptrdiff_t) { __builtin_trap(); }

[[noreturn]] void abort() { __builtin_trap(); }

[[noreturn]] void __assert_func(const char*, int, const char*, const char*) { __builtin_trap(); }
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

}  // extern "C"
