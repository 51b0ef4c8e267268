#pragma once

#include <chrono>
#include <string>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::checks {

/// Whether a key is in use on this host, as HandshakeFacts::key_use and the fields after it have it.
struct FoundKeyUse {
  diagnosis::KeyUse use = diagnosis::KeyUse::free;
  std::string user;  ///< used: the interface's name; not_known: why, and what to do; else empty
  std::string unread = {};  ///< not_known: the interface that it is about, where there is one
  bool forbidden = false;   ///< not_known: for want of privileges
};

/// How long a look may take where a userspace implementation hangs.
inline constexpr std::chrono::milliseconds kKeyGuardPatience{200};

/// Looks for an interface of this host that has the key. A gateway takes a key for one peer: it
/// sends to where that peer was last heard from, so a probe that shares an interface's key takes
/// that interface's traffic away.
///
/// Looks at the kernel's interfaces of this network namespace, and at every userspace one whose
/// socket is in the folder. Sends nothing but questions to them, and takes well under a
/// millisecond where there is none.
/// @param uapi_folder  as source::CollectOptions::uapi_folder.
/// @param patience  for answers; what has not answered by then makes it not_known.
FoundKeyUse find_key_use(const PublicKey& key, const std::string& uapi_folder,
                         Nanoseconds patience = kKeyGuardPatience);

}  // namespace wgscope::checks
