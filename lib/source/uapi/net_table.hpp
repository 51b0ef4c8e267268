// Reading the tables of /proc/…/net: what the kernel promises of them, and what it does not.
//
// The kernel gives whole lines, a page of them at a time, and forgets where it was: at the next
// read it counts as many sockets as it has given already. A socket that is closed meanwhile, and
// stands before that place, makes it pass over one that was there all along; a new one makes it
// give one twice. So only a table that came in one piece is a picture of one moment.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "wgscope/base/result.hpp"

namespace wgscope::uapi {

struct NetTable {
  std::string text;
  bool one_piece = true;  ///< one read gave all of it; else lines may be missing or doubled
};

/// @param folder  an open folder that `path` is relative to, or AT_FDCWD.
/// @returns no_device when the file or its process is gone; access_denied, io, too_large. Never an
/// empty table in place of an error.
Result<NetTable> read_net_table(int folder, const std::string& path);

/// sum_drops of a table that `read` gives. One in several pieces is read again, until a reading has
/// no further socket of `port`, or kTableReadings times while there is none at all: a daemon that
/// says it listens has one.
/// @returns what `read` returns.
Result<std::optional<std::uint64_t>> settled_drops(const std::function<Result<NetTable>()>& read,
                                                   std::uint16_t port);
inline constexpr int kTableReadings = 6;

}  // namespace wgscope::uapi
