#include "probe/verbs.hpp"

#include <span>

#include "probe/commands/commands.hpp"

namespace wgscope::probe {
namespace {

constexpr Verb kVerbs[] = {
    {"listen", "Be a peer to others: answer handshakes and pings, show what happens", run_listen},
    {"explain", "Say what a finding means and what to do about it", run_explain},
};

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

}  // namespace wgscope::probe
