// An environment variable set for one test.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace ablate::test {

class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    set(value);
  }
  ~EnvironmentVariable() { set(old_.value_or("")); }  // empty counts as unset wherever Ablate reads one
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  void set(const std::string& value) {
#ifdef _WIN32
    _putenv_s(name_, value.c_str());
#else
    ::setenv(name_, value.c_str(), 1);
#endif
  }

  const char* name_;
  std::optional<std::string> old_;
};

}  // namespace ablate::test
