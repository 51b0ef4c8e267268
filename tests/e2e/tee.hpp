#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "http.hpp"
#include "local_server.hpp"

namespace wgscope::test {

/// One request that went through, as it was sent on, and what came back.
struct Exchange {
  std::string request;
  HttpResponse response;
};

/// Stands between Prometheus and the exporter and keeps what they say.
class Tee {
 public:
  /// @param accept  replaces the Accept header of what passes, unless empty: Prometheus 2.42 cannot
  /// be told which format
  ///                to ask for.
  Tee(HttpServer exporter, std::string accept);

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] std::vector<Exchange> exchanges() const;

 private:
  void pass(int client);

  HttpServer exporter_;
  std::string accept_;
  mutable std::mutex mutex_;  ///< guards exchanges_
  std::vector<Exchange> exchanges_;
  LocalServer server_;  ///< last: its thread uses the others
};

}  // namespace wgscope::test
