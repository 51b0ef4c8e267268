#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "exporter/http/bcrypt.hpp"
#include "exporter/http/credentials.hpp"
#include "exporter/http/web_config.hpp"

namespace wgscope::exporter::http {

/// Decides on logins. A bcrypt hash takes 0.1 s and more, so one thread of its own verifies one
/// password after the other, and what it found is remembered: under a hash with a random key, from
/// which no password can be guessed. Remembered logins wait for nobody.
///
/// Nobody learns which users there are: for an unknown one, the password is verified against the
/// hash of a known one, always the same for the same name, and fails whatever comes out.
///
/// The thread cannot be stopped while it works on a password, and nobody waits for it, also not at
/// the end of the program: it shares only what it keeps alive itself.
class Logins {
 public:
  struct Settings {
    std::function<bool(const SecretString& password, const std::string& hash)> verify =
        verify_bcrypt;
    Nanoseconds patience = std::chrono::seconds(10);  ///< for a password to be verified
    std::function<Instant()> clock = os::boot_now;
  };
  static constexpr std::size_t kMostQueued = 8;    ///< passwords that wait for the thread
  static constexpr std::size_t kMostOfOne = 4;     ///< of one client among those
  static constexpr std::size_t kMostWaiting = 16;  ///< requests that wait for a password
  static constexpr unsigned kMostFailures = 10;    ///< of one client in a minute
  static constexpr std::size_t kRemembered = 100;  ///< passwords that were wrong

  Logins() : Logins(Settings{}) {}
  explicit Logins(Settings settings);
  Logins(const Logins&) = delete;
  Logins& operator=(const Logins&) = delete;
  ~Logins();

  enum class Verdict : std::uint8_t {
    accepted,
    rejected,
    busy,     ///< too many passwords wait, or this one waited too long
    limited,  ///< too many passwords of this client were wrong
  };
  /// Waits for the thread, if the answer is not known. @param users  at least one.
  Verdict check(const Users& users, const Credentials& credentials, const IpAddress& client);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace wgscope::exporter::http
