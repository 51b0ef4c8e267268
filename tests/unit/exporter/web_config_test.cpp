// What the file of --web.config.file may say. Rows with a letter and a number are those of
// exporter-toolkit's own tests.

#include "exporter/http/web_config.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bcrypt_hash.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

std::vector<std::string> errors_of(std::string_view text) {
  std::vector<std::string> errors;
  for (const auto& problem : parse_web_config(text).errors)
    errors.push_back(fmt::format("{}:{}: {}", problem.line, problem.column, problem.text));
  return errors;
}

WebConfig config_of(std::string_view text) {
  WebConfigRead read = parse_web_config(text);
  for (const auto& problem : read.errors) ADD_FAILURE() << problem.line << ": " << problem.text;
  return read.config ? std::move(*read.config) : WebConfig{};
}

struct Refused {
  std::string row;
  std::string text;
  std::string error;  ///< is in one of the errors
};

class WebConfigRefused : public testing::TestWithParam<Refused> {};

TEST_P(WebConfigRefused, SaysWhy) {
  EXPECT_THAT(errors_of(GetParam().text), testing::Contains(HasSubstr(GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, WebConfigRefused,
    testing::Values(
        Refused{"A3", "some random words\n", "1:1: the file: expected fields and values"},
        Refused{"A4", "tls_server_config:\n  cert_filse: x\n",
                "2:3: tls_server_config: unknown field: did you mean 'cert_file'?"},
        Refused{"A5", "tls_server_config: {cert_file: \"\", key_file: s.key}",
                "missing one of cert or cert_file"},
        Refused{"A6", "tls_server_config: {cert: \"\", key_file: s.key}",
                "missing one of cert or cert_file"},
        Refused{"A7", "tls_server_config: {cert_file: s.crt, key_file: \"\"}",
                "missing one of key or key_file"},
        Refused{"A8", "tls_server_config: {cert_file: s.crt, key: \"\"}",
                "missing one of key or key_file"},
        Refused{"A9", "tls_server_config: {cert_file: \"\", key_file: \"\", client_auth_type: x}",
                "missing one of cert or cert_file"},
        Refused{"A9_type", "tls_server_config: {client_auth_type: x}", "invalid client_auth_type"},
        Refused{"A13", "tls_server_config: {cert_file: a, key_file: b, client_ca_file: /dev/null}",
                "client CA's have been configured without a Client Auth Policy"},
        Refused{"A15", "basic_auth_users: {john: doe}",
                "1:26: basic_auth_users: the hash is too short"},
        Refused{
            "A16",
            "tls_server_config:\n  cipher_suites:\n    - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048",
            "3:7: unknown cipher: did you mean 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'?"},
        Refused{"A17", "tls_server_config: {curve_preferences: [CurveP257]}", "unknown curve"},
        Refused{"A18", "tls_server_config: {min_version: TLS111}", "unknown TLS version"},
        Refused{"B18", "http_server_config: {headers: {X-Content-Type-Options: sniff}}",
                "invalid value for X-Content-Type-Options: expected nosniff"},
        Refused{"B19", "http_server_config: {headers: {X-Frame-Options: foo}}",
                "invalid value for X-Frame-Options: expected deny or sameorigin"},
        Refused{"B20", "http_server_config: {headers: {Content-Type: x}}", "can not be configured"},
        Refused{"HeaderInAnotherCase", "http_server_config: {headers: {x-frame-options: deny}}",
                "can not be configured"},
        Refused{"HeaderWithALineBreak",
                "http_server_config: {headers: {X-XSS-Protection: \"1\\r\\nX: y\"}}",
                "control character"},
        Refused{"OnlyACa", "tls_server_config: {client_ca_file: x}",
                "missing one of cert or cert_file"},
        Refused{"OnlyAnAuthType", "tls_server_config: {client_auth_type: NoClientCert}",
                "missing one of cert or cert_file"},
        Refused{"VersionsCrossed",
                "tls_server_config: {cert: a, key: b, min_version: TLS13, max_version: TLS12}",
                "min_version is above max_version"},
        Refused{"KeyTwice",
                "http_server_config: {}\nbasic_auth_users: {}\nhttp_server_config: {}\n",
                "3:1: the file: this field is given twice"},
        Refused{"UserTwice", "basic_auth_users: {a: x, a: x}", "this field is given twice"},
        Refused{"NotYaml", "a: [1, 2\nb: }", "not YAML"},
        Refused{"TwoDocuments", "---\nrate_limit: {}\n---\nrate_limit: {}\n",
                "second YAML document"},
        Refused{"TextForMap", "tls_server_config: on", "expected fields and values"},
        Refused{"MapForText", "tls_server_config: {cert_file: {a: b}}", "expected text"},
        Refused{"TextForList", "tls_server_config: {cipher_suites: x}", "expected a list"},
        Refused{"NoFlag", "http_server_config: {http2: maybe}", "expected true or false"},
        Refused{"NoDuration", "rate_limit: {interval: soon}", "expected a duration"},
        Refused{"NoNumber", "rate_limit: {burst: -1}", "expected a number of requests"}),
    [](const auto& row) { return row.param.row; });

TEST(WebConfig, A2AnEmptyFileIsPlainHttpForEverybody) {
  for (const char* text : {"", "\n# nothing\n", "tls_server_config:\n", "{}"}) {
    const WebConfig config = config_of(text);
    EXPECT_FALSE(config.tls) << text;
    EXPECT_THAT(config.users, IsEmpty()) << text;
  }
}

TEST(WebConfig, DSettingsAloneDoNotSwitchTlsOn) {
  EXPECT_FALSE(config_of("tls_server_config: {min_version: TLS12, "
                         "prefer_server_cipher_suites: false}")
                   .tls);
}

TEST(WebConfig, DFilesOrTextsSwitchItOn) {
  const auto files = config_of("tls_server_config: {cert_file: a.crt, key_file: a.key}").tls;
  ASSERT_TRUE(files);
  EXPECT_EQ(files->certificate.file, "a.crt");
  EXPECT_EQ(files->key.file, "a.key");
  const auto texts = config_of("tls_server_config:\n  cert: |\n    A\n  key: |\n    B\n").tls;
  ASSERT_TRUE(texts);
  EXPECT_EQ(texts->certificate.text, "A\n");
  EXPECT_TRUE(config_of("tls_server_config: {cert_file: a, key: b}").tls);
}

TEST(WebConfig, ReadsEveryField) {
  const std::string hash = test::bcrypt_of("x");
  const WebConfig config = config_of(fmt::format(R"(
tls_server_config:
  cert_file: a
  key_file: b
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: c
  client_allowed_sans: [one, "2"]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP521, X25519]
http_server_config:
  http2: false
  headers:
    X-XSS-Protection: 1
    X-Frame-Options: deny
basic_auth_users:
  alice: {0}
rate_limit:
  interval: 500ms
  burst: 7
)",
                                                 hash));
  ASSERT_TRUE(config.tls);
  EXPECT_EQ(config.tls->client_auth, ClientAuth::require_and_verify);
  EXPECT_EQ(config.tls->client_ca.file, "c");
  EXPECT_THAT(config.tls->client_allowed_sans, ElementsAre("one", "2"));
  EXPECT_EQ(config.tls->min_version, TlsVersion::tls12);
  EXPECT_THAT(config.tls->ciphers, ElementsAre("ECDHE-RSA-AES256-GCM-SHA384"));
  EXPECT_FALSE(config.tls->prefer_server_ciphers);
  EXPECT_THAT(config.tls->groups, ElementsAre("P-521", "X25519"));
  EXPECT_THAT(config.headers,
              ElementsAre(Pair("X-XSS-Protection", "1"), Pair("X-Frame-Options", "deny")));
  EXPECT_THAT(config.users, ElementsAre(Pair("alice", hash)));
  EXPECT_EQ(config.rate_limit, (RateLimit{500ms, 7}));
}

TEST(WebConfig, ListsAllThatIsWrong) {
  EXPECT_THAT(errors_of("tls_server_config:\n  min_version: TLS9\n  nonsense: 1\n"
                        "basic_auth_users:\n  john: doe\nrate: 1\n"),
              ElementsAre(HasSubstr("2:16: unknown TLS version"),
                          HasSubstr("3:3: tls_server_config: unknown field"),
                          HasSubstr("5:9: basic_auth_users: the hash is too short"),
                          HasSubstr("6:1: the file: unknown field")));
}

TEST(WebConfig, RaisesOldVersionsWithAWarning) {
  const auto read = parse_web_config("tls_server_config: {cert: a, key: b, min_version: TLS10}");
  ASSERT_TRUE(read.config);
  EXPECT_EQ(read.config->tls->min_version, TlsVersion::tls12);
  ASSERT_THAT(read.warnings, SizeIs(1));
  EXPECT_THAT(read.warnings[0].text, HasSubstr("TLS 1.2 is used instead"));
}

TEST(WebConfig, WarnsOfNamesThatClientsMakeUp) {
  for (const auto& [type, warned] :
       {std::pair("RequireAnyClientCert", true), std::pair("RequestClientCert", true),
        std::pair("VerifyClientCertIfGiven", false)}) {
    const auto read = parse_web_config(fmt::format(
        "tls_server_config: {{cert: a, key: b, client_auth_type: {}, client_allowed_sans: [x]}}",
        type));
    EXPECT_EQ(read.warnings.size(), warned ? 1U : 0U) << type;
  }
}

TEST(WebConfig, WarnsOfSlowHashesAndUsersThatCannotLogIn) {
  std::string slow = test::bcrypt_of("x");
  slow.replace(4, 2, "18");
  EXPECT_THAT(parse_web_config("basic_auth_users: {bob: " + slow + "}").warnings, SizeIs(1));
  EXPECT_THAT(
      parse_web_config("basic_auth_users: {\"a:b\": " + test::bcrypt_of("x") + "}").warnings,
      SizeIs(1));
}

TEST(WebConfig, WithSuitesOfTls13AloneNobodyGetsTls12) {
  EXPECT_EQ(
      config_of("tls_server_config: {cert: a, key: b, cipher_suites: [TLS_AES_128_GCM_SHA256]}")
          .tls->min_version,
      TlsVersion::tls13);
}

TEST(WebConfig, RepeatsNothingThatMayBeSecret) {
  const std::string secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0";
  for (const std::string& text :
       {secret, secret + ": x", "tls_server_config: {" + secret + ": x}",
        "tls_server_config: {min_version: " + secret + "}",
        "tls_server_config: {client_auth_type: " + secret + "}",
        "tls_server_config: {cipher_suites: [" + secret + "]}",
        "http_server_config: {headers: {" + secret + ": x}}",
        "http_server_config: {http2: " + secret + "}", "basic_auth_users: {x: " + secret + "}",
        "rate_limit: {interval: " + secret + "}", "a: *" + secret, "a: !" + secret + " {"}) {
    const auto errors = errors_of(text);
    EXPECT_THAT(errors, Not(IsEmpty())) << text;
    EXPECT_THAT(errors, testing::Each(Not(HasSubstr(secret.substr(0, 12)))));
  }
}

TEST(WebConfig, RefusesAFileThatIsTooLargeOrTooDeep) {
  EXPECT_THAT(errors_of(std::string(kMaxWebConfig + 1, '#')), SizeIs(1));
  EXPECT_THAT(errors_of(std::string(100'000, '[')), SizeIs(1));
}

}  // namespace
}  // namespace wgscope::exporter::http
