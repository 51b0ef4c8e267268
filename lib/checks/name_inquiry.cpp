#include "name_inquiry.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/name_servers.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/wire/dns.hpp"

namespace wgscope::checks {
namespace {

constexpr Nanoseconds kAgain = std::chrono::milliseconds{500};  ///< one lost datagram is no silence

}  // namespace

NameInquiry::NameInquiry(Run& run, const std::string& name, std::optional<Family> family)
    : run_(run),
      question_{.name = name,
                .type = family == Family::v6 ? wire::DnsType::aaaa : wire::DnsType::a},
      end_(os::boot_now() + kPatience),
      again_(os::boot_now() + kAgain),
      sockets_(
          run,
          {.on_datagram = [this](Instant /*now*/, std::size_t socket, const Endpoint& from,
                                 std::span<const std::byte> bytes) { take(socket, from, bytes); },
           .on_unreachable = [this](Instant /*now*/, std::size_t socket,
                                    const Endpoint& /*to*/) { take_unreachable(socket); }}) {
  crypto::SystemRandom random;
  for (const Endpoint& server : os::system_name_servers()) {
    Asked asked{.server = server, .socket = {}};
    std::array<std::byte, 2> id{};
    random.fill(id);
    asked.id = load_be16(id);
    IpAddress any;
    any.family = server.address.family;
    const auto socket = sockets_.open(any);
    if (socket) asked.socket = *socket;
    asked_.push_back(asked);
    found_.push_back({.server = server.address, .unreachable = !socket});
  }
  timer_ = run.loop().add(os::Timer{.next = [this] { return again_; },
                                    .expired =
                                        [this](Instant /*now*/) {
                                          again_.reset();
                                          ask_all();
                                        }});
  ask_all();
}

void NameInquiry::ask_all() {
  for (std::size_t server = 0; server < asked_.size(); ++server) {
    if (is_told(server) || !asked_[server].socket) continue;
    const auto query = wire::build_dns_query(asked_[server].id, question_);
    if (query) sockets_.send(*asked_[server].socket, asked_[server].server, *query);
  }
}

std::optional<std::size_t> NameInquiry::server_of(std::size_t socket) const {
  const auto found = std::ranges::find(asked_, std::optional(socket), &Asked::socket);
  if (found == asked_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - asked_.begin());
}

void NameInquiry::take(std::size_t socket, const Endpoint& from, std::span<const std::byte> bytes) {
  const auto server = server_of(socket);
  if (!server || from.address != asked_[*server].server.address ||
      from.port != asked_[*server].server.port)
    return;
  const auto answer = wire::parse_dns_answer(bytes, asked_[*server].id, question_);
  if (!answer) return;
  diagnosis::NameServerFacts& facts = found_[*server];
  facts.unreachable = false;
  facts.rcode = to_string(answer->rcode);
  facts.error =
      answer->rcode != wire::DnsRcode::no_error && answer->rcode != wire::DnsRcode::no_such_name;
  facts.has_address = !answer->addresses.empty();
  run_.wake();
}

void NameInquiry::take_unreachable(std::size_t socket) {
  const auto server = server_of(socket);
  if (server && !found_[*server].rcode) found_[*server].unreachable = true;
  run_.wake();
}

bool NameInquiry::is_told(std::size_t server) const {
  return found_[server].unreachable || found_[server].rcode.has_value();
}

bool NameInquiry::done() const {
  if (os::boot_now() >= end_) return true;
  for (std::size_t server = 0; server < found_.size(); ++server)
    if (!is_told(server)) return false;
  return true;
}

}  // namespace wgscope::checks
