#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"

#include "certificates.hpp"
#include "exporter/http/server.hpp"
#include "exporter/http/turnstile.hpp"
#include "exporter/http/web_access.hpp"
#include "files.hpp"
#include "http.hpp"
#include "https.hpp"
#include "server_fixture.hpp"
#include "temp_dir.hpp"

namespace wgscope::exporter::http {

/// Made once: an RSA key takes a while.
struct Certificates {
  test::Certificate server = test::make_certificate({.rsa = true});
  test::Certificate other = test::make_certificate({.name = "other"});
  test::Certificate client = test::make_certificate({.name = "client", .sans = {}});
  test::Certificate test3 = test::make_certificate({.name = "client2", .sans = {"DNS:test3"}});
  test::Certificate expired = test::make_certificate({.name = "old", .days = -1});
};
inline const Certificates& certificates() {
  static const Certificates all;
  return all;
}

inline constexpr std::string_view kTls =
    "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

class WebAccessTest : public testing::Test {
 protected:
  WebAccessTest() {
    put("server.crt", certificates().server.certificate);
    put("server.key", certificates().server.key);
    put("client.crt", certificates().client.certificate);
    put("client2.crt", certificates().test3.certificate);
  }

  void put(const std::string& name, std::string_view text) const {
    test::write_file(folder_ / (name + ".new"), text);
    std::filesystem::rename(folder_ / (name + ".new"), folder_ / name);
  }
  void configure(std::string_view text) const { put("web.yml", text); }

  WebAccess::Opened open() {
    return WebAccess::open((folder_ / "web.yml").string(),
                           {.on_warning =
                                [this](const std::string& message) {
                                  const std::lock_guard lock(mutex_);
                                  warnings_.push_back(message);
                                },
                            .on_read =
                                [this](bool good) {
                                  const std::lock_guard lock(mutex_);
                                  readings_.push_back(good);
                                },
                            .on_failed_login =
                                [this](const IpAddress& from, std::string_view why) {
                                  const std::lock_guard lock(mutex_);
                                  logins_.push_back(from.to_string() + ": " + std::string(why));
                                }});
  }
  void serve(std::string_view text) {
    configure(text);
    auto opened = open();
    ASSERT_THAT(opened.problems, testing::IsEmpty());
    access_ = std::move(opened.access);
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.limits = limits_;
    if (access_->speaks_tls()) options.tls = [this] { return access_->tls(); };
    options.admit = [this](const Request& request, Response& response) {
      return access_->admit(request, response);
    };
    options.door_events.on_refused = [this](Refusal reason) {
      const std::lock_guard lock(mutex_);
      ++refused_[reason];
    };
    options.door_events.on_bad_handshake = [this](const IpAddress& from, std::string_view why) {
      const std::lock_guard lock(mutex_);
      handshakes_.push_back(from.to_string() + ": " + std::string(why));
    };
    options.routes = {
        {"/",
         [](const Request&, Response& response) { respond(response, 200, "text/plain", "hello"); }},
        {"/large", [](const Request&, Response& response) {
           const std::string piece(300'000, 'x');
           for (int i = 0; i < 20; ++i) response.write(piece);
           response.finish();
         }}};
    auto started = Server::start(std::move(options));
    ASSERT_TRUE(started) << started.error().context;
    server_ = std::move(*started);
    at_ = {port_of(server_->urls()[0])};
  }

  [[nodiscard]] test::HttpsAnswer ask(const test::HttpsOptions& options = {},
                                      std::vector<test::HttpHeader> headers = {}) const {
    return test::https(at_, {"/", "GET", std::move(headers)}, options);
  }
  /// The status of an answer over TLS; what went wrong instead is the test's failure.
  [[nodiscard]] int status(const test::HttpsOptions& options = {},
                           std::vector<test::HttpHeader> headers = {}) const {
    const test::HttpsAnswer answer = ask(options, std::move(headers));
    EXPECT_TRUE(answer.response) << answer.failure;
    return answer.response ? answer.response->status : 0;
  }
  [[nodiscard]] int plain_status(std::vector<test::HttpHeader> headers = {}) const {
    return test::http(at_, {"/", "GET", std::move(headers)}).status;
  }

  std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }
  std::vector<bool> readings() {
    const std::lock_guard lock(mutex_);
    return readings_;
  }
  /// What was said of handshakes that failed, and of logins.
  std::vector<std::string> handshakes() {
    const std::lock_guard lock(mutex_);
    return handshakes_;
  }
  std::vector<std::string> logins() {
    const std::lock_guard lock(mutex_);
    return logins_;
  }
  int refused(Refusal reason) {
    const std::lock_guard lock(mutex_);
    return refused_[reason];
  }

  test::TempDir folder_;
  test::HttpServer at_;
  TurnstileLimits limits_;

 private:
  std::mutex mutex_;
  std::vector<std::string> warnings_;
  std::vector<bool> readings_;
  std::vector<std::string> handshakes_;
  std::vector<std::string> logins_;
  std::map<Refusal, int> refused_;

 protected:
  std::unique_ptr<WebAccess> access_;
  std::unique_ptr<Server> server_;  ///< last: its threads use the rest
};

inline const std::string kVerified = std::string(kTls) +
                                     "  client_auth_type: RequireAndVerifyClientCert\n"
                                     "  client_ca_file: client.crt\n";

}  // namespace wgscope::exporter::http
