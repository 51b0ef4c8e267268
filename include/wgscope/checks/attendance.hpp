#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace wgscope::checks {

/// Handlers of the events of some object, each for as long as its Attention exists. There can be
/// several at once.
template <class Handlers>
class Attendance {
  struct State {
    // Shared with the call under way, so that handlers that end themselves live until they return.
    /// By identifier, so in the order in which the attentions began.
    std::map<std::uint64_t, std::shared_ptr<const Handlers>> all;
    std::uint64_t next_id = 1;
  };

 public:
  /// A registration, which ends with it. It may outlive the Attendance.
  class [[nodiscard]] Attention {
   public:
    Attention() = default;
    Attention(Attention&& other) noexcept
        : state_(std::exchange(other.state_, {})), id_(std::exchange(other.id_, 0)) {}
    Attention& operator=(Attention&& other) noexcept {
      if (this == &other) return *this;
      end();
      state_ = std::exchange(other.state_, {});
      id_ = std::exchange(other.id_, 0);
      return *this;
    }
    Attention(const Attention&) = delete;
    Attention& operator=(const Attention&) = delete;
    ~Attention() { end(); }

    void end() {
      const auto state = std::exchange(state_, {}).lock();
      if (!state) return;
      // Out of the map before its functions are destroyed: they may own other attentions.
      const auto ended = state->all.extract(id_);
    }

   private:
    friend class Attendance;
    Attention(std::weak_ptr<State> state, std::uint64_t id) : state_(std::move(state)), id_(id) {}

    std::weak_ptr<State> state_;
    std::uint64_t id_ = 0;
  };

  Attention add(Handlers handlers) {
    const std::uint64_t id = state_->next_id++;
    state_->all.emplace(id, std::make_shared<const Handlers>(std::move(handlers)));
    return {state_, id};
  }

  /// Calls `take` with each set of handlers, in the order of beginning, until it returns true.
  /// @returns whether it did.
  template <class Take>
  bool offer(Take&& take) const {
    // Identifiers are never used twice, so whatever a call changes, the next one is found.
    const std::uint64_t end = state_->next_id;
    for (auto at = state_->all.begin(); at != state_->all.end() && at->first < end;) {
      const auto [id, handlers] = *at;
      if (take(*handlers)) return true;
      at = state_->all.upper_bound(id);
    }
    return false;
  }

  /// Calls `call` with each set of handlers, in the order of beginning.
  template <class Call>
  void tell(Call&& call) const {
    offer([&](const Handlers& handlers) {
      call(handlers);
      return false;
    });
  }

 private:
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace wgscope::checks
