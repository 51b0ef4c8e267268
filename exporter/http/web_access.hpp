#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/model/address.hpp"

#include "exporter/http/server.hpp"
#include "exporter/http/tls_context.hpp"

namespace wgscope::exporter::http {

/// Who may ask what, as the file of --web.config.file says. The file, the certificates and the keys
/// are looked at for each handshake and each request, and read again when one of them has changed.
/// While the new ones cannot be used, the last good ones stay. Whether there is TLS at all, and the
/// rate limit, are what they were at the start.
class WebAccess {
 public:
  struct Events {
    std::function<void(const std::string& message)> on_warning = [](const std::string&) {};
    std::function<void(bool good)> on_read = [](bool) {};  ///< also after the first time
    /// @param why  nothing of it is the client's.
    std::function<void(const IpAddress& from, std::string_view why)> on_failed_login =
        [](const IpAddress&, std::string_view) {};
  };
  struct Opened {
    std::unique_ptr<WebAccess> access;  ///< nothing if there are problems
    std::vector<std::string> problems;  ///< each with its file and place
  };
  static Opened open(const std::string& path, Events events);
  /// The file and those that it names, for who has to allow access to them. What cannot be read
  /// names none.
  static std::vector<std::string> files_of(const std::string& path);
  ~WebAccess();
  WebAccess(const WebAccess&) = delete;
  WebAccess& operator=(const WebAccess&) = delete;

  [[nodiscard]] bool speaks_tls() const;
  /// For a new handshake. Any thread; reads small files if they have changed.
  [[nodiscard]] TlsContext tls();
  /// Sets the headers that all answers have, and says whether the request may be answered; if not,
  /// it has been. Any thread; waits for passwords to be verified.
  [[nodiscard]] bool admit(const Request& request, Response& response);

 private:
  class Impl;
  explicit WebAccess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace wgscope::exporter::http
