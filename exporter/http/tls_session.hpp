#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "wgscope/base/secret_string.hpp"

#include "exporter/http/tls_context.hpp"

struct ssl_st;  // OpenSSL's SSL

namespace wgscope::exporter::http {

/// TLS on one connection, whose socket does not block. For one thread at a time.
class TlsSession {
 public:
  /// @returns nothing if there is no memory. @param fd  outlives this, which does not close it.
  static std::unique_ptr<TlsSession> open(const TlsContext& context, int fd);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Step : std::uint8_t {
    waits,  ///< for the socket
    done,
    gone,    ///< the client went away
    failed,  ///< the connection is of no more use; the client was told why
  };
  /// Goes on with the handshake.
  Step handshake();
  /// Takes what has arrived until the socket has no more, or `most` bytes are there.
  /// @returns done if anything is there that was not before.
  Step receive(std::size_t most);
  /// Why the last step failed, in words of ours.
  [[nodiscard]] std::string_view failure() const { return failure_; }
  /// What receive() took and read() has not given away.
  [[nodiscard]] std::string_view received() const { return received_.view().substr(given_); }

  // As recv(2), send(2), and the last words before shutdown(2): with errno.
  ssize_t read(std::span<char> into);
  /// After EAGAIN, the same bytes are to be given again, as to a socket that was full.
  /// @param more  more follows: a few bytes may wait for it, and go with it.
  ssize_t write(std::span<const char> bytes, bool more = false);
  void say_goodbye();

  /// The answer is sent, and the client may ask again: gives back the memory that sending took.
  void rest();
  /// Whether it began with this one.
  [[nodiscard]] bool uses(const TlsContext& context) const;

 private:
  bool gather();
  int encrypt(std::span<const char> bytes);
  explicit TlsSession(ssl_st* ssl) : ssl_(ssl) {}
  Step step_after(int result);

  ssl_st* ssl_;
  std::string_view failure_;
  SecretString received_;  ///< requests have passwords
  std::size_t given_ = 0;
  bool gathers_ = false;        ///< records are gathered, to be sent together
  std::string held_;            ///< what waits for more, not encrypted yet
  std::size_t unreported_ = 0;  ///< bytes that are encrypted, of which write() has not told yet
};

}  // namespace wgscope::exporter::http
