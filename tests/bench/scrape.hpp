#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/os/unique_fd.hpp"

#include "exporter/http/openssl_handles.hpp"

// Scrapers that only receive, so that what is measured is the server: one that keeps or parses what
// it gets takes several times as long as the exporter, and its processor's cache.
namespace wgscope::bench {

struct ScrapeRequest {
  std::string_view path = "/metrics";
  bool gzip = false;
  std::chrono::seconds patience{60};  ///< for each piece of the answer
};

/// One GET over a new connection. @returns how many bytes came, HTTP's own included; throws unless
/// it was a 200.
std::size_t scrape(std::uint16_t port, const ScrapeRequest& request = {});

/// The same over TLS; certificates are not verified.
class TlsScraper {
 public:
  TlsScraper();
  std::size_t scrape(std::uint16_t port, const ScrapeRequest& request = {}) const;
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

 private:
  openssl::Context context_;
};

/// Scrapes again and again on one connection, as Prometheus does.
class LastingScraper {
 public:
  /// Connects. @param tls  nullptr: plain HTTP.
  explicit LastingScraper(std::uint16_t port, const TlsScraper* tls = nullptr);
  /// As the function of this name; throws also if the server ends the connection.
  std::size_t scrape(const ScrapeRequest& request = {}) const;

 private:
  os::UniqueFd fd_;
  openssl::Session session_;
};

}  // namespace wgscope::bench
