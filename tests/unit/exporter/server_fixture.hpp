#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "exporter/http/server.hpp"
#include "http.hpp"

namespace wgscope::exporter::http {

/// The port at the end of a server's URL.
inline std::uint16_t port_of(std::string_view url) {
  std::uint16_t port = 0;
  url.remove_prefix(url.rfind(':') + 1);
  std::from_chars(url.data(), url.data() + url.size(), port);
  return port;
}

/// A server on a free port of the loopback.
class ServerTest : public ::testing::Test {
 protected:
  /// An answer as on_answered tells it.
  struct Answered {
    std::string path;
    int status = 0;
    friend bool operator==(const Answered&, const Answered&) = default;
  };

  void serve(std::map<std::string, Handler, std::less<>> routes) {
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.routes = std::move(routes);
    options.on_answered = [this](std::string_view path, int status, double seconds) {
      const std::lock_guard lock(mutex_);
      answered_.push_back({std::string(path), status});
      EXPECT_GE(seconds, 0);
    };
    auto started = Server::start(std::move(options));
    ASSERT_TRUE(started) << started.error().context;
    server_ = std::move(*started);
    ASSERT_EQ(server_->urls().size(), 1U);
    at_ = {port_of(server_->urls()[0])};
    ASSERT_NE(at_.port, 0);
  }

  test::HttpResponse ask(const std::string& path, const std::string& method = "GET",
                         std::vector<test::HttpHeader> headers = {}) const {
    return test::http(at_, {path, method, std::move(headers)});
  }

  std::vector<Answered> answered() {
    const std::lock_guard lock(mutex_);
    return answered_;
  }

  test::HttpServer at_;

 private:
  std::mutex mutex_;
  std::vector<Answered> answered_;

 protected:
  std::unique_ptr<Server> server_;  ///< last: its threads use the rest
};

}  // namespace wgscope::exporter::http
