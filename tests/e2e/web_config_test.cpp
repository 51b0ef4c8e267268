// A real Prometheus scrapes the exporter over TLS, with a certificate of its own and a login.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bcrypt_hash.hpp"
#include "certificates.hpp"
#include "exporter.hpp"
#include "files.hpp"
#include "https.hpp"
#include "need.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kPassword = "correct horse";

class WebConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_prometheus());
    put("server", server_);
    put("client", client_);
    put("stranger", make_certificate({.name = "stranger"}));
    write_file(folder_ / "web.yml", fmt::format(R"(
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: client.crt
  client_allowed_sans: [prometheus.example]
basic_auth_users:
  prometheus: {}
)",
                                                bcrypt_of(std::string(kPassword), 10)));
    exporter_ = std::make_unique<Exporter>(
        ExporterOptions{.flags = {"--uapi.dir=" + folder_.path().string(), "--no-collector.netlink",
                                  "--web.config.file=" + (folder_ / "web.yml").string()}});
  }

  void put(const std::string& name, const Certificate& certificate) const {
    for (const auto& [end, text] :
         {std::pair(".crt", &certificate.certificate), std::pair(".key", &certificate.key)}) {
      write_file(folder_ / "new", *text);
      std::filesystem::rename(folder_ / "new", folder_ / (name + end));
    }
  }

  [[nodiscard]] std::string job(const std::string& name, const std::string& certificate,
                                std::string_view password) const {
    return fmt::format(R"(  - job_name: {}
    scheme: https
    tls_config: {{ca_file: {}/server.crt, server_name: localhost{}}}
    basic_auth: {{username: prometheus, password: {}}}
    static_configs: [{{targets: ['127.0.0.1:{}']}}]
)",
                       name, folder_.path().string(),
                       certificate.empty()
                           ? ""
                           : fmt::format(", cert_file: {0}/{1}.crt, key_file: {0}/{1}.key",
                                         folder_.path().string(), certificate),
                       password, exporter_->server().port);
  }

  /// Why Prometheus' last scrape of a job failed; "up" if it did not.
  [[nodiscard]] static std::string health(const Prometheus& prometheus, const std::string& job) {
    const nlohmann::json targets = prometheus.get("targets?state=active");
    for (const nlohmann::json& target : targets.at("activeTargets"))
      if (target.at("labels").at("job") == job)
        return target.at("health") == "up" ? "up" : target.at("lastError").get<std::string>();
    return "";
  }
  static void expect_health(const Prometheus& prometheus, const std::string& job,
                            std::string_view expected) {
    std::string seen;
    EXPECT_TRUE(wait_until(
        [&] {
          seen = health(prometheus, job);
          return seen.find(expected) != std::string::npos;
        },
        30s))
        << job << ": " << seen;
  }

  TempDir folder_;
  UapiServer tunnel_{folder_ / "wg0.sock", {uapi_answer(3)}};
  Certificate server_ = make_certificate({.rsa = true});
  Certificate client_ = make_certificate({.name = "p", .sans = {"DNS:prometheus.example"}});
  std::unique_ptr<Exporter> exporter_;
};

TEST_F(WebConfigTest, PrometheusScrapesWithCertificateAndLoginAndNotWithout) {
  const Prometheus prometheus(
      "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n" +
      job("right", "client", kPassword) + job("no_certificate", "", kPassword) +
      job("stranger", "stranger", kPassword) + job("wrong_password", "client", "guess"));
  expect_health(prometheus, "right", "up");
  expect_health(prometheus, "no_certificate", "tls:");
  expect_health(prometheus, "stranger", "tls:");
  expect_health(prometheus, "wrong_password", "401");
  ASSERT_TRUE(wait_until(
      [&] { return prometheus.query("wireguard_interface_peers{job=\"right\"} == 3").size() == 1; },
      30s));
  EXPECT_EQ(
      prometheus.query("wireguard_exporter_web_config_last_reload_success{job=\"right\"} == 1")
          .size(),
      1U);
  EXPECT_EQ(prometheus.query("max_over_time(up{job!=\"right\"}[1h]) > 0").size(), 0U);
  EXPECT_EQ(prometheus.query("min_over_time(up{job=\"right\"}[1h]) < 1").size(), 0U);
  // Nothing of a login is in the log.
  EXPECT_THAT(exporter_->log(),
              HasSubstr("refused a login\" from=\"127.0.0.1\" reason=\"wrong user or password\""));
  EXPECT_THAT(exporter_->log(), Not(HasSubstr(std::string(kPassword))));
  EXPECT_THAT(exporter_->log(), Not(HasSubstr("guess")));
  EXPECT_THAT(exporter_->log(), Not(HasSubstr("$2")));
  for (const char* reason :
       {"the client showed no certificate", "no CA of client_ca signed the client's certificate"})
    EXPECT_THAT(exporter_->log(),
                HasSubstr(fmt::format("refused a TLS connection\" from=\"127.0.0.1\" reason=\"{}\"",
                                      reason)));
}

/// The ports from which clients are connected to a port of 127.0.0.1.
std::vector<std::string> clients_of(std::uint16_t port) {
  std::vector<std::string> found;
  std::ifstream connections("/proc/net/tcp");
  const std::regex wanted(
      fmt::format(" 0100007F:[0-9A-F]{{4}} 0100007F:{:04X} 01 ", port));  // 01: established
  for (std::string line; std::getline(connections, line);)
    if (std::smatch match; std::regex_search(line, match, wanted)) found.push_back(match.str());
  return found;
}

/// A handshake costs as much as a scrape of hundreds of peers.
TEST_F(WebConfigTest, PrometheusKeepsItsConnection) {
  const Prometheus prometheus(
      "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n" +
      job("right", "client", kPassword));
  const auto scrapes = [&](int count) {
    return wait_until(
        [&] {
          return prometheus.query(fmt::format("count_over_time(up[1h]) >= {}", count)).size() == 1;
        },
        30s);
  };
  ASSERT_TRUE(scrapes(2));
  const std::vector<std::string> first = clients_of(exporter_->server().port);
  EXPECT_EQ(first.size(), 1U);
  ASSERT_TRUE(scrapes(6));
  EXPECT_EQ(clients_of(exporter_->server().port), first);
  EXPECT_EQ(prometheus.query("min_over_time(up[1h]) == 1").size(), 1U);
}

/// As when a certificate is renewed: Prometheus reads its CA file again as well.
TEST_F(WebConfigTest, PrometheusGoesOnAcrossANewCertificate) {
  const Prometheus prometheus(
      "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n" +
      job("right", "client", kPassword));
  expect_health(prometheus, "right", "up");
  put("server", make_certificate());
  const HttpsOptions pinned{.own = client_, .trusted = server_.certificate};
  EXPECT_THAT(https(exporter_->server(), {}, pinned).failure,
              HasSubstr("certificate verify failed"));
  ASSERT_TRUE(wait_until(
      [&] { return prometheus.query("count_over_time(up[3s]) >= 3 and up == 1").size() == 1; },
      30s));
  // A key that does not fit keeps the last good pair, and says so.
  write_file(folder_ / "server.key", server_.key);
  ASSERT_TRUE(wait_until(
      [&] {
        return prometheus.query("wireguard_exporter_web_config_last_reload_success == 0").size() ==
               1;
      },
      30s));
  EXPECT_EQ(health(prometheus, "right"), "up");
  EXPECT_THAT(exporter_->log(), HasSubstr("the last good one stays"));
}

}  // namespace
}  // namespace wgscope::test
