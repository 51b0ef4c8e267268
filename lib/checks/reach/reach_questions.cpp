// Attempts that ask a question and read the answer: DNS and HTTP.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/inner/dns_client.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/http.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/dns.hpp"
#include "wgscope/wire/ip.hpp"

#include "reach_attempt.hpp"

namespace wgscope::checks {
namespace {

using diagnosis::ReachOutcome;

class DnsAttempt final : public ReachAttempt {
 public:
  DnsAttempt(Instant now, inner::Host& host, Random& random, const ReachAim& aim)
      : ReachAttempt(now, aim) {
    const wire::DnsQuestion question{expectation().question, expectation().family == Family::v4
                                                                 ? wire::DnsType::a
                                                                 : wire::DnsType::aaaa};
    // Its own time runs out after ours.
    auto lookup = inner::DnsLookup::start(now, host, random, aim.to, question,
                                          {.wait = aim.timeout * 2, .tries = 1});
    lookup ? lookup_.emplace(std::move(*lookup)), void() : cannot_send(now, lookup.error());
  }

  bool handle_event(Instant now, const inner::Event& event) override {
    if (!lookup_ || !lookup_->handle_event(now, event)) return false;
    const auto& answer = lookup_->result();
    if (!answer) return true;
    if (*answer) {
      settle(now,
             {.outcome = ReachOutcome::answered,
              .dns = diagnosis::DnsFacts{wire::to_string((*answer)->rcode), (*answer)->addresses}});
    } else if (const auto* failed = std::get_if<inner::IcmpFailed>(&event)) {
      settle(now, *failed);
    }
    return true;
  }

 private:
  std::optional<inner::DnsLookup> lookup_;
};

class HttpAttempt final : public ReachAttempt {
 public:
  HttpAttempt(Instant now, inner::Host& host, const ReachAim& aim) : ReachAttempt(now, aim) {
    inner::HttpRequest request;
    request.to = aim.to;
    request.host = expectation().host;
    request.path = expectation().path;
    request.timeout = aim.timeout * 2;  // after ours
    request.head_only = true;
    auto get = inner::HttpGet::start(now, host, request);
    get ? get_.emplace(std::move(*get)), void() : cannot_send(now, get.error());
  }

  bool handle_event(Instant now, const inner::Event& event) override {
    if (!get_) return false;
    if (get_->handle_event(now, event)) {
      if (get_->result()) take(now, *get_->result());
      return true;
    }
    return handle_failure(now, event);
  }

 private:
  void take(Instant now, const Result<inner::HttpAnswer>& answer) {
    if (answer) {
      settle(now, {.outcome = ReachOutcome::answered, .http_status = answer->status()});
    } else if (!get_->connected_after()) {
      const bool refused = answer.error().code == Errc::refused;
      settle(now, refused ? ReachOutcome::refused : ReachOutcome::silent);
    } else {
      settle(now,
             {.outcome = ReachOutcome::broken,
              .why = diagnosis::either(
                  answer.error().code == Errc::bad_value || answer.error().code == Errc::too_large,
                  "the answer is not valid HTTP",
                  "the connection ended before the answer was complete")});
    }
  }

  /// The connection's number is the request's own business, so an error is known by where it went.
  bool handle_failure(Instant now, const inner::Event& event) {
    const auto* failed = std::get_if<inner::IcmpFailed>(&event);
    if (failed == nullptr || get_->connected_after() ||
        failed->about.protocol != wire::Protocol::tcp ||
        failed->about.destination != to().address || failed->about.destination_port != to().port)
      return false;
    settle(now, *failed);
    return true;
  }

  [[nodiscard]] ReachOutcome when_late() const override {
    return get_ && get_->connected_after() ? ReachOutcome::stalled : ReachOutcome::silent;
  }

  std::optional<inner::HttpGet> get_;
};

}  // namespace

std::unique_ptr<ReachAttempt> begin_dns(Instant now, inner::Host& host, Random& random,
                                        const ReachAim& aim) {
  return std::make_unique<DnsAttempt>(now, host, random, aim);
}

std::unique_ptr<ReachAttempt> begin_http(Instant now, inner::Host& host, const ReachAim& aim) {
  return std::make_unique<HttpAttempt>(now, host, aim);
}

}  // namespace wgscope::checks
