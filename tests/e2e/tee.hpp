#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "wgscope/os/unique_fd.hpp"

#include "http.hpp"

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
  ~Tee();
  Tee(const Tee&) = delete;
  Tee& operator=(const Tee&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::vector<Exchange> exchanges() const;

 private:
  void serve();
  void pass(int client);

  HttpServer exporter_;
  std::string accept_;
  os::UniqueFd listener_;
  os::UniqueFd stop_;  ///< an eventfd
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;  ///< guards exchanges_
  std::vector<Exchange> exchanges_;
  std::thread thread_;
};

}  // namespace wgscope::test
