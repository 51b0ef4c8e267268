// Files of --web.config.file that cannot be used or change, and users. Rows with a letter and a number
// are those of exporter-toolkit's own tests.

#include "exporter/http/web_access.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bcrypt_hash.hpp"
#include "http.hpp"
#include "https.hpp"
#include "web_fixture.hpp"

namespace wgscope::exporter::http {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Files that cannot be used.

class BadFiles : public WebAccessTest {
 protected:
  std::vector<std::string> problems(std::string_view text) {
    configure(text);
    return open().problems;
  }
};

TEST_F(BadFiles, A1NoConfiguration) {
  EXPECT_THAT(open().problems, Contains(HasSubstr("web.yml: open: No such file")));
}

TEST_F(BadFiles, A10To12NoCertificateOrKey) {
  EXPECT_THAT(problems("tls_server_config: {cert_file: no.crt, key_file: server.key}"),
              testing::ElementsAre(HasSubstr("/no.crt: open: No such file")));
  EXPECT_THAT(problems("tls_server_config: {cert_file: server.crt, key_file: no.key}"),
              testing::ElementsAre(HasSubstr("/no.key: open: No such file")));
  EXPECT_THAT(problems("tls_server_config: {cert_file: no.crt, key_file: no.key}"),
              testing::ElementsAre(HasSubstr("cert_file"), HasSubstr("key_file")));
}

TEST_F(BadFiles, A14NoClientCa) {
  EXPECT_THAT(problems(std::string(kTls) + "  client_ca_file: no.crt\n"
                                           "  client_auth_type: VerifyClientCertIfGiven\n"),
              Contains(HasSubstr("client_ca_file")));
}

TEST_F(BadFiles, AKeyThatBelongsToAnotherCertificate) {
  put("server.key", certificates().other.key);
  EXPECT_THAT(problems(kTls), Contains(HasSubstr("does not belong to the certificate")));
}

TEST_F(BadFiles, FilesWithoutPemAndKeysWithAPassphrase) {
  put("server.crt", "nothing");
  EXPECT_THAT(problems(kTls), Contains(HasSubstr("no certificate in PEM format")));
  put("server.crt", certificates().server.key);
  EXPECT_THAT(problems(kTls), Contains(HasSubstr("no certificate in PEM format")));
  put("server.crt", certificates().server.certificate.substr(0, 500));
  EXPECT_THAT(problems(kTls), Not(IsEmpty()));
  put("server.crt", certificates().server.certificate);
  put("server.key",
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
  EXPECT_THAT(problems(kTls), Contains(HasSubstr("needs a passphrase")));
}

// Changes without a restart.

TEST_F(WebAccessTest, B27TheFileIsReadAgain) {
  serve(kVerified);
  EXPECT_FALSE(ask().response);
  configure(kTls);
  EXPECT_EQ(status(), 200);
  EXPECT_THAT(readings(), testing::ElementsAre(true, true));
}

TEST_F(WebAccessTest, CertificatesAreReadAgain) {
  serve(kTls);
  EXPECT_EQ(status({.trusted = certificates().server.certificate}), 200);
  put("server.crt", certificates().other.certificate);
  put("server.key", certificates().other.key);
  EXPECT_EQ(status({.trusted = certificates().other.certificate}), 200);
  EXPECT_THAT(ask({.trusted = certificates().server.certificate}).failure,
              HasSubstr("certificate verify failed"));
}

TEST_F(WebAccessTest, TheLastGoodFilesStayWhileTheNewOnesAreBroken) {
  serve(kTls);
  configure("tls_server_config: {cert_file: server.crt, key_file: server.key, nonsense: 1}");
  EXPECT_EQ(status({.trusted = certificates().server.certificate}), 200);
  EXPECT_EQ(status(), 200);
  EXPECT_THAT(readings(), testing::ElementsAre(true, false));
  EXPECT_THAT(warnings(), testing::ElementsAre(AllOf(HasSubstr("web.yml:1:"),
                                                     HasSubstr("the last good one stays"))));
  // Half of a new pair; then the other half.
  configure(kTls);
  put("server.crt", certificates().other.certificate);
  EXPECT_EQ(status({.trusted = certificates().server.certificate}), 200);
  EXPECT_EQ(readings().back(), false);
  put("server.key", certificates().other.key);
  EXPECT_EQ(status({.trusted = certificates().other.certificate}), 200);
  EXPECT_EQ(readings().back(), true);
  std::filesystem::remove(folder_ / "web.yml");
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(readings().back(), false);
}

TEST_F(WebAccessTest, TlsIsNotSwitchedOffByAnEmptyFile) {
  serve(kTls);
  configure("");
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(readings().back(), false);
  EXPECT_THAT(warnings(), Contains(HasSubstr("switched on or off by a restart")));
}

// Users.

class Users4 : public WebAccessTest {
 protected:
  /// alice's and dave's hashes are dear enough to tell a remembered login.
  void serve_users(std::string_view tls) {
    serve(fmt::format("{}basic_auth_users:\n  alice: {}\n  carol: {}\n  dave: {}\n", tls,
                      test::bcrypt_of("alice123", 6), test::bcrypt_of("carol123"),
                      test::bcrypt_of("dave123")));
  }
  static std::vector<test::HttpHeader> login(std::string_view user, std::string_view password) {
    return {{"Authorization", test::basic_login(user, password)}};
  }
};

TEST_F(Users4, C1And2OverPlainHttp) {
  serve_users("");
  const auto answer = test::http(at_, {"/"});
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.header("WWW-Authenticate"), "Basic");
  EXPECT_EQ(answer.body, "Unauthorized\n");
  EXPECT_EQ(plain_status(login("dave", "dave123")), 200);
}

TEST_F(Users4, C3To7OverTls) {
  serve_users(kTls);
  EXPECT_EQ(status(), 401);
  EXPECT_EQ(status({}, login("dave", "dave123")), 200);
  EXPECT_EQ(status({}, login("carol", "carol123")), 200);
  EXPECT_EQ(status({}, login("dave", "bad")), 401);
  EXPECT_EQ(status({}, login("nonexistent", "nonexistent")), 401);
}

TEST_F(Users4, C8ManyAtOnce) {
  serve_users("");
  EXPECT_EQ(plain_status(login("alice", "alice123")), 200);
  EXPECT_EQ(plain_status(login("alice", "bad")), 401);
  std::vector<std::jthread> clients;
  std::vector<int> right(30), wrong(30);
  for (std::size_t i = 0; i < right.size(); ++i) {
    clients.emplace_back([&, i] {
      for (int j = 0; j < 5; ++j) right[i] += plain_status(login("alice", "alice123"));
    });
    clients.emplace_back([&, i] {
      for (int j = 0; j < 5; ++j) wrong[i] += plain_status(login("alice", "bad"));
    });
  }
  clients.clear();
  EXPECT_THAT(right, Each(5 * 200));
  EXPECT_THAT(wrong, Each(5 * 401));
}

TEST_F(Users4, NulBytesDoNotEndAPassword) {
  using namespace std::string_view_literals;
  serve_users("");
  EXPECT_EQ(plain_status(login("dave", "dave123\0more"sv)), 401);
}

TEST_F(Users4, PathsThatAreNotThereAskForALoginToo) {
  serve_users("");
  EXPECT_EQ(test::http(at_, {"/none"}).status, 401);
  EXPECT_EQ(test::http(at_, {"/none", "GET", login("dave", "dave123")}).status, 404);
}

TEST_F(Users4, FailuresOfOneAddressAreLimitedAndLogged) {
  serve_users("");
  EXPECT_EQ(plain_status(login("dave", "dave123")), 200);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(plain_status(login("dave", fmt::format("secret{}", i))), 401);
  EXPECT_EQ(plain_status(login("dave", "another")), 429);
  EXPECT_EQ(plain_status(login("dave", "secret1")), 401);
  EXPECT_EQ(plain_status(login("dave", "dave123")), 200);
  EXPECT_THAT(logins(), testing::SizeIs(12));
  EXPECT_THAT(logins(), Contains("127.0.0.1: too many failed logins from this address").Times(1));
  EXPECT_THAT(logins(), Contains("127.0.0.1: wrong user or password").Times(11));
}

TEST_F(Users4, AUserThatIsTakenOutIsOutAtOnce) {
  serve_users("");
  EXPECT_EQ(plain_status(login("dave", "dave123")), 200);
  configure("basic_auth_users: {alice: " + test::bcrypt_of("alice123") + "}");
  EXPECT_EQ(plain_status(login("dave", "dave123")), 401);
}

// The rate limit.

TEST_F(WebAccessTest, B25And26RateLimits) {
  serve("rate_limit: {interval: 0, burst: 0}");
  for (int i = 0; i < 11; ++i) EXPECT_EQ(plain_status(), 200);
}

TEST_F(WebAccessTest, B26ABurstOf0RefusesEverything) {
  serve(
      "rate_limit: {interval: 1s, burst: 0}\nhttp_server_config: {headers: {X-Frame-Options: "
      "deny}}");
  const auto answer = test::http(at_, {"/"});
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.header("X-Frame-Options"), std::nullopt);
  EXPECT_THAT(warnings(), Contains(HasSubstr("refuses every request")));
}

TEST_F(WebAccessTest, ABurstAndThenNoMore) {
  serve("rate_limit: {interval: 1h, burst: 3}");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(plain_status(), 200);
  EXPECT_EQ(plain_status(), 429);
}

}  // namespace
}  // namespace wgscope::exporter::http
