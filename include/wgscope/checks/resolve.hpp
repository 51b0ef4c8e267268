#pragma once

#include <optional>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// The endpoints that a name stands for, as os::resolve() finds them, without keeping the run's
/// loop from anything else: signals are seen while name servers are silent. A name is looked up by
/// a thread, which is left to itself where it is no longer waited for; an address needs none.
/// @param family  absent: both.
/// Where the system finds nothing, the servers of /etc/resolv.conf are asked as well, for at most
/// NameInquiry::kPatience and not beyond the deadline: getaddrinfo(3) does not tell silence from a
/// server's error.
/// @param deadline  when an answer is of no use any more.
/// @param asked  gets what they answered; nullptr: only the error's text has it.
/// @returns bad_value (there is no such name, or it has no address of the family), timeout (no name
/// server answered, or none by the deadline), interrupted (by Run::interrupt()), io (a name server
/// answered with an error, too).
Result<std::vector<Endpoint>> resolve(Run& run, const config::EndpointName& name,
                                      std::optional<Family> family, Instant deadline,
                                      std::vector<diagnosis::NameServerFacts>* asked = nullptr);

}  // namespace wgscope::checks
