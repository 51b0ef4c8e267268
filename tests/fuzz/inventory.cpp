// An inventory of two files, and the text that is printed of it. What is read is as the header
// says, what is printed is read as the same, and no message repeats a key.

#include "wgscope/config/inventory.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/schedule.hpp"

#include "fuzz.hpp"

namespace {

using namespace wgscope;

Result<> knows_zone(std::string_view name) {
  WGSCOPE_PROMISE(config::is_time_zone_name(name));
  return name.size() % 2 == 0 ? fail(Errc::bad_value, "unknown time zone") : Result<>();
}

void keep_promises(const config::DeclaredPeer& peer) {
  WGSCOPE_PROMISE(config::is_inventory_text(peer.name));
  WGSCOPE_PROMISE(peer.schedule.has_value() ==
                  (peer.expected_online == config::ExpectedOnline::scheduled));
  if (peer.schedule) WGSCOPE_PROMISE(config::merge(peer.schedule->hours) == peer.schedule->hours);
  for (const config::DeclaredLabel& label : peer.labels) {
    WGSCOPE_PROMISE(config::is_inventory_text(label.value));
    WGSCOPE_PROMISE(config::find_label(peer.labels, label.name) == &label.value);
  }
}

config::Inventory without_positions(config::Inventory inventory) {
  for (auto& interface : inventory.interfaces) interface.position = {};
  for (auto& peer : inventory.peers) peer.position = {};
  for (auto& limit : inventory.policies.widest_prefix) limit.position = {};
  for (auto& reservation : inventory.policies.reserved) reservation.position = {};
  return inventory;
}

void print_and_read(const config::Inventory& inventory) {
  const std::string printed = config::write_inventory(inventory);
  const std::array files{config::InventoryText{"printed", printed}};
  const config::InventoryRead again = config::read_inventory(files, knows_zone);
  WGSCOPE_PROMISE(again.errors() == 0);
  WGSCOPE_PROMISE(without_positions(again.inventory) == without_positions(inventory));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::as_text(data, size);
  // A line of hashes begins the second file.
  const std::size_t cut = std::min(text.find("\n####\n"), text.size());
  const std::array files{config::InventoryText{"a", text.substr(0, cut)},
                         config::InventoryText{"b", text.substr(cut)}};
  const bool has_two = cut < text.size();
  const config::InventoryRead read =
      config::read_inventory(std::span(files).first(has_two ? 2 : 1), knows_zone);
  for (const config::InventoryProblem& problem : read.problems) {
    WGSCOPE_PROMISE(problem.position.file < files.size() && problem.position.line >= 1);
    WGSCOPE_PROMISE(!fuzz::repeats_base64(problem.text, text));
    WGSCOPE_PROMISE(!config::to_string(problem, read.files).empty());
  }
  WGSCOPE_PROMISE(read.complete == (read.errors() == 0));
  for (const config::DeclaredPeer& peer : read.inventory.peers) keep_promises(peer);
  // Beside a broken file, peers may refer to interfaces that are not known.
  if (read.complete) print_and_read(read.inventory);
  return 0;
}
