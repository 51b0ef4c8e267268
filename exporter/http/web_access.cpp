#include "exporter/http/web_access.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/file.hpp"

#include "exporter/file_stamp.hpp"
#include "exporter/http/credentials.hpp"
#include "exporter/http/logins.hpp"
#include "exporter/http/server.hpp"
#include "exporter/http/tls_context.hpp"
#include "exporter/http/web_config.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;

/// One of the files, as it was when it was last looked at.
struct Watched {
  std::string path;
  std::optional<FileStamp> stamp;  ///< nothing: it was not there, or out of reach
};

std::optional<FileStamp> look_at(const std::string& path) {
  const auto stamp = stamp_of(path);
  return stamp ? std::optional(*stamp) : std::nullopt;
}

/// What holds until the files change; never changed once made.
struct Rules {
  WebConfig config;
  TlsContext tls;  ///< nothing: plain HTTP
};

struct Reading {
  std::shared_ptr<const Rules> rules;  ///< nothing if there are problems
  std::vector<std::string> problems;
  std::vector<std::string> warnings;
  std::vector<Watched> files;  ///< that the configuration names, from before they were read
};

std::string in_words(const std::string& path, const WebConfigProblem& problem) {
  return problem.line == 0
             ? fmt::format("{}: {}", path, problem.text)
             : fmt::format("{}:{}:{}: {}", path, problem.line, problem.column, problem.text);
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

Reading read_rules(const std::string& path) {
  Reading reading;
  const auto text = os::read_secret_file(path, kMaxWebConfig);
  if (!text) {
    reading.problems.push_back(fmt::format("{}: {}", path, text.error().context));
    return reading;
  }
  WebConfigRead read = parse_web_config(text->text());
  for (const auto& problem : read.errors) reading.problems.push_back(in_words(path, problem));
  for (const auto& problem : read.warnings) reading.warnings.push_back(in_words(path, problem));
  if (!read.config) return reading;
  auto rules = std::make_shared<Rules>();
  rules->config = std::move(*read.config);
  if (rules->config.tls) {
    const std::string folder = folder_of(path);
    for (const std::string& file : tls_files(*rules->config.tls, folder))
      reading.files.push_back({file, look_at(file)});
    TlsContextMade made = make_tls_context(*rules->config.tls, folder);
    for (const std::string& problem : made.problems)
      reading.problems.push_back(fmt::format("{}: {}", path, problem));
    if (!made.context) return reading;
    rules->tls = std::move(made.context);
    rules->config.tls.reset();  // its texts may be keys, and are not needed any more
  }
  reading.rules = std::move(rules);
  return reading;
}

/// A bucket of requests (RateLimit).
class Bucket {
 public:
  explicit Bucket(const RateLimit& limit) : limit_(limit), level_(limit.interval * limit.burst) {}

  bool take(Instant now) {
    if (limit_.interval == Nanoseconds(0)) return true;
    level_ = std::min(limit_.interval * limit_.burst, level_ + (now - last_));
    last_ = now;
    if (level_ < limit_.interval) return false;
    level_ -= limit_.interval;
    return true;
  }

 private:
  RateLimit limit_;
  Nanoseconds level_;
  Instant last_;
};

}  // namespace

class WebAccess::Impl {
 public:
  Impl(std::string path, Events events) : path_(std::move(path)), events_(std::move(events)) {}

  std::vector<std::string> start();
  [[nodiscard]] bool speaks_tls() const { return speaks_tls_; }
  std::shared_ptr<const Rules> rules();
  bool admit(const Request& request, Response& response);

 private:
  bool look();
  Reading read();

  const std::string path_;
  const Events events_;
  bool speaks_tls_ = false;
  Logins logins_;

  std::mutex mutex_;              ///< guards what follows
  std::vector<Watched> watched_;  ///< first the configuration itself
  std::shared_ptr<const Rules> rules_;
  std::optional<Bucket> bucket_;
};

/// Whether a file has changed since the last time.
bool WebAccess::Impl::look() {
  bool changed = false;
  for (Watched& watched : watched_) {
    const auto stamp = look_at(watched.path);
    changed = changed || stamp != watched.stamp;
    watched.stamp = stamp;
  }
  return changed;
}

