#include "base/failure.h"

#include "base/error.h"
#include "base/terminal.h"

namespace ablate {
namespace {

int told(const std::string& who, const std::exception& error, int exit_code) {
  tell("{}: {}\n", who, error.what());
  return exit_code;
}

}  // namespace

int tell_failure(const std::string& who) {
  try {
    throw;
  } catch (const InputError& error) {
    return told(who, error, 2);
  } catch (const DeviceError& error) {
    return told(who, error, 3);
  } catch (const Interrupted& stop) {
    return told(who, stop, 130);
  } catch (const std::exception& error) {
    return told(who, error, 1);
  }
}

}  // namespace ablate
