#pragma once

namespace wgscope::exporter::http {

class Door;

// CivetWeb's system calls, which cmake/CivetWeb.cmake renames, find the door that they are for among
// all doors of this process: tests have several.

void register_door(Door& door);
/// Waits for a call that is using it.
void unregister_door(Door& door);
/// Makes CivetWeb's next socket the one at which this door hands connections over. To be called
/// right before mg_start(), one at a time in a process.
void attach_next(Door& door);

/// Whether the connection whose request this thread has read may stay open.
bool may_keep_connection();
/// It does when CivetWeb closes it, as its next act.
void keep_connection();

/// While it lives, what this thread has CivetWeb send is only a part: more follows, and a few bytes
/// may wait for it.
class MoreFollows {
 public:
  explicit MoreFollows(bool follows);
  ~MoreFollows();
  MoreFollows(const MoreFollows&) = delete;
  MoreFollows& operator=(const MoreFollows&) = delete;
};

}  // namespace wgscope::exporter::http