/// The stamps are from before the reading, so that what changes meanwhile is read again.
Reading WebAccess::Impl::read() {
  Reading reading = read_rules(path_);
  for (const std::string& warning : reading.warnings) events_.on_warning(warning);
  // While the file cannot be read, those that it named before are watched.
  if (!reading.files.empty() || reading.rules) {
    watched_.resize(1);
    std::ranges::copy(reading.files, std::back_inserter(watched_));
  }
  events_.on_read(reading.rules != nullptr);
  return reading;
}

std::vector<std::string> WebAccess::Impl::start() {
  const std::lock_guard lock(mutex_);
  watched_ = {{path_, look_at(path_)}};
  Reading reading = read();
  if (!reading.rules) return std::move(reading.problems);
  rules_ = std::move(reading.rules);
  speaks_tls_ = rules_->tls != nullptr;
  bucket_.emplace(rules_->config.rate_limit);
  return {};
}

std::shared_ptr<const Rules> WebAccess::Impl::rules() {
  const std::lock_guard lock(mutex_);
  if (!look()) return rules_;
  Reading reading = read();
  if (reading.rules && (reading.rules->tls != nullptr) != speaks_tls_) {
    reading.problems.push_back(
        fmt::format("{}: TLS can only be switched on or off by a restart", path_));
    reading.rules = nullptr;
    events_.on_read(false);
  }
  for (const std::string& problem : reading.problems)
    events_.on_warning(
        fmt::format("the web configuration cannot be used, the last good one stays: {}", problem));
  if (reading.rules) rules_ = std::move(reading.rules);
  return rules_;
}

bool WebAccess::Impl::admit(const Request& request, Response& response) {
  constexpr std::string_view kPlain = "text/plain; charset=utf-8";
  const std::shared_ptr<const Rules> rules = this->rules();
  const bool in_time = [&] {
    const std::lock_guard lock(mutex_);
    return bucket_->take(os::boot_now());
  }();
  const auto refuse = [&](int status, std::string_view text) {
    respond(response, status, kPlain, text);
    return false;
  };
  if (!in_time) return refuse(429, "429 too many requests\n");
  for (const auto& [name, value] : rules->config.headers)
    if (name != "X-Content-Type-Options") response.set_header(name, value);  // is always there
  if (rules->config.users.empty()) return true;
  const auto credentials = read_credentials(request.header("Authorization"));
  const auto verdict = credentials
                           ? logins_.check(rules->config.users, *credentials, request.client)
                           : Logins::Verdict::rejected;
  switch (verdict) {
    case Logins::Verdict::accepted: return true;
    case Logins::Verdict::busy:
      response.set_header("Retry-After", "10");
      return refuse(503, "503 too many logins at once\n");
    case Logins::Verdict::limited:
      events_.on_failed_login(request.client, "too many failed logins from this address");
      response.set_header("Retry-After", "60");
      return refuse(429, "429 too many failed logins from this address\n");
    case Logins::Verdict::rejected: break;
  }
  if (credentials) events_.on_failed_login(request.client, "wrong user or password");
  response.set_header("WWW-Authenticate", "Basic");
  return refuse(401, "Unauthorized\n");
}

WebAccess::WebAccess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebAccess::~WebAccess() = default;

WebAccess::Opened WebAccess::open(const std::string& path, Events events) {
  auto impl = std::make_unique<Impl>(path, std::move(events));
  if (auto problems = impl->start(); !problems.empty()) return {nullptr, std::move(problems)};
  return {std::unique_ptr<WebAccess>(new WebAccess(std::move(impl))), {}};
}

std::vector<std::string> WebAccess::files_of(const std::string& path) {
  std::vector<std::string> files{path};
  const auto text = os::read_secret_file(path, kMaxWebConfig);
  if (!text) return files;
  const WebConfigRead read = parse_web_config(text->text());
  if (!read.config || !read.config->tls) return files;
  for (std::string& file : tls_files(*read.config->tls, folder_of(path)))
    files.push_back(std::move(file));
  return files;
}

bool WebAccess::speaks_tls() const { return impl_->speaks_tls(); }

TlsContext WebAccess::tls() { return impl_->rules()->tls; }

bool WebAccess::admit(const Request& request, Response& response) {
  return impl_->admit(request, response);
}

}  // namespace wgscope::exporter::http
