#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/endpoint_address.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "handshake_parts.hpp"

// Why the endpoint's name has no address. The C library tells whether the name exists, and else
// nothing: a server that answers "I failed" or "not for you" looks like a silent one. What servers
// answer when the probe asks them itself tells these apart.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

Text answer_of(const NameServerFacts& server) {
  if (!server.rcode)
    return text("the name server {} {}", server.server,
                either(server.unreachable, "cannot be reached", "did not answer"));
  // One of a few words, or RCODE and a number.
  return text("the name server {} answered {}{}", server.server, vouched(*server.rcode),
              either(server.has_address, " with an address", ""));
}

const NameServerFacts* with_error(const HandshakeFacts& facts) {
  const auto found = std::ranges::find_if(facts.name_servers, &NameServerFacts::error);
  return found == facts.name_servers.end() ? nullptr : &*found;
}

std::vector<Hypothesis> reasons_of_silence(const Name& host) {
  return {{"the name servers of /etc/resolv.conf cannot be reached from here",
           text("cat /etc/resolv.conf; dig {} A", host)},
          {"the name servers are reachable only through the tunnel that is down",
           "ip route get ADDRESS-OF-THE-NAME-SERVER"}};
}

std::vector<Hypothesis> reasons_of_error(const NameServerFacts& server, const Name& host) {
  if (server.rcode == "REFUSED")
    return {{text("{} does not serve this host", server.server),
             text("dig @{} {} A from another host; on the server, its rules for clients "
                  "(allow-recursion, access-control)",
                  server.server, host)},
            {text("{} answers for names of its own zones only", server.server),
             text("dig @{} . NS; name a resolver in /etc/resolv.conf instead", server.server)}};
  std::vector<Hypothesis> reasons{
      {text("{} cannot reach the servers that know the name", server.server),
       text("dig @{} example.com A fails as well; on the server: dig +trace {} A", server.server,
            host)}};
  if (server.rcode == "SERVFAIL")
    reasons.push_back({"the name's DNSSEC signatures are not valid",
                       text("dig +cd @{} {} A then has an answer", server.server, host)});
  return reasons;
}

Check not_found(const Name& host, std::vector<Text> evidence) {
  return make_check(
      name_resolve, Status::critical, "there is no such name",
      {.id = FindingId::name_not_found,
       .cause = text("the endpoint's name {} does not exist, or has no such address", host),
       .evidence = std::move(evidence),
       .fix = {text("check the spelling of Endpoint, then ask: getent ahosts {}; dig {} A; dig "
                    "{} AAAA",
                    host, host, host)}});
}

Check name_unresolved(const HandshakeFacts& facts) {
  const Name host{facts.wanted.host};
  const Error& error = *facts.resolve_error;
  std::vector<Text> evidence;
  evidence.reserve(facts.name_servers.size() + 1);
  for (const NameServerFacts& server : facts.name_servers) evidence.push_back(answer_of(server));
  if (evidence.empty()) evidence.push_back(text("{}", Name{error.context}));
  if (error.code == Errc::bad_value) return not_found(host, std::move(evidence));
  Finding finding{.id = FindingId::name_server_silent,
                  .cause = text("the endpoint's name {} could not be looked up", host),
                  .evidence = std::move(evidence),
                  .hypotheses = reasons_of_silence(host),
                  .fix = {"fix name resolution, or use an address as Endpoint for now"}};
  if (const NameServerFacts* server = with_error(facts)) {
    finding.cause = text("the name server {} answers {} when asked for {}", server->server,
                         vouched(*server->rcode), host);
    finding.hypotheses = reasons_of_error(*server, host);
    return make_check(name_resolve, Status::critical, "a name server answers with an error",
                      std::move(finding));
  }
  const auto answered = [](const NameServerFacts& server) { return server.rcode.has_value(); };
  const auto one = std::ranges::find_if(facts.name_servers, answered);
  if (one != facts.name_servers.end()) {
    finding.cause = text("this host could not look up {}, although the name server {} answers",
                         host, one->server);
    finding.hypotheses = {
        {"this host looks names up elsewhere, or asks other servers first",
         text("grep hosts /etc/nsswitch.conf; resolvectl query {}; getent ahosts {}", host, host)},
        {"the name server answers only some queries", text("dig @{} {} A", one->server, host)}};
    return make_check(name_resolve, Status::critical, "this host's resolver gave no answer",
                      std::move(finding));
  }
  if (error.code == Errc::timeout)
    finding.cause = text("no name server answered when asked for {}", host);
  return make_check(name_resolve, Status::critical, "no name server answers", std::move(finding));
}

}  // namespace

std::optional<Check> check_name(const HandshakeFacts& facts) {
  if (facts.resolve_error && facts.resolve_error->code != Errc::interrupted)
    return name_unresolved(facts);
  if (facts.wanted.address()) return std::nullopt;
  if (facts.attempts.empty() && !facts.unusable.empty()) {
    const Endpoint& endpoint = facts.unusable.front();
    const Text why = text("{}", *why_no_gateway(endpoint));
    return make_check(name_resolve, Status::critical,
                      endpoint_unusable(text("{}", endpoint.address), why, true));
  }
  if (facts.attempts.empty())
    return make_check(name_resolve, Status::unknown,
                      "no answer from the name servers before the end");
  Text summary = text("{} has {}", Name{facts.wanted.host},
                      counted(facts.attempts.size(), "address to try", "addresses to try"));
  if (facts.resolving) summary.add(text(", looked up in {}", *facts.resolving));
  return make_check(name_resolve, Status::ok, std::move(summary));
}

}  // namespace wgscope::diagnosis
