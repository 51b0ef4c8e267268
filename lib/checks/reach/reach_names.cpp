#include "reach_names.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/resolve.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/inner/dns_client.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/wire/dns.hpp"

#include "checks/drive.hpp"
#include "checks/earlier.hpp"

namespace wgscope::checks {
namespace {

/// Chosen: a server that leaves so many queries unanswered is given up for the next one.
constexpr int kQueries = 2;

/// Looks up one name, at one server after the other until one answers.
class Question {
 public:
  Question(inner::Host& host, Random& random, const NameOptions& options, std::string name)
      : host_(host), random_(random), options_(options), found_{.name = std::move(name)} {
    for (const Prefix& own : host.config().addresses) {
      const auto type = own.address.family == Family::v4 ? wire::DnsType::a : wire::DnsType::aaaa;
      if (std::ranges::find(types_, type) == types_.end()) types_.push_back(type);
    }
    std::ranges::sort(types_);  // A first
  }

  void ask(Instant now) {
    while (server_ < options_.servers.size()) {
      const IpAddress& server = options_.servers[server_];
      found_.server = server;
      auto lookup = inner::DnsLookup::start(now, host_, random_, {server, 0, config::kDnsPort},
                                            {.name = found_.name, .type = types_[type_]},
                                            {.wait = options_.wait, .tries = kQueries});
      if (lookup) {
        lookup_ = std::make_unique<inner::DnsLookup>(std::move(*lookup));
        return;
      }
      // The look-up's own message has the name in it, which output may have to hide.
      found_.error = Error{Errc::bad_value, "it is not a valid DNS name"};
      ++server_;
    }
    done_ = true;
  }

  bool handle_event(Instant now, const inner::Event& event) {
    if (!lookup_ || !lookup_->handle_event(now, event)) return false;
    if (lookup_->result()) take(now);
    return true;
  }
  void handle_timeout(Instant now) {
    if (!lookup_) return;
    lookup_->handle_timeout(now);
    if (lookup_->result()) take(now);
  }
  [[nodiscard]] std::optional<Instant> next_timeout() const {
    return lookup_ ? lookup_->next_timeout() : std::nullopt;
  }

  [[nodiscard]] bool done() const { return done_; }
  FoundName take_found() { return std::move(found_); }

 private:
  void take(Instant now) {
    const auto answer = *lookup_->result();
    lookup_.reset();
    if (!answer) {
      const Errc code = answer.error().code;
      if (code != Errc::timeout) options_.on_heard(now, *found_.server);
      found_.error =
          Error{code, code == Errc::timeout   ? "the name server does not answer"
                      : code == Errc::refused ? "nothing listens on the name server's port"
                                              : "the name server cannot be reached"};
      ++server_;
      return ask(now);
    }
    options_.on_heard(now, *found_.server);
    const auto speaks = [&](const IpAddress& to) { return host_.source_for(to).has_value(); };
    if (const auto address = std::ranges::find_if(answer->addresses, speaks);
        address != answer->addresses.end()) {
      found_.address = *address;
      found_.error.reset();
      done_ = true;
      return;
    }
    const bool exists = answer->rcode == wire::DnsRcode::no_error;
    found_.error = Error{Errc::bad_value,
                         exists ? std::string("the name has no address of a family of this peer")
                                : fmt::format("the answer is {}", wire::to_string(answer->rcode))};
    if (!exists || ++type_ == types_.size()) {
      done_ = true;
      return;
    }
    ask(now);
  }

  inner::Host& host_;
  Random& random_;
  const NameOptions& options_;
  std::vector<wire::DnsType> types_;
  std::size_t type_ = 0;
  std::size_t server_ = 0;
  std::unique_ptr<inner::DnsLookup> lookup_;
  FoundName found_;
  bool done_ = false;
};

/// Looks up several names at once, for drive().
class Lookups {
 public:
  Lookups(inner::Host& host, Random& random, const NameOptions& options,
          const std::vector<std::string>& names) {
    for (const std::string& name : names)
      all_.push_back(std::make_unique<Question>(host, random, options, name));
  }

  void ask(Instant now) {
    for (const auto& one : all_) one->ask(now);
  }
  void handle_event(Instant now, const inner::Event& event) {
    static_cast<void>(
        std::ranges::any_of(all_, [&](const auto& one) { return one->handle_event(now, event); }));
  }
  void handle_timeout(Instant now) {
    for (const auto& one : all_) one->handle_timeout(now);
  }
  [[nodiscard]] std::optional<Instant> next_timeout() const {
    std::optional<Instant> next;
    for (const auto& one : all_) next = earlier(next, one->next_timeout());
    return next;
  }
  [[nodiscard]] bool done() const {
    return std::ranges::all_of(all_, [](const auto& one) { return one->done(); });
  }

  std::vector<FoundName> take_found() {
    std::vector<FoundName> found;
    for (const auto& one : all_) {
      found.push_back(one->take_found());
      if (!one->done()) found.back().error.reset();
    }
    return found;
  }

 private:
  std::vector<std::unique_ptr<Question>> all_;
};

std::vector<FoundName> ask_inside(Run& run, Session& session, Random& random,
                                  const std::vector<std::string>& names,
                                  const NameOptions& options) {
  Lookups lookups(session.host(), random, options, names);
  const auto attention = session.attend({.on_inner = [&](const inner::Event& event) {
    lookups.handle_event(os::boot_now(), event);
  }});
  lookups.ask(os::boot_now());
  drive(run, lookups, options.deadline, [&] { session.pump(); });
  return lookups.take_found();
}

std::string_view words_of(Errc code) {
  switch (code) {
    case Errc::bad_value: return "the name does not exist";
    case Errc::timeout: return "no name server answered";
    default: return "the look-up failed";
  }
}

std::vector<FoundName> ask_system(Run& run, const inner::Host& host,
                                  const std::vector<std::string>& names,
                                  const NameOptions& options) {
  std::vector<FoundName> all;
  std::optional<Error> silence;
  for (const std::string& name : names) {
    FoundName found{.name = name};
    const auto endpoints = silence ? Result<std::vector<Endpoint>>(tl::unexpected(*silence))
                                   : resolve(run, {name, 1}, std::nullopt, options.deadline);
    if (!endpoints) {
      const Errc code = endpoints.error().code;
      if (code != Errc::interrupted) found.error = Error{code, std::string(words_of(code))};
      if (code == Errc::timeout || code == Errc::interrupted) silence = endpoints.error();
    } else {
      for (const Endpoint& one : *endpoints) {
        if (!found.address && host.source_for(one.address)) found.address = one.address;
      }
      if (!found.address)
        found.error = Error{Errc::bad_value, "the name has no address of a family of this peer"};
    }
    all.push_back(std::move(found));
  }
  return all;
}

}  // namespace

std::vector<FoundName> find_names(Run& run, Session& session, Random& random,
                                  const std::vector<std::string>& names,
                                  const NameOptions& options) {
  if (names.empty()) return {};
  run.say("looking up names", options.deadline);
  return options.servers.empty() ? ask_system(run, session.host(), names, options)
                                 : ask_inside(run, session, random, names, options);
}

}  // namespace wgscope::checks
