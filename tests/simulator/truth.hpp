#pragma once

#include <map>
#include <string>
#include <vector>

#include "clock.hpp"

namespace wgscope::simulator {

/// Where something happened; what is empty is not narrowed down.
struct Scope {
  std::string instance;
  std::string interface;
  std::string key;
};

/// Something that really happened, and that an alert is right to name.
struct Truth {
  std::string what;   ///< for people
  std::string alert;  ///< the one that names it
  Scope scope;
  Time begin{0};
  Time end{0};
  bool injected = false;            ///< it must be named within the alert's promise; others may be
  std::vector<std::string> also{};  ///< other alerts that are right about it
  Time unsure{0};                   ///< it may have begun so much earlier
};

using Labels = std::map<std::string, std::string>;

/// An alert that fired without a pause.
struct Firing {
  Labels labels;  ///< alertname among them
  Time begin{0};
  Time end{0};  ///< the first evaluation at which it did not; the end of the run if it did not end
};

/// A time in which Prometheus neither scrapes nor evaluates.
struct Pause {
  Time begin{0};
  Time end{0};
};

}  // namespace wgscope::simulator
